"""Every request of the Stripe driver is one that the installed SDK's own types allow.

The calls are the ones that the driver's own tests disturb; here they go through undisturbed.
"""

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from billing.drivers.base import PaymentDriver
from billing.types import Subject
from tests.billing import stripe_builders as build
from tests.billing import stripe_cases as cases
from tests.billing import stripe_change_cases as change_cases
from tests.billing import stripe_coupon_cases as coupon_cases
from tests.billing import stripe_invoice_cases as invoice_cases
from tests.billing import stripe_listing_cases as listing_cases
from tests.billing import stripe_payer_cases as payer_cases
from tests.billing import stripe_terminal_cases as terminal_cases
from tests.contract import spec_from_sdk
from tests.contract.contract import Contract
from tests.simulators.stripe import Json
from tests.simulators.stripe.client import StripeSimulator

# What each call of the driver's protocol is here; the rest asks nobody.
CALLS = {
    "create_customer": cases.create_customer,
    "find_customer": cases.find_customer,
    "attach_payment_method": cases.attach,
    "create_subscription": cases.create_subscription,
    "retrieve_subscription": cases.retrieve_open,
    "find_subscription": cases.find_subscription,
    "cancel_subscription": cases.cancel,
    "abandon_subscription": cases.abandon,
    "client_secret": cases.client_secret,
    "create_checkout_session": cases.create_checkout,
    "retrieve_checkout_session": cases.retrieve_checkout,
    "expire_checkout_session": cases.expire_checkout,
    "create_payment_intent": cases.create_payment,
    "capture_payment": cases.capture,
    "ensure_price": cases.ensure_price,
    **invoice_cases.CALLS,
    **payer_cases.CALLS,
    **change_cases.CALLS,
    **coupon_cases.CALLS,
    **listing_cases.CALLS,
    **terminal_cases.CALLS,
}
ASK_NOBODY = {
    "card_element",
    "verify_webhook",
    "normalize_webhook",
    "terminal_account",
    "terminal_currency",
}
# Levels that Stripe follows when it expands; `data` counts as one.
# Source: https://github.com/stripe/stripe-java/issues/2011
EXPAND_LEVELS = 4
EVENTS = Path(__file__).parent.parent / "fixtures" / "stripe" / "events"


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract(json.loads(spec_from_sdk.cached().read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def process() -> Iterator[StripeSimulator]:
    """A simulator that answers 400 to whatever the contract does not allow."""
    with StripeSimulator.start(spec=spec_from_sdk.cached()) as running:
        yield running


@pytest.fixture
def stripe(process: StripeSimulator, settings: Any) -> StripeSimulator:
    settings.STRIPE_API_BASE = settings.STRIPE_API_HOST = process.base_url
    return process


def requests_of(stripe: StripeSimulator, call: Any) -> list[Json]:
    """Make a call of the driver; return what it asked, without what had to exist before."""
    prepared = call(stripe)
    since = stripe.calls_so_far()
    prepared()
    return stripe.requests(since)


def test_no_call_of_the_protocol_is_left_out() -> None:
    protocol = {
        name
        for name, _ in inspect.getmembers(PaymentDriver, inspect.isfunction)
        if not name.startswith("_")
    }

    assert set(CALLS) | ASK_NOBODY | {"copy_to_mirror"} == protocol


@pytest.mark.parametrize("name", CALLS)
class TestEveryCall:
    def test_asks_only_what_stripe_takes(
        self, stripe: StripeSimulator, contract: Contract, name: str
    ) -> None:
        requests = requests_of(stripe, CALLS[name])

        assert requests
        for entry in requests:
            deviations = contract.check_request(entry["method"], entry["path"], entry["params"])
            assert deviations == [], entry
            assert entry["status"] != 400, entry
            assert entry["ignored"] == [], entry

    def test_pins_the_version(self, stripe: StripeSimulator, settings: Any, name: str) -> None:
        versions = {
            entry["headers"]["stripe-version"] for entry in requests_of(stripe, CALLS[name])
        }

        assert versions == {settings.STRIPE_API_VERSION}

    def test_sends_every_write_under_a_key_of_ours(
        self, stripe: StripeSimulator, name: str
    ) -> None:
        requests = requests_of(stripe, CALLS[name])

        keys = [entry["headers"].get("idempotency-key") for entry in requests]
        writes = [
            key for key, entry in zip(keys, requests, strict=True) if entry["method"] != "GET"
        ]
        # The SDK makes up a random key where none is given.
        ours = ("key-", "price:", "product:", "preview:", "stop:", "token:")
        assert all(key and key.startswith(ours) for key in writes)
        assert len(set(writes)) == len(writes)

    def test_expands_no_deeper_than_stripe_goes(self, stripe: StripeSimulator, name: str) -> None:
        paths = [
            path
            for entry in requests_of(stripe, CALLS[name])
            for path in (entry["params"].get("expand") or {}).values()
        ]

        assert [path for path in paths if len(path.split(".")) > EXPAND_LEVELS] == []

    def test_writes_nothing_that_dj_stripe_acts_upon(
        self, stripe: StripeSimulator, name: str
    ) -> None:
        assert "djstripe" not in json.dumps(requests_of(stripe, CALLS[name]))


@pytest.mark.parametrize("call", coupon_cases.DISCOUNTED)
def test_discounts_are_asked_for_as_stripe_takes_them(
    stripe: StripeSimulator, contract: Contract, call: Any
) -> None:
    requests = requests_of(stripe, call)

    assert requests
    for entry in requests:
        assert contract.check_request(entry["method"], entry["path"], entry["params"]) == []
        assert (entry["status"], entry["ignored"]) == (200, []), entry


@pytest.mark.django_db
def test_the_mirror_asks_only_what_stripe_takes(
    stripe: StripeSimulator, contract: Contract, settings: Any
) -> None:
    spec = build.subscription_spec()
    created = build.driver().create_subscription(spec, idempotency_key=build.new_key())
    since = stripe.calls_so_far()

    build.driver().copy_to_mirror(Subject("subscription", created.external_id))
    build.driver().copy_to_mirror(Subject("invoice", created.latest_invoice_id))

    requests = stripe.requests(since)
    assert requests
    for entry in requests:
        assert entry["method"] == "GET"
        assert entry["headers"]["stripe-version"] == settings.STRIPE_API_VERSION
        assert contract.check_request("GET", entry["path"], entry["params"]) == []


@pytest.mark.parametrize("path", sorted(EVENTS.glob("*.json")), ids=lambda path: path.stem)
def test_the_events_of_our_tests_are_such_as_stripe_sends(contract: Contract, path: Path) -> None:
    event = json.loads(path.read_text())
    obj = event["data"]["object"]

    assert contract.check_response(event, "event") == []
    assert event["api_version"] == contract.version
    assert contract.check_response(obj, obj["object"]) == []
