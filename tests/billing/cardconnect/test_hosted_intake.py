"""Where callbacks of the hosted page come in: an address that nobody else knows."""

import json
from typing import Any

import pytest
from django.test import Client

from billing.models import InboxEvent, MerchantAccount
from config import logs
from tests.billing.cardconnect.gateway_steps import open_account
from tests.simulators.cardpointe.merchants import FNOR_MID

pytestmark = pytest.mark.django_db

SECRET = "Zk3vQ8mB1xT7yR5nW2pL9c"
HINT = {"merchantId": FNOR_MID, "gatewayTransactionId": "363652261392", "total": "49.00"}


@pytest.fixture
def account(db: None) -> MerchantAccount:
    account = open_account()
    account.webhook_secret = SECRET
    account.save()
    return account


def post(client: Client, path: str, body: Any = None) -> int:
    address = f"/api/v1/billing/webhooks/cardconnect{path}"
    data = json.dumps(body or HINT)
    return client.post(address, data, content_type="application/json").status_code


class TestIntake:
    def test_the_secret_address_takes_each_payment_once(
        self, client: Client, account: MerchantAccount
    ) -> None:
        for path in (f"/{account.pk}-{SECRET}", f"/{account.pk.hex}-{SECRET}/"):
            assert post(client, path) == 200

        [event] = InboxEvent.objects.all()
        assert (event.provider, event.account, event.type) == (
            "cardconnect",
            account.pk,
            "hosted.paid",
        )
        assert FNOR_MID in str(event.payload)

    @pytest.mark.parametrize(
        "suffix", ["", "-", "-wrong", "-" + SECRET[:-1], "-" + SECRET.lower(), SECRET]
    )
    def test_no_other_address_is_there(
        self, client: Client, account: MerchantAccount, suffix: str
    ) -> None:
        assert post(client, f"/{account.pk}{suffix}") == 404
        assert not InboxEvent.objects.exists()

    def test_the_platforms_plain_address_is_none(self, client: Client, db: None) -> None:
        assert post(client, "") == 404

    @pytest.mark.parametrize("secret", ["", "short", "x" * 21])
    def test_a_weak_secret_opens_nothing(
        self, client: Client, account: MerchantAccount, secret: str
    ) -> None:
        account.webhook_secret = secret
        account.save()

        for suffix in (f"-{secret}", ""):
            assert post(client, f"/{account.pk}{suffix}") == 404

    def test_an_account_that_is_off_takes_nothing(
        self, client: Client, account: MerchantAccount
    ) -> None:
        account.is_active = False
        account.save()

        assert post(client, f"/{account.pk}-{SECRET}") == 404

    def test_what_names_no_transaction_is_refused(
        self, client: Client, account: MerchantAccount
    ) -> None:
        body = {"merchantId": FNOR_MID, "gatewayTransactionId": "x"}

        assert post(client, f"/{account.pk}-{SECRET}", body) == 400
        assert not InboxEvent.objects.exists()

    def test_the_address_is_not_logged(self, account: MerchantAccount) -> None:
        line = f"Not Found: /api/v1/billing/webhooks/cardconnect/{account.pk}-{SECRET}"

        assert SECRET not in logs.redact(line)
        assert str(account.pk) in logs.redact(line)
