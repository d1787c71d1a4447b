"""Asking for a plan that is priced individually: `/settings/billing/contact-sales`."""

from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from billing.models import Price, SalesRequest
from notifications.models import Message
from orgs.models import Organization, User
from tests.billing.page_steps import OVERVIEW, folded, refused, send, show

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalogue", "empty_redis")]

ADDRESS = f"{OVERVIEW}/contact-sales"
PAGE = f"{ADDRESS}?plan=enterprise"


def filled(**changes: Any) -> dict[str, Any]:
    fields = {
        "name": "Alice Smith",
        "email": "alice@acme.example",
        "phone": "+1 555 0100",
        "seats": "250",
        "message": "Single sign-on and an invoice by the year.",
        "website": "",
        "request_key": "a" * 32,
    }
    return {**fields, **changes}


def mails(kind: str) -> list[Message]:
    return list(Message.objects.filter(kind=kind))


class TestForm:
    def test_is_where_the_plan_leads(self, payer: Client) -> None:
        text = show(payer, f"{OVERVIEW}/checkout")

        assert f'href="{PAGE}">Contact sales</a>' in text

    def test_knows_who_asks(self, payer: Client, alice: User) -> None:
        text = show(payer, PAGE)

        assert "talk about Enterprise" in text
        assert f'value="{alice.email}"' in text

    def test_leads_strangers_to_sign_in(self, client: Client) -> None:
        answer = client.get(PAGE)

        assert answer["Location"].startswith("/login?next=/settings/billing/contact-sales")

    @pytest.mark.parametrize("plan", ["", "starter", "nothing", "x\x00y"])
    def test_is_not_there_for_what_can_be_bought(self, payer: Client, plan: str) -> None:
        assert payer.get(ADDRESS, {"plan": plan}).status_code == 404


class TestRequest:
    def test_is_kept_and_told_to_both_sides(
        self, payer: Client, org: Organization, alice: User
    ) -> None:
        text = send(payer, PAGE, filled(), to=OVERVIEW)

        assert "Thank you. We have your request and will get back to you." in text
        row = SalesRequest.objects.get()
        assert (row.organization, row.plan.code, row.requested_by) == (org, "enterprise", alice)
        assert (row.name, row.email, row.phone, row.seats) == (
            "Alice Smith",
            "alice@acme.example",
            "+1 555 0100",
            250,
        )
        assert row.message == "Single sign-on and an invoice by the year."
        assert (row.state, row.owner, row.note) == ("new", None, "")
        [to_staff] = mails("sales_request")
        assert to_staff.to == settings.SALES_EMAIL
        assert to_staff.context["message"] == row.message
        assert to_staff.context["desk_url"].endswith(
            reverse("admin:billing_salesrequest_change", args=[row.pk])
        )
        [confirmation] = mails("sales_request_received")
        assert confirmation.to == "alice@acme.example"

    def test_the_same_form_sent_twice_is_one_request(self, payer: Client) -> None:
        for _ in range(2):
            send(payer, PAGE, filled(), to=OVERVIEW)

        assert SalesRequest.objects.count() == 1
        assert Message.objects.count() == 2

    @pytest.mark.parametrize(
        ("field", "value", "error"),
        [
            ("name", "", "This field is required."),
            ("email", "nobody", "Enter a valid email address."),
            ("seats", "0", "Ensure this value is greater than or equal to 1."),
            ("message", "x" * 4001, "Ensure this value has at most 4000 characters"),
        ],
    )
    def test_says_what_is_wrong_and_keeps_nothing(
        self, payer: Client, field: str, value: str, error: str
    ) -> None:
        text = refused(payer, PAGE, filled(**{field: value}), 400)

        assert error in text
        assert not SalesRequest.objects.exists()

    def test_a_machine_is_thanked_and_forgotten(self, payer: Client) -> None:
        text = send(payer, PAGE, filled(website="https://spam.example"), to=OVERVIEW)

        assert "Thank you." in text
        assert not SalesRequest.objects.exists()
        assert not Message.objects.exists()

    def test_is_taken_a_few_times_an_hour(self, payer: Client) -> None:
        answers = [
            payer.post(PAGE, filled(request_key=f"{number}" * 32)).status_code
            for number in range(8)
        ]

        assert answers[:5] == [302] * 5
        assert answers[-1] == 429
        assert SalesRequest.objects.count() == answers.count(302)

    def test_is_not_there_for_what_can_be_bought(
        self, payer: Client, catalogue: dict[str, Price]
    ) -> None:
        assert payer.post(f"{ADDRESS}?plan=starter", filled()).status_code == 404


class TestDesk:
    @pytest.fixture
    def row(self, payer: Client) -> SalesRequest:
        send(payer, PAGE, filled(), to=OVERVIEW)
        row: SalesRequest = SalesRequest.objects.get()
        return row

    def test_staff_see_it_and_note_how_far_it_has_come(
        self, row: SalesRequest, client: Client, staff: User
    ) -> None:
        listed = folded(client.get(reverse("admin:billing_salesrequest_changelist")).content)
        assert "Alice Smith" in listed

        page = reverse("admin:billing_salesrequest_change", args=[row.pk])
        answer = client.post(
            page,
            {
                "state": "contacted",
                "owner": staff.pk,
                "note": "Called back on Monday.",
                "email": "other@acme.example",
            },
        )

        assert answer.status_code == 302
        row.refresh_from_db()
        assert (row.state, row.owner, row.note) == ("contacted", staff, "Called back on Monday.")
        assert row.email == "alice@acme.example"  # as it was sent

    def test_nobody_adds_or_deletes_one(
        self, row: SalesRequest, client: Client, staff: User
    ) -> None:
        assert client.get(reverse("admin:billing_salesrequest_add")).status_code == 403
        delete = reverse("admin:billing_salesrequest_delete", args=[row.pk])
        assert client.post(delete, {"post": "yes"}).status_code == 403
