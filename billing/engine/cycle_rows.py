"""A subscription's row as the cycle that is reckoned with, and a cycle back into its row."""

from billing.drivers.base import DriverRejected
from billing.engine.cycles import Cycle
from billing.engine.lines import Item
from billing.engine.models import EnginePrice, EngineSubscription
from billing.engine.periods import Anchor, Period, Rhythm
from billing.engine.proration import Debit
from billing.enums import Interval


def find_price(provider: str, external_id: str) -> EnginePrice:
    """Return one of a provider's prices.

    Raises:
        DriverRejected: there is none with this id (`price_missing`).
    """
    row = EnginePrice.objects.filter(provider=provider, external_id=external_id).first()
    if row is None:
        raise DriverRejected("INVALID_REQUEST", detail="price_missing")
    return row


def item_of(price: EnginePrice, seats: int) -> Item:
    """Return a price and how many of it."""
    return Item(
        name=price.name,
        unit_amount_minor=price.unit_amount_minor,
        quantity=seats,
        currency=price.currency,
        rhythm=Rhythm(Interval(price.interval), price.interval_count),
        external_price_id=price.external_id,
        product=price.product,
    )


def cycle_of(row: EngineSubscription) -> Cycle:
    """Return what a subscription's lines follow from."""
    debit = None
    if row.debit_price is not None and row.debit_start and row.debit_end:
        debit = Debit(
            item_of(row.debit_price, row.debit_seats),
            row.debit_minor,
            Period(row.debit_start, row.debit_end),
        )
    return Cycle(
        anchor=Anchor(row.anchor_at, row.zone),
        item=item_of(row.price, row.seats),
        period=Period(row.current_period_start, row.current_period_end),
        debit=debit,
        is_trial=row.is_trial,
    )


def put_cycle(row: EngineSubscription, cycle: Cycle) -> None:
    """Let a subscription go on as a cycle says; the caller saves it."""
    row.anchor_at, row.zone = cycle.anchor.at, cycle.anchor.zone
    row.price = _price(row, cycle.item)
    row.seats = cycle.item.quantity
    row.current_period_start = cycle.period.start
    row.current_period_end = cycle.period.end
    row.is_trial = cycle.is_trial
    debit = cycle.debit
    row.debit_price = _price(row, debit.item) if debit else None
    row.debit_seats = debit.item.quantity if debit else 0
    row.debit_minor = debit.amount_minor if debit else 0
    row.debit_start = debit.period.start if debit else None
    row.debit_end = debit.period.end if debit else None


def next_item(row: EngineSubscription) -> Item | None:
    """Return what was chosen for the next period; None: it goes on as it is."""
    return item_of(row.next_price, row.next_seats) if row.next_price else None


def _price(row: EngineSubscription, item: Item) -> EnginePrice:
    for known in (row.price, row.debit_price, row.next_price):
        if known is not None and known.external_id == item.external_price_id:
            return known
    return find_price(row.provider, item.external_price_id)
