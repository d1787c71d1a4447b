"""What single pages of the admin show."""

import pytest
from django.test import Client
from django.urls import reverse

from orgs.models import User
from tests import factories_billing as make
from tests.billing.admin_steps import mirrored_invoice, opened
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
