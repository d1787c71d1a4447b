"""What every driver must do in the same way, whoever moves the money.

Each scenario runs over all providers of `SANDBOXES`; one that a provider has no means for asks its
capabilities. So a service never needs to know which provider it talks to.
"""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings

from billing.drivers.base import (
    Capabilities,
    DriverRejected,
    DriverUnavailable,
    ObjectMissing,
    OutcomeUnknown,
    SignatureInvalid,
)
from billing.enums import FINAL_STATUSES, AttemptState, Provider, SubscriptionStatus
from billing.types import CouponSpec, DiscountRef, NormalizedEvent, Subject, SubscriptionSnapshot
from tests.contract.sandboxes import SANDBOXES, Sandbox, new_key

SECRET = "whsec_sharedscenariosshared00000"


@pytest.fixture(params=list(SANDBOXES), ids=str, scope="module")
def running(request: pytest.FixtureRequest) -> Iterator[tuple[Sandbox, Any]]:
    """Each provider's simulator in turn, with what it set."""
    chosen: dict[str, Any] = {}

    class Recorder:
        def __setattr__(self, name: str, value: object) -> None:
            chosen[name] = value

    with SANDBOXES[request.param].started(Recorder()) as sandbox:
        yield sandbox, chosen


@pytest.fixture
def sandbox(running: tuple[Sandbox, dict[str, Any]], settings: Any) -> Sandbox:
    """The provider that a scenario runs on."""
    for name, value in running[1].items():
        setattr(settings, name, value)
    return running[0]


@pytest.fixture
def subscribing(sandbox: Sandbox) -> Sandbox:
    """A provider that has subscriptions of its own."""
    return _able(sandbox, "subscriptions")


@pytest.fixture
def signing(sandbox: Sandbox) -> Sandbox:
    """A provider that signs what it tells us."""
    return _able(sandbox, "signed_webhooks")


@pytest.fixture
def saving(sandbox: Sandbox) -> Sandbox:
    """A provider that keeps what its payers can pay with."""
    return _able(sandbox, "payment_methods")


def _able(sandbox: Sandbox, capability: str) -> Sandbox:
    if not getattr(sandbox.driver.capabilities, capability):
        pytest.skip(f"{sandbox.provider} has no {capability}")
    return sandbox


def start(sandbox: Sandbox, card: str) -> SubscriptionSnapshot:
    return sandbox.driver.create_subscription(sandbox.new_start(card), idempotency_key=new_key())


def state_of(snapshot: SubscriptionSnapshot) -> AttemptState | None:
    assert snapshot.latest_payment is not None
    return snapshot.latest_payment.state


def test_every_configured_provider_runs_through_the_scenarios() -> None:
    assert {str(provider) for provider in SANDBOXES} == set(django_settings.PAYMENT_DRIVERS)


class TestDriver:
    def test_says_who_it_is_and_what_it_can_do(self, sandbox: Sandbox) -> None:
        assert sandbox.driver.name is sandbox.provider
        assert isinstance(sandbox.driver.capabilities, Capabilities)


class TestStarting:
    def test_a_good_card_pays(self, subscribing: Sandbox) -> None:
        spec = subscribing.new_start(subscribing.good_card)

        snapshot = subscribing.driver.create_subscription(spec, idempotency_key=new_key())

        assert snapshot.provider is subscribing.provider
        assert snapshot.status is SubscriptionStatus.ACTIVE
        assert snapshot.our_id == spec.our_id
        assert snapshot.organization_id == spec.organization_id
        assert snapshot.external_customer_id == spec.external_customer_id
        assert snapshot.external_price_id == spec.external_price_id
        assert snapshot.seats == 2
        assert snapshot.current_period_start is not None
        assert snapshot.current_period_end is not None
        assert snapshot.current_period_start < snapshot.current_period_end
        assert snapshot.current_period_end.utcoffset() is not None
        assert state_of(snapshot) is AttemptState.SUCCEEDED

    def test_a_refused_card_is_an_answer_and_no_exception(self, subscribing: Sandbox) -> None:
        snapshot = start(subscribing, subscribing.refused_card)

        assert snapshot.status is SubscriptionStatus.INCOMPLETE
        assert state_of(snapshot) is AttemptState.FAILED
        assert snapshot.latest_payment is not None
        assert snapshot.latest_payment.decline_code == subscribing.refusal

    def test_a_card_that_asks_its_holder_waits(self, subscribing: Sandbox) -> None:
        if not subscribing.asking_card:
            pytest.skip(f"{subscribing.provider} never asks")

        snapshot = start(subscribing, subscribing.asking_card)

        assert snapshot.status is SubscriptionStatus.INCOMPLETE
        assert state_of(snapshot) is AttemptState.REQUIRES_ACTION
        secret = subscribing.driver.client_secret(snapshot.external_id)
        assert snapshot.latest_payment is not None
        assert secret == snapshot.latest_payment.client_secret
        assert secret
        assert secret not in repr(snapshot)

    def test_asking_later_tells_the_same(self, subscribing: Sandbox) -> None:
        created = start(subscribing, subscribing.good_card)

        assert subscribing.driver.retrieve_subscription(created.external_id) == created

    def test_what_does_not_exist_is_said_to_be_missing(self, subscribing: Sandbox) -> None:
        with pytest.raises(ObjectMissing):
            subscribing.driver.retrieve_subscription("nothing")


class TestCoupons:
    def coupon(self, sandbox: Sandbox) -> str:
        code = new_key()[4:16].upper()
        spec = CouponSpec("1", code, "Welcome", "repeating", percent_off="20", duration_months=3)
        first = sandbox.driver.ensure_coupon(spec, idempotency_key=new_key())
        assert sandbox.driver.ensure_coupon(spec, idempotency_key=new_key()) == first
        return first

    def test_of_ours_lie_on_what_is_started_with_them(self, subscribing: Sandbox) -> None:
        spec = dataclasses.replace(
            subscribing.new_start(subscribing.good_card),
            discount=DiscountRef(self.coupon(subscribing)),
        )

        snapshot = subscribing.driver.create_subscription(spec, idempotency_key=new_key())

        assert snapshot.status is SubscriptionStatus.ACTIVE
        (discount,) = snapshot.discounts
        assert (discount.name, discount.percent_off) == ("Welcome", "20")
        assert discount.ends_at is not None

    def test_of_nobody_are_not_found(self, subscribing: Sandbox) -> None:
        assert subscribing.driver.find_discount(new_key()[4:16]) is None


class TestUnknownOutcomes:
    def test_a_start_that_went_through_is_found_by_our_id(self, subscribing: Sandbox) -> None:
        spec = subscribing.new_start(subscribing.good_card)
        subscribing.lose_next_answer(processed=True)

        with pytest.raises(OutcomeUnknown):
            subscribing.driver.create_subscription(spec, idempotency_key=new_key())

        found = subscribing.driver.find_subscription(
            our_id=spec.our_id, external_customer_id=spec.external_customer_id
        )
        assert found is not None
        assert found.status is SubscriptionStatus.ACTIVE
        assert state_of(found) is AttemptState.SUCCEEDED

    def test_a_start_that_did_not_is_not_found(self, subscribing: Sandbox) -> None:
        spec = subscribing.new_start(subscribing.good_card)
        subscribing.lose_next_answer(processed=False)

        with pytest.raises(OutcomeUnknown):
            subscribing.driver.create_subscription(spec, idempotency_key=new_key())

        found = subscribing.driver.find_subscription(
            our_id=spec.our_id, external_customer_id=spec.external_customer_id
        )
        assert found is None

    def test_the_same_key_charges_once(self, subscribing: Sandbox) -> None:
        spec, key = subscribing.new_start(subscribing.good_card), new_key()
        subscribing.lose_next_answer(processed=True)
        with pytest.raises(OutcomeUnknown):
            subscribing.driver.create_subscription(spec, idempotency_key=key)
        found = subscribing.driver.find_subscription(
            our_id=spec.our_id, external_customer_id=spec.external_customer_id
        )

        again = subscribing.driver.create_subscription(spec, idempotency_key=key)

        assert again == found

    def test_what_was_never_sent_is_not_processed(self, sandbox: Sandbox, settings: Any) -> None:
        sandbox.refuse_connections(settings)

        with pytest.raises(DriverUnavailable) as caught:
            sandbox.new_payer()

        assert caught.value.code == "API_ERROR"


class TestEnding:
    def test_ends_now_and_only_once(self, subscribing: Sandbox) -> None:
        created = start(subscribing, subscribing.good_card)

        ended = subscribing.driver.cancel_subscription(
            created.external_id, idempotency_key=new_key()
        )
        again = subscribing.driver.cancel_subscription(
            created.external_id, idempotency_key=new_key()
        )

        assert ended.status is SubscriptionStatus.CANCELED
        assert ended.ended_at is not None
        assert again == ended

    def test_an_unpaid_start_can_be_given_up(self, subscribing: Sandbox) -> None:
        created = start(subscribing, subscribing.refused_card)

        given_up = subscribing.driver.abandon_subscription(
            created.external_id, idempotency_key=new_key()
        )

        assert given_up.status in FINAL_STATUSES
        assert subscribing.driver.client_secret(created.external_id) == ""

    def test_a_paid_one_can_not(self, subscribing: Sandbox) -> None:
        created = start(subscribing, subscribing.good_card)

        with pytest.raises(DriverRejected):
            subscribing.driver.abandon_subscription(created.external_id, idempotency_key=new_key())

        assert subscribing.driver.retrieve_subscription(created.external_id) == created


class TestPayers:
    def test_a_saved_card_is_shown_without_its_number(self, saving: Sandbox) -> None:
        payer = saving.new_payer()

        method = attach(saving, payer)

        found = saving.driver.retrieve_payer(payer)
        assert (found.provider, found.external_id) == (saving.provider, payer)
        assert [row.external_id for row in found.methods] == [method]
        shown = found.methods[0]
        assert (len(shown.last4), shown.exp_month in range(1, 13)) == (4, True)
        assert shown.kind == "card"
        assert shown.fingerprint

    def test_saving_it_again_keeps_one(self, saving: Sandbox) -> None:
        payer = saving.new_payer()
        method = attach(saving, payer)

        assert attach(saving, payer, method) == method

        assert len(saving.driver.retrieve_payer(payer).methods) == 1

    def test_a_card_that_can_not_be_saved_is_declined(self, saving: Sandbox) -> None:
        payer = saving.new_payer()

        with pytest.raises(DriverRejected) as caught:
            attach(saving, payer, saving.unsavable_card)

        assert caught.value.code == "CARD_DECLINED"
        assert saving.driver.retrieve_payer(payer).methods == ()

    def test_one_of_several_is_the_default(self, saving: Sandbox) -> None:
        payer = saving.new_payer()
        attach(saving, payer)
        chosen = attach(saving, payer)

        for _ in range(2):  # twice is once
            saving.driver.set_default_payment_method(
                external_customer_id=payer, payment_method=chosen, idempotency_key=new_key()
            )

        assert saving.driver.retrieve_payer(payer).default_method_id == chosen

    def test_a_subscription_is_charged_to_the_default_too(self, saving: Sandbox) -> None:
        started = start(_able(saving, "subscriptions"), saving.good_card)
        chosen = attach(saving, started.external_customer_id)

        saving.driver.set_default_payment_method(
            external_customer_id=started.external_customer_id,
            payment_method=chosen,
            external_subscription_id=started.external_id,
            idempotency_key=new_key(),
        )

        again = saving.driver.retrieve_subscription(started.external_id)
        assert again.default_method_id == chosen

    def test_a_method_is_taken_off_and_only_once(self, saving: Sandbox) -> None:
        payer = saving.new_payer()
        method = attach(saving, payer)

        for _ in range(2):
            saving.driver.detach_payment_method(method, idempotency_key=new_key())

        assert saving.driver.retrieve_payer(payer).methods == ()

    def test_a_browser_gets_what_it_needs_for_a_card(self, saving: Sandbox) -> None:
        prepared = saving.driver.create_setup_intent(saving.new_payer(), idempotency_key=new_key())

        assert prepared.external_id
        assert prepared.client_secret
        assert prepared.client_secret not in repr(prepared)

    def test_bills_can_go_elsewhere(self, sandbox: Sandbox) -> None:
        payer = sandbox.new_payer()

        sandbox.driver.update_customer(
            payer, email="bills@acme.example", name="Acme", idempotency_key=new_key()
        )

        assert sandbox.driver.retrieve_payer(payer).email == "bills@acme.example"

    def test_who_does_not_exist_is_said_to_be_missing(self, sandbox: Sandbox) -> None:
        with pytest.raises(ObjectMissing):
            sandbox.driver.retrieve_payer("nobody")

    def test_a_page_for_payers_has_an_address(self, sandbox: Sandbox) -> None:
        portal = _able(sandbox, "portal")

        address = portal.driver.create_portal_session(
            portal.new_payer(), return_url="https://till.test/", idempotency_key=new_key()
        )

        assert address.startswith("http")


def attach(sandbox: Sandbox, payer: str, card: str = "") -> str:
    return sandbox.driver.attach_payment_method(
        card or sandbox.good_card, external_customer_id=payer, idempotency_key=new_key()
    )


class TestWebhooks:
    def test_its_own_events_are_believed(self, signing: Sandbox) -> None:
        event = _some_event(signing)
        body = json.dumps(event).encode()

        webhook = signing.driver.verify_webhook(body, signing.sign(body, SECRET), secret=SECRET)

        assert json.loads(webhook.body) == event
        assert webhook.external_id
        assert webhook.type

    def test_nobody_elses_are(self, signing: Sandbox) -> None:
        body = json.dumps(_some_event(signing)).encode()

        for headers in ({}, signing.sign(body, "whsec_other"), signing.sign(b"{}", SECRET)):
            with pytest.raises(SignatureInvalid):
                signing.driver.verify_webhook(body, headers, secret=SECRET)

    def test_a_start_leads_back_to_itself(self, subscribing: Sandbox) -> None:
        created = start(subscribing, subscribing.good_card)

        told = [
            event
            for event in _normalized(subscribing)
            if event.subject == Subject("subscription", created.external_id)
        ]

        assert {event.external_customer_id for event in told} == {created.external_customer_id}
        assert all(event.provider is subscribing.provider for event in told)
        # One payment is one fact, however many events tell of it.
        facts = {(event.fact.kind, event.fact.external_id) for event in told if event.fact}
        assert [kind for kind, _ in facts] == ["payment_succeeded"]

    def test_a_refused_payment_is_a_fact(self, subscribing: Sandbox) -> None:
        created = start(subscribing, subscribing.refused_card)

        facts = {
            (event.fact.kind, event.fact.external_id): event.fact
            for event in _normalized(subscribing)
            if event.fact and event.subject == Subject("subscription", created.external_id)
        }

        assert [kind for kind, _ in facts] == ["payment_failed"]
        fact = next(iter(facts.values()))
        assert (fact.amount_minor, fact.currency) == (5800, "USD")

    def test_what_happens_to_a_method_leads_to_its_payer(self, saving: Sandbox) -> None:
        payer = saving.new_payer()
        method = attach(saving, payer)
        saving.driver.detach_payment_method(method, idempotency_key=new_key())

        told = [
            event.type
            for event in _normalized(_able(saving, "signed_webhooks"))
            if event.subject == Subject("customer", payer)
        ]

        assert told == ["billing.payment_method.attached", "billing.payment_method.detached"]

    def test_every_event_has_a_name_of_ours(self, sandbox: Sandbox) -> None:
        _some_event(sandbox)

        names = {event.type for event in _normalized(sandbox)}

        assert names
        assert all(name.startswith("billing.") and name.count(".") == 2 for name in names)


def _some_event(sandbox: Sandbox) -> dict[str, Any]:
    sandbox.new_payer()
    return sandbox.events()[-1]


def _normalized(sandbox: Sandbox) -> list[NormalizedEvent]:
    return [sandbox.driver.normalize_webhook(event) for event in sandbox.events()]


@pytest.mark.django_db
class TestMirror:
    def test_only_what_it_keeps_is_copied(self, sandbox: Sandbox) -> None:
        assert sandbox.driver.copy_to_mirror(Subject("nothing", "x")) is False

    def test_a_payer_is_copied_if_there_is_a_mirror(self, sandbox: Sandbox) -> None:
        copied = sandbox.driver.copy_to_mirror(Subject("customer", sandbox.new_payer()))

        assert copied is sandbox.driver.capabilities.mirror


def test_providers_are_the_ones_we_know() -> None:
    assert set(SANDBOXES) <= set(Provider)
