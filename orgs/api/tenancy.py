"""Which organization a request is about."""

from typing import cast

from rest_framework.request import Request

from orgs import selectors
from orgs.errors import InvalidRequest, NotAuthenticated, NotFound
from orgs.models import Membership, Organization, Role
from orgs.permissions import Credential, CredentialKind

ORGANIZATION_HEADER = "X-Organization"
SESSION_KEY = "organization_id"


def current_org(request: Request) -> Organization:
    """Return the organization the caller speaks for.

    Raises:
        NotAuthenticated: nobody is asking.
        InvalidRequest: the caller belongs to several and did not say which.
        NotFound: the caller belongs to none, or not to the one it named.
    """
    return tenant_from(request, None)


def tenant_from(request: Request, tenant_id: str | None) -> Organization:
    """Return the organization that the path names, or the caller's own without one.

    A tenant that is unknown, no UUID, or not the caller's gives the same answer.

    Raises:
        NotAuthenticated: nobody is asking.
        InvalidRequest: no tenant in the path, and the caller belongs to several.
        NotFound: the caller does not belong there.
    """
    credential = cast("Credential | None", request.auth)
    if credential is None:
        raise NotAuthenticated
    if credential.organization is None:
        credential = _resolve(request, credential, tenant_id)
        request.auth = credential
    organization = credential.organization
    if organization is None:
        raise NotFound
    if tenant_id is not None and selectors.parse_uuid(tenant_id) != organization.pk:
        raise NotFound
    return organization


def find_current_org(request: Request) -> Organization | None:
    """Return the organization the caller speaks for, None while that is open.

    Raises:
        NotFound: the caller named an organization that is not its own.
    """
    try:
        return current_org(request)
    except InvalidRequest:
        return None
    except NotFound:
        if request.headers.get(ORGANIZATION_HEADER):
            raise
        return None


def _resolve(request: Request, credential: Credential, tenant_id: str | None) -> Credential:
    """Find the membership behind a user's request, in one query."""
    if credential.user is None:
        raise NotFound
    named = tenant_id or request.headers.get(ORGANIZATION_HEADER)
    if named:
        membership = selectors.get_membership(user=credential.user, organization_id=named)
    elif credential.kind == CredentialKind.SESSION:
        chosen = request._request.session.get(SESSION_KEY)  # noqa: SLF001 - the cookie's session
        membership = selectors.choose_membership(user=credential.user, preferred=chosen)
    else:
        membership = _only(selectors.memberships_of(credential.user, limit=2))
    if membership is None:
        raise NotFound
    return credential.within(membership.organization, Role(membership.role))


def _only(memberships: list[Membership]) -> Membership | None:
    if len(memberships) > 1:
        raise InvalidRequest(
            fields={ORGANIZATION_HEADER: ["You belong to several organizations: name one."]}
        )
    return memberships[0] if memberships else None
