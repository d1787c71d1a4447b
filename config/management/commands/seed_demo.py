"""Give the demo its plans and its people."""

import json
import secrets
from argparse import ArgumentParser
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from billing.enums import CouponDuration, Provider
from billing.services import coupon_links, merchant_accounts
from config.demo_report import write_private
from orgs import clock, selectors
from orgs.models import KeyMode, Organization, User
from orgs.permissions import Scope
from orgs.services import api_keys, register
from terminals.models import Terminal
from terminals.services import registering

STAFF_EMAIL = "staff@till.example"
OWNER_EMAIL = "owner@bistro.example"
OWNER_NAME = "Olive Owner"
ORGANIZATION_NAME = "The Demo Bistro"
_PASSWORD_BYTES = 12

_WELCOME = coupon_links.NewCoupon(
    code="WELCOME20",
    name="Welcome",
    duration=CouponDuration.REPEATING,
    percent_off=Decimal(20),
    duration_months=3,
)

# CardPointe's own for everybody's trials; the local one knows them too.
# Source: https://developer.fiserv.com/product/CardPointe (test credentials)
_CARDPOINTE = {
    "site": "fts",
    "merchid": "496160873888",
    "api_user": "testing",
    "api_pass": "testing123",
    "terminal_api_key": "testing-terminals",
    "currency": "USD",
}
# The reader that each local provider comes with, and where ours stands.
_READERS = {
    Provider.STRIPE: ("tmr_simulated", "Front counter"),
    Provider.CARDCONNECT: ("SIM0001", "Terrace"),
}

People = dict[str, Any]


class Command(BaseCommand):
    """Make up logins once; running it again makes what is missing work again."""

    help = (
        "Seed the demo: plans, prices, a coupon and a reader at every provider, staff, an owner, an"
        " API key."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file that keeps the logins."""
        parser.add_argument("people", type=Path, help="JSON file that keeps the logins")
        parser.add_argument("--migrate", action="store_true", help="apply migrations first")

    def handle(self, *_: Any, people: Path, migrate: bool, **__: Any) -> None:
        """Seed everything in one process."""
        if settings.IS_PRODUCTION:
            raise CommandError("A demo's people have no place in production.")
        if migrate:
            call_command("migrate", interactive=False, verbosity=1)
        call_command("seed_plans")
        coupon_links.ensure_coupon(wanted=_WELCOME)
        merchant_accounts.ensure_platform_account(
            provider=Provider.CARDCONNECT,
            mode=KeyMode.TEST,
            label="CardPointe, for trials",
            credentials=_CARDPOINTE,
        )
        for provider in settings.PAYMENT_DRIVERS:
            call_command("push_catalogue", provider=provider)
        known: People = json.loads(people.read_text()) if people.exists() else {}
        write_private(people, json.dumps(_seed_people(known), indent=2) + "\n")
        self.stdout.write(f"{people.name} is up to date.")


def _seed_people(known: People) -> People:
    """Return the logins, each of which works now."""
    staff = _password_of(known.get("staff"))
    user = selectors.get_user_by_email(STAFF_EMAIL)
    if user is None:
        User.objects.create_superuser(STAFF_EMAIL, staff, full_name="Sam Staff")
    else:
        _ensure_password(user, staff)
    owner = _password_of(known.get("owner"))
    organization, user = _seed_owner(owner)
    return {
        "staff": {"email": STAFF_EMAIL, "password": staff},
        "owner": {
            "email": OWNER_EMAIL,
            "password": owner,
            "organization_id": str(organization.pk),
        },
        "api_key": _seed_api_key(known.get("api_key", ""), organization, user),
        "readers": {provider: _seed_reader(organization, provider) for provider in _READERS},
    }


def _seed_owner(password: str) -> tuple[Organization, User]:
    user = selectors.get_user_by_email(OWNER_EMAIL)
    if user is None:
        made = register.register_organization(
            organization_name=ORGANIZATION_NAME,
            email=OWNER_EMAIL,
            password=password,
            full_name=OWNER_NAME,
            now=clock.now(),
        )
        return made.organization, made.user
    _ensure_password(user, password)
    return selectors.memberships_of(user, limit=1)[0].organization, user


def _seed_api_key(token: str, organization: Organization, owner: User) -> str:
    if token and api_keys.authenticate_key(token=token, now=clock.now()):
        return token
    _, token = api_keys.create_api_key(
        organization=organization,
        name="Demo",
        scopes=list(Scope),
        mode=KeyMode.TEST,
        created_by=owner,
    )
    return token


def _seed_reader(organization: Organization, provider: Provider) -> People:
    """Return the organization's reader of a provider; one that was removed stays away."""
    external_id, label = _READERS[provider]
    known = Terminal.objects.for_org(organization).filter(
        provider=provider, external_id=external_id
    )
    reader = known.order_by("-created_at").first() or registering.register_terminal(
        organization=organization,
        provider=provider,
        external_id=external_id,
        label=label,
        now=clock.now(),
    )
    return {"id": str(reader.pk), "external_id": external_id, "label": reader.label}


def _password_of(person: People | None) -> str:
    return person["password"] if person else secrets.token_urlsafe(_PASSWORD_BYTES)


def _ensure_password(user: User, password: str) -> None:
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
