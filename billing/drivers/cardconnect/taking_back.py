"""Taking back approvals that must not stay, or having a person do it."""

import logging
from collections.abc import Sequence

from billing.drivers.base import DriverUnavailable, OutcomeUnknown
from billing.drivers.cardconnect import calls, trouble, voiding
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.inquiring import Row
from billing.drivers.cardconnect.outcome import text
from billing.drivers.cardconnect.trouble import Referenced

logger = logging.getLogger(__name__)


def void(order: Referenced, merchant: Merchant, row: Row) -> bool:
    """Void an approval; False when it is too late for that.

    Raises:
        OutcomeUnknown: whether it was voided can't be learned now; asking later tries again.
    """
    try:
        return voiding.void(merchant, retref=text(row, "retref"), reference=order.reference)
    except DriverUnavailable as error:
        raise trouble.unanswered("void", error) from error


def void_other_amount(order: Referenced, merchant: Merchant, row: Row) -> None:
    """Take back an approval over another amount than was asked for: nobody agreed to it.

    Raises:
        OutcomeUnknown: it is not certain that it was taken back; asking later tries again.
    """
    logger.warning("cardconnect.other_amount", extra=calls.listed(row))
    if not void(order, merchant, row):
        trouble.open_case(
            order,
            summary="The gateway approved another amount than was asked for, and it can't be "
            f"voided any more: refund the order {order.reference} there.",
        )
        raise OutcomeUnknown("API_ERROR", detail="void_refused")


def void_others(order: Referenced, merchant: Merchant, rows: Sequence[Row]) -> None:
    """Take back what was approved besides the one approval that counts.

    Raises:
        DriverUnavailable: nobody answered; asking later tries again.
    """
    if rows:
        logger.error("cardconnect.charged_repeatedly", extra={"reference": order.reference})
    for row in rows:
        retref = text(row, "retref")
        if not voiding.void(merchant, retref=retref, reference=order.reference):
            trouble.open_case(
                order,
                summary=f"The order {order.reference} was charged more than once: refund the "
                f"transaction {retref} at the gateway.",
            )
