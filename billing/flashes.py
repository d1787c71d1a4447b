"""What our pages and the back office say in the same words after something was done."""

from django.contrib import messages
from django.http import HttpRequest

from billing.enums import ObligationState


def refunded(request: HttpRequest, *, state: str, amount: str) -> None:
    """Say what became of a refund: the state of its debt, and the amount as people read it."""
    if state == ObligationState.SETTLED:
        messages.success(request, f"{amount} given back.")
    elif state == ObligationState.OPEN:
        messages.warning(
            request,
            f"The provider has not answered yet whether {amount} was given back. "
            "It is being asked; nothing is sent twice.",
        )
    else:
        messages.error(request, "The provider did not give it back. Try again.")
