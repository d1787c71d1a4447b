"""Who asks, and for what: ids out of an address, and the till by its name."""

from typing import Any
from uuid import UUID

from billing.services import causes
from orgs import clock, selectors
from orgs.api.requests import ApiRequest
from orgs.api.tenancy import current_org
from orgs.errors import NotFound
from orgs.models import ApiKey
from terminals.models import Terminal, TerminalPayment
from terminals.selectors import payments, terminals


def id_from(text: str) -> UUID:
    """Return an id out of an address.

    Raises:
        NotFound: it is none, which is nobody's.
    """
    parsed = selectors.parse_uuid(text)
    if parsed is None:
        raise NotFound
    return parsed


def about_payment(request: ApiRequest, payment_id: str) -> dict[str, Any]:
    """Return what each service takes that does something to a payment."""
    organization = current_org(request)
    return {
        "organization": organization,
        "payment_id": id_from(payment_id),
        "cause": causes.of_request(),
        "now": clock.now(organization),
    }


def find_payment(request: ApiRequest, payment_id: str) -> TerminalPayment:
    """Return a payment of the caller's organization.

    Raises:
        NotFound: there is none.
    """
    return payments.get_payment(current_org(request), id_from(payment_id))


def find_terminal(
    request: ApiRequest, terminal_id: str | UUID, *, removed_too: bool = False
) -> Terminal:
    """Return a reader of the caller's organization.

    Raises:
        NotFound: there is none.
    """
    found = id_from(str(terminal_id))
    return terminals.get_terminal(current_org(request), found, removed_too=removed_too)


def name_of(request: ApiRequest) -> str:
    """Return who asks as people know it: a till by the name of its key, a person by the address."""
    credential = request.credential
    if credential is None:
        return ""
    if isinstance(credential.subject, ApiKey):
        return str(credential.subject.name)
    return str(credential.user.email) if credential.user else ""
