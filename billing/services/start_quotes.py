"""Starting a subscription for exactly what was quoted."""

from datetime import datetime

from billing.enums import QuoteKind
from billing.models import Price
from billing.selectors import quotes as quote_rows
from billing.services import quotes, trials
from orgs.errors import InvalidRequest
from orgs.models import Organization


def check_start_quote(
    *,
    organization: Organization,
    quote_id: object,
    price: Price,
    seats: int,
    coupon: str,
    trial: bool | None,
    now: datetime,
) -> None:
    """Let a start go on only if it will be charged as quoted; a declined card may try again.

    Raises:
        NotFound: no such quote of the organization.
        InvalidRequest: it is for something else.
        QuoteStale: it expired, or would come to another sum by now.
    """
    quote = quote_rows.get_quote(organization, quote_id)
    days = trials.days_for(organization=organization, price=price, wanted=trial)
    wanted = (price.pk, seats, coupon, days)
    quoted = (quote.price_id, quote.seats, quote.coupon, quote.trial_days)
    if quote.kind != QuoteKind.START or wanted != quoted:
        raise InvalidRequest(fields={"quote_id": ["This quote is for something else."]})
    quotes.confirm_quote(quote, now=now)
