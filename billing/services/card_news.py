"""Whether a card whose data was wrong has new data by now: then it is worth another try."""

import logging
from datetime import datetime

from billing.drivers.base import DriverError
from billing.engine import paying
from billing.engine.card_updates import UpdatesCards
from billing.engine.house import House
from billing.engine.models import EngineInvoice
from billing.engine.rails import DeclineKind

logger = logging.getLogger(__name__)


def came(house: House, invoice: EngineInvoice, *, now: datetime) -> bool:
    """Ask the brands about the card that was refused; say whether it changed since then.

    A gateway that can't be asked has no news: its holder is asked.
    """
    refused_at = invoice.last_failed_at
    rail: object = house.rail
    if invoice.decline_kind != DeclineKind.FIX_DATA or refused_at is None:
        return False
    method = paying.method_of(invoice)
    if method != invoice.charge_method_id or not isinstance(rail, UpdatesCards):
        return False  # there is another card: that one is charged at once anyway
    try:
        changed_at = rail.method_changed_at(
            organization_id=invoice.organization_id, method_id=method, now=now
        )
    except DriverError as error:
        logger.warning("dunning.no_card_news", extra={"code": error.code})
        return False
    return changed_at is not None and changed_at > refused_at
