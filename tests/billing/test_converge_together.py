"""Applying several objects of a batch in one transaction."""

from typing import Any

import pytest

from billing.drivers import registry
from billing.enums import CaseKind, InboxState, Provider, SubscriptionStatus
from billing.models import BillingEvent, Case, InboxEvent, Subscription
from billing.services import dispatch, projection
from billing.types import Cause, SubscriptionUpdate
from orgs.models import Organization, PlanStatus
from tests.billing.builders import (
    NOW,
    make_organization,
    make_subscription,
    moment,
    snapshot_of,
)

pytestmark = pytest.mark.django_db

CAUSE = Cause("webhook", id="evt_1", detail="customer.subscription.updated")


def together(*snapshots: Any) -> list[projection.Converged | None]:
    changes = [SubscriptionUpdate(snapshot, moment(), CAUSE) for snapshot in snapshots]
    return projection.converge_together(changes=changes, now=NOW)


class TestConvergeTogether:
    def test_does_for_each_what_converge_does_for_one(self) -> None:
        first, second = make_subscription(), make_subscription()

        done = together(snapshot_of(first), snapshot_of(second, status=SubscriptionStatus.TRIALING))

        assert [row is not None and row.applied for row in done] == [True, True]
        assert set(Subscription.objects.values_list("status", flat=True)) == {"active", "trialing"}
        assert set(Organization.objects.values_list("plan_status", flat=True)) == {
            PlanStatus.ACTIVE
        }
        lines = BillingEvent.objects.values_list("organization_id", "sequence", "type")
        assert sorted(lines) == sorted(
            (row.organization_id, sequence, type_)
            for row in (first, second)
            for sequence, type_ in (
                (1, "billing.subscription.activated"),
                (2, "billing.access.changed"),
            )
        )

    def test_says_which_are_not_ours_and_applies_the_others(self) -> None:
        mine = make_subscription()
        nobodys = snapshot_of(mine, external_id="sub_of_somebody_else", our_id="")

        done = together(nobodys, snapshot_of(mine))

        assert done[0] is None
        assert done[1] is not None

    def test_numbers_the_lines_of_one_organization_in_a_row(self) -> None:
        organization = make_organization()
        first = make_subscription(organization)
        second = make_subscription(organization)

        together(snapshot_of(first, status=SubscriptionStatus.CANCELED), snapshot_of(second))

        sequences = BillingEvent.objects.order_by("sequence").values_list("sequence", flat=True)
        assert list(sequences) == [1, 2, 3]
        organization.refresh_from_db()
        assert organization.event_sequence == 3

    def test_two_snapshots_of_one_row_see_each_other(self) -> None:
        subscription = make_subscription()

        done = together(
            snapshot_of(subscription), snapshot_of(subscription, external_id="sub_twin")
        )

        assert [row is not None and row.applied for row in done] == [True, False]
        assert Case.objects.get().kind == CaseKind.LATE_WINNER


class TestABatch:
    @pytest.fixture
    def rows(self, monkeypatch: pytest.MonkeyPatch) -> list[Subscription]:
        """Three starts that were paid at the provider, each with an event waiting."""
        found = [make_subscription(external_id=f"sub_{number}") for number in range(3)]
        snapshots = {row.external_id: snapshot_of(row) for row in found}
        snapshots["sub_nobodys"] = snapshot_of(found[0], external_id="sub_nobodys", our_id="")
        driver = registry.get_driver(Provider.STRIPE)
        monkeypatch.setattr(driver, "retrieve_subscription", snapshots.__getitem__)
        for external_id in snapshots:
            obj = {"id": external_id, "object": "subscription", "customer": "cus_1", "metadata": {}}
            event = {
                "id": f"evt_{external_id}",
                "object": "event",
                "type": "customer.subscription.updated",
                "created": 1_780_000_000,
                "data": {"object": obj},
            }
            InboxEvent.objects.create(
                provider=Provider.STRIPE,
                external_id=f"evt_{external_id}",
                type="customer.subscription.updated",
                payload=event,
            )
        return found

    def _states(self) -> dict[str, str]:
        return dict(InboxEvent.objects.values_list("external_id", "state"))

    def test_is_applied_but_for_what_is_nobodys(self, rows: list[Subscription]) -> None:
        assert dispatch.drain_inbox(now=NOW) == 3

        assert self._states() == {
            "evt_sub_0": InboxState.DONE,
            "evt_sub_1": InboxState.DONE,
            "evt_sub_2": InboxState.DONE,
            "evt_sub_nobodys": InboxState.FAILED,
        }
        done = InboxEvent.objects.filter(state=InboxState.DONE)
        assert set(done.values_list("organization_id", flat=True)) == {
            row.organization_id for row in rows
        }

    def test_leaves_out_only_the_object_that_trouble_is_with(
        self, rows: list[Subscription], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        converge = projection._converge

        def explode(change: SubscriptionUpdate, *details: Any) -> projection.Converged:
            done = converge(change, *details)
            if change.snapshot.external_id == "sub_1":
                raise RuntimeError("after everything was written")
            return done

        monkeypatch.setattr(projection, "_converge", explode)

        assert dispatch.drain_inbox(now=NOW) == 2

        states = self._states()
        assert (states["evt_sub_0"], states["evt_sub_2"]) == (InboxState.DONE, InboxState.DONE)
        assert states["evt_sub_1"] == InboxState.FAILED
        rows[1].refresh_from_db()
        assert rows[1].status == SubscriptionStatus.INCOMPLETE
        sequences = BillingEvent.objects.values_list("organization_id", "sequence")
        assert sorted(sequences) == sorted(
            (rows[number].organization_id, sequence) for number in (0, 2) for sequence in (1, 2)
        )
