"""What is wrong with a configuration although it can be read.

What only a deployment needs is a warning elsewhere and an error under `check --deploy`. Checks of
the catalogue need the database: they run with `migrate`, `check --database default` and
`check --deploy`, never at a plain start.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core import checks
from django.core.checks import ERROR, WARNING, CheckMessage, Tags
from django.db import DatabaseError, ProgrammingError, transaction

from billing.enums import Provider
from billing.models import ExternalPrice
from billing.selectors import plans
from billing.services import price_links, price_map

# --- Settings ---------------------------------------------------------------------------------


@checks.register(Tags.security)
def check_encryption_keys(**_: Any) -> list[CheckMessage]:
    """Say which of TILL_ENCRYPTION_KEYS is no key, without repeating it."""
    if not settings.TILL_ENCRYPTION_KEYS:
        return [_message(ERROR, "E001", "TILL_ENCRYPTION_KEYS is empty.", _KEY_HINT)]
    return [
        _message(ERROR, "E001", f"TILL_ENCRYPTION_KEYS: number {number} is no key.", _KEY_HINT)
        for number, key in enumerate(settings.TILL_ENCRYPTION_KEYS, start=1)
        if not _is_key(key)
    ]


_KEY_HINT = (
    "Make one with: python -c 'from cryptography.fernet import Fernet; "
    "print(Fernet.generate_key().decode())'. The first encrypts, all decrypt."
)


def _is_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True


@checks.register(Tags.security)
def check_webhook_secret(**_: Any) -> list[CheckMessage]:
    """Warn in production when Stripe's webhooks can't be verified."""
    return _webhook_secret(WARNING) if settings.IS_PRODUCTION else []


@checks.register(Tags.security, deploy=True)
def check_webhook_secret_for_deployment(**_: Any) -> list[CheckMessage]:
    """Refuse to deploy when Stripe's webhooks can't be verified."""
    return _webhook_secret(ERROR)


def _webhook_secret(level: int) -> list[CheckMessage]:
    if settings.STRIPE_WEBHOOK_SECRET.strip():
        return []
    hint = "Copy the signing secret (whsec_…) of the endpoint from Stripe's dashboard."
    text = "STRIPE_WEBHOOK_SECRET is not set: every webhook is answered with 503."
    return [_message(level, "E002", text, hint)]


@checks.register
def check_price_map(**_: Any) -> list[CheckMessage]:
    """Say which part of STRIPE_PRODUCT_PRICE_MAP can't be read."""
    try:
        price_map.parse(settings.STRIPE_PRODUCT_PRICE_MAP)
    except price_map.PriceMapInvalid as error:
        return [_message(ERROR, "E003", f"STRIPE_PRODUCT_PRICE_MAP: {error}")]
    return []


# --- Catalogue (these look into the database) -------------------------------------------------


@checks.register(Tags.database)
def check_catalogue(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Warn about prices that can't be charged, and about a map that says otherwise."""
    return _look(WARNING) if databases else []


@checks.register(deploy=True)
def check_catalogue_for_deployment(**_: Any) -> list[CheckMessage]:
    """Refuse to deploy with prices that can't be charged."""
    return _look(ERROR)


def _look(level: int) -> list[CheckMessage]:
    try:
        with transaction.atomic():
            return [*_unlinked(level), *_drift(level)]
    except ProgrammingError:
        return []  # before the first `migrate` there is nothing to look at
    except DatabaseError as error:
        text = f"The catalogue could not be read ({type(error).__name__})."
        return [_message(WARNING, "W006", text)]


def _unlinked(level: int) -> Iterator[CheckMessage]:
    """Ask for Stripe's names, and those of whoever charges by default."""
    for provider in dict.fromkeys((Provider.STRIPE, Provider(settings.DEFAULT_PROVIDER))):
        if provider not in settings.PAYMENT_DRIVERS:
            continue
        hint = f"Run manage.py push_catalogue --provider {provider}."
        if provider is Provider.STRIPE:
            hint = "Run manage.py push_catalogue, or name it in STRIPE_PRODUCT_PRICE_MAP."
        for price in plans.prices_to_link(provider):
            text = f"{price} is on sale, but {provider.label} does not know it."
            yield _message(level, "E004", text, hint)


def _drift(level: int) -> Iterator[CheckMessage]:
    try:
        entries = price_map.parse(settings.STRIPE_PRODUCT_PRICE_MAP)
    except price_map.PriceMapInvalid:
        return  # said by check_price_map
    for entry in entries:
        problem = _problem_with(entry)
        if problem:
            hint = "Run manage.py seed_plans, or correct the map."
            yield _message(level, "E005", f"STRIPE_PRODUCT_PRICE_MAP: {problem}", hint)


def _problem_with(entry: price_map.Entry) -> str:
    try:
        price = price_links.find_price(entry)
    except price_links.LinkRefused as error:
        return str(error)
    link = ExternalPrice.objects.filter(price=price, provider=Provider.STRIPE).first()
    known = link.external_id if link else "nothing yet"
    if known == entry.external_id:
        return ""
    return f"{entry.key} is {entry.external_id} there, but {known} in the catalogue."


def _message(level: int, code: str, text: str, hint: str | None = None) -> CheckMessage:
    return CheckMessage(level, text, hint=hint, id=f"till.{code}")
