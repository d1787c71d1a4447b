"""Why a payment in person was not taken, in words that a cashier may read out."""

from billing.errors import ProviderFailed, TerminalBusy, TerminalOffline
from billing.pages import words
from orgs.errors import DomainError
from terminals.enums import PaymentStatus
from terminals.models import TerminalPayment

DECLINED = "card_declined"
_NOT_STARTED: dict[str, type[DomainError]] = {
    "reader_busy": TerminalBusy,
    "reader_offline": TerminalOffline,
}


def code_of(payment: TerminalPayment) -> str:
    """Return the provider's code, or a neutral one."""
    return payment.decline_code or DECLINED


def why(payment: TerminalPayment) -> str:
    """Return the reason in a sentence; empty where there is none.

    It does not tell that a card is reported stolen: providers ask not to.
    """
    if payment.status == PaymentStatus.DECLINED:
        return words.refusal(payment.decline_code)
    if payment.status != PaymentStatus.REQUIRES_TERMINAL or not payment.decline_code:
        return ""
    return _NOT_STARTED.get(payment.decline_code, ProviderFailed)().message
