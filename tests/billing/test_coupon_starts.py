"""Starting a subscription with a coupon: what is owed, shown, told and charged."""

from decimal import Decimal
from typing import Any

import pytest

from billing.enums import (
    AttemptState,
    CouponDuration,
    ObligationState,
    SubscriptionStatus,
)
from billing.errors import CardDeclined, ProviderBusy, ProviderFailed
from billing.models import (
    BillingEvent,
    CouponRedemption,
    Obligation,
    Price,
    Subscription,
)
from billing.services import coupon_links, coupons
from orgs import clock
from orgs.errors import InvalidRequest
from orgs.models import Organization
from tests.billing.coupon_steps import make_coupon, make_their_code, make_theirs, new_code
from tests.billing.dispatch_steps import drain, store
from tests.billing.subscribe_steps import start
from tests.billing.trial_steps import make_trial_price
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db

VISA = "pm_card_visa"


@pytest.fixture
def price(catalogue: dict[str, Price]) -> Price:
    """Starter: $29.00 a month."""
    return catalogue["starter:month"]


def charged(stripe: StripeSimulator, row: Subscription) -> int:
    """Return what Stripe took for the first invoice of a subscription."""
    invoice = stripe.api("GET", f"/v1/invoices/{row.latest_invoice_external_id}").json()
    assert invoice["status"] == "paid"
    amount: int = invoice["amount_paid"]
    return amount


def lines(organization: Organization, verb: str) -> list[str]:
    rows = BillingEvent.objects.filter(
        organization=organization, type=f"billing.subscription.{verb}"
    )
    return list(rows.order_by("sequence").values_list("summary", flat=True))


def created(stripe: StripeSimulator, since: int = 0) -> list[dict[str, Any]]:
    return [
        entry
        for entry in stripe.requests(since)
        if entry["method"] == "POST" and entry["path"] == "/v1/subscriptions"
    ]


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
        since = stripe.requests()[-1]["seq"]
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


class TestRefused:
    def test_changes_nothing_and_gives_up_nothing(
        self, organization: Organization, price: Price, stripe: StripeSimulator
    ) -> None:
        waiting = start(organization, price).subscription
        since = stripe.requests()[-1]["seq"]

        with pytest.raises(coupons.CouponRefused):
            start(organization, price, VISA, coupon=new_code())

        waiting.refresh_from_db()
        assert waiting.status == SubscriptionStatus.INCOMPLETE
        assert Subscription.objects.count() == 1
        assert created(stripe, since) == []

    def test_of_what_costs_nothing(
        self, organization: Organization, catalogue: dict[str, Price]
    ) -> None:
        with pytest.raises(coupons.CouponRefused, match=coupons.NOT_HERE):
            start(organization, catalogue["free:month"], coupon=make_coupon().code)
        with pytest.raises(InvalidRequest) as caught:
            start(organization, catalogue["free:month"], trial=True)

        assert caught.value.fields == {"trial": ["This plan has no trial."]}
        assert Subscription.objects.count() == 0

    def test_a_declined_card_gives_the_coupon_back(
        self, organization: Organization, price: Price
    ) -> None:
        coupon = make_coupon(max_redemptions=1)
        with pytest.raises(CardDeclined):
            start(organization, price, "pm_card_chargeCustomerFail", coupon=coupon.code)

        row = start(organization, price, VISA, coupon=coupon.code).subscription

        assert row.status == SubscriptionStatus.ACTIVE
        with pytest.raises(coupons.CouponRefused, match=coupons.USED_UP):
            start(Organization.objects.create(name="B", slug="b-else"), price, coupon=coupon.code)

    def test_a_waiting_start_of_ones_own_does_not_stand_in_the_way(
        self, organization: Organization, price: Price
    ) -> None:
        coupon = make_coupon(max_redemptions=1)
        waiting = start(organization, price, coupon=coupon.code).subscription

        row = start(organization, price, VISA, coupon=coupon.code).subscription

        waiting.refresh_from_db()
        assert waiting.is_final
        assert row.status == SubscriptionStatus.ACTIVE


@pytest.mark.usefixtures("short_pauses")
class TestTheSameKey:
    def test_resumes_with_the_coupon_it_began_with(
        self, organization: Organization, price: Price, stripe: StripeSimulator
    ) -> None:
        coupon = make_coupon(max_redemptions=1)
        more = {"coupon": coupon.code, "request_key": "key-1"}
        stripe.add_fault(
            method="POST",
            path="/v1/subscriptions$",
            status=429,
            error={"type": "invalid_request_error", "code": "rate_limit", "message": "slow"},
        )
        with pytest.raises(ProviderBusy):
            start(organization, price, VISA, **more)
        coupon_links.deactivate_coupon(coupon=coupon, now=clock.now())

        row = start(organization, price, VISA, **more).subscription

        assert charged(stripe, row) == 2320
        assert CouponRedemption.objects.count() == 1
        assert Subscription.objects.count() == 1

    def test_finds_what_a_lost_answer_left(
        self, organization: Organization, price: Price, stripe: StripeSimulator
    ) -> None:
        coupon = make_coupon(duration=CouponDuration.FOREVER)
        more = {"coupon": coupon.code, "request_key": "key-2"}
        stripe.add_fault(method="POST", path="/v1/subscriptions$", action="reset_after")
        lost = start(organization, price, VISA, **more)
        assert lost.resolve_after is not None
        since = stripe.requests()[-1]["seq"]

        row = start(organization, price, VISA, **more).subscription

        assert created(stripe, since) == []
        assert row.status == SubscriptionStatus.ACTIVE
        assert row.discount["coupon"] == coupon.code
        assert Obligation.objects.get().amount_minor == 2320

    def test_a_provider_that_is_down_leaves_nothing_behind(
        self, organization: Organization, price: Price, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(path="/v1/", times=3, action="reset_before")

        with pytest.raises(ProviderFailed):
            start(organization, price, VISA, coupon=new_code(), request_key="key-3")

        assert Subscription.objects.count() == 0


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
