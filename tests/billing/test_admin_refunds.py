"""Staff and money back: the page of a case, and of an invoice or a payment."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from billing.models import BillingEvent, Case, Obligation, PaymentAttempt
from orgs.models import User
from tests.billing.invoice_event_steps import Shop
from tests.billing.refund_steps import given_at_stripe, payment_of
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def words(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def looker(client: Client, *codenames: str) -> None:
    user: User = UserFactory.create(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)


@pytest.fixture
def page(shop: Shop) -> str:
    return reverse("admin:billing_invoice_refund", args=[shop.invoice.pk])


def filled(**changes: str) -> dict[str, str]:
    fields = {
        "amount": "5.00",
        "reason": "requested_by_customer",
        "note": "Two days without service",
        "request_key": "one-page",
    }
    return {**fields, **changes}


class TestInvoicePage:
    def test_is_linked_from_the_invoice(
        self, client: Client, staff: User, shop: Shop, page: str
    ) -> None:
        change = reverse("admin:billing_invoice_change", args=[shop.invoice.pk])

        assert f'href="{page}"' in client.get(change).content.decode()

    def test_offers_all_that_is_left(
        self, client: Client, staff: User, shop: Shop, page: str
    ) -> None:
        answer = client.get(page)

        form = answer.context["form"]
        assert form.initial["amount"] == "29.00"
        assert form.fields["amount"].label == "Amount in USD"
        text = words(answer)
        assert f"Payer {shop.organization.email}" in text
        assert f"Payment {payment_of(shop)}" in text
        assert "Taken $29.00 Given back so far $0.00" in text

    def test_asks_before_it_is_done(
        self, client: Client, staff: User, shop: Shop, page: str
    ) -> None:
        text = words(client.post(page, filled()))

        assert f"Give $5.00 back to {shop.organization.email}?" in text
        assert "Reason The customer asked for it Why Two days without service" in text
        assert given_at_stripe(shop) == []

    def test_gives_it_back_once_confirmed(
        self, client: Client, staff: User, shop: Shop, page: str
    ) -> None:
        answer = client.post(page, filled(confirmed="yes"), follow=True)

        assert "$5.00 given back." in words(answer)
        assert given_at_stripe(shop) == [500]
        debt = Obligation.objects.get(kind="refund")
        assert (debt.amount_minor, debt.note) == (500, "Two days without service")
        entry = LogEntry.objects.get()
        assert (entry.user, entry.change_message) == (staff, "Refunded $5.00.")
        line = BillingEvent.objects.get(
            organization=shop.organization, type="billing.refund.requested"
        )
        assert (line.cause["kind"], line.cause["id"]) == ("staff", str(staff.pk))

    def test_the_same_page_sent_twice_gives_back_once(
        self, client: Client, staff: User, shop: Shop, page: str
    ) -> None:
        for _ in range(2):
            client.post(page, filled(confirmed="yes"))

        assert given_at_stripe(shop) == [500]

    @pytest.mark.parametrize(
        ("amount", "error"),
        [
            ("29.01", "At most $29.00 can be given back."),
            ("0", "At most $29.00 can be given back."),
            ("5.001", "The currency has no such small unit."),
            ("much", "Enter a number."),
            ("", "This field is required."),
        ],
    )
    def test_says_what_is_wrong_and_changes_nothing(
        self, amount: str, error: str, client: Client, staff: User, shop: Shop, page: str
    ) -> None:
        answer = client.post(page, filled(amount=amount, confirmed="yes"))

        assert answer.context["form"].errors["amount"] == [error]
        assert given_at_stripe(shop) == []
        assert not Obligation.objects.filter(kind="refund").exists()

    def test_shows_what_the_provider_said(
        self, client: Client, staff: User, shop: Shop, page: str
    ) -> None:
        shop.stripe.dispute(shop.charge)

        answer = client.post(page, filled(confirmed="yes"))

        assert "The provider refused to give this back (charge_disputed)." in words(answer)

    def test_says_that_an_answer_is_missing(
        self, client: Client, staff: User, shop: Shop, page: str
    ) -> None:
        shop.stripe.add_fault(method="POST", path="/v1/refunds$", times=1, action="reset_after")

        answer = client.post(page, filled(confirmed="yes"), follow=True)

        assert "It is being asked; nothing is sent twice." in words(answer)

    def test_is_not_for_those_who_may_only_look(
        self, client: Client, shop: Shop, page: str
    ) -> None:
        looker(client, "view_invoice")

        assert client.get(page).status_code == 403
        assert client.post(page, filled(confirmed="yes")).status_code == 403
        assert given_at_stripe(shop) == []


class TestPaymentPage:
    def test_gives_back_what_a_try_came_to(self, client: Client, staff: User, shop: Shop) -> None:
        attempt = PaymentAttempt.objects.get(organization=shop.organization)
        assert attempt.external_id == payment_of(shop)
        page = reverse("admin:billing_paymentattempt_refund", args=[attempt.pk])

        client.post(page, filled(confirmed="yes"))

        assert given_at_stripe(shop) == [500]

    def test_is_not_there_for_a_try_that_came_to_nothing(
        self, client: Client, staff: User, shop: Shop
    ) -> None:
        attempt = PaymentAttempt.objects.get(organization=shop.organization)
        PaymentAttempt.objects.filter(pk=attempt.pk).update(state="failed")
        page = reverse("admin:billing_paymentattempt_refund", args=[attempt.pk])

        assert client.get(page).status_code == 404


class TestCasePage:
    @pytest.fixture
    def case(self, shop: Shop) -> Case:
        case: Case = Case.objects.create(
            organization=shop.organization,
            subscription=shop.subscription,
            kind="late_winner",
            external_id=payment_of(shop),
            external_payment_id=payment_of(shop),
            summary="An invoice was paid twice.",
        )
        return case

    def url(self, case: Case) -> str:
        return reverse("admin:billing_case_refund", args=[case.pk])

    def test_is_one_click_from_the_list(self, client: Client, staff: User, case: Case) -> None:
        listed = client.get(reverse("admin:billing_case_changelist")).content.decode()

        assert f'href="{self.url(case)}"' in listed

    def test_shows_amount_payer_and_why(
        self, client: Client, staff: User, shop: Shop, case: Case
    ) -> None:
        text = words(client.get(self.url(case)))

        assert f"Give $29.00 back to {shop.organization.email}?" in text
        assert "Why An invoice was paid twice." in text
        assert given_at_stripe(shop) == []

    def test_gives_it_back_and_resolves_the_case(
        self, client: Client, staff: User, shop: Shop, case: Case
    ) -> None:
        answer = client.post(self.url(case), {"confirmed": "yes"}, follow=True)

        assert "$29.00 given back." in words(answer)
        case.refresh_from_db()
        assert case.state == "resolved"
        assert given_at_stripe(shop) == [2900]
        assert LogEntry.objects.get().change_message == "Ended and given back."

    def test_says_that_nothing_is_left_to_do(
        self, client: Client, staff: User, shop: Shop, case: Case
    ) -> None:
        client.post(self.url(case), {"confirmed": "yes"})

        answer = client.get(self.url(case), follow=True)

        assert "This case has nothing to give back." in words(answer)

    def test_is_not_for_those_who_may_only_look(
        self, client: Client, shop: Shop, case: Case
    ) -> None:
        looker(client, "view_case")

        assert client.post(self.url(case), {"confirmed": "yes"}).status_code == 403
        assert given_at_stripe(shop) == []
