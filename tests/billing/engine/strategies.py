"""What the engine's property tests draw from."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from billing.engine.discounting import Discount
from billing.engine.lines import Item
from billing.engine.periods import Anchor, Period, Rhythm
from billing.engine.taxes import TaxRate
from billing.enums import CouponDuration, Interval

ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Pacific/Auckland")
CURRENCIES = ("USD", "EUR", "JPY", "KWD")
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

_SECONDS = range(1_577_836_800, 2_240_524_800)  # 2020 to 2040
moments = st.sampled_from(_SECONDS).map(lambda second: datetime.fromtimestamp(second, UTC))
amounts = st.integers(min_value=0, max_value=10_000_000)
signed_amounts = st.integers(min_value=-10_000_000, max_value=10_000_000)
rhythms = st.builds(Rhythm, st.sampled_from(Interval), st.integers(min_value=1, max_value=4))
anchors = st.builds(Anchor, moments, st.sampled_from(ZONES))


@st.composite
def periods(draw: st.DrawFn) -> Period:
    start = draw(moments)
    return Period(start, start + timedelta(seconds=draw(st.integers(1, 400 * 86_400))))


@st.composite
def moments_within(draw: st.DrawFn, period: Period) -> datetime:
    seconds = draw(st.integers(min_value=0, max_value=period.seconds - 1))
    return period.start + timedelta(seconds=seconds)


@st.composite
def items(draw: st.DrawFn, *, currency: str = "USD", rhythm: Rhythm | None = None) -> Item:
    product = draw(st.sampled_from(("basic", "pro", "business")))
    return Item(
        name=product.title(),
        unit_amount_minor=draw(st.integers(min_value=0, max_value=500_000)),
        quantity=draw(st.integers(min_value=1, max_value=200)),
        currency=currency,
        rhythm=rhythm or draw(rhythms),
        external_price_id=f"price_{product}",
        product=product,
    )


_percents = st.integers(min_value=1, max_value=10_000).map(lambda n: Decimal(n) / 100)


@st.composite
def discounts(draw: st.DrawFn, *, number: int, currency: str = "USD") -> Discount:
    by_percent = draw(st.booleans())
    chosen = draw(st.frozensets(st.sampled_from(("basic", "pro", "business"))))
    return Discount(
        id=f"di_{number}",
        duration=CouponDuration.FOREVER,
        starts_at=LONG_AGO,
        percent_off=draw(_percents) if by_percent else None,
        amount_off_minor=0 if by_percent else draw(st.integers(1, 1_000_000)),
        currency="" if by_percent else currency,
        products=chosen,
    )


def discount_lists(*, currency: str = "USD") -> st.SearchStrategy[list[Discount]]:
    return st.integers(0, 3).flatmap(
        lambda count: st.tuples(
            *(discounts(number=number, currency=currency) for number in range(count))
        ).map(list)
    )


@st.composite
def tax_rates(draw: st.DrawFn, *, number: int) -> TaxRate:
    return TaxRate(
        id=f"txr_{number}",
        name="Tax",
        percentage=Decimal(draw(st.integers(0, 300_000))) / 10_000,
        is_inclusive=draw(st.booleans()),
        country="US",
    )


def rate_lists() -> st.SearchStrategy[tuple[TaxRate, ...]]:
    return st.integers(0, 3).flatmap(
        lambda count: st.tuples(*(tax_rates(number=number) for number in range(count)))
    )
