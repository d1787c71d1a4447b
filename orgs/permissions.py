"""Who is asking, and who may do what."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from orgs.errors import PermissionDenied
from orgs.models import Organization, Role, User


class Scope(enum.StrEnum):
    """What an API key may do; a closed list."""

    BILLING_READ = "billing:read"
    BILLING_WRITE = "billing:write"
    USAGE_WRITE = "usage:write"
    CHECKOUT_CREATE = "checkout:create"
    TERMINALS_WRITE = "terminals:write"


class CredentialKind(enum.StrEnum):
    """How a caller proved who it is."""

    SESSION = "session"
    USER = "user"
    SETUP = "setup"
    API_KEY = "api_key"
    CHECKOUT = "checkout"


@dataclass(frozen=True, slots=True)
class Credential:
    """A proven caller.

    `organization` and `role` are empty until the tenant of the request is known (people may belong
    to several). `subject` is what a registered scheme binds beyond the tenant.
    """

    kind: CredentialKind
    user: User | None = None
    organization: Organization | None = None
    role: Role | None = None
    scopes: frozenset[str] = frozenset()
    subject: object | None = None

    def within(self, organization: Organization, role: Role) -> Self:
        """Return the same caller as a member of this organization."""
        return replace(self, organization=organization, role=role)


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call one method of a view.

    People need one of `roles`; an API key needs `scope` or one of `further` (no `scope`: no key at
    all). Setup and checkout tokens reach nothing that does not name them.
    """

    roles: frozenset[Role]
    scope: Scope | None = None
    further: frozenset[Scope] = frozenset()
    setup: bool = False
    checkout: bool = False

    @classmethod
    def of(cls, roles: Iterable[Role], scope: Scope | None = None) -> Self:
        """Admit these roles, and keys with this scope."""
        return cls(frozenset(roles), scope)

    def with_setup(self) -> Self:
        """Admit setup tokens as well."""
        return replace(self, setup=True)

    def with_checkout(self) -> Self:
        """Admit checkout tokens as well."""
        return replace(self, checkout=True)

    def with_scope(self, scope: Scope | None) -> Self:
        """Ask another scope of API keys."""
        return replace(self, scope=scope)

    def or_scope(self, scope: Scope) -> Self:
        """Admit API keys with another scope as well."""
        return replace(self, further=self.further | {scope})


EVERY_ROLE = frozenset(Role)
MONEY_ROLES = frozenset({Role.OWNER, Role.ADMIN, Role.BILLING})
TEAM_ROLES = frozenset({Role.OWNER, Role.ADMIN})

READ = Access(EVERY_ROLE, Scope.BILLING_READ)
WRITE = Access(MONEY_ROLES, Scope.BILLING_WRITE)
AT_READERS = Access(MONEY_ROLES, Scope.TERMINALS_WRITE)
# A till has no other scope, and has to find its own payments again.
LOOK_AT_READERS = READ.or_scope(Scope.TERMINALS_WRITE)
TEAM = Access(TEAM_ROLES)
PEOPLE = Access(EVERY_ROLE)
NOBODY = Access(frozenset())
CHECKOUT_ONLY = Access(frozenset(), checkout=True)


def require(credential: Credential, access: Access) -> None:
    """Let the caller pass.

    Raises:
        PermissionDenied: its role, scope or kind is not admitted.
    """
    if not _admits(access, credential):
        raise PermissionDenied


def _admits(access: Access, credential: Credential) -> bool:
    match credential.kind:
        case CredentialKind.API_KEY:
            admitted = {access.scope, *access.further} if access.scope else set()
            return bool(admitted & credential.scopes)
        case CredentialKind.CHECKOUT:
            return access.checkout
        case CredentialKind.SETUP:
            return access.setup and credential.role in access.roles
        case CredentialKind.USER | CredentialKind.SESSION:
            return credential.role in access.roles
