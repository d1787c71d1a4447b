"""The page of one checkout: its stages, and who gets to see which."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.enums import AttemptState, CheckoutMode, CheckoutStatus, SubscriptionStatus
from billing.models import CheckoutSession, PaymentAttempt, Price, Subscription
from billing.selectors import checkouts
from billing.services import checkout
from orgs import clock
from orgs.models import Organization, User
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db

NONCE = re.compile(r'name="nonce" value="([^"]+)"')
PAYER = "the address is the only credential"


def open_checkout(
    organization: Organization, price: Price | None, **more: Any
) -> tuple[CheckoutSession, str]:
    """Open a checkout on our page; return it and the token in its address."""
    opened = checkout.open_hosted_page(
        organization=organization, price=price, now=clock.now(), **more
    )
    return opened.session, opened.url.partition("token=")[2]


def address_of(session: CheckoutSession, name: str = "session") -> str:
    return reverse(f"billing-checkout-{name}", args=[session.pk])


def text_of(client: Client, session: CheckoutSession) -> str:
    response = client.get(address_of(session))
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    return response.content.decode()


def pay(client: Client, session: CheckoutSession, card: str, nonce: str = "") -> str:
    """Send the form of the page; return the text of the page that follows."""
    if not nonce:
        found = NONCE.search(text_of(client, session))
        assert found is not None
        nonce = found[1]
    form = {"payment_method": card, "nonce": nonce}
    response = client.post(address_of(session), form, follow=True)
    assert response.redirect_chain == [(address_of(session), 302)]
    return response.content.decode()


@pytest.fixture
def session(org: Organization, catalogue: dict[str, Price]) -> CheckoutSession:
    """An open checkout of Acme for Starter by the month."""
    return open_checkout(org, catalogue["starter:month"])[0]


@pytest.fixture
def payer(client: Client, alice: User) -> Client:
    """Alice's browser."""
    client.force_login(alice)
    return client


class TestPaying:
    def test_shows_the_order_and_where_the_card_goes(
        self, payer: Client, session: CheckoutSession, settings: Any
    ) -> None:
        text = text_of(payer, session)

        assert "Pay for Starter" in text
        assert "Pay $29.00" in text
        assert "Card details go directly to Stripe; Till never sees them." in text
        assert f'src="{settings.STRIPE_JS_URL}"' in text
        assert settings.STRIPE_PUBLISHABLE_KEY in text
        assert settings.STRIPE_SECRET_KEY not in text

    def test_with_a_good_card_is_active_at_once(
        self, payer: Client, session: CheckoutSession
    ) -> None:
        text = pay(payer, session, "pm_card_visa")

        assert "Starter is active" in text
        assert "Next charge" in text
        assert "alice@example.com" not in text
        assert session.organization.email in text
        session.refresh_from_db()
        assert session.status == CheckoutStatus.COMPLETE

    def test_twice_with_the_same_form_charges_once(
        self, payer: Client, session: CheckoutSession, stripe: StripeSimulator
    ) -> None:
        since = len(stripe.requests())
        nonce = "n" * 32

        pay(payer, session, "pm_card_visa", nonce)
        text = pay(payer, session, "pm_card_visa", nonce)

        assert "Starter is active" in text
        assert Subscription.objects.count() == 1
        started = [
            request
            for request in stripe.requests()[since:]
            if (request["method"], request["path"]) == ("POST", "/v1/subscriptions")
        ]
        assert len(started) == 1

    def test_with_two_forms_charges_once(self, payer: Client, session: CheckoutSession) -> None:
        pay(payer, session, "pm_card_visa", "a" * 32)
        text = pay(payer, session, "pm_card_visa", "b" * 32)

        assert "Starter is active" in text
        assert Subscription.objects.count() == 1

    def test_with_a_declined_card_says_so_and_offers_another_try(
        self, payer: Client, session: CheckoutSession
    ) -> None:
        text = pay(payer, session, "pm_card_chargeDeclined")

        assert "The payment was not taken" in text
        assert "Your card was declined. Please try another payment method." in text
        assert "Nothing was charged." in text
        assert "Contact support" in text
        assert "Starter is active" in pay(payer, session, "pm_card_visa")

    def test_says_what_the_payer_can_do_about_a_refusal(
        self, payer: Client, session: CheckoutSession
    ) -> None:
        text = pay(payer, session, "pm_card_chargeDeclinedInsufficientFunds")

        assert "The card has insufficient funds." in text

    @pytest.mark.parametrize(
        "form",
        [
            {},
            {"payment_method": "pm_card_visa"},
            {"payment_method": "pm_card_visa", "nonce": "short"},
            {"payment_method": "", "nonce": "n" * 32},
            {"payment_method": "4242 4242 4242 4242", "nonce": "n" * 32},
            {"payment_method": "pm_\x00", "nonce": "n" * 32},
        ],
    )
    def test_asks_again_when_the_form_was_not_filled_by_the_element(
        self, payer: Client, session: CheckoutSession, form: dict[str, str]
    ) -> None:
        response = payer.post(address_of(session), form, follow=True)

        assert "The card could not be read." in response.content.decode()
        assert not Subscription.objects.exists()

    def test_says_that_the_provider_is_not_available(
        self, payer: Client, session: CheckoutSession, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(path="/v1/customers", status=429, times=10)

        text = pay(payer, session, "pm_card_visa")

        assert "That did not work" in text
        assert "Too many requests. Please try again later." in text
        stripe.clear_faults()
        assert "Starter is active" in pay(payer, session, "pm_card_visa")

    def test_needs_a_csrf_token(self, alice: User, session: CheckoutSession) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(alice)
        form = {"payment_method": "pm_card_visa", "nonce": "n" * 32}

        response = client.post(address_of(session), form)

        assert response.status_code == 403
        assert not Subscription.objects.exists()

    def test_beside_a_live_subscription_is_not_offered(
        self, payer: Client, session: CheckoutSession, catalogue: dict[str, Price]
    ) -> None:
        other, _ = open_checkout(session.organization, catalogue["professional:month"])
        pay(payer, session, "pm_card_visa")

        text = text_of(payer, other)

        assert "Nothing to pay" in text
        assert "data-card-form" not in text


class TestBank:
    def test_asks_its_question_before_anything_is_active(
        self, payer: Client, session: CheckoutSession
    ) -> None:
        text = pay(payer, session, "pm_card_threeDSecure2Required")

        assert "Confirm with your bank" in text
        secret = re.search(r'data-client-secret="(pi_\w+_secret_\w+)"', text)
        assert secret is not None
        assert payer.get(address_of(session, "state")).json() == {"stage": "action"}

    def test_secret_is_shown_to_payers_only(
        self, payer: Client, bob: User, session: CheckoutSession
    ) -> None:
        pay(payer, session, "pm_card_threeDSecure2Required")
        viewer = Client()
        viewer.force_login(bob)

        text = text_of(viewer, session)

        assert "Confirm with your bank" in text
        assert "_secret_" not in text

    def test_secret_is_not_stored(self, payer: Client, session: CheckoutSession) -> None:
        pay(payer, session, "pm_card_threeDSecure2Required")

        for row in (CheckoutSession.objects.get(), PaymentAttempt.objects.get()):
            assert "_secret_" not in str(vars(row))

    def test_that_can_not_be_asked_says_so(
        self, payer: Client, session: CheckoutSession, stripe: StripeSimulator
    ) -> None:
        pay(payer, session, "pm_card_threeDSecure2Required")
        stripe.add_fault(path="/v1/subscriptions", status=500, times=10)

        text = text_of(payer, session)

        assert "An error occurred with our payment provider." in text
        assert "Look again" in text

    def test_answered_is_noticed_ahead_of_the_webhook(
        self, payer: Client, session: CheckoutSession, stripe: StripeSimulator
    ) -> None:
        text = pay(payer, session, "pm_card_threeDSecure2Required")
        self.answer(stripe, text, outcome="pass")

        response = payer.post(address_of(session, "confirmed"), follow=True)

        assert "Starter is active" in response.content.decode()

    def test_answered_with_no_offers_another_try(
        self, payer: Client, session: CheckoutSession, stripe: StripeSimulator
    ) -> None:
        text = pay(payer, session, "pm_card_threeDSecure2Required")
        self.answer(stripe, text, outcome="fail")

        response = payer.post(address_of(session, "confirmed"), follow=True)

        assert "Your bank did not confirm the payment." in response.content.decode()
        assert "Starter is active" in pay(payer, session, "pm_card_visa")

    def test_provider_that_does_not_answer_changes_nothing(
        self, payer: Client, session: CheckoutSession, stripe: StripeSimulator
    ) -> None:
        pay(payer, session, "pm_card_threeDSecure2Required")
        stripe.add_fault(path="/v1/subscriptions", status=500, times=10)

        response = payer.post(address_of(session, "confirmed"))

        assert response.status_code == 302
        assert payer.get(address_of(session, "state")).json() == {"stage": "action"}

    def test_can_be_left_for_another_card(self, payer: Client, session: CheckoutSession) -> None:
        pay(payer, session, "pm_card_threeDSecure2Required")

        response = payer.post(address_of(session, "restart"))
        fresh = CheckoutSession.objects.exclude(pk=session.pk).get()

        assert response["Location"] == address_of(fresh)
        assert "Starter is active" in pay(payer, fresh, "pm_card_visa")
        statuses = Subscription.objects.order_by("created_at").values_list("status", flat=True)
        assert statuses[1] == SubscriptionStatus.ACTIVE
        assert statuses[0] in (SubscriptionStatus.CANCELED, SubscriptionStatus.INCOMPLETE_EXPIRED)

    @staticmethod
    def answer(stripe: StripeSimulator, text: str, *, outcome: str) -> None:
        """Answer the bank's question, as the payer does in its frame."""
        found = re.search(r'data-client-secret="((pi_\w+?)_secret_\w+)"', text)
        assert found is not None
        response = stripe.http.post(
            f"/3ds/{found[2]}", data={"client_secret": found[1], "outcome": outcome}
        )
        assert response.status_code == 200, response.text


class TestWaiting:
    @pytest.fixture
    def waiting(
        self, payer: Client, session: CheckoutSession, stripe: StripeSimulator, settings: Any
    ) -> str:
        """The page after a payment whose answer was lost on the way."""
        stripe.add_fault(method="POST", path="/v1/subscriptions", action="reset_after", times=1)
        return pay(payer, session, "pm_card_visa")

    def test_shows_that_it_is_being_confirmed(
        self, payer: Client, session: CheckoutSession, waiting: str
    ) -> None:
        assert "Confirming your payment" in waiting
        assert 'http-equiv="refresh"' in waiting
        assert "data-card-form" not in waiting
        assert PaymentAttempt.objects.get().state == AttemptState.UNKNOWN
        assert payer.get(address_of(session, "state")).json() == {"stage": "pending"}

    def test_can_not_be_paid_again(
        self, payer: Client, session: CheckoutSession, waiting: str
    ) -> None:
        text = pay(payer, session, "pm_card_visa", "z" * 32)

        assert "Confirming your payment" in text
        assert Subscription.objects.count() == 1


class TestStage:
    @pytest.mark.parametrize(
        "query",
        ["status=succeeded", "redirect_status=succeeded&payment_intent=pi_1", "stage=succeeded"],
    )
    def test_is_never_taken_from_the_address(
        self, payer: Client, session: CheckoutSession, query: str
    ) -> None:
        response = payer.get(f"{address_of(session)}?{query}")

        assert "Pay $29.00" in response.content.decode()

    def test_is_pending_when_the_payment_arrives_while_we_look(
        self, payer: Client, session: CheckoutSession
    ) -> None:
        pay(payer, session, "pm_card_threeDSecure2Required")
        seen = CheckoutSession.objects.select_related("subscription").get()
        PaymentAttempt.objects.update(state=AttemptState.SUCCEEDED)

        assert checkouts.progress(seen, now=clock.now()).stage == "pending"

    def test_is_over_after_an_hour(self, payer: Client, session: CheckoutSession) -> None:
        CheckoutSession.objects.update(expires_at=clock.now() - timedelta(seconds=1))

        text = text_of(payer, session)

        assert "This checkout has expired" in text
        assert "Start again" in text
        pay(payer, session, "pm_card_visa", "n" * 32)
        assert not Subscription.objects.exists()

    def test_of_a_plan_that_has_ended_since_does_not_call_it_active(
        self, payer: Client, session: CheckoutSession
    ) -> None:
        pay(payer, session, "pm_card_visa")
        Subscription.objects.update(status=SubscriptionStatus.CANCELED, ended_at=clock.now())

        text = text_of(payer, session)

        assert "Starter was paid" in text
        assert "Starter is active" not in text
        assert "Next charge" not in text

    def test_leads_on_to_the_success_address(
        self, payer: Client, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        session, _ = open_checkout(
            org, catalogue["starter:month"], success_url="https://shop.example/thanks?a=1&b=2"
        )

        text = pay(payer, session, "pm_card_visa")

        assert 'href="https://shop.example/thanks?a=1&amp;b=2"' in text


class TestChoosingWithin:
    def test_shows_the_plans_and_keeps_the_choice(
        self, payer: Client, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        session, _ = open_checkout(org, None)
        assert "Choose Starter" in text_of(payer, session)

        response = payer.post(
            address_of(session, "plan"), {"plan": "starter", "interval": "year"}, follow=True
        )

        assert "Pay $290.00" in response.content.decode()
        session.refresh_from_db()
        assert session.price == catalogue["starter:year"]

    def test_starts_the_free_plan_at_once(
        self, payer: Client, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        session, _ = open_checkout(org, None)

        response = payer.post(address_of(session, "plan"), {"plan": "free"}, follow=True)

        assert "Free is active" in response.content.decode()

    def test_says_why_a_plan_can_not_be_chosen(
        self, payer: Client, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        session, _ = open_checkout(org, None)

        response = payer.post(address_of(session, "plan"), {"plan": "enterprise"}, follow=True)

        assert "Please contact sales." in response.content.decode()

    def test_does_not_change_a_price_that_was_set(
        self, payer: Client, session: CheckoutSession
    ) -> None:
        payer.post(address_of(session, "plan"), {"plan": "free"})

        assert "Pay $29.00" in text_of(payer, session)

    def test_is_over_with_the_checkout(
        self, payer: Client, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        session, _ = open_checkout(org, None)
        CheckoutSession.objects.update(expires_at=clock.now() - timedelta(seconds=1))

        response = payer.post(address_of(session, "plan"), {"plan": "starter"}, follow=True)

        assert "This checkout has expired" in response.content.decode()

    def test_is_not_for_viewers(
        self, client: Client, bob: User, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        session, _ = open_checkout(org, None)
        client.force_login(bob)

        assert "Not paid yet" in text_of(client, session)
        assert client.post(address_of(session, "plan"), {"plan": "free"}).status_code == 403


class TestProvidersPage:
    def test_is_a_way_without_any_script(
        self, payer: Client, session: CheckoutSession, stripe: StripeSimulator
    ) -> None:
        response = payer.post(address_of(session, "provider"))

        assert response.status_code == 302
        assert response["Location"].startswith(stripe.base_url)

    def test_waits_for_the_payer_and_leads_back_there(
        self, payer: Client, session: CheckoutSession
    ) -> None:
        first = payer.post(address_of(session, "provider"))
        elsewhere = CheckoutSession.objects.get(mode=CheckoutMode.HOSTED_PROVIDER)

        text = text_of(payer, elsewhere)
        again = payer.post(address_of(elsewhere, "provider"))

        assert "Waiting for Stripe" in text
        assert again["Location"] == first["Location"]
        assert CheckoutSession.objects.count() == 2

    def test_can_be_left_for_a_card_here(self, payer: Client, session: CheckoutSession) -> None:
        payer.post(address_of(session, "provider"))
        elsewhere = CheckoutSession.objects.get(mode=CheckoutMode.HOSTED_PROVIDER)

        payer.post(address_of(elsewhere, "restart"))
        fresh = CheckoutSession.objects.order_by("created_at").last()

        assert fresh is not None
        assert "Starter is active" in pay(payer, fresh, "pm_card_visa")
        elsewhere.refresh_from_db()
        assert elsewhere.status == CheckoutStatus.EXPIRED
        overview = payer.get("/settings/billing").content.decode()
        assert "The start of Starter was given up: it was never paid." in overview
        assert "Starter has ended." not in overview

    def test_that_can_not_be_opened_leads_back_with_a_sentence(
        self, payer: Client, session: CheckoutSession, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(path="/v1/checkout/sessions", status=429, times=10)

        response = payer.post(address_of(session, "provider"), follow=True)

        assert "Too many requests" in response.content.decode()

    @pytest.mark.parametrize("name", ["provider", "restart"])
    def test_is_over_with_the_checkout(
        self, payer: Client, session: CheckoutSession, name: str
    ) -> None:
        CheckoutSession.objects.update(expires_at=clock.now() - timedelta(seconds=1))

        response = payer.post(address_of(session, name), follow=True)

        assert "This checkout has expired" in response.content.decode()
        assert CheckoutSession.objects.count() == 1


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
