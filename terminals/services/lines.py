"""What a tenant's timeline says of payments in person."""

from datetime import datetime

from billing.money import Money
from billing.services import timeline
from billing.types import Cause
from terminals.models import TerminalPayment

_WORDS = {
    "started": "A payment of {amount} was sent to {reader}.",
    "authorized": "A payment of {authorized} at {reader} was authorized{card}.",
    "succeeded": "A payment of {captured} at {reader} was paid{card}.",
    "captured": "{captured} of {authorized} authorized at {reader} were captured.",
    "declined": "A payment of {amount} at {reader} was declined{code}.",
    "canceled": "A payment of {amount} at {reader} was canceled.",
    "unknown": "What became of a payment of {amount} at {reader} is not known yet.",
    "not_started": "A payment of {amount} could not be started at {reader}{code}.",
    "refunded": "{refunded} of {captured} paid at {reader} were given back.",
    "released": "{reader} was released from a payment of {amount}.",
}


def tell(
    *, payment: TerminalPayment, verb: str, cause: Cause, now: datetime, who: str = ""
) -> None:
    """Put one line on the timeline of an organization that the caller has locked."""
    line = timeline.Line(
        type=f"billing.terminal_payment.{verb}",
        summary=_sentence(payment, verb),
        object_type="terminal_payment",
        object_id=str(payment.pk),
        occurred_at=now,
        provider=payment.provider,
        data={
            "terminal_id": str(payment.terminal_id),
            "reference": payment.reference,
            "status": payment.status,
            "external_id": payment.external_id,
            **({"by": who} if who else {}),
        },
    )
    timeline.record_event(organization=payment.organization, line=line, cause=cause)


def _sentence(payment: TerminalPayment, verb: str) -> str:
    def display(amount_minor: int) -> str:
        return Money(amount_minor, payment.currency).display()

    brand, last4 = payment.card.get("brand", ""), payment.card.get("last4", "")
    return _WORDS[verb].format(
        amount=display(payment.amount_minor),
        authorized=display(payment.authorized_minor),
        captured=display(payment.captured_minor),
        refunded=display(payment.refunded_minor),
        reader=payment.terminal.label,
        card=f" ({brand} •••• {last4})" if last4 else "",
        code=f" ({payment.decline_code})" if payment.decline_code else "",
    )
