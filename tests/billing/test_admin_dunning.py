"""Staff edits dunning policies: drawn as a timeline, refused where they contradict."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.admin import dunning_drawing
from billing.engine import dunning_policy, policies
from billing.engine.dunning_policy import Policy
from billing.engine.models import DunningPolicy, PlanDunning
from billing.models import Plan
from orgs.models import User
from tests import factories_billing as make

pytestmark = pytest.mark.django_db

ADD = "admin:engine_dunningpolicy_add"


def form(*plans: Plan, **changes: Any) -> dict[str, Any]:
    """What the browser sends for a new policy."""
    rows = {f"plan_rows-{number}-plan": str(plan.pk) for number, plan in enumerate(plans)}
    return {
        "name": f"Policy {DunningPolicy.objects.count()}",
        "retry_days": "1, 3, 5",
        "notice_days": "2 6",
        "last_notice_day": "",
        "cancel_day": "",
        "plan_rows-TOTAL_FORMS": len(plans),
        "plan_rows-INITIAL_FORMS": 0,
        **rows,
        **changes,
    }


def saved(client: Client, *plans: Plan, **changes: Any) -> DunningPolicy:
    fields = form(*plans, **changes)
    response = client.post(reverse(ADD), fields)
    assert response.status_code == 302, response.context["errors"]
    return DunningPolicy.objects.get(name=fields["name"])


def make_policy(plan: Plan | None = None, **values: Any) -> DunningPolicy:
    row = DunningPolicy.objects.create(name=f"Policy {DunningPolicy.objects.count()}", **values)
    if plan is not None:
        PlanDunning.objects.create(policy=row, plan=plan)
    return row


class TestSaving:
    def test_days_are_written_as_people_write_them(self, client: Client, staff: User) -> None:
        plan = make.PlanFactory.create()

        row = saved(client, plan)

        assert (row.retry_days, row.notice_days) == ([1, 3, 5], [2, 6])
        assert policies.policy_of(plan) == Policy((1, 3, 5), (2, 6), plan.grace_days)

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"retry_days": "1, 2, 3, 4, 5"}, "At most 4 automatic tries"),
            ({"retry_days": "3, 3"}, "never two tries within 24 hours"),
            ({"retry_days": "0"}, "at least 24 hours"),
            ({"retry_days": "10", "cancel_day": "10"}, "comes after the end on day 10"),
            ({"retry_days": "tomorrow"}, "Whole numbers of days"),
            ({"notice_days": "7"}, "comes after the restriction on day 7"),
            ({"last_notice_day": "9"}, "there is none"),
            ({"cancel_day": "7"}, "before access is restricted on day 7"),
        ],
        ids=str,
    )
    def test_a_contradiction_is_refused_and_named(
        self, client: Client, staff: User, changes: dict[str, str], words: str
    ) -> None:
        plan = make.PlanFactory.create(grace_days=7)
        before = DunningPolicy.objects.count()

        response = client.post(reverse(ADD), form(plan, **changes))

        assert response.status_code == 200
        assert words in response.content.decode()
        assert DunningPolicy.objects.count() == before

    def test_a_change_is_checked_for_every_plan_it_is_for(
        self, client: Client, staff: User
    ) -> None:
        row = make_policy(make.PlanFactory.create(grace_days=3), notice_days=[2])
        url = reverse("admin:engine_dunningpolicy_change", args=[row.pk])

        response = client.post(url, form(name=row.name, notice_days="4"))

        assert "after the restriction on day 3" in response.content.decode()
        row.refresh_from_db()
        assert row.notice_days == [2]

    def test_a_plan_has_one_policy(self, client: Client, staff: User) -> None:
        plan = make.PlanFactory.create()
        make_policy(plan)

        response = client.post(reverse(ADD), form(plan))

        assert "already exists" in response.content.decode()

    def test_there_is_one_default(self, client: Client, staff: User) -> None:
        DunningPolicy.objects.filter(is_default=True).delete()
        make_policy(is_default=True, notice_days=[])

        response = client.post(reverse(ADD), form(is_default="on", notice_days=""))

        assert "Another policy is the default already." in response.content.decode()


class TestGraceOfAPlan:
    def test_it_has_to_fit_the_plans_policy(self, client: Client, staff: User) -> None:
        plan = make.PlanFactory.create(grace_days=7)
        make_policy(plan, notice_days=[5])
        fields = {
            "name": plan.name,
            "rank": 0,
            "grace_days": 3,
            "versions-TOTAL_FORMS": 0,
            "versions-INITIAL_FORMS": 0,
        }

        response = client.post(reverse("admin:billing_plan_change", args=[plan.pk]), fields)

        assert "comes after the restriction on day 3" in response.content.decode()
        plan.refresh_from_db()
        assert plan.grace_days == 7


class TestPolicyOf:
    def test_a_plan_without_its_own_has_the_default(self) -> None:
        DunningPolicy.objects.filter(is_default=True).delete()
        make_policy(is_default=True, retry_days=[2], notice_days=[], cancel_day=20)
        plan = make.PlanFactory.create(grace_days=4)

        assert policies.policy_of(plan) == Policy((2,), (), 4, None, 20)

    def test_without_a_default_the_house_has_one(self) -> None:
        DunningPolicy.objects.filter(is_default=True).delete()
        plan = make.PlanFactory.create(grace_days=7)

        assert policies.policy_of(plan) == Policy()

    @pytest.mark.parametrize(
        ("grace", "notices"), [(0, ()), (3, ()), (4, (3,)), (30, (3, 6))], ids=str
    )
    def test_the_house_never_announces_what_has_begun(
        self, grace: int, notices: tuple[int, ...]
    ) -> None:
        DunningPolicy.objects.filter(is_default=True).delete()

        found = policies.policy_of(make.PlanFactory.create(grace_days=grace))

        assert found.notice_days == notices
        assert dunning_policy.contradictions(found) == {}


class TestDrawing:
    def test_a_page_shows_it_and_says_the_same_in_words(self, client: Client, staff: User) -> None:
        plan = make.PlanFactory.create(grace_days=7)
        row = make_policy(plan, retry_days=[1, 4], cancel_day=14, last_notice_day=12)

        page = client.get(
            reverse("admin:engine_dunningpolicy_change", args=[row.pk])
        ).content.decode()

        assert '<svg viewBox="0 0 740 190"' in page
        assert f"{plan.name}: 7 days of grace" in page
        assert "Day 4: The card is tried again, unless the decline was final." in page
        assert "Day 7: Grace ends: access is restricted." in page
        assert "Day 12: The payer is told that the subscription will end." in page
        assert "Day 14: The subscription ends." in page

    def test_every_mark_is_drawn_once_and_within_the_picture(self) -> None:
        shown = dunning_drawing.drawing(Policy((1, 3), (2,), 5, 8, 9), title="Pro")

        assert shown.count("<circle") == 3  # the failure and two retries
        assert shown.count('height="10"') == 2  # the notices
        assert shown.count('height="26"') == 3  # full use, restricted, ended
        assert "From then on" not in shown

    def test_without_an_end_it_says_who_decides(self) -> None:
        shown = dunning_drawing.drawing(Policy(), title="Pro")

        assert "From then on a person decides when it ends." in shown
        assert shown.count('height="26"') == 2
