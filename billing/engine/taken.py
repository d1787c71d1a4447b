"""What a rail took, by the name of the payment: an invoice's own charge, or one too many."""

import dataclasses

from django.db.models import QuerySet

from billing.drivers.base import ObjectMissing
from billing.engine import ids
from billing.engine.house import House
from billing.engine.models import EngineInvoice, EngineRefund, LateCharge
from billing.engine.models.invoices import ChargeState


@dataclasses.dataclass(frozen=True, slots=True)
class Taken:
    """A payment that goes, or may go, through the rail.

    `late` is one that came when its invoice was settled or given up, and that could not be taken
    back any more: it is refunded as a payment of its own.
    """

    invoice: EngineInvoice
    late: LateCharge | None = None

    @property
    def payment_id(self) -> str:
        """Return what the payment is called."""
        if self.late is None:
            return self.invoice.payment_id
        return ids.payment_id(self.invoice.provider, self.late.attempt.our_reference)

    @property
    def charge_external_id(self) -> str:
        """Return what the rail calls it."""
        return (self.late or self.invoice).charge_external_id

    @property
    def has_succeeded(self) -> bool:
        """Say whether it took money."""
        return self.late is not None or self.invoice.charge_state == ChargeState.SUCCEEDED

    @property
    def captured_minor(self) -> int:
        """Return what the rail took: what staff marked went past it."""
        if not self.has_succeeded:
            return 0
        if self.late is not None:
            return self.late.amount_minor
        return self.invoice.amount_paid_minor - self.invoice.paid_by_hand_minor

    @property
    def refunds(self) -> QuerySet[EngineRefund]:
        """Return what was given back of it, or may have been."""
        return self.invoice.refunds.filter(late_charge=self.late)


def find(house: House, external_payment_id: str) -> Taken:
    """Find a payment by its name.

    Raises:
        ObjectMissing: no payment of this name.
    """
    reference = ids.reference_of(external_payment_id)
    found = (_late(house, reference) or _own(house, reference)) if reference else None
    if found is None or found.payment_id != external_payment_id:
        raise ObjectMissing("INVALID_REQUEST", detail="resource_missing")
    return found


def of_refund(row: EngineRefund) -> Taken:
    """Return the payment that a refund is of."""
    return Taken(row.invoice, row.late_charge)


def _own(house: House, reference: str) -> Taken | None:
    rows = EngineInvoice.objects.select_related("payer", "attempt__obligation", "seller")
    invoice = rows.filter(provider=house.provider, attempt__our_reference=reference).first()
    return Taken(invoice) if invoice else None


def _late(house: House, reference: str) -> Taken | None:
    rows = LateCharge.objects.select_related(
        "attempt__obligation", "invoice__payer", "invoice__seller"
    )
    of_reference = rows.filter(invoice__provider=house.provider, attempt__our_reference=reference)
    late = of_reference.exclude(charge_external_id="").first()
    return Taken(late.invoice, late) if late else None
