"""The SDK's client, built once per process from our settings."""

import atexit
import dataclasses
import logging
import os
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import stripe
from django.conf import settings

from billing.drivers.stripe.transport import PooledClient

if TYPE_CHECKING:
    from stripe._base_address import BaseAddresses

OFFICIAL_BASE = stripe.DEFAULT_API_BASE
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# They log addresses with e-mails in them, and providers' messages that quote what was sent.
_TALKATIVE = ("httpx", "httpcore", "stripe")

_lock = threading.Lock()


@dataclasses.dataclass(frozen=True, slots=True)
class _Terms:
    """What a client is made of; `process` because connections must not be shared by a fork."""

    secret_key: str
    version: str
    base: str
    connect_timeout: float
    read_timeout: float
    process: int


@dataclasses.dataclass(frozen=True, slots=True)
class _Built:
    client: stripe.StripeClient
    http: PooledClient


_built: dict[_Terms, _Built] = {}


def get_client() -> stripe.StripeClient:
    """Return the client for the current settings, with time-outs and without silent retries."""
    return _get().client


def prepare_sdk() -> None:
    """Point the SDK's globals at our settings, for dj-stripe, which knows no client objects.

    dj-stripe takes over STRIPE_API_HOST only once, when it is imported, and has no time-outs.
    """
    built = _get()
    stripe.api_base = settings.STRIPE_API_BASE
    stripe.default_http_client = built.http
    stripe.max_network_retries = 0


def is_loopback(base: str) -> bool:
    """Say whether an address is on this machine."""
    return (urlsplit(base).hostname or "") in _LOOPBACK


def _get() -> _Built:
    terms = _Terms(
        secret_key=settings.STRIPE_SECRET_KEY,
        version=settings.STRIPE_API_VERSION,
        base=settings.STRIPE_API_BASE.rstrip("/"),
        connect_timeout=settings.STRIPE_CONNECT_TIMEOUT_SECONDS,
        read_timeout=settings.STRIPE_READ_TIMEOUT_SECONDS,
        process=os.getpid(),
    )
    built = _built.get(terms)
    if built is None:
        with _lock:
            built = _built.get(terms) or _build(terms)
            _built[terms] = built
    return built


def _build(terms: _Terms) -> _Built:
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    # Sends the time of earlier calls and an id kept in the home directory along.
    stripe.enable_telemetry = False
    http = PooledClient(
        connect_timeout=terms.connect_timeout,
        read_timeout=terms.read_timeout,
        is_loopback=is_loopback(terms.base),
    )
    # The SDK's client ignores `stripe.api_base`: without this, calls leave the sandbox.
    addresses: BaseAddresses = {}
    if terms.base != OFFICIAL_BASE:
        addresses = {
            "api": terms.base,
            "connect": terms.base,
            "files": terms.base,
            "meter_events": terms.base,
        }
    client = stripe.StripeClient(
        terms.secret_key,
        stripe_version=terms.version,
        base_addresses=addresses,
        max_network_retries=0,
        http_client=http,
    )
    atexit.register(_close, http, terms.process)
    return _Built(client, http)


def _close(http: PooledClient, process: int) -> None:
    if process == os.getpid():  # a fork must leave its parent's connections alone
        http.close()
