"""What every driver must do in the same way, whoever moves the money.

Each scenario runs over all providers of `SANDBOXES`; one that a provider has no means for asks its
capabilities. So a service never needs to know which provider it talks to.
"""

from typing import Any

import pytest
from django.conf import settings as django_settings

from billing.drivers.base import (
    Capabilities,
    DriverRejected,
    DriverUnavailable,
    ObjectMissing,
    OutcomeUnknown,
)
from billing.enums import FINAL_STATUSES, AttemptState, Provider, SubscriptionStatus
from billing.types import Subject
from tests.contract.driver_steps import start, state_of
from tests.contract.sandboxes import SANDBOXES, Sandbox, new_key


def test_every_configured_provider_runs_through_the_scenarios() -> None:
    assert {str(provider) for provider in SANDBOXES} == set(django_settings.PAYMENT_DRIVERS)


class TestDriver:
    def test_says_who_it_is_and_what_it_can_do(self, sandbox: Sandbox) -> None:
        assert sandbox.driver.name is sandbox.provider
        assert isinstance(sandbox.driver.capabilities, Capabilities)


class TestStarting:
    def test_a_good_card_pays(self, collecting: Sandbox) -> None:
        spec = collecting.new_start(collecting.good_card)

        snapshot = collecting.driver.create_subscription(spec, idempotency_key=new_key())

        assert snapshot.provider is collecting.provider
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

    def test_a_refused_card_is_an_answer_and_no_exception(self, collecting: Sandbox) -> None:
        snapshot = start(collecting, collecting.refused_card)

        assert snapshot.status is SubscriptionStatus.INCOMPLETE
        assert state_of(snapshot) is AttemptState.FAILED
        assert snapshot.latest_payment is not None
        assert snapshot.latest_payment.decline_code == collecting.refusal

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


class TestUnknownOutcomes:
    def test_a_start_that_went_through_is_found_by_our_id(self, collecting: Sandbox) -> None:
        spec = collecting.new_start(collecting.good_card)
        collecting.lose_next_answer(processed=True)

        with pytest.raises(OutcomeUnknown):
            collecting.driver.create_subscription(spec, idempotency_key=new_key())

        found = collecting.driver.find_subscription(
            our_id=spec.our_id, external_customer_id=spec.external_customer_id
        )
        assert found is not None
        assert found.status is SubscriptionStatus.ACTIVE
        assert state_of(found) is AttemptState.SUCCEEDED

    def test_a_start_that_did_not_is_not_found(self, collecting: Sandbox) -> None:
        spec = collecting.new_start(collecting.good_card)
        collecting.lose_next_answer(processed=False)

        with pytest.raises(OutcomeUnknown):
            collecting.driver.create_subscription(spec, idempotency_key=new_key())

        found = collecting.driver.find_subscription(
            our_id=spec.our_id, external_customer_id=spec.external_customer_id
        )
        assert found is None

    def test_the_same_key_charges_once(self, collecting: Sandbox) -> None:
        spec, key = collecting.new_start(collecting.good_card), new_key()
        collecting.lose_next_answer(processed=True)
        with pytest.raises(OutcomeUnknown):
            collecting.driver.create_subscription(spec, idempotency_key=key)
        found = collecting.driver.find_subscription(
            our_id=spec.our_id, external_customer_id=spec.external_customer_id
        )

        again = collecting.driver.create_subscription(spec, idempotency_key=key)

        assert again == found

    def test_what_was_never_sent_is_not_processed(self, remote: Sandbox, settings: Any) -> None:
        remote.refuse_connections(settings)

        with pytest.raises(DriverUnavailable) as caught:
            remote.new_payer()

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

    def test_an_unpaid_start_can_be_given_up(self, collecting: Sandbox) -> None:
        created = start(collecting, collecting.refused_card)

        given_up = collecting.driver.abandon_subscription(
            created.external_id, idempotency_key=new_key()
        )

        assert given_up.status in FINAL_STATUSES
        assert collecting.driver.client_secret(created.external_id) == ""

    def test_a_paid_one_can_not(self, subscribing: Sandbox) -> None:
        created = start(subscribing, subscribing.good_card)

        with pytest.raises(DriverRejected):
            subscribing.driver.abandon_subscription(created.external_id, idempotency_key=new_key())

        assert subscribing.driver.retrieve_subscription(created.external_id) == created


@pytest.mark.django_db
class TestMirror:
    def test_only_what_it_keeps_is_copied(self, sandbox: Sandbox) -> None:
        assert sandbox.driver.copy_to_mirror(Subject("nothing", "x")) is False

    def test_a_payer_is_copied_if_there_is_a_mirror(self, sandbox: Sandbox) -> None:
        copied = sandbox.driver.copy_to_mirror(Subject("customer", sandbox.new_payer()))

        assert copied is sandbox.driver.capabilities.mirror


def test_providers_are_the_ones_we_know() -> None:
    assert set(SANDBOXES) <= set(Provider)
