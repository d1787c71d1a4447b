"""Starting a subscription with a coupon: what is owed, shown, told and charged."""

from decimal import Decimal

import pytest

from billing.enums import AttemptState, CouponDuration, ObligationState, SubscriptionStatus
from billing.models import BillingEvent, CouponRedemption, Obligation, Price, Subscription
from billing.services import coupons
from orgs import clock
from orgs.models import Organization
from tests.billing.coupon_steps import charged, created, make_coupon, make_their_code, make_theirs
from tests.billing.dispatch_steps import drain, store
from tests.billing.stripe_builders import VISA
from tests.billing.subscribe_steps import start
from tests.billing.trial_steps import make_trial_price
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


def lines(organization: Organization, verb: str) -> list[str]:
    rows = BillingEvent.objects.filter(
        organization=organization, type=f"billing.subscription.{verb}"
    )
    return list(rows.order_by("sequence").values_list("summary", flat=True))


class TestWithOurs:
    def test_takes_off_what_it_promises(
        self, organization: Organization, price: Price, stripe: StripeSimulator
    ) -> None:
        coupon = make_coupon(duration=CouponDuration.REPEATING, duration_months=3)

        row = start(organization, price, VISA, coupon=coupon.code.lower(), seats=3).subscription

        assert row.status == SubscriptionStatus.ACTIVE
        obligation = Obligation.objects.get()
        assert (obligation.state, obligation.amount_minor) == (ObligationState.SETTLED, 6960)
        assert charged(stripe, row) == 6960
        assert row.discount["coupon"] == coupon.code
        assert (row.discount["percent_off"], row.discount["amount_off"]) == ("20", None)
        assert row.discount["name"] == "Welcome"
        assert row.discount["ends_at"].endswith("Z")
        redemption = CouponRedemption.objects.get()
        assert (redemption.subscription, redemption.coupon) == (row, coupon)
        assert redemption.organization == organization
        (summary,) = lines(organization, "coupon_applied")
        assert summary.startswith(f"The coupon {coupon.code} was applied: 20 % off until ")

    @pytest.mark.parametrize("percent", ["0.01", "12.5", "33.33", "66.67", "99", "100"])
    @pytest.mark.parametrize("seats", [1, 7])
    def test_owes_what_stripe_charges_to_the_cent(
        self,
        organization: Organization,
        price: Price,
        stripe: StripeSimulator,
        percent: str,
        seats: int,
    ) -> None:
        coupon = make_coupon(percent_off=Decimal(percent))
        reckoned = coupons.find_coupon(
            code=coupon.code, price=price, organization=organization, now=clock.now()
        ).amount_after(2900 * seats)

        row = start(organization, price, VISA, coupon=coupon.code, seats=seats).subscription

        assert charged(stripe, row) == Obligation.objects.get().amount_minor == reckoned

    def test_an_amount_is_never_more_than_there_is(
        self, organization: Organization, price: Price, stripe: StripeSimulator
    ) -> None:
        coupon = make_coupon(amount_off_minor=9900, currency="USD")

        row = start(organization, price, VISA, coupon=coupon.code).subscription

        assert row.status == SubscriptionStatus.ACTIVE
        assert charged(stripe, row) == Obligation.objects.get().amount_minor == 0

    def test_one_for_the_first_invoice_has_done_its_work_at_once(
        self, organization: Organization, price: Price
    ) -> None:
        coupon = make_coupon()

        row = start(organization, price, VISA, coupon=coupon.code).subscription

        assert row.discount is None
        assert lines(organization, "coupon_applied") == [
            f"The coupon {coupon.code} was applied: 20 % off."
        ]
        assert lines(organization, "coupon_ended") == []

    def test_an_unpaid_start_shows_what_it_will_have(
        self, organization: Organization, price: Price
    ) -> None:
        coupon = make_coupon()

        row = start(organization, price, coupon=coupon.code).subscription

        assert row.status == SubscriptionStatus.INCOMPLETE
        assert row.discount["coupon"] == coupon.code
        assert lines(organization, "coupon_applied") == []

    def test_in_a_trial_nothing_is_owed_and_the_coupon_waits(
        self, organization: Organization, stripe: StripeSimulator
    ) -> None:
        coupon = make_coupon(duration=CouponDuration.FOREVER)

        row = start(organization, make_trial_price(), VISA, coupon=coupon.code).subscription

        assert row.status == SubscriptionStatus.TRIALING
        assert Obligation.objects.get().amount_minor == 0
        assert row.discount["coupon"] == coupon.code

    def test_is_asked_for_on_the_subscription(
        self, organization: Organization, price: Price, stripe: StripeSimulator
    ) -> None:
        since = stripe.calls_so_far()
        coupon = make_coupon()

        start(organization, price, VISA, coupon=coupon.code)

        (request,) = created(stripe, since)
        assert request["params"]["discounts"] == {"0": {"coupon": f"till_{coupon.code}"}}
        others = [row for row in stripe.requests(since) if "/customers" in row["path"]]
        assert others
        assert not any("coupon" in row["params"] for row in others)


class TestEnd:
    def test_is_told_when_the_discount_is_gone(
        self, organization: Organization, price: Price, stripe: StripeSimulator
    ) -> None:
        coupon = make_coupon(duration=CouponDuration.FOREVER)
        row = start(organization, price, VISA, coupon=coupon.code).subscription
        stripe.api("DELETE", f"/v1/subscriptions/{row.external_id}/discount")

        obj = {"id": row.external_id, "object": "subscription", "customer": "cus_1"}
        store("evt_gone", "customer.subscription.updated", obj)
        assert drain() == 1

        row.refresh_from_db()
        assert row.discount is None
        assert lines(organization, "coupon_ended") == [f"The coupon {coupon.code} has ended."]


class TestWithTheProviders:
    def test_code_is_used_and_counted_there(
        self, organization: Organization, price: Price, stripe: StripeSimulator
    ) -> None:
        coupon_id = make_theirs(stripe, percent_off="25", duration="forever")
        code = make_their_code(stripe, coupon_id)

        row = start(organization, price, VISA, coupon=code).subscription

        assert charged(stripe, row) == Obligation.objects.get().amount_minor == 2175
        assert row.discount["coupon"] == coupon_id
        redemption = CouponRedemption.objects.get()
        assert redemption.coupon is None
        assert (redemption.code, redemption.external_coupon_id) == (code, coupon_id)
        assert redemption.external_code_id.startswith("promo_")
        rows = stripe.api("GET", "/v1/promotion_codes", {"code": code}).json()["data"]
        assert [entry["times_redeemed"] for entry in rows] == [1]

    def test_one_that_expires_under_our_hands_is_refused_as_such(
        self, organization: Organization, price: Price, stripe: StripeSimulator
    ) -> None:
        code = make_their_code(stripe, make_theirs(stripe))
        stripe.add_fault(
            method="POST",
            path="/v1/subscriptions$",
            status=400,
            error={"type": "invalid_request_error", "code": "coupon_expired", "message": "no"},
        )

        with pytest.raises(coupons.CouponRefused, match=coupons.EXPIRED):
            start(organization, price, VISA, coupon=code)

        assert Subscription.objects.get().status == SubscriptionStatus.CANCELED


class TestTheFirstInvoice:
    def test_has_the_last_word_on_what_is_owed(
        self, organization: Organization, price: Price, stripe: StripeSimulator
    ) -> None:
        row = start(organization, price).subscription
        obligation = Obligation.objects.get()
        Obligation.objects.filter(pk=obligation.pk).update(amount_minor=2899)

        obj = {"id": row.external_id, "object": "subscription", "customer": "cus_1"}
        store("evt_seen", "customer.subscription.updated", obj)
        assert drain() == 1

        obligation.refresh_from_db()
        assert (obligation.amount_minor, obligation.state) == (2900, ObligationState.OPEN)
        assert obligation.attempts.get().state == AttemptState.REQUIRES_ACTION
