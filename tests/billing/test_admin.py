import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from orgs.models import User
from tests import factories_billing as make
from tests.factories import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db

LIST_QUERIES = 12
CHANGE_QUERIES = 25


def mirrored(name: str, **values: Any) -> Model:
    row: Model = apps.get_model("djstripe", name)._default_manager.create(livemode=False, **values)
    return row


def mirrored_invoice() -> Model:
    number = apps.get_model("djstripe", "Invoice").objects.count()
    data = {"status": "paid", "number": f"A-{number}", "total": 2900, "currency": "usd"}
    return mirrored("Invoice", id=f"in_{number}", stripe_data=data, customer=mirrored_customer())


def mirrored_subscription() -> Model:
    number = apps.get_model("djstripe", "Subscription").objects.count()
    return mirrored(
        "Subscription",
        id=f"sub_{number}",
        stripe_data={"status": "active"},
        customer=mirrored_customer(),
    )


def mirrored_customer() -> Model:
    number = apps.get_model("djstripe", "Customer").objects.count()
    return mirrored("Customer", id=f"cus_{number}", email="a@acme.example", stripe_data={})


@dataclasses.dataclass(frozen=True)
class Page:
    model: str
    create: Callable[[], Model]

    def __str__(self) -> str:
        return self.model

    @property
    def list_url(self) -> str:
        return reverse(f"admin:{self.model}_changelist")

    def change_url(self, row: Model) -> str:
        return reverse(f"admin:{self.model}_change", args=[row.pk])


def member_organization() -> Model:
    organization: Model = MembershipFactory.create().organization
    return organization


def subscription_with_a_debt() -> Model:
    subscription = make.SubscriptionFactory.create()
    make.ObligationFactory.create(subscription=subscription)
    return subscription


PAGES = [
    Page("billing_plan", make.PlanFactory.create),
    Page("billing_planversion", make.PlanVersionFactory.create),
    Page("billing_price", lambda: make.ExternalPriceFactory.create().price),
    Page("billing_customer", make.CustomerFactory.create),
    Page("billing_billingprofile", make.BillingProfileFactory.create),
    Page("billing_merchantaccount", make.MerchantAccountFactory.create),
    Page("billing_subscription", subscription_with_a_debt),
    Page("billing_inboxevent", make.InboxEventFactory.create),
    Page("billing_billingevent", make.BillingEventFactory.create),
    Page("billing_mirrortodo", make.MirrorTodoFactory.create),
    Page("billing_obligation", lambda: make.PaymentAttemptFactory.create().obligation),
    Page("billing_paymentattempt", make.PaymentAttemptFactory.create),
    Page("billing_paymentfact", make.PaymentFactFactory.create),
    Page("billing_case", make.CaseFactory.create),
    Page("billing_checkoutsession", make.CheckoutSessionFactory.create),
    Page("orgs_organization", member_organization),
    Page("notifications_message", make.MessageFactory.create),
    Page("djstripe_customer", mirrored_customer),
    Page("djstripe_subscription", mirrored_subscription),
    Page("djstripe_invoice", mirrored_invoice),
]
EDITABLE = {
    "billing_plan",
    "billing_planversion",
    "billing_merchantaccount",
    "billing_billingprofile",
}
every_page = pytest.mark.parametrize("page", PAGES, ids=str)


@pytest.fixture
def staff(client: Client) -> User:
    user = UserFactory.create(staff=True)
    client.force_login(user)
    return user


def opened(client: Client, url: str) -> tuple[str, int]:
    with CaptureQueriesContext(connection) as queries:
        response = client.get(url)
    assert response.status_code == 200, url
    return response.content.decode(), len(queries)


@every_page
class TestEveryPage:
    def test_list_opens_with_as_many_queries_for_many_rows(
        self, page: Page, client: Client, staff: User
    ) -> None:
        page.create()
        opened(client, page.list_url)  # fills Django's caches of content types
        _, few = opened(client, page.list_url)
        for _ in range(5):
            page.create()
        _, many = opened(client, page.list_url)

        assert many == few
        assert many <= LIST_QUERIES

    def test_change_page_opens(self, page: Page, client: Client, staff: User) -> None:
        row = page.create()

        _, queries = opened(client, page.change_url(row))

        assert queries <= CHANGE_QUERIES

    @pytest.mark.parametrize("term", ["nothing", "0b7b0d8e-5a57-4a35-8a5c-6f4e1f3f6a11"])
    def test_search_opens(self, page: Page, client: Client, staff: User, term: str) -> None:
        page.create()

        html, _ = opened(client, f"{page.list_url}?q={term}")

        assert 'name="_selected_action"' not in html

    def test_is_closed_to_staff_without_permission(self, page: Page, client: Client) -> None:
        row = page.create()
        client.force_login(UserFactory.create(is_staff=True))

        assert client.get(page.list_url).status_code == 403
        assert client.get(page.change_url(row)).status_code == 403

    def test_is_closed_to_everyone_else(self, page: Page, client: Client) -> None:
        row = page.create()
        client.force_login(UserFactory.create())

        for url in (page.list_url, page.change_url(row)):
            response = client.get(url)
            assert response.status_code == 302
            assert "/login" in response["Location"]

    def test_offers_no_way_to_add_or_delete_what_a_service_owns(
        self, page: Page, client: Client, staff: User
    ) -> None:
        row = page.create()

        delete = client.post(reverse(f"admin:{page.model}_delete", args=[row.pk]), {"post": "yes"})

        assert delete.status_code == 403
        assert type(row)._default_manager.filter(pk=row.pk).exists()
        if page.model not in EDITABLE:
            assert client.get(reverse(f"admin:{page.model}_add")).status_code == 403
            assert client.post(page.change_url(row), {}).status_code == 403


def test_every_table_of_ours_has_a_page() -> None:
    inside_another = {"planfeature", "externalprice"}
    for label in ("billing", "notifications"):
        for model in apps.get_app_config(label).get_models():
            if model._meta.model_name not in inside_another:
                assert admin.site.is_registered(model), model


def test_of_the_mirror_only_three_pages_are_left() -> None:
    left = {
        model._meta.model_name
        for model in apps.get_app_config("djstripe").get_models()
        if admin.site.is_registered(model)
    }

    assert left == {"customer", "subscription", "invoice"}


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
