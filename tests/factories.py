"""Rows with boring defaults; a trait or an argument says what a test is about."""

import secrets
from typing import Any

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from orgs.models import (
    ApiKey,
    Invitation,
    KeyMode,
    Membership,
    Organization,
    PlanStatus,
    Role,
    User,
)
from orgs.permissions import Scope
from orgs.services import api_keys, invite

PASSWORD = "correct horse battery"


class UserFactory(DjangoModelFactory[User]):
    """A person; the password is `PASSWORD`."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    class Params:
        staff = factory.Trait(is_staff=True, is_superuser=True)

    email = factory.Sequence(lambda n: f"user{n}@example.com")
    full_name = factory.Sequence(lambda n: f"User {n}")

    @classmethod
    def _create(cls, model_class: type[User], *_args: Any, **kwargs: Any) -> User:
        fields = {"password": PASSWORD} | kwargs
        return model_class.objects.create_user(**fields)


class OrganizationFactory(DjangoModelFactory[Organization]):
    """An organization that has not paid yet."""

    class Meta:
        model = Organization

    class Params:
        active = factory.Trait(plan_status=PlanStatus.ACTIVE)

    name = factory.Sequence(lambda n: f"Organization {n}")
    slug = factory.Sequence(lambda n: f"organization-{n}")
    email = factory.LazyAttribute(lambda row: f"billing@{row.slug}.example.com")


class MembershipFactory(DjangoModelFactory[Membership]):
    """An owner of an organization."""

    class Meta:
        model = Membership

    organization = factory.SubFactory(OrganizationFactory)
    user = factory.SubFactory(UserFactory)
    role = Role.OWNER


class InvitationFactory(DjangoModelFactory[Invitation]):
    """An invitation that waits for an answer; nobody knows its token."""

    class Meta:
        model = Invitation

    organization = factory.SubFactory(OrganizationFactory)
    email = factory.Sequence(lambda n: f"guest{n}@example.com")
    role = Role.VIEWER
    token_hash = factory.LazyFunction(lambda: secrets.token_hex(32))
    expires_at = factory.LazyFunction(lambda: timezone.now() + invite.LIFE)


def make_api_key(
    organization: Organization,
    *scopes: str,
    mode: KeyMode = KeyMode.TEST,
    name: str = "Server",
) -> tuple[ApiKey, str]:
    """Return a key with these scopes (all, when none is named) and its text."""
    return api_keys.create_api_key(
        organization=organization,
        name=name,
        scopes=scopes or tuple(Scope),
        mode=mode,
        created_by=None,
    )
