"""What an organization may do, and the sentence that explains it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.enums import AccessLevel, FactKind, SubscriptionStatus
from billing.models import Invoice, PaymentFact, Plan, Subscription
from billing.money import Money
from billing.selectors import access, arrears
from billing.selectors.arrears import Arrears
from billing.services import standing
from orgs.models import PlanStatus
from tests.billing.builders import NOW, make_subscription
from tests.factories import OrganizationFactory

pytestmark = pytest.mark.django_db

ENDS = datetime(2026, 5, 3, tzinfo=UTC)
FAILED = datetime(2026, 4, 25, 9, 30, tzinfo=UTC)
GRACE_ENDS = FAILED + timedelta(days=7)


def overdue(**fields: Any) -> Subscription:
    """A subscription whose renewal failed on 25 April; its plan gives a week."""
    return make_subscription(status="past_due", past_due_since=FAILED, **fields)


class TestAccessOf:
    def test_nothing_without_a_subscription(self) -> None:
        seen = access.access_of(None, NOW)

        assert (seen.level, seen.reason_code) == (AccessLevel.NONE, "no_subscription")

    @pytest.mark.parametrize(
        ("status", "level", "reason"),
        [
            ("incomplete", AccessLevel.NONE, "payment_incomplete"),
            ("incomplete_expired", AccessLevel.NONE, "ended"),
            ("trialing", AccessLevel.FULL, "trialing"),
            ("active", AccessLevel.FULL, "active"),
            ("past_due", AccessLevel.GRACE, "payment_overdue"),
            ("unpaid", AccessLevel.RESTRICTED, "unpaid"),
            ("paused", AccessLevel.RESTRICTED, "paused"),
            ("canceled", AccessLevel.NONE, "ended"),
        ],
    )
    def test_follows_the_status(self, status: str, level: AccessLevel, reason: str) -> None:
        seen = access.access_of(make_subscription(status=status, past_due_since=NOW), NOW)

        assert (seen.level, seen.reason_code) == (level, reason)
        assert "Bistro" in seen.message
        assert seen.is_given == (level in {AccessLevel.FULL, AccessLevel.GRACE})

    def test_says_when_it_ends(self) -> None:
        subscription = make_subscription(
            status="active", cancel_at_period_end=True, current_period_end=ENDS
        )

        seen = access.access_of(subscription, NOW)

        assert seen.message == "Bistro is active and ends on 3 May 2026."
        assert seen.until == ENDS

    def test_says_until_when_the_trial_goes(self) -> None:
        seen = access.access_of(make_subscription(status="trialing", trial_end=ENDS), NOW)

        assert seen.message == "Bistro is in its trial until 3 May 2026."

    def test_says_when_a_pause_ends_by_itself(self) -> None:
        seen = access.access_of(make_subscription(status="paused", resumes_at=ENDS), NOW)

        assert seen.until == ENDS
        assert seen.message == (
            "Access is restricted: Bistro is paused until 3 May 2026. Resume it to go on."
        )

    def test_every_status_has_a_rule(self) -> None:
        for status in SubscriptionStatus:
            assert access.access_of(make_subscription(status=status), NOW).message

    def test_goes_on_to_the_last_moment_of_grace(self) -> None:
        seen = access.access_of(overdue(), GRACE_ENDS - timedelta(microseconds=1))

        assert (seen.level, seen.until, seen.since) == (AccessLevel.GRACE, GRACE_ENDS, None)
        assert seen.message == (
            "The payment for Bistro failed on 25 April 2026. Access goes on until 2 May 2026: "
            "please update your card before then."
        )

    def test_is_restricted_from_the_end_of_grace_on(self) -> None:
        seen = access.access_of(overdue(), GRACE_ENDS)

        assert (seen.level, seen.reason_code) == (AccessLevel.RESTRICTED, "grace_ended")
        assert (seen.until, seen.since) == (None, GRACE_ENDS)
        assert seen.message == (
            "Access is restricted since 2 May 2026: the payment for Bistro failed on "
            "25 April 2026 and the grace period ended on 2 May 2026. "
            "Update your card to go on."
        )

    def test_goes_by_the_plans_policy_of_today(self) -> None:
        subscription = overdue()
        Plan.objects.update(grace_days=14)
        subscription = Subscription.objects.get(pk=subscription.pk)

        assert access.access_of(subscription, GRACE_ENDS).level == AccessLevel.GRACE
        assert access.grace_ends_at(subscription) == FAILED + timedelta(days=14)

    def test_a_plan_may_give_no_grace_at_all(self) -> None:
        subscription = overdue()
        subscription.plan_version.plan.grace_days = 0

        assert access.access_of(subscription, FAILED).level == AccessLevel.RESTRICTED

    def test_names_the_amount_and_the_invoice_where_they_are_known(self) -> None:
        owed = Arrears(Money(2900, "USD"), "F-12")

        late = access.access_of(overdue(), GRACE_ENDS, owed)
        unpaid = access.access_of(make_subscription(status="unpaid"), NOW, owed)

        assert "the payment of $29.00 (invoice F-12) for Bistro failed" in late.message
        assert unpaid.message == (
            "Access is restricted: the payment of $29.00 (invoice F-12) for Bistro failed and is "
            "still open. Update your card to go on."
        )

    def test_rows_without_a_date_stay_in_grace(self) -> None:
        seen = access.access_of(make_subscription(status="past_due"), NOW)

        assert (seen.level, seen.until) == (AccessLevel.GRACE, None)


class TestArrears:
    def _fail(self, subscription: Subscription, invoice: str, amount: int, day: int) -> None:
        PaymentFact.objects.create(
            organization=subscription.organization,
            subscription=subscription,
            provider=subscription.provider,
            kind=FactKind.PAYMENT_FAILED,
            external_id=f"{subscription.pk}:{invoice}:{day}",
            amount_minor=amount,
            currency="USD",
            occurred_at=FAILED + timedelta(days=day),
            detail={"invoice": invoice},
        )

    def test_are_those_of_the_latest_invoice(self) -> None:
        subscription = overdue(latest_invoice_external_id="in_2")
        self._fail(subscription, "in_1", 1900, 9)
        self._fail(subscription, "in_2", 2900, 0)
        self._fail(overdue(latest_invoice_external_id="in_2"), "in_2", 9900, 8)

        assert arrears.of(subscription).in_words() == " of $29.00"

    def _bill(self, subscription: Subscription, number: str, **fields: Any) -> None:
        values: dict[str, Any] = {
            "status": "open",
            "currency": "USD",
            "amount_remaining_minor": 2900,
            **fields,
        }
        Invoice.objects.create(
            organization=subscription.organization,
            customer=subscription.customer,
            subscription=subscription,
            provider=subscription.provider,
            external_id=f"in_{subscription.pk}_{number}",
            number=number,
            subtotal_minor=2900,
            total_minor=2900,
            amount_due_minor=2900,
            issued_at=FAILED,
            snapshot_at=FAILED,
            **values,
        )

    def test_are_what_is_left_of_the_open_invoice(self) -> None:
        subscription = overdue(latest_invoice_external_id="in_2")
        self._fail(subscription, "in_2", 9900, 0)
        self._bill(subscription, "F-12", amount_remaining_minor=1900)
        self._bill(subscription, "F-11", status="paid", amount_remaining_minor=0)
        self._bill(overdue(), "F-77")

        assert arrears.of(subscription).in_words() == " of $19.00 (invoice F-12)"

    def test_add_up_over_several_invoices(self) -> None:
        subscription = overdue()
        self._bill(subscription, "F-12")
        self._bill(subscription, "F-13")

        assert arrears.of(subscription).in_words() == " of $58.00"

    def test_are_not_added_up_over_currencies(self) -> None:
        subscription = overdue()
        self._bill(subscription, "F-12")
        self._bill(subscription, "F-13", currency="EUR")

        assert arrears.of(subscription).in_words() == ""

    def test_are_unknown_until_the_provider_tells(self) -> None:
        assert arrears.of(overdue()).in_words() == ""

    def test_are_not_looked_up_for_whoever_pays(self, django_assert_num_queries: Any) -> None:
        subscription = make_subscription(status="active")

        with django_assert_num_queries(0):
            assert arrears.of(subscription) == Arrears()
            assert arrears.of(None) == Arrears()


class TestCurrent:
    def test_says_since_when_and_because_of_which_line(self) -> None:
        subscription = make_subscription(status="active")
        line = subscription.pk
        organization = OrganizationFactory.build(
            access_level="full", access_since=NOW, access_event_id=line
        )

        seen = access.current(organization, subscription, NOW)

        assert (seen.since, seen.caused_by_event) == (NOW, line)

    def test_is_right_before_the_sweep_came_by(self) -> None:
        organization = OrganizationFactory.build(
            access_level="grace",
            access_reason="payment_overdue",
            access_since=FAILED,
            access_event_id=OrganizationFactory.build().pk,
        )

        seen = access.current(organization, overdue(), GRACE_ENDS)

        assert (seen.level, seen.since) == (AccessLevel.RESTRICTED, GRACE_ENDS)
        assert seen.caused_by_event is None

    def test_another_reason_for_a_restriction_has_another_line(self) -> None:
        organization = OrganizationFactory.build(
            access_level="restricted", access_reason="grace_ended", access_since=GRACE_ENDS
        )

        seen = access.current(organization, make_subscription(status="paused"), GRACE_ENDS)

        assert (seen.reason_code, seen.since) == ("paused", None)


class TestPlanStatusOf:
    @pytest.mark.parametrize(
        ("level", "expected"),
        [
            (AccessLevel.FULL, PlanStatus.ACTIVE),
            (AccessLevel.GRACE, PlanStatus.PAST_DUE),
            (AccessLevel.RESTRICTED, PlanStatus.SUSPENDED),
        ],
    )
    def test_follows_access(self, level: AccessLevel, expected: PlanStatus) -> None:
        assert standing.plan_status_of(level, was_active=True) == expected
        assert standing.plan_status_of(level, was_active=False) == expected

    def test_tells_a_newcomer_from_one_who_left(self) -> None:
        none = AccessLevel.NONE

        assert standing.plan_status_of(none, was_active=False) == PlanStatus.PENDING_PAYMENT
        assert standing.plan_status_of(none, was_active=True) == PlanStatus.CANCELED
