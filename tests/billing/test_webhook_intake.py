"""The intake: who may put what into the inbox, at which address."""

import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from billing import jobs
from billing.enums import InboxState, Provider
from billing.models import InboxEvent, MerchantAccount
from billing.webhooks import views
from tests.provider import WEBHOOK_SECRET

pytestmark = pytest.mark.django_db

SPELLINGS = [
    "/api/v1/billing/webhooks/stripe",
    "/api/v1/billing/webhooks/stripe/",
    "/api/v1/billing/webhooks/provider",
    "/stripe/webhooks",
    "/webhooks/stripe",
]
URL = SPELLINGS[0]


@pytest.fixture(autouse=True)
def _secret(settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = WEBHOOK_SECRET


def event_body(event_id: str = "evt_1", **more: Any) -> bytes:
    event = {
        "id": event_id,
        "object": "event",
        "type": "customer.subscription.updated",
        "api_version": "2026-08-26.dahlia",
        "created": 1_780_000_000,
        "data": {"object": {"id": "sub_1", "object": "subscription"}},
    }
    return json.dumps({**event, **more}).encode()


def signature(body: bytes, *, secret: str = WEBHOOK_SECRET, at: int | None = None) -> str:
    at = at or int(time.time())
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def post(url: str, body: bytes, header: str | None = None) -> Any:
    headers = {"Stripe-Signature": signature(body) if header is None else header}
    return Client(enforce_csrf_checks=True).post(
        url, body, content_type="application/json", headers=headers
    )


class TestAccepted:
    @pytest.mark.parametrize("url", SPELLINGS)
    def test_every_spelling_reaches_the_same_inbox(self, url: str) -> None:
        answer = post(url, event_body())

        assert (answer.status_code, answer.json()) == (200, {"received": True})
        row = InboxEvent.objects.get()
        assert (row.provider, row.external_id) == (Provider.STRIPE, "evt_1")
        assert row.type == "customer.subscription.updated"
        assert row.state == InboxState.PENDING
        assert row.account is None
        assert row.trace_id == answer.headers["X-Request-ID"]

    def test_takes_exactly_one_statement(self, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(1):
            post(URL, event_body())

    def test_a_repetition_is_the_same_event(self) -> None:
        assert post(URL, event_body()).status_code == 200

        assert post(URL, event_body()).status_code == 200

        assert InboxEvent.objects.count() == 1

    def test_is_known_at_the_unified_address_by_its_signature_header(self) -> None:
        answer = Client().post(
            "/api/v1/billing/webhooks/provider", event_body(), content_type="application/json"
        )

        assert answer.status_code == 400
        assert InboxEvent.objects.count() == 0

    def test_accepts_a_secret_that_is_being_rotated_in(self, settings: Any) -> None:
        settings.STRIPE_WEBHOOK_SECRET = f"whsec_the_new_one,{WEBHOOK_SECRET}"

        assert post(URL, event_body()).status_code == 200

    def test_keeps_an_event_with_characters_the_database_refuses(self) -> None:
        body = event_body(account="a\x00b", half="\ud800", pair="\U0001f600")

        assert post(URL, body).status_code == 200
        payload = InboxEvent.objects.get().payload
        assert (payload["account"], payload["half"]) == ("ab", "")
        assert payload["pair"] == "\U0001f600"


class TestAnAccountsOwnAddress:
    def _account(self, **fields: Any) -> MerchantAccount:
        return MerchantAccount.objects.create(
            provider=Provider.STRIPE,
            label="Second account",
            webhook_secret="whsec_of_this_account",
            **fields,
        )

    def test_verifies_with_the_accounts_secret(self) -> None:
        account = self._account()
        body = event_body()

        answer = post(f"{URL}/{account.pk}", body, signature(body, secret="whsec_of_this_account"))

        assert answer.status_code == 200
        assert InboxEvent.objects.get().account == account.pk

    def test_does_not_take_the_platforms_secret(self) -> None:
        answer = post(f"{URL}/{self._account().pk}", event_body())

        assert answer.status_code == 400
        assert InboxEvent.objects.count() == 0

    @pytest.mark.parametrize("endpoint", ["5f0c1c6e-0000-4000-8000-000000000000", "not-a-uuid"])
    def test_an_unknown_one_is_not_found(self, endpoint: str) -> None:
        assert post(f"{URL}/{endpoint}", event_body()).status_code == 404

    def test_an_inactive_one_is_not_found(self) -> None:
        account = self._account(is_active=False)

        assert post(f"{URL}/{account.pk}", event_body()).status_code == 404

    def test_its_secret_is_ciphertext_in_the_database(self) -> None:
        account = self._account()

        with connection.cursor() as cursor:
            cursor.execute("SELECT webhook_secret FROM billing_merchantaccount")
            stored = bytes(cursor.fetchone()[0])

        assert b"whsec" not in stored
        account.refresh_from_db()
        assert account.webhook_secret == "whsec_of_this_account"


class TestRefused:
    def _refused(self, answer: Any, status: int) -> None:
        assert answer.status_code == status
        assert answer.json()["error"]["trace_id"] == answer.headers["X-Request-ID"]
        assert InboxEvent.objects.count() == 0

    def test_forged(self) -> None:
        body = event_body()

        self._refused(post(URL, body, signature(body, secret="whsec_guessed")), 400)

    def test_changed_on_the_way(self) -> None:
        self._refused(post(URL, event_body(), signature(event_body("evt_2"))), 400)

    @pytest.mark.parametrize("offset", [-600, 600])
    def test_stale_or_from_the_future(self, offset: int) -> None:
        body = event_body()

        self._refused(post(URL, body, signature(body, at=int(time.time()) + offset)), 400)

    @pytest.mark.parametrize("header", ["", "nonsense", "t=1,v1=", "t=abc,v1=00"])
    def test_without_a_usable_signature(self, header: str) -> None:
        self._refused(post(URL, event_body(), header), 400)

    @pytest.mark.parametrize(
        "body", [b"", b"{", b"[]", b'"text"', b'{"id": 7, "object": "event"}', b"\xff\xfe"]
    )
    def test_signed_but_not_an_event(self, body: bytes) -> None:
        self._refused(post(URL, body), 400)

    def test_larger_than_a_mebibyte(self) -> None:
        body = event_body(padding="x" * views.MAX_BODY_BYTES)

        self._refused(post(URL, body), 413)

    def test_while_no_secret_is_configured(self, settings: Any) -> None:
        settings.STRIPE_WEBHOOK_SECRET = ""

        self._refused(post(URL, event_body()), 503)

    @pytest.mark.parametrize("provider", ["cardconnect", "paypal"])
    def test_of_a_provider_without_a_bare_address(self, provider: str) -> None:
        self._refused(post(f"/api/v1/billing/webhooks/{provider}", event_body()), 404)

    def test_any_other_method(self) -> None:
        assert Client().get(URL).status_code == 405


class TestBrokerDown:
    def test_loses_nothing_and_answers_at_once(self, settings: Any) -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        jobs._quiet.until = 0.0
        started = time.monotonic()

        answer = post(URL, event_body())

        assert answer.status_code == 200
        assert InboxEvent.objects.get().state == InboxState.PENDING
        assert time.monotonic() - started < 1
        time.sleep(0.1)
        jobs._burst._asked.clear()  # or its thread goes on asking during other tests
        jobs._quiet.until = 0.0
