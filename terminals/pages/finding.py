"""What a visitor's address names, out of what belongs to the organization."""

from orgs import selectors
from orgs.errors import NotFound
from orgs.models import Organization
from terminals.models import Terminal, TerminalPayment
from terminals.selectors import payments, terminals


def terminal_of(organization: Organization, text: str) -> Terminal:
    """Return a reader.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    key = selectors.parse_uuid(text)
    if key is None:
        raise NotFound
    return terminals.get_terminal(organization, key)


def payment_of(organization: Organization, text: str) -> TerminalPayment:
    """Return a payment.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    key = selectors.parse_uuid(text)
    if key is None:
        raise NotFound
    return payments.get_payment(organization, key)
