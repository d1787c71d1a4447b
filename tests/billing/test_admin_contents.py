"""What single pages of the admin show."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.enums import SubscriptionStatus
from billing.selectors import timeline
from billing.services import grace
from billing.types import Cause
from orgs.models import Organization, User
from tests import factories_billing as make
from tests.billing import payer_steps
from tests.billing.admin_steps import mirrored_invoice, opened
from tests.billing.builders import NOW, make_organization, make_subscription, snapshot_of
from tests.billing.projection_steps import converge
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


class TestWhatIsShown:
    def test_index_names_the_product_and_the_environment(self, client: Client, staff: User) -> None:
        html, _ = opened(client, reverse("admin:index"))

        assert "Till" in html
        assert "Test" in html
        assert "Incoming events" in html

    def test_navigation_shows_only_what_may_be_seen(self, client: Client) -> None:
        client.force_login(UserFactory.create(is_staff=True))

        html, _ = opened(client, reverse("admin:index"))

        assert "Incoming events" not in html

    def test_a_payers_page_has_its_methods_and_no_fingerprint(
        self, client: Client, staff: User
    ) -> None:
        customer = make.CustomerFactory.create()
        visa = payer_steps.card("pm_admin_1")
        amex = payer_steps.card("pm_admin_2", brand="amex", last4="0005")
        payer_steps.converge(payer_steps.payer(customer, visa, amex))
        payer_steps.converge(payer_steps.payer(customer, amex), at=1)

        html, _ = opened(client, reverse("admin:billing_customer_change", args=[customer.pk]))

        assert "Visa ending in 4242" in html
        assert "American Express ending in 0005" in html
        assert "12/2034" in html
        assert visa.fingerprint not in html

    def test_a_payer_is_found_by_a_method(self, client: Client, staff: User) -> None:
        customer = make.CustomerFactory.create()
        payer_steps.converge(payer_steps.payer(customer, payer_steps.card("pm_admin_3")))

        address = reverse("admin:billing_customer_changelist")
        html, _ = opened(client, f"{address}?q=pm_admin_3")

        assert customer.external_id in html

    def test_payloads_are_never_shown(self, client: Client, staff: User) -> None:
        event = make.InboxEventFactory.create()

        for url in (
            reverse("admin:billing_inboxevent_changelist"),
            reverse("admin:billing_inboxevent_change", args=[event.pk]),
        ):
            html, _ = opened(client, url)
            assert event.external_id in html
            assert "payload-content" not in html

    def test_amounts_are_shown_with_their_currency(self, client: Client, staff: User) -> None:
        make.ObligationFactory.create(amount_minor=123456, currency="EUR")
        make.SubscriptionFactory.create(seats=3)
        mirrored_invoice()

        assert "€1,234.56" in opened(client, reverse("admin:billing_obligation_changelist"))[0]
        subscriptions, _ = opened(client, reverse("admin:billing_subscription_changelist"))
        assert "$87.00 per month" in subscriptions
        assert "$29.00" in opened(client, reverse("admin:djstripe_invoice_changelist"))[0]

    def test_unhandled_events_can_be_singled_out(self, client: Client, staff: User) -> None:
        waiting = make.InboxEventFactory.create()
        done = make.InboxEventFactory.create(state="done", handled_at=make.NOW)

        html, _ = opened(
            client, reverse("admin:billing_inboxevent_changelist") + "?handled_at__isempty=1"
        )

        assert waiting.external_id in html
        assert done.external_id not in html

    def test_a_row_is_found_by_its_id_and_by_its_organization_s(
        self, client: Client, staff: User
    ) -> None:
        mine, other = make.SubscriptionFactory.create(), make.SubscriptionFactory.create()
        url = reverse("admin:billing_subscription_changelist")

        for wanted in (mine.pk, mine.organization_id):
            html, _ = opened(client, f"{url}?q={wanted}")
            assert mine.external_id in html
            assert other.external_id not in html


class TestTimeline:
    def test_organization_says_what_happened_and_why(self, client: Client, staff: User) -> None:
        event = make.BillingEventFactory.create()
        make.BillingEventFactory.create(summary="Of somebody else.")

        html, _ = opened(
            client, reverse("admin:orgs_organization_change", args=[event.organization_id])
        )

        assert "Starter is active." in html
        assert "Stripe reported it: invoice.paid" in html
        assert "/admin/billing/inboxevent/?q=evt_why" in html
        assert "Of somebody else." not in html

    def test_subscription_shows_its_own_part(self, client: Client, staff: User) -> None:
        subscription = make.SubscriptionFactory.create()
        make.BillingEventFactory.create(
            organization=subscription.organization,
            object_id=str(subscription.pk),
            summary="It was renewed.",
            cause={"kind": "sweep", "id": "", "detail": "renewals"},
        )
        make.BillingEventFactory.create(
            organization=subscription.organization, summary="Another thing."
        )

        html, _ = opened(
            client, reverse("admin:billing_subscription_change", args=[subscription.pk])
        )

        assert "It was renewed." in html
        assert "A scheduled check: renewals" in html
        assert "Another thing." not in html

    def test_names_from_outside_are_escaped(self, client: Client, staff: User) -> None:
        event = make.BillingEventFactory.create(
            summary="<script>1</script>", cause={"kind": "request", "id": "<b>", "detail": ""}
        )

        html, _ = opened(
            client, reverse("admin:orgs_organization_change", args=[event.organization_id])
        )

        assert "<script>1</script>" not in html
        assert "A request through the API or a page: &lt;b&gt;" in html


class TestAccess:
    def test_organization_says_what_it_may_do_and_what_led_there(
        self, client: Client, staff: User, django_assert_num_queries: Any
    ) -> None:
        organization = make_organization()
        subscription = make_subscription(organization)
        cause = Cause("webhook", id="evt_paid", detail="invoice.paid")
        converge(snapshot_of(subscription), cause=cause)
        cause = Cause("webhook", id="evt_failed", detail="invoice.payment_failed")
        past_due = snapshot_of(subscription, status=SubscriptionStatus.PAST_DUE)
        converge(past_due, at=1, cause=cause)
        grace.end_grace(now=NOW + timedelta(days=7))

        with django_assert_num_queries(2):  # the changes, and what the webhook led to
            timeline.access_history(organization)
        html, _ = opened(client, reverse("admin:orgs_organization_change", args=[organization.pk]))

        why = html[html.index("Why this access?") : html.index("What happened, and why")]
        assert "Restricted (grace_ended): Access is restricted since 8 March 2026" in html
        assert "A scheduled check: the grace period of the plan" in why
        assert "A payment for Bistro failed and is overdue." in why
        assert "/admin/billing/inboxevent/?q=evt_failed" in why
        assert "evt_paid" not in why
        assert "evt_paid" in html

    def test_organizations_can_be_filtered_by_access(self, client: Client, staff: User) -> None:
        make_organization("Barred")
        Organization.objects.update(access_level="restricted")
        make_organization("Newcomer")

        html, _ = opened(
            client, reverse("admin:orgs_organization_changelist") + "?access_level=restricted"
        )

        assert "Barred" in html
        assert "Newcomer" not in html

    def test_staff_sets_a_plans_grace(self, client: Client, staff: User) -> None:
        plan = make.PlanFactory.create()
        url = reverse("admin:billing_plan_change", args=[plan.pk])
        form = {"name": plan.name, "rank": 1, "is_active": "on", "versions-TOTAL_FORMS": 0}
        form |= {"versions-INITIAL_FORMS": 0, "description": ""}

        assert "Days of full use after a payment failed" in opened(client, url)[0]
        assert client.post(url, {**form, "grace_days": 61}).status_code == 200
        plan.refresh_from_db()
        assert plan.grace_days == 7
        assert client.post(url, {**form, "grace_days": 14}).status_code == 302
        plan.refresh_from_db()
        assert plan.grace_days == 14
