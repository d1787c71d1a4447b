"""What banks took back, in the words that every provider's disputes are told in."""

from datetime import UTC, datetime, time

from billing.drivers.base import ObjectMissing
from billing.drivers.cardconnect.models import GatewayReversal, ReversalKind
from billing.engine import ids
from billing.engine.models import EngineInvoice
from billing.enums import DisputeStatus, Provider
from billing.types import DisputeSnapshot


def retrieve(external_id: str) -> DisputeSnapshot:
    """Say how a chargeback or a return stands. The gateway names no day to answer by.

    Raises:
        ObjectMissing: there is none with this id.
    """
    rows = GatewayReversal.objects.select_related("charge")
    row = rows.filter(external_id=external_id).first()
    if row is None:
        raise ObjectMissing("INVALID_REQUEST", detail="resource_missing")
    payment = ids.payment_id(Provider.CARDCONNECT, row.charge.reference)
    return DisputeSnapshot(
        provider=Provider.CARDCONNECT,
        external_id=row.external_id,
        status=_status(row),
        amount_minor=row.amount_minor,
        currency=row.currency,
        created_at=datetime.combine(row.opened_on, time(), tzinfo=UTC),
        reason=" ".join(filter(None, (row.reason_code, row.reason)))[:50],
        external_charge_id=payment,
        external_payment_id=payment,
        external_customer_id=_payer(row),
    )


def _status(row: GatewayReversal) -> DisputeStatus:
    if row.kind == ReversalKind.RETURN:
        return DisputeStatus.LOST  # the money is gone, and nobody asks us
    return DisputeStatus.WON if row.won_on else DisputeStatus.NEEDS_RESPONSE


def _payer(row: GatewayReversal) -> str:
    """Return whose charge it was; empty where the payment alone tells."""
    found = EngineInvoice.objects.filter(
        organization_id=row.organization_id,
        provider=Provider.CARDCONNECT,
        attempt__our_reference=row.charge.reference,
    ).values_list("payer__external_id", flat=True)
    return found.first() or ""
