"""Ending a difference: the provider's side is taken over, or ours is sent."""

from datetime import timedelta

import pytest

from billing.drivers.base import DriverUnavailable
from billing.drivers.stripe import calls
from billing.enums import AttemptState, SubscriptionStatus
from billing.errors import ProviderFailed
from billing.models import (
    BillingEvent,
    Customer,
    Difference,
    InboxEvent,
    Invoice,
    PaymentAttempt,
    PaymentMethod,
    Refund,
    Subscription,
)
from billing.services import reconcile_remedies as remedies
from billing.types.differences import DifferenceKind as Kind
from billing.types.differences import DifferenceState
from orgs.models import User
from tests.billing.invoice_event_steps import Shop
from tests.billing.reconcile_steps import (
    HOUR,
    compare,
    make_difference,
    standing,
    virtual_now,
)
from tests.billing.stripe_invoice_cases import refund, sent
from tests.factories import UserFactory
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(db: None) -> User:
    user: User = UserFactory.create(staff=True)
    return user


def found(shop: Shop, kind: Kind) -> Difference:
    """Compare everything, and return the one difference of a kind."""
    shop.stripe.advance(HOUR)
    compare(shop.stripe)
    return Difference.objects.get(organization=shop.organization, kind=kind)


def adopt(shop: Shop, difference: Difference, desk: User) -> DifferenceState:
    return remedies.adopt_provider(
        difference=difference, actor_id=desk.pk, now=virtual_now(shop.stripe)
    )


def push(shop: Shop, difference: Difference, desk: User) -> DifferenceState:
    return remedies.push_local(
        difference=difference, actor_id=desk.pk, now=virtual_now(shop.stripe)
    )


def ours(shop: Shop) -> Subscription:
    return Subscription.objects.get(pk=shop.subscription.pk)


class TestAdoptProvider:
    def test_converges_a_subscription(self, settled: Shop, desk: User) -> None:
        Subscription.objects.filter(pk=settled.subscription.pk).update(seats=5)
        row = found(settled, Kind.SEATS)

        state = adopt(settled, row, desk)

        assert state == DifferenceState.RESOLVED
        assert ours(settled).seats == 1
        assert (row.resolution, row.decided_by) == ("adopted", desk)
        last = BillingEvent.objects.filter(organization=settled.organization).latest("sequence")
        assert last.cause == {"kind": "staff", "id": str(desk.pk), "detail": "reconciliation"}

    def test_ends_a_subscription_that_the_provider_has_never_heard_of(
        self, settled: Shop, desk: User
    ) -> None:
        Subscription.objects.filter(pk=settled.subscription.pk).update(external_id="sub_nowhere")
        row = found(settled, Kind.SUBSCRIPTION_MISSING)

        assert adopt(settled, row, desk) == DifferenceState.RESOLVED

        assert ours(settled).status == SubscriptionStatus.CANCELED
        settled.organization.refresh_from_db()
        assert settled.organization.access_level == "none"

    def test_refuses_a_subscription_that_no_row_of_ours_stands_for(
        self, settled: Shop, desk: User
    ) -> None:
        card = PaymentMethod.objects.get(organization=settled.organization).external_id
        price = settled.subscription.price.external_prices.get().external_id
        params = {"customer": settled.customer, "items[0][price]": price}
        sent(settled.stripe, "/v1/subscriptions", {**params, "default_payment_method": card})
        row = found(settled, Kind.SUBSCRIPTION_UNKNOWN)

        with pytest.raises(remedies.NothingToAdopt):
            adopt(settled, row, desk)

        row.refresh_from_db()
        assert (row.state, row.remedy) == ("open", "look")

    def test_takes_an_invoice_in(self, settled: Shop, desk: User) -> None:
        invoice = settled.invoice
        invoice.deliveries.all().delete()
        invoice.delete()
        row = found(settled, Kind.INVOICE_UNKNOWN)

        assert adopt(settled, row, desk) == DifferenceState.RESOLVED

        again = Invoice.objects.get(external_id=invoice.external_id)
        assert (again.subscription, again.total_minor) == (settled.subscription, 2900)

    def test_forgets_a_draft_that_was_deleted_there_and_no_invoice(
        self, settled: Shop, desk: User
    ) -> None:
        Invoice.objects.filter(pk=settled.invoice.pk).update(external_id="in_nowhere")
        row = make_difference(
            subscription=settled.subscription,
            kind=Kind.INVOICE_MISSING,
            object_type="invoice",
            external_id="in_nowhere",
        )
        with pytest.raises(remedies.NothingToAdopt):
            adopt(settled, row, desk)
        invoice = Invoice.objects.get(external_id="in_nowhere")
        invoice.deliveries.all().delete()
        Invoice.objects.filter(pk=invoice.pk).update(status="draft", finalized_at=None)

        assert adopt(settled, row, desk) == DifferenceState.RESOLVED

        assert not Invoice.objects.filter(pk=invoice.pk).exists()

    def test_takes_a_refund_in(self, settled: Shop, desk: User) -> None:
        made = refund(settled.stripe, settled.charge, 500)
        row = found(settled, Kind.REFUND_UNKNOWN)

        assert adopt(settled, row, desk) == DifferenceState.RESOLVED

        assert Refund.objects.get(external_id=made["id"]).amount_minor == 500
        assert settled.invoice.refunded_minor == 500

    def test_takes_an_address_over(self, settled: Shop, desk: User) -> None:
        path = f"/v1/customers/{settled.customer}"
        sent(settled.stripe, path, {"email": "new@bistro.example"})
        row = found(settled, Kind.CUSTOMER_EMAIL)

        assert adopt(settled, row, desk) == DifferenceState.RESOLVED

        customer = Customer.objects.get(external_id=settled.customer)
        assert customer.email == "new@bistro.example"

    def test_marks_a_payer_as_deleted(self, settled: Shop, desk: User) -> None:
        settled.stripe.api("DELETE", f"/v1/customers/{settled.customer}")
        row = found(settled, Kind.CUSTOMER_MISSING)

        assert adopt(settled, row, desk) == DifferenceState.RESOLVED

        assert Customer.objects.get(external_id=settled.customer).deleted_at is not None

    def test_takes_a_missed_event_into_the_inbox(self, settled: Shop, desk: User) -> None:
        event = settled.stripe.events("invoice.paid")[-1]
        InboxEvent.objects.filter(external_id=event["id"]).delete()
        row = make_difference(
            subscription=settled.subscription,
            kind=Kind.EVENT_MISSED,
            object_type="event",
            external_id=event["id"],
        )

        assert adopt(settled, row, desk) == DifferenceState.RESOLVED

        stored = InboxEvent.objects.get(external_id=event["id"])
        assert (stored.payload, stored.state) == (event, "pending")

    def test_asks_what_became_of_an_attempt(self, settled: Shop, desk: User) -> None:
        PaymentAttempt.objects.filter(organization=settled.organization).update(
            state=AttemptState.UNKNOWN, sent_at=virtual_now(settled.stripe) - timedelta(hours=2)
        )
        row = found(settled, Kind.ATTEMPT_UNDECIDED)

        assert adopt(settled, row, desk) == DifferenceState.RESOLVED

        attempt = PaymentAttempt.objects.get(organization=settled.organization)
        assert attempt.state == AttemptState.SUCCEEDED

    def test_refuses_what_is_gone(self, settled: Shop, desk: User) -> None:
        row = make_difference(subscription=settled.subscription, state="resolved")

        with pytest.raises(remedies.AlreadyResolved):
            adopt(settled, row, desk)

    def test_leaves_everything_when_the_provider_does_not_answer(
        self, settled: Shop, desk: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Subscription.objects.filter(pk=settled.subscription.pk).update(seats=5)
        row = found(settled, Kind.SEATS)

        def unavailable(*_: object, **__: object) -> None:
            raise DriverUnavailable("API_ERROR")

        monkeypatch.setattr(calls, "read", unavailable)

        with pytest.raises(ProviderFailed):
            adopt(settled, row, desk)

        row.refresh_from_db()
        assert (row.state, ours(settled).seats) == ("open", 5)


class TestPushLocal:
    def test_sends_our_address(self, settled: Shop, desk: User) -> None:
        path = f"/v1/customers/{settled.customer}"
        mine = Customer.objects.get(external_id=settled.customer).email
        sent(settled.stripe, path, {"email": "wrong@bistro.example"})
        row = found(settled, Kind.CUSTOMER_EMAIL)

        assert push(settled, row, desk) == DifferenceState.RESOLVED

        assert settled.stripe.api("GET", path).json()["email"] == mine
        assert (row.resolution, row.decided_by) == ("pushed", desk)

    def test_has_our_default_charged(self, settled: Shop, desk: User) -> None:
        default = PaymentMethod.objects.get(organization=settled.organization, is_default=True)
        path = f"/v1/subscriptions/{settled.subscription.external_id}"
        other = sent(
            settled.stripe,
            "/v1/payment_methods/pm_card_mastercard/attach",
            {"customer": settled.customer},
        )
        sent(settled.stripe, path, {"default_payment_method": other["id"]})
        settled.stripe.advance(HOUR)
        compare(settled.stripe)
        row = Difference.objects.get(
            organization=settled.organization,
            kind=Kind.DEFAULT_METHOD,
            object_type="subscription",
        )

        assert push(settled, row, desk) == DifferenceState.RESOLVED

        charged = settled.stripe.api("GET", path).json()["default_payment_method"]
        assert charged == default.external_id

    def test_refuses_what_no_write_exists_for(
        self, stripe: StripeSimulator, settled: Shop, desk: User
    ) -> None:
        Subscription.objects.filter(pk=settled.subscription.pk).update(seats=5)
        row = found(settled, Kind.SEATS)
        since = stripe.calls_so_far()

        with pytest.raises(remedies.NothingToPush):
            push(settled, row, desk)

        assert stripe.requests(since) == []
        assert standing(settled) == {(Kind.SEATS, settled.subscription.external_id): "open"}
