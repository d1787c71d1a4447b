"""A payment too many: one click ends what it started, gives it back and resolves its case."""

from datetime import timedelta

import pytest

from billing.drivers import registry
from billing.enums import Provider
from billing.errors import NotPossibleNow, ProviderFailed
from billing.models import Case, Obligation
from billing.selectors import prices
from billing.services import cases, late_winners, projection, resolve
from billing.types import SubscriptionSnapshot, SubscriptionSpec
from orgs import clock
from tests.billing.invoice_event_steps import Shop
from tests.billing.refund_steps import STAFF, payment_of
from tests.contract.sandboxes import new_key
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


@pytest.fixture
def twin(shop: Shop) -> SubscriptionSnapshot:
    """A second subscription at Stripe for the same start, paid as well, and heard of."""
    row = shop.subscription
    method = registry.get_driver("stripe").attach_payment_method(
        "pm_card_visa", external_customer_id=shop.customer, idempotency_key=new_key()
    )
    spec = SubscriptionSpec(
        our_id=str(row.pk),
        organization_id=str(row.organization_id),
        external_customer_id=shop.customer,
        external_price_id=prices.external_price_id(row.price, Provider(row.provider)),
        seats=1,
        payment_method=method,
    )
    snapshot = registry.get_driver("stripe").create_subscription(spec, idempotency_key=new_key())
    projection.converge(
        snapshot=snapshot, fetched_at=projection.database_now(), cause=STAFF, now=clock.now()
    )
    return snapshot


@pytest.fixture
def case(twin: SubscriptionSnapshot) -> Case:
    found: Case = Case.objects.get(kind="late_winner", external_id=twin.external_id)
    return found


def payment_too_many(twin: SubscriptionSnapshot) -> str:
    assert twin.latest_invoice is not None
    return twin.latest_invoice.external_payment_id


def refund(case: Case) -> Obligation | None:
    case.refresh_from_db()
    return late_winners.refund_late_winner(case=case, cause=STAFF, now=clock.now())


def given_back(stripe: StripeSimulator, payment: str) -> list[int]:
    rows = [row for row in stripe.objects("refund") if row["payment_intent"] == payment]
    return [row["amount"] for row in rows]


def status_at_stripe(stripe: StripeSimulator, external_id: str) -> str:
    found = [row for row in stripe.objects("subscription") if row["id"] == external_id]
    return str(found[0]["status"])


class TestFindRemedy:
    def test_names_what_ends_and_what_is_given_back_to_whom(
        self, shop: Shop, twin: SubscriptionSnapshot, case: Case
    ) -> None:
        remedy = late_winners.find_remedy(case=case)

        assert remedy.external_subscription_id == twin.external_id
        assert remedy.external_payment_id == payment_too_many(twin)
        assert remedy.amount is not None
        assert remedy.amount.display() == "$29.00"
        assert remedy.payer == shop.organization.email
        assert remedy.gives_money_back

    def test_knows_nothing_for_a_case_that_is_resolved(self, case: Case) -> None:
        cases.resolve_case(case=case, now=clock.now())
        case.refresh_from_db()

        with pytest.raises(NotPossibleNow):
            late_winners.find_remedy(case=case)


class TestRefundLateWinner:
    def test_ends_it_gives_it_back_and_resolves_the_case(
        self, shop: Shop, twin: SubscriptionSnapshot, case: Case, stripe: StripeSimulator
    ) -> None:
        debt = refund(case)

        assert debt is not None
        assert (debt.state, debt.amount_minor, debt.reason) == ("settled", 2900, "duplicate")
        case.refresh_from_db()
        assert (case.state, case.refund) == ("resolved", debt)
        assert case.resolved_at is not None
        assert status_at_stripe(stripe, twin.external_id) == "canceled"
        assert given_back(stripe, payment_too_many(twin)) == [2900]

    def test_leaves_the_winner_alone(self, shop: Shop, case: Case, stripe: StripeSimulator) -> None:
        refund(case)

        shop.subscription.refresh_from_db()
        assert shop.subscription.status == "active"
        assert status_at_stripe(stripe, shop.subscription.external_id) == "active"
        assert given_back(stripe, payment_of(shop)) == []

    def test_clicked_twice_it_is_done_once(
        self, twin: SubscriptionSnapshot, case: Case, stripe: StripeSimulator
    ) -> None:
        refund(case)

        with pytest.raises(NotPossibleNow):
            refund(case)

        assert given_back(stripe, payment_too_many(twin)) == [2900]

    def test_a_lost_answer_resolves_the_case_once_it_is_known(
        self, twin: SubscriptionSnapshot, case: Case, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(method="POST", path="/v1/refunds$", times=1, action="reset_after")

        debt = refund(case)

        assert debt is not None
        assert debt.state == "open"
        case.refresh_from_db()
        assert case.state == "open"
        resolve.resolve_due(now=clock.now() + timedelta(seconds=10))
        case.refresh_from_db()
        assert case.state == "resolved"
        assert given_back(stripe, payment_too_many(twin)) == [2900]

    def test_clicked_again_after_a_lost_answer_it_asks_and_sends_nothing(
        self, twin: SubscriptionSnapshot, case: Case, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(method="POST", path="/v1/refunds$", times=1, action="reset_after")
        refund(case)

        refund(case)

        case.refresh_from_db()
        assert case.state == "resolved"
        assert given_back(stripe, payment_too_many(twin)) == [2900]

    def test_gives_nothing_back_while_it_could_charge_again(
        self, twin: SubscriptionSnapshot, case: Case, stripe: StripeSimulator, short_pauses: None
    ) -> None:
        stripe.add_fault(method="DELETE", path="/v1/subscriptions/", times=1, status=500)

        with pytest.raises(ProviderFailed):
            refund(case)

        case.refresh_from_db()
        assert case.state == "open"
        assert given_back(stripe, payment_too_many(twin)) == []
        refund(case)
        assert given_back(stripe, payment_too_many(twin)) == [2900]

    def test_one_that_took_nothing_is_only_ended(
        self, shop: Shop, twin: SubscriptionSnapshot, case: Case, stripe: StripeSimulator
    ) -> None:
        charge = [row for row in stripe.objects("charge") if row["customer"] == shop.customer][-1]
        assert charge["payment_intent"] == payment_too_many(twin)
        stripe.api("POST", "/v1/refunds", {"charge": charge["id"]})

        assert refund(case) is None

        case.refresh_from_db()
        assert case.state == "resolved"
        assert status_at_stripe(stripe, twin.external_id) == "canceled"

    def test_of_a_payment_alone_gives_that_back_and_ends_nothing(
        self, shop: Shop, stripe: StripeSimulator
    ) -> None:
        case = Case.objects.create(
            organization=shop.organization,
            subscription=shop.subscription,
            kind="late_winner",
            external_id=payment_of(shop),
            external_payment_id=payment_of(shop),
            summary="An invoice was paid twice.",
        )

        refund(case)

        case.refresh_from_db()
        assert case.state == "resolved"
        assert given_back(stripe, payment_of(shop)) == [2900]
        assert status_at_stripe(stripe, shop.subscription.external_id) == "active"
