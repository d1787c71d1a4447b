"""Applying what a provider says of a payer: in any order, twice, or late."""

import itertools
from datetime import timedelta

import pytest

from billing.enums import Provider, SubscriptionStatus
from billing.models import BillingEvent, Customer, PaymentMethod, Subscription
from billing.services import payers, projection
from tests.billing.builders import NOW, make_subscription, snapshot_of
from tests.billing.payer_steps import CAUSE, T0, card, converge, methods, payer
from tests.factories_billing import CustomerFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer() -> Customer:
    return CustomerFactory.create()


def lines(customer: Customer) -> list[tuple[str, str]]:
    rows = BillingEvent.objects.for_org(customer.organization).order_by("sequence")
    return [(row.type.removeprefix("billing."), row.summary) for row in rows]


class TestConvergePayer:
    def test_keeps_what_can_be_shown_and_no_number(self, customer: Customer) -> None:
        converge(payer(customer, card()))

        row = PaymentMethod.objects.get(customer=customer)
        assert row.organization_id == customer.organization_id
        assert (row.provider, row.external_id) == (Provider.STRIPE, "pm_1")
        assert (row.kind, row.brand, row.last4) == ("card", "visa", "4242")
        assert (row.exp_month, row.exp_year, row.expiry) == (12, 2034, "12/2034")
        assert row.fingerprint == "Fppm_1"
        assert lines(customer) == [("payment_method.attached", "Visa ending in 4242 was added.")]

    def test_says_which_card_is_the_default_now(self, customer: Customer) -> None:
        visa, amex = card(), card("pm_2", brand="amex", last4="0005")
        converge(payer(customer, amex, visa, default_method_id="pm_1"))

        converge(payer(customer, amex, visa, default_method_id="pm_2"), at=1)

        assert methods(customer) == {"pm_1": "attached", "pm_2": "default"}
        assert lines(customer) == [
            ("payment_method.attached", "Visa ending in 4242 was added."),
            ("payment_method.attached", "American Express ending in 0005 was added."),
            ("payment_method.default_changed", "Visa ending in 4242 is the default card now."),
            (
                "payment_method.default_changed",
                "American Express ending in 0005 is the default card now.",
            ),
        ]

    def test_names_other_kinds_of_methods(self, customer: Customer) -> None:
        bank = card(kind="us_bank_account", brand="STRIPE BANK", exp_month=0, exp_year=0)

        converge(payer(customer, bank, default_method_id="pm_1"))

        assert PaymentMethod.objects.get(customer=customer).expiry == ""
        assert [summary for _, summary in lines(customer)] == [
            "Bank account ending in 4242 was added.",
            "Bank account ending in 4242 is the default payment method now.",
        ]

    def test_notes_a_new_expiry(self, customer: Customer) -> None:
        converge(payer(customer, card()))

        converge(payer(customer, card(exp_month=5, exp_year=2036)), at=1)

        assert lines(customer)[1:] == [
            (
                "payment_method.updated",
                "Visa ending in 4242 was updated: it expires 05/2036 now.",
            )
        ]

    def test_what_is_gone_stays_as_a_removed_one(self, customer: Customer) -> None:
        converge(payer(customer, card(), default_method_id="pm_1"))

        converge(payer(customer), at=1)

        assert methods(customer) == {"pm_1": "detached"}
        assert lines(customer)[-1] == (
            "payment_method.detached",
            "Visa ending in 4242 was removed.",
        )

    def test_the_same_again_writes_no_line(self, customer: Customer) -> None:
        snapshot = payer(customer, card(), card("pm_2"), default_method_id="pm_2")
        converge(snapshot)
        told = lines(customer)

        converge(snapshot, at=1)

        assert lines(customer) == told

    def test_needs_few_statements_when_nothing_changed(
        self, customer: Customer, django_assert_num_queries: object
    ) -> None:
        snapshot = payer(customer, card(), card("pm_2"), default_method_id="pm_2")
        converge(snapshot)

        with django_assert_num_queries(6):  # type: ignore[operator]
            converge(snapshot, at=1)

    def test_what_was_fetched_earlier_is_dropped(self, customer: Customer) -> None:
        converge(payer(customer, card(), card("pm_2")), at=2)

        done = converge(payer(customer, card()), at=1)

        assert done is not None
        assert not done.applied
        assert methods(customer) == {"pm_1": "attached", "pm_2": "attached"}

    def test_every_order_of_arrival_ends_in_the_same_rows(self) -> None:
        ends = set()
        for order in itertools.permutations(range(4)):
            customer = CustomerFactory.create()
            steps = [
                payer(customer, card(f"{customer.pk}1")),
                payer(customer, card(f"{customer.pk}1"), default_method_id=f"{customer.pk}1"),
                payer(customer, card(f"{customer.pk}2"), card(f"{customer.pk}1")),
                payer(customer, card(f"{customer.pk}2"), default_method_id=f"{customer.pk}2"),
            ]
            for number in order:
                converge(steps[number], at=number)
                converge(steps[number], at=number)
            state = {key[-1]: what for key, what in methods(customer).items()}
            ends.add((state.get("1", "detached"), state["2"]))

        assert ends == {("detached", "default")}

    def test_follows_the_address_at_the_provider(self, customer: Customer) -> None:
        converge(payer(customer, email="bills@acme.example"))

        customer.refresh_from_db()
        assert customer.email == "bills@acme.example"

    @pytest.mark.parametrize("email", ["", f"{'a' * 250}@acme.example"])
    def test_keeps_its_own_address_where_that_can_not_be_kept(
        self, customer: Customer, email: str
    ) -> None:
        known = customer.email

        converge(payer(customer, email=email))

        customer.refresh_from_db()
        assert customer.email == known

    def test_a_deleted_payer_can_pay_with_nothing(self, customer: Customer) -> None:
        converge(payer(customer, card(), default_method_id="pm_1"))

        gone = payer(customer, our_id="", email="", is_deleted=True)
        converge(gone, at=1)
        converge(gone, at=2)

        customer.refresh_from_db()
        assert customer.deleted_at == NOW
        assert methods(customer) == {"pm_1": "detached"}
        assert lines(customer)[2:] == [
            ("customer.deleted", "Stripe does not know this payer any more."),
            ("payment_method.detached", "Visa ending in 4242 was removed."),
        ]

    def test_somebody_elses_payer_is_nobodys(self, customer: Customer) -> None:
        stranger = payer(customer, card(), external_id="cus_else", our_id="")

        assert converge(stranger) is None
        assert not PaymentMethod.objects.filter(external_id="pm_1").exists()

    def test_a_payer_whose_creation_is_not_finished_here_is_asked_for_again(self) -> None:
        customer = CustomerFactory.create(external_id="")

        with pytest.raises(payers.UnknownPayer):
            converge(payer(customer, card(), external_id="cus_new"))

    def test_a_second_payer_with_our_id_changes_nothing(self, customer: Customer) -> None:
        assert converge(payer(customer, card(), external_id="cus_twin")) is None
        assert methods(customer) == {}


class TestDefaultOfASubscription:
    """What the live subscription names is charged, whatever the payer's own default is."""

    def start(self) -> Subscription:
        subscription = make_subscription()
        methods = (card("pm_2", last4="0002"), card("pm_1"))
        converge(payer(subscription.customer, *methods, default_method_id="pm_1"))
        return subscription

    def test_counts_once_it_is_live(self) -> None:
        subscription = self.start()
        assert methods(subscription.customer) == {"pm_1": "default", "pm_2": "attached"}

        self.told(subscription, default_method_id="pm_2")

        assert methods(subscription.customer) == {"pm_1": "attached", "pm_2": "default"}
        changes = [line for line in lines(subscription.customer) if "default" in line[0]]
        assert changes == [
            ("payment_method.default_changed", "Visa ending in 4242 is the default card now."),
            ("payment_method.default_changed", "Visa ending in 0002 is the default card now."),
        ]

    def test_counts_as_soon_as_the_payer_has_it(self) -> None:
        subscription = make_subscription()
        self.told(subscription, default_method_id="pm_2")

        customer = subscription.customer
        converge(payer(customer, card("pm_2"), card("pm_1"), default_method_id="pm_1"))

        assert methods(customer) == {"pm_1": "attached", "pm_2": "default"}

    def test_ends_with_the_subscription(self) -> None:
        subscription = self.start()
        self.told(subscription, default_method_id="pm_2")

        self.told(subscription, at=1, default_method_id="pm_2", status=SubscriptionStatus.CANCELED)

        assert methods(subscription.customer) == {"pm_1": "default", "pm_2": "attached"}

    def told(self, subscription: Subscription, at: int = 0, **changes: object) -> None:
        subscription.refresh_from_db()
        projection.converge(
            snapshot=snapshot_of(subscription, **changes),
            fetched_at=T0 + timedelta(seconds=at),
            cause=CAUSE,
            now=NOW,
        )
