"""Every page of the admin opens, with few queries, and changes nothing it should not."""

import dataclasses
from collections.abc import Callable

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.engine.models import Circuit, DunningPolicy, Outage, PlanDunning
from billing.enums import Provider
from billing.models import DeclinedCard
from orgs.models import User
from tests import factories_billing as make
from tests import factories_invoices as made
from tests.billing.admin_steps import mirrored, mirrored_customer, mirrored_invoice, opened
from tests.billing.cardconnect import rows as gateway
from tests.billing.engine import rows as engine
from tests.billing.reconcile_steps import make_comparison, make_difference
from tests.factories import MembershipFactory, UserFactory
from tests.factories_coupons import CouponFactory, CouponRedemptionFactory
from tests.factories_messages import MessageFactory

pytestmark = pytest.mark.django_db

LIST_QUERIES = 12


CHANGE_QUERIES = 25


def mirrored_subscription() -> Model:
    number = apps.get_model("djstripe", "Subscription").objects.count()
    return mirrored(
        "Subscription",
        id=f"sub_{number}",
        stripe_data={"status": "active"},
        customer=mirrored_customer(),
    )


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


def used_coupon() -> Model:
    coupon: Model = CouponFactory.create()
    CouponRedemptionFactory.create(coupon=coupon)
    return coupon


def delivered_invoice() -> Model:
    invoice: Model = made.InvoiceDeliveryFactory.create().invoice
    made.CreditNoteFactory.create(invoice=invoice)
    made.RefundFactory.create(invoice=invoice)
    return invoice


def policy() -> Model:
    number = DunningPolicy.objects.count()
    row = DunningPolicy.objects.create(name=f"Policy {number}")
    PlanDunning.objects.create(policy=row, plan=make.PlanFactory.create())
    return row


def circuit() -> Model:
    seller = MembershipFactory.create().organization
    row = Circuit.objects.create(provider=Provider.CARDCONNECT, seller=seller)
    Outage.objects.create(circuit=row, began_at=timezone.now())
    return row


def declined_card() -> Model:
    row: Model = DeclinedCard.objects.create(
        organization=MembershipFactory.create().organization,
        provider=Provider.CARDCONNECT,
        declined_at=timezone.now(),
    )
    return row


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
    Page("billing_difference", make_difference),
    Page("billing_reconciliation", make_comparison),
    Page("billing_obligation", lambda: make.PaymentAttemptFactory.create().obligation),
    Page("billing_paymentattempt", make.PaymentAttemptFactory.create),
    Page("billing_paymentfact", make.PaymentFactFactory.create),
    Page("billing_declinedcard", declined_card),
    Page("billing_case", make.CaseFactory.create),
    Page("billing_checkoutsession", make.CheckoutSessionFactory.create),
    Page("billing_coupon", used_coupon),
    Page("billing_couponredemption", CouponRedemptionFactory.create),
    Page("billing_invoice", delivered_invoice),
    Page("billing_creditnote", made.CreditNoteFactory.create),
    Page("billing_refund", made.RefundFactory.create),
    Page("billing_dispute", made.DisputeFactory.create),
    Page("engine_dunningpolicy", policy),
    Page("engine_circuit", circuit),
    *(Page(model, create) for model, create in engine.PAGES.items()),
    *(Page(model, create) for model, create in gateway.PAGES.items()),
    Page("orgs_organization", member_organization),
    Page("notifications_message", MessageFactory.create),
    Page("djstripe_customer", mirrored_customer),
    Page("djstripe_subscription", mirrored_subscription),
    Page("djstripe_invoice", mirrored_invoice),
]


EDITABLE = {
    *engine.EDITABLE,
    "billing_coupon",
    "engine_dunningpolicy",
    "billing_plan",
    "billing_planversion",
    "billing_merchantaccount",
    "billing_billingprofile",
}


every_page = pytest.mark.parametrize("page", PAGES, ids=str)


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
    inside_another = {
        "planfeature",
        "externalprice",
        "externalcoupon",
        "paymentmethod",
        "invoiceline",
        "invoicedelivery",
    }
    for label in ("billing", "notifications", "terminals"):
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
