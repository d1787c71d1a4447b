"""The desk of differences: what it shows, and its three buttons."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from billing.models import Difference, Subscription
from billing.types.differences import DifferenceKind
from orgs.models import User
from tests.billing.admin_steps import act, opened
from tests.billing.invoice_event_steps import Shop
from tests.billing.reconcile_steps import make_difference
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

LIST = reverse("admin:billing_difference_changelist")
MODEL = "billing_difference"


def messages_of(answer: object) -> list[str]:
    return [str(message) for message in answer.context["messages"]]  # type: ignore[attr-defined] # Django's test client


class TestList:
    def test_shows_both_sides_and_links_to_our_row(self, client: Client, staff: User) -> None:
        row = make_difference()

        html, _ = opened(client, LIST)

        assert "seats: 1" in html
        assert "seats: 7" in html
        assert reverse("admin:billing_subscription_change", args=[row.object_id]) in html

    def test_values_are_never_markup(self, client: Client, staff: User) -> None:
        make_difference(theirs={"email": "<script>alert(1)</script>"})

        html, _ = opened(client, LIST)

        assert "<script>alert(1)" not in html
        assert "&lt;script&gt;alert(1)" in html

    def test_can_be_narrowed(self, client: Client, staff: User) -> None:
        open_one = make_difference()
        make_difference(state="ignored")

        answer = client.get(LIST, {"state__exact": "open"})

        assert list(answer.context["cl"].result_list) == [open_one]


class TestAdopt:
    def test_asks_first(self, client: Client, staff: User) -> None:
        row = make_difference()

        answer = act(client, MODEL, "adopt", row)

        assert "Take over what the provider has?" in answer.content.decode()
        row.refresh_from_db()
        assert row.state == "open"

    def test_takes_over_and_leaves_a_log_entry(
        self, client: Client, staff: User, shop: Shop
    ) -> None:
        Subscription.objects.filter(pk=shop.subscription.pk).update(seats=5)
        row = make_difference(subscription=shop.subscription, ours={"seats": 5})

        answer = act(client, MODEL, "adopt", row, confirmed="yes")

        row.refresh_from_db()
        assert (row.state, row.resolution, row.decided_by) == ("resolved", "adopted", staff)
        assert Subscription.objects.get(pk=shop.subscription.pk).seats == 1
        assert messages_of(answer) == ["1 of 1 differences are gone."]
        entry = LogEntry.objects.get(object_id=str(row.pk))
        assert entry.change_message == "Adopt the provider's side."


class TestPush:
    def test_says_what_cannot_be_pushed(self, client: Client, staff: User) -> None:
        row = make_difference()

        answer = act(client, MODEL, "push", row, confirmed="yes")

        assert messages_of(answer) == [
            f"{row}: Ours can't be sent to the provider for this kind of difference.",
            "0 of 1 differences are gone.",
        ]
        assert not LogEntry.objects.filter(object_id=str(row.pk)).exists()


class TestIgnore:
    def test_asks_for_a_reason(self, client: Client, staff: User) -> None:
        row = make_difference()

        first = act(client, MODEL, "ignore", row)
        second = act(client, MODEL, "ignore", row, confirmed="yes", reason=" ")

        for answer in (first, second):
            assert 'name="reason"' in answer.content.decode()
        row.refresh_from_db()
        assert row.state == "open"

    def test_keeps_the_reason(self, client: Client, staff: User) -> None:
        row = make_difference()

        answer = act(client, MODEL, "ignore", row, confirmed="yes", reason="Agreed by phone")

        row.refresh_from_db()
        assert (row.state, row.reason, row.decided_by) == ("ignored", "Agreed by phone", staff)
        assert messages_of(answer) == ["1 differences ignored."]
        entry = LogEntry.objects.get(object_id=str(row.pk))
        assert entry.change_message == "Ignored: Agreed by phone"


class TestWhoMay:
    @pytest.mark.parametrize("action", ["adopt", "push", "ignore"])
    def test_looking_is_not_acting(self, client: Client, action: str) -> None:
        viewer = UserFactory.create(is_staff=True)
        viewer.user_permissions.add(Permission.objects.get(codename="view_difference"))
        client.force_login(viewer)
        row = make_difference(kind=DifferenceKind.CUSTOMER_EMAIL)

        act(client, MODEL, action, row, confirmed="yes", reason="Because")

        assert Difference.objects.get(pk=row.pk).state == "open"
