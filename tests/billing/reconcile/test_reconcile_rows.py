"""A difference is one row: seen again, gone by itself, ignored while it stays as it is."""

from datetime import timedelta
from typing import Any

import pytest

from billing.enums import Provider
from billing.models import Difference, Subscription
from billing.services import differences
from billing.types.differences import DifferenceKind, Found, Look, Resolution
from orgs.errors import InvalidRequest
from orgs.models import Organization
from tests.billing.reconcile_steps import make_difference
from tests.factories import UserFactory
from tests.factories_billing import NOW, SubscriptionFactory

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(hours=1)
SEATS = Found(DifferenceKind.SEATS, {"seats": 1}, {"seats": 7})


@pytest.fixture
def subscription(org: Organization) -> Subscription:
    row: Subscription = SubscriptionFactory.create(organization=org)
    return row


def look(subscription: Subscription, *found: Found) -> Look:
    return Look(
        organization_id=subscription.organization_id,
        provider=Provider.STRIPE,
        object_type="subscription",
        external_id=subscription.external_id,
        object_id=str(subscription.pk),
        found=found,
    )


def rows(subscription: Subscription) -> list[dict[str, Any]]:
    """Return what is kept of a subscription's differences, oldest first."""
    found = Difference.objects.filter(external_id=subscription.external_id)
    names = ("kind", "state", "times_seen", "theirs")
    return list(found.order_by("created_at").values(*names))


def seats(state: str, times_seen: int = 1, theirs: int = 7) -> dict[str, Any]:
    return {
        "kind": "seats",
        "state": state,
        "times_seen": times_seen,
        "theirs": {"seats": theirs},
    }


class TestRecordLook:
    def test_opens_a_row_once_and_sees_it_again(self, subscription: Subscription) -> None:
        assert differences.record_look(look=look(subscription, SEATS), now=NOW) == 1
        assert differences.record_look(look=look(subscription, SEATS), now=LATER) == 1

        assert rows(subscription) == [seats("open", times_seen=2)]
        row = Difference.objects.get(external_id=subscription.external_id)
        assert (row.first_seen_at, row.last_seen_at) == (NOW, LATER)
        assert row.organization == subscription.organization

    def test_follows_the_values(self, subscription: Subscription) -> None:
        differences.record_look(look=look(subscription, SEATS), now=NOW)
        other = Found(DifferenceKind.SEATS, {"seats": 1}, {"seats": 9})

        differences.record_look(look=look(subscription, other), now=LATER)

        assert rows(subscription) == [seats("open", times_seen=2, theirs=9)]

    def test_resolves_what_is_gone_and_leaves_the_rest(self, subscription: Subscription) -> None:
        status = Found(DifferenceKind.STATUS, {"status": "active"}, {"status": "canceled"})
        differences.record_look(look=look(subscription, SEATS, status), now=NOW)

        differences.record_look(look=look(subscription, status), now=LATER)

        gone = Difference.objects.get(kind=DifferenceKind.SEATS)
        assert (gone.state, gone.resolution, gone.resolved_at) == ("resolved", "gone", LATER)
        assert Difference.objects.get(kind=DifferenceKind.STATUS).state == "open"

    def test_leaves_other_objects_alone(self, subscription: Subscription) -> None:
        other = make_difference()

        differences.record_look(look=look(subscription), now=LATER)

        other.refresh_from_db()
        assert other.state == "open"

    def test_opens_a_new_row_for_what_comes_back(self, subscription: Subscription) -> None:
        differences.record_look(look=look(subscription, SEATS), now=NOW)
        differences.record_look(look=look(subscription), now=NOW)

        differences.record_look(look=look(subscription, SEATS), now=LATER)

        assert rows(subscription) == [seats("resolved"), seats("open")]

    def test_keeps_who_ended_it_and_how(self, subscription: Subscription) -> None:
        staff = UserFactory.create(staff=True)
        row = make_difference(subscription=subscription)

        differences.record_look(
            look=look(subscription),
            now=LATER,
            resolution=Resolution.ADOPTED,
            decided_by_id=staff.pk,
        )

        row.refresh_from_db()
        assert (row.state, row.resolution, row.decided_by) == ("resolved", "adopted", staff)


class TestIgnoreDifference:
    def test_keeps_reason_and_actor_while_it_stays_the_same(
        self, subscription: Subscription
    ) -> None:
        staff = UserFactory.create(staff=True)
        row = make_difference(subscription=subscription)

        was_open = differences.ignore_difference(
            difference=row, reason=" Agreed by phone ", decided_by_id=staff.pk, now=NOW
        )
        differences.record_look(look=look(subscription, SEATS), now=LATER)

        row.refresh_from_db()
        assert was_open
        assert (row.state, row.reason, row.decided_by) == ("ignored", "Agreed by phone", staff)
        assert row.last_seen_at == LATER

    def test_is_open_again_with_other_values(self, subscription: Subscription) -> None:
        row = make_difference(subscription=subscription, state="ignored", reason="Agreed")
        other = Found(DifferenceKind.SEATS, {"seats": 1}, {"seats": 70})

        differences.record_look(look=look(subscription, other), now=LATER)

        row.refresh_from_db()
        assert (row.state, row.reason, row.decided_by) == ("open", "", None)

    def test_is_resolved_when_it_is_gone(self, subscription: Subscription) -> None:
        row = make_difference(subscription=subscription, state="ignored", reason="Agreed")

        differences.record_look(look=look(subscription), now=LATER)

        row.refresh_from_db()
        assert (row.state, row.reason) == ("resolved", "Agreed")

    def test_asks_for_a_reason(self, subscription: Subscription) -> None:
        row = make_difference(subscription=subscription)
        staff = UserFactory.create(staff=True)

        with pytest.raises(InvalidRequest) as refused:
            differences.ignore_difference(
                difference=row, reason="  ", decided_by_id=staff.pk, now=NOW
            )

        row.refresh_from_db()
        assert refused.value.fields == {"reason": ["This field is required."]}
        assert (row.state, row.reason) == ("open", "")

    def test_leaves_what_is_resolved(self, subscription: Subscription) -> None:
        row = make_difference(subscription=subscription, state="resolved")
        staff = UserFactory.create(staff=True)

        assert not differences.ignore_difference(
            difference=row, reason="Late", decided_by_id=staff.pk, now=NOW
        )

        row.refresh_from_db()
        assert (row.state, row.reason) == ("resolved", "")
