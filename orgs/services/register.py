"""Registration: an organization, its owner and the place that joins them, all or nothing."""

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from orgs import selectors
from orgs.errors import InvalidRequest
from orgs.models import Membership, Organization, Role, User

_SLUG_LENGTH = 60
_COUNTED_TRIES = 5
_TRIES = 20

logger = logging.getLogger(__name__)


class EmailTaken(InvalidRequest):
    """Invalid request. Please check your input."""

    def __init__(self) -> None:
        super().__init__(fields={"email": ["Someone is already registered with this e-mail."]})


@dataclass(frozen=True, slots=True)
class Registration:
    """What a registration made."""

    organization: Organization
    user: User
    membership: Membership


def register_organization(
    *, organization_name: str, email: str, password: str, full_name: str, now: datetime
) -> Registration:
    """Register an organization that has not paid yet, with its owner, in one transaction.

    Raises:
        InvalidRequest: the password is too weak (`fields` has the reasons).
        EmailTaken: somebody is registered with this e-mail, in whatever case.
    """
    check_password(email=email, full_name=full_name, password=password)
    with transaction.atomic():
        user = create_person(email=email, full_name=full_name, password=password, now=now)
        organization = _create_organization(organization_name, user.email)
        membership = Membership.objects.create(
            organization=organization, user=user, role=Role.OWNER
        )
    logger.info(
        "organization.registered", extra={"org": str(organization.pk), "user": str(user.pk)}
    )
    return Registration(organization, user, membership)


def check_password(*, email: str, full_name: str, password: str) -> None:
    """Refuse a password that is easily guessed, of this person above all.

    Raises:
        InvalidRequest: it is too weak (`fields` has the reasons).
    """
    try:
        password_validation.validate_password(password, User(email=email, full_name=full_name))
    except ValidationError as error:
        raise InvalidRequest(fields={"password": list(error.messages)}) from error


def create_person(*, email: str, full_name: str, password: str, now: datetime) -> User:
    """Store somebody new, whose password was checked.

    Raises:
        EmailTaken: somebody is registered with this e-mail, in whatever case.
    """
    try:
        with transaction.atomic():
            return User.objects.create_user(email, password, full_name=full_name, date_joined=now)
    except IntegrityError as error:
        raise EmailTaken from error


def _create_organization(name: str, email: str) -> Organization:
    """Insert under the first free slug; the constraint decides, however many race for it."""
    base = slugify(name)[:_SLUG_LENGTH].strip("-") or "organization"
    number = selectors.next_slug_number(base)
    for attempt in range(_TRIES):
        suffix = str(number + attempt) if attempt < _COUNTED_TRIES else secrets.token_hex(4)
        slug = base if number + attempt == 1 else f"{base}-{suffix}"
        try:
            with transaction.atomic():
                return Organization.objects.create(name=name, slug=slug, email=email)
        except IntegrityError:
            logger.info("organization.slug_taken", extra={"slug": slug})
    raise InvalidRequest(fields={"organization_name": ["Please choose another name."]})
