"""Starting with the engine: charged once, whatever becomes of the answer."""

import pytest

from billing.drivers.base import DriverRejected, DriverUnavailable, OutcomeUnknown
from billing.engine.models import EngineSubscription
from billing.enums import (
    AttemptKind,
    AttemptState,
    InvoiceStatus,
    ObligationKind,
    Provider,
    SubscriptionStatus,
)
from billing.models import PaymentAttempt
from billing.services import settlement
from billing.types import SubscriptionSnapshot
from tests.billing.builders import make_organization, make_subscription
from tests.billing.engine.engine_steps import MONTHLY, START, Shop, new_key
from tests.billing.engine.scripted_rail import DECLINED, DOWN, LOST, ScriptedRail

A = AttemptState
S = SubscriptionStatus


def state_of(snapshot: SubscriptionSnapshot | None) -> AttemptState | None:
    assert snapshot is not None
    assert snapshot.latest_payment is not None
    return snapshot.latest_payment.state


class TestCreateSubscription:
    def test_charges_the_first_period_and_runs(self, shop: Shop) -> None:
        running = shop.start(seats=3)

        assert (running.status, state_of(running)) == (S.ACTIVE, A.SUCCEEDED)
        assert running.current_period_start == START
        assert running.current_period_end == START.replace(month=2, day=28)
        invoice = running.latest_invoice
        assert invoice is not None
        assert (invoice.status, invoice.total_minor) == (InvoiceStatus.PAID, 3 * MONTHLY)
        assert invoice.number == "TILL-000001"
        (order,) = shop.rail.orders
        assert (order.amount_minor, order.currency, order.method_id) == (8700, "USD", shop.method)
        assert (order.initiator, order.is_recurring, order.stores_card) == ("payer", True, True)

    def test_commits_what_is_charged_before_it_is_charged(self, shop: Shop) -> None:
        shop.start()

        assert shop.rail.open_states == ["open sent"]

    def test_charges_with_the_reference_of_the_services_attempt(self, shop: Shop) -> None:
        subscription = make_subscription(shop.organization)
        attempt = PaymentAttempt.objects.get(obligation__subscription=subscription)
        PaymentAttempt.objects.filter(pk=attempt.pk).update(provider=Provider.CARDCONNECT)

        shop.start(key=attempt.idempotency_key, our_id=str(subscription.pk))

        assert [order.reference for order in shop.rail.orders] == [attempt.our_reference]
        attempt.refresh_from_db()
        assert attempt.state == A.SENT  # its service ends it

    def test_never_uses_another_organizations_attempt(self, shop: Shop) -> None:
        stranger = make_subscription(make_organization("Globex"))
        attempt = PaymentAttempt.objects.get(obligation__subscription=stranger)
        PaymentAttempt.objects.update(provider=Provider.CARDCONNECT)

        shop.start(key=attempt.idempotency_key)

        assert shop.rail.orders[0].reference != attempt.our_reference

    def test_opens_a_debt_and_an_attempt_where_nobody_has(self, shop: Shop) -> None:
        running = shop.start()

        attempt = PaymentAttempt.objects.get(organization=shop.organization)
        assert attempt.our_reference == shop.rail.orders[0].reference
        assert (attempt.kind, attempt.state) == (AttemptKind.CARD, A.SUCCEEDED)
        assert attempt.obligation.kind == ObligationKind.INVOICE
        assert attempt.obligation.state == "settled"
        assert attempt.obligation.invoice_external_id == running.latest_invoice_id

    def test_a_refused_card_leaves_it_incomplete(self, shop: Shop) -> None:
        shop.rail.answers = [DECLINED]

        declined = shop.start()

        assert (declined.status, state_of(declined)) == (S.INCOMPLETE, A.FAILED)
        assert declined.latest_payment is not None
        assert declined.latest_payment.decline_code == "insufficient_funds"

    def test_a_trial_charges_nothing(self, shop: Shop) -> None:
        trial = shop.start(trial_days=14)

        assert (trial.status, shop.rail.orders) == (S.TRIALING, [])
        assert trial.trial_end == trial.current_period_end == START.replace(month=2, day=14)
        assert trial.latest_invoice is not None
        assert (trial.latest_invoice.total_minor, trial.latest_invoice.status) == (0, "paid")

    def test_a_coupon_is_taken_off_and_lies_on_it(self, shop: Shop) -> None:
        running = shop.start(coupon=shop.coupon())

        assert shop.rail.orders[0].amount_minor == 2320
        (discount,) = running.discounts
        assert (discount.coupon, discount.percent_off) == ("TWENTY", "20")
        assert discount.ends_at == START.replace(month=4, day=30)

    def test_a_card_of_somebody_else_is_refused(self, shop: Shop) -> None:
        with pytest.raises(DriverRejected) as caught:
            shop.start(payment_method="cc_pm_of_globex")

        assert caught.value.detail == "payment_method_missing"
        assert not EngineSubscription.objects.filter(organization=shop.organization).exists()

    def test_who_pays_by_invoice_runs_at_once_and_owes(self, by_hand: Shop) -> None:
        running = by_hand.start(days_until_due=14)

        assert (running.status, state_of(running)) == (S.ACTIVE, None)
        invoice = running.latest_invoice
        assert invoice is not None
        assert (invoice.status, invoice.amount_remaining_minor) == (InvoiceStatus.OPEN, MONTHLY)
        assert invoice.due_at == START.replace(month=2, day=14)


class TestUnknownOutcomes:
    def test_one_that_went_through_is_found_and_never_sent_again(self, shop: Shop) -> None:
        shop.rail.answers = [LOST]
        spec, key = shop.spec(), new_key()
        with pytest.raises(OutcomeUnknown):
            shop.driver.create_subscription(spec, idempotency_key=key)

        found = self.find(shop, spec.our_id)
        again = shop.driver.create_subscription(spec, idempotency_key=key)

        assert (found.status, state_of(found)) == (S.ACTIVE, A.SUCCEEDED)
        assert again == found
        assert len(shop.rail.orders) == 1

    def test_while_nobody_can_say_it_is_neither_paid_nor_declined(self, shop: Shop) -> None:
        shop.rail.answers, shop.rail.can_say = [LOST], False
        spec, key = shop.spec(), new_key()
        for _ in range(2):
            with pytest.raises(OutcomeUnknown):
                shop.driver.create_subscription(spec, idempotency_key=key)

        with pytest.raises(DriverUnavailable):
            self.find(shop, spec.our_id)
        with pytest.raises(OutcomeUnknown):
            shop.driver.create_subscription(spec, idempotency_key=new_key())
        assert len(shop.rail.orders) == 1

    def test_one_that_never_arrived_is_absent_and_may_be_tried_again(self, shop: Shop) -> None:
        shop.rail.answers, shop.rail.loses_requests = [LOST], True
        spec = shop.spec()
        with pytest.raises(OutcomeUnknown):
            shop.driver.create_subscription(spec, idempotency_key=new_key())

        found = shop.driver.find_subscription(
            our_id=spec.our_id, external_customer_id=spec.external_customer_id
        )
        again = shop.driver.create_subscription(spec, idempotency_key=new_key())

        assert found is None
        assert again.status == S.ACTIVE
        assert EngineSubscription.objects.filter(organization=shop.organization).count() == 1
        references = [order.reference for order in shop.rail.orders]
        assert len(set(references)) == len(references) == 2
        assert shop.rail.total == MONTHLY

    def test_one_that_provably_was_not_sent_may_be_tried_again(self, shop: Shop) -> None:
        shop.rail.answers = [DOWN]
        spec = shop.spec()
        with pytest.raises(DriverUnavailable):
            shop.driver.create_subscription(spec, idempotency_key=new_key())

        again = shop.driver.create_subscription(spec, idempotency_key=new_key())

        assert (again.status, shop.rail.total) == (S.ACTIVE, MONTHLY)

    def test_a_process_that_died_while_charging_leaves_it_to_be_asked(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        charge = ScriptedRail.charge

        def charge_and_die(rail: ScriptedRail, order: object) -> None:
            charge(rail, order)  # type: ignore[arg-type]  # what the engine sends
            raise KeyboardInterrupt

        spec = shop.spec()
        with monkeypatch.context() as patched:
            patched.setattr(ScriptedRail, "charge", charge_and_die)
            with pytest.raises(KeyboardInterrupt):
                shop.driver.create_subscription(spec, idempotency_key=new_key())

        assert self.find(shop, spec.our_id).status == S.ACTIVE
        assert (len(shop.rail.orders), shop.rail.total) == (1, MONTHLY)

    def find(self, shop: Shop, our_id: str) -> SubscriptionSnapshot:
        found = shop.driver.find_subscription(our_id=our_id, external_customer_id=shop.payer)
        assert found is not None
        return found


class TestAbandonSubscription:
    def test_an_unpaid_one_can_not_be_paid_any_more(self, shop: Shop) -> None:
        shop.rail.answers = [DECLINED]
        declined = shop.start()

        given_up = shop.driver.abandon_subscription(declined.external_id, idempotency_key=new_key())

        assert given_up.status == S.INCOMPLETE_EXPIRED
        assert given_up.latest_invoice is not None
        assert given_up.latest_invoice.status == InvoiceStatus.VOID
        with pytest.raises(DriverRejected):
            shop.driver.pay_invoice(
                given_up.latest_invoice_id, payment_method="", idempotency_key=new_key()
            )

    def test_one_whose_charge_is_undecided_is_left_alone(self, shop: Shop) -> None:
        shop.rail.answers, shop.rail.can_say = [LOST], False
        spec = shop.spec()
        with pytest.raises(OutcomeUnknown):
            shop.driver.create_subscription(spec, idempotency_key=new_key())
        row = EngineSubscription.objects.get(our_id=spec.our_id)

        with pytest.raises(OutcomeUnknown):
            shop.driver.abandon_subscription(row.external_id, idempotency_key=new_key())

        row.refresh_from_db()
        assert row.status == S.INCOMPLETE

    def test_a_late_success_is_adopted_not_lost(self, shop: Shop) -> None:
        shop.rail.answers = [LOST]
        spec = shop.spec()
        with pytest.raises(OutcomeUnknown):
            shop.driver.create_subscription(spec, idempotency_key=new_key())
        row = EngineSubscription.objects.get(our_id=spec.our_id)

        with pytest.raises(DriverRejected):
            shop.driver.abandon_subscription(row.external_id, idempotency_key=new_key())

        assert shop.driver.retrieve_subscription(row.external_id).status == S.ACTIVE


def test_the_key_of_an_ended_attempt_is_never_charged_with_again(shop: Shop) -> None:
    subscription = make_subscription(shop.organization)
    attempt = PaymentAttempt.objects.get(obligation__subscription=subscription)
    PaymentAttempt.objects.filter(pk=attempt.pk).update(provider=Provider.CARDCONNECT)
    settlement.end_attempt(attempt=attempt, state=A.NOT_PROCESSED, now=shop.clock.now)

    with pytest.raises(DriverRejected) as caught:
        shop.start(key=attempt.idempotency_key)

    assert caught.value.detail == "idempotency_key_used"
    assert shop.rail.orders == []
