"""What counts as a difference between one row and one snapshot, and what does not."""

from datetime import timedelta
from typing import Any

import pytest

from billing.enums import Provider, SubscriptionStatus
from billing.models import Customer, Subscription
from billing.services import reconcile_compare
from billing.types import DiscountSnapshot, PayerSnapshot
from billing.types.differences import DifferenceKind as Kind
from billing.types.differences import Found, Remedy
from tests.billing import invoice_steps
from tests.billing.builders import NOW, make_subscription, snapshot_of
from tests.billing.projection_steps import converge
from tests.factories_billing import CustomerFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def row() -> Subscription:
    """A subscription that was taken over from the provider as it is."""
    subscription = make_subscription()
    return converge(snapshot_of(subscription)).subscription


def compared(row: Subscription, **changes: Any) -> list[Kind]:
    snapshot = snapshot_of(row, **changes)
    prices = {snapshot_of(row).external_price_id: row.price_id}
    return [found.kind for found in reconcile_compare.subscription(row, snapshot, prices=prices)]


class TestSubscription:
    def test_nothing_where_all_is_the_same(self, row: Subscription) -> None:
        assert compared(row) == []

    @pytest.mark.parametrize(
        ("changes", "kind"),
        [
            ({"status": SubscriptionStatus.PAST_DUE}, Kind.STATUS),
            ({"current_period_end": NOW + timedelta(days=32)}, Kind.PERIOD),
            ({"external_price_id": "price_of_nobody"}, Kind.PRICE),
            ({"seats": 2}, Kind.SEATS),
            ({"default_method_id": "pm_1"}, Kind.DEFAULT_METHOD),
            ({"cancel_at": NOW + timedelta(days=31)}, Kind.CANCELLATION),
            ({"discounts": (DiscountSnapshot("ten", percent_off="10"),)}, Kind.DISCOUNT),
        ],
    )
    def test_each_field_by_itself(
        self, row: Subscription, changes: dict[str, Any], kind: Kind
    ) -> None:
        assert compared(row, **changes) == [kind]

    def test_two_ends_are_the_same_whatever_they_are_called(self, row: Subscription) -> None:
        row.status = SubscriptionStatus.CANCELED

        assert compared(row, status=SubscriptionStatus.INCOMPLETE_EXPIRED, seats=7) == []

    def test_an_unpaid_start_keeps_the_coupon_it_was_asked_for_with(
        self, row: Subscription
    ) -> None:
        row.status = SubscriptionStatus.INCOMPLETE
        row.discount = DiscountSnapshot("ten", percent_off="10").as_json()

        assert compared(row, status=SubscriptionStatus.INCOMPLETE) == []

    @pytest.mark.parametrize(
        ("status", "kinds"),
        [
            (SubscriptionStatus.ACTIVE, [Kind.SUBSCRIPTION_UNKNOWN]),
            (SubscriptionStatus.INCOMPLETE, []),
            (SubscriptionStatus.CANCELED, []),
        ],
    )
    def test_a_second_one_at_the_provider_counts_while_it_takes_money(
        self, row: Subscription, status: SubscriptionStatus, kinds: list[Kind]
    ) -> None:
        assert compared(row, external_id="sub_second", status=status) == kinds


class TestPayer:
    def payer(self, row: Customer, **changes: Any) -> PayerSnapshot:
        values = {"email": row.email, "default_method_id": row.default_method_external_id}
        return PayerSnapshot(Provider.STRIPE, row.external_id, **{**values, **changes})

    def test_an_address_longer_than_ours_can_be_is_left(self) -> None:
        row = CustomerFactory.create()
        snapshot = self.payer(row, email=f"{'a' * 250}@acme.example")

        assert reconcile_compare.payer(row, snapshot, ()) == ()

    def test_how_it_pays_counts_once_somebody_has_looked(self) -> None:
        row = CustomerFactory.create(default_method_external_id="pm_ours")
        snapshot = self.payer(row, default_method_id="pm_theirs")
        assert reconcile_compare.payer(row, snapshot, ()) == ()

        row.snapshot_at = NOW

        assert reconcile_compare.payer(row, snapshot, ()) == (
            Found(
                Kind.DEFAULT_METHOD,
                {"payment_method": "pm_ours"},
                {"payment_method": "pm_theirs"},
            ),
        )

    def test_ours_is_the_better_guess_where_the_provider_charges_nothing(self) -> None:
        row = CustomerFactory.create(default_method_external_id="pm_ours", snapshot_at=NOW)

        (found,) = reconcile_compare.payer(row, self.payer(row, default_method_id=""), ())

        assert (found.kind, found.remedy) == (Kind.DEFAULT_METHOD, Remedy.PUSH)

    def test_one_that_we_know_to_be_deleted_is_no_news(self) -> None:
        row = CustomerFactory.create(deleted_at=NOW)

        assert reconcile_compare.payer(row, self.payer(row, is_deleted=True), ()) == ()


class TestInvoice:
    def test_words_and_times_are_no_difference(self, row: Subscription) -> None:
        invoice = invoice_steps.converge(row, invoice_steps.paid())
        snapshot = invoice_steps.paid(payer_name="Acme Ltd", paid_at=NOW + timedelta(days=1))

        assert reconcile_compare.invoice(invoice, snapshot) == ()

    def test_a_draft_that_we_do_not_know_is_none_either(self) -> None:
        assert reconcile_compare.unknown_invoice(invoice_steps.draft()) == ()

    def test_only_a_draft_of_ours_can_be_gone(self, row: Subscription) -> None:
        draft = invoice_steps.converge(row, invoice_steps.draft())
        assert reconcile_compare.missing_invoice(draft)[0].remedy is Remedy.ADOPT

        invoice = invoice_steps.converge(row, invoice_steps.paid(), at=1)

        assert reconcile_compare.missing_invoice(invoice)[0].remedy is Remedy.LOOK
