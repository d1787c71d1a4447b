"""Mistakes in the settings that would send requests to the wrong place, or not at all."""

import re
from collections.abc import Iterator
from typing import Any

import stripe
from django.conf import settings
from django.core.checks import CheckMessage, Error

from billing.drivers.stripe import client

# dj-stripe refuses any other key when it first meets it, in the middle of a request.
_KEY = re.compile(r"(?P<kind>pk|sk|rk)_(?P<mode>test|live)_[a-zA-Z0-9]{24,}")


def check_stripe(**_: Any) -> list[CheckMessage]:
    """Compare the pinned version, the keys and the address with each other and with the SDK."""
    return [*_version(), *_keys(), *_modes()]


def _version() -> Iterator[CheckMessage]:
    if stripe.api_version != settings.STRIPE_API_VERSION:
        yield Error(
            f"STRIPE_API_VERSION is {settings.STRIPE_API_VERSION}, but the SDK speaks "
            f"{stripe.api_version}.",
            hint="Upgrade both together; the driver is written for one version.",
            id="till.E020",
        )


def _keys() -> Iterator[CheckMessage]:
    wanted = {"STRIPE_SECRET_KEY": ("sk", "rk"), "STRIPE_PUBLISHABLE_KEY": ("pk",)}
    for name, kinds in wanted.items():
        match = _KEY.fullmatch(getattr(settings, name))
        if match is None or match["kind"] not in kinds:
            yield Error(
                f"{name} is no key of Stripe's: {' or '.join(kinds)}, test or live, then at "
                "least 24 letters and digits.",
                id="till.E021",
            )


def _modes() -> Iterator[CheckMessage]:
    modes = {
        match["mode"]
        for key in (settings.STRIPE_SECRET_KEY, settings.STRIPE_PUBLISHABLE_KEY)
        if (match := _KEY.fullmatch(key))
    }
    if len(modes) > 1:
        yield Error("One of Stripe's keys is a test key and one a live key.", id="till.E022")
    is_official = settings.STRIPE_API_BASE.rstrip("/") == client.OFFICIAL_BASE
    if "live" in modes and not is_official:
        yield Error(
            "A live key of Stripe's would be sent to STRIPE_API_BASE, which is not Stripe.",
            hint="Use a test key with a simulator.",
            id="till.E023",
        )
    if "developmentonly" in settings.STRIPE_SECRET_KEY and is_official:
        yield Error("STRIPE_SECRET_KEY is the one for development.", id="till.E024")
    if settings.STRIPE_API_HOST.rstrip("/") != settings.STRIPE_API_BASE.rstrip("/"):
        yield Error("STRIPE_API_HOST and STRIPE_API_BASE differ.", id="till.E025")
