"""Who gets to see the page of one checkout."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from billing.models import CheckoutSession, Price, Subscription
from billing.services import checkout
from orgs import clock
from orgs.models import Organization, User
from tests.billing.checkout_steps import address_of, open_checkout, pay, text_of

pytestmark = pytest.mark.django_db


class TestToken:
    @pytest.fixture
    def opened(self, org: Organization, catalogue: dict[str, Price]) -> tuple[CheckoutSession, str]:
        return open_checkout(org, catalogue["starter:month"])

    def test_is_traded_for_a_clean_address(
        self, client: Client, opened: tuple[CheckoutSession, str]
    ) -> None:
        session, token = opened

        response = client.get(address_of(session), {"token": token})

        assert response.status_code == 302
        assert response["Location"] == address_of(session)
        assert response["Referrer-Policy"] == "no-referrer"
        assert response["Cache-Control"] == "no-store"

    def test_pays_without_a_login(
        self, client: Client, opened: tuple[CheckoutSession, str]
    ) -> None:
        session, token = opened
        client.get(address_of(session), {"token": token})

        text = pay(client, session, "pm_card_visa")

        assert "Starter is active" in text
        assert "You can close this page." in text

    def test_is_in_no_page(self, client: Client, opened: tuple[CheckoutSession, str]) -> None:
        session, token = opened
        response = client.get(address_of(session), {"token": token}, follow=True)

        assert token not in response.content.decode()
        assert checkout.token_hash(token) not in response.content.decode()

    def test_opens_this_one_checkout_only(
        self,
        client: Client,
        opened: tuple[CheckoutSession, str],
        catalogue: dict[str, Price],
    ) -> None:
        session, token = opened
        other, _ = open_checkout(session.organization, catalogue["starter:month"])
        client.get(address_of(session), {"token": token})

        assert client.get(address_of(other), {"token": token}).status_code == 404
        assert client.get(address_of(other)).status_code == 404
        assert client.get("/settings/billing").status_code == 302

    def test_gives_the_browser_a_new_session(
        self, client: Client, opened: tuple[CheckoutSession, str]
    ) -> None:
        session, token = opened
        client.get(address_of(session), {"token": token})
        before = client.session.session_key

        client.get(address_of(session), {"token": token})

        assert client.session.session_key != before

    def test_remembers_a_handful_of_checkouts(
        self, client: Client, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        made = [open_checkout(org, catalogue["starter:month"]) for _ in range(11)]
        for session, token in made:
            client.get(address_of(session), {"token": token})

        assert client.get(address_of(made[0][0])).status_code == 404
        assert client.get(address_of(made[10][0])).status_code == 200

    def test_lets_a_viewer_pay_who_was_sent_it(
        self, client: Client, bob: User, opened: tuple[CheckoutSession, str]
    ) -> None:
        session, token = opened
        client.force_login(bob)
        client.get(address_of(session), {"token": token})

        assert "Starter is active" in pay(client, session, "pm_card_visa")

    def test_can_not_prolong_itself(
        self, client: Client, opened: tuple[CheckoutSession, str]
    ) -> None:
        session, token = opened
        client.get(address_of(session), {"token": token})
        CheckoutSession.objects.update(expires_at=clock.now() - timedelta(seconds=1))

        text = text_of(client, session)

        assert "Start again" not in text
        assert "Ask Acme for a new link." in text


class TestStrangers:
    @pytest.fixture(params=["nobody", "charlie", "wrong token"])
    def stranger(
        self, request: Any, client: Client, charlie: User
    ) -> tuple[Client, dict[str, str]]:
        if request.param == "charlie":
            client.force_login(charlie)
        return client, {"token": "guess"} if request.param == "wrong token" else {}

    def test_get_the_same_page_for_every_id(
        self, stranger: tuple[Client, dict[str, str]], session: CheckoutSession
    ) -> None:
        client, query = stranger
        ids = (str(session.pk), str(uuid.uuid4()), "no-id", "%00")

        pages = [client.get(f"/settings/billing/checkout/{key}", query) for key in ids]

        assert [page.status_code for page in pages] == [404] * 4
        bodies = {
            re.sub(r'"/login\?next=[^"]*"|value="[^"]*"', "", page.content.decode())
            for page in pages
        }
        assert len(bodies) == 1

    @pytest.mark.parametrize("name", ["session", "plan", "confirmed", "provider", "restart"])
    def test_can_not_send_a_form(
        self, client: Client, charlie: User, session: CheckoutSession, name: str
    ) -> None:
        client.force_login(charlie)
        form = {"payment_method": "pm_card_visa", "nonce": "n" * 32, "plan": "free"}

        assert client.post(address_of(session, name), form).status_code == 404
        assert not Subscription.objects.exists()
        assert CheckoutSession.objects.count() == 1

    def test_learn_no_stage(self, client: Client, session: CheckoutSession) -> None:
        assert client.get(address_of(session, "state")).status_code == 404


class TestViewers:
    def test_see_where_it_stands(self, client: Client, bob: User, session: CheckoutSession) -> None:
        client.force_login(bob)

        text = text_of(client, session)

        assert "Not paid yet" in text
        assert "data-card-form" not in text

    @pytest.mark.parametrize("name", ["session", "confirmed", "provider", "restart"])
    def test_can_not_send_a_form(
        self, client: Client, bob: User, session: CheckoutSession, name: str
    ) -> None:
        client.force_login(bob)
        form = {"payment_method": "pm_card_visa", "nonce": "n" * 32}

        assert client.post(address_of(session, name), form).status_code == 403
        assert not Subscription.objects.exists()
