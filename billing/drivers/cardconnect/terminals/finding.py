"""What became of a sale that nobody answered: asked by our own reference, never sent again."""

from datetime import datetime, timedelta

from billing.drivers.base import DriverUnavailable, OutcomeUnknown
from billing.drivers.cardconnect import accounts, inquiring, trouble, voiding
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.models import GatewayTransaction, TransactionState
from billing.drivers.cardconnect.terminals import concluding, sales
from billing.types import SaleOrder, SaleSnapshot

# The read time-out of `authCard`, and what the gateway may need besides: before, "there is none"
# may only mean "not yet".
ABSENT_AFTER = timedelta(seconds=165 + 40)


def find(order: SaleOrder, *, sent_at: datetime | None, now: datetime) -> SaleSnapshot | None:
    """Ask what became of a sale; None: there is none, and there will be none.

    Raises:
        OutcomeUnknown: it can't be said yet.
        DriverUnavailable: nobody answered.
    """
    row = sales.known(order)
    began = row.sent_at if row is not None and row.sent_at else sent_at
    if began is None:
        return None  # nobody ever began
    merchant = accounts.askable(row.account if row is not None else sales.account_of(order))
    try:
        return _find(order, merchant, row, may_still_arrive=now - began < ABSENT_AFTER)
    except (DriverUnavailable, OutcomeUnknown):
        trouble.want_review(row or order, sent_at=began, now=now)
        raise


def _find(
    order: SaleOrder,
    merchant: Merchant,
    row: GatewayTransaction | None,
    *,
    may_still_arrive: bool,
) -> SaleSnapshot | None:
    reference = row.reference if row is not None else order.reference
    is_given_up = row is not None and row.state == TransactionState.ABSENT
    rows = inquiring.rows_of(merchant, reference)
    if not rows and not is_given_up:
        if may_still_arrive:
            raise OutcomeUnknown("API_ERROR", detail="too_early")
        # Whatever arrives this late must not stay: afterwards it is absent, or voided.
        voiding.void_all(merchant, reference)
        rows = inquiring.rows_of(merchant, reference)
    if rows:
        return concluding.of_rows(
            order,
            merchant,
            row or sales.adopt(order, merchant),
            rows,
            is_over=not may_still_arrive,
        )
    sales.give_up(order, merchant, row)
    return None
