"""Readers and payments in person in the back office."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from billing.types import ReaderSnapshot
from notifications.models import Message
from terminals.models import Terminal
from terminals.services import receipt_mail
from tests.billing.admin_steps import act, opened
from tests.factories import UserFactory
from tests.terminals.scripted_readers import LOST
from tests.terminals.till_steps import BASKET, Till, more_till

pytestmark = pytest.mark.django_db

READER, PAYMENT = "terminals_terminal", "terminals_terminalpayment"
LIST_QUERIES = 12
CHANGE_QUERIES = 25


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(UserFactory.create(staff=True))
    return client


def page_of(row: Model, what: str = "change") -> str:
    return reverse(f"admin:terminals_{row._meta.model_name}_{what}", args=[row.pk])


def list_of(model: str) -> str:
    return reverse(f"admin:{model}_changelist")


class TestLists:
    @pytest.mark.parametrize("model", [READER, PAYMENT])
    def test_cost_as_much_for_many(self, desk: Client, told: Till, model: str) -> None:
        told.open(process=True)
        opened(desk, list_of(model))
        _, few = opened(desk, list_of(model))
        for number in range(2, 7):
            more_till(told.organization, "stripe", told.now, f"R{number}").open()

        _, many = opened(desk, list_of(model))

        assert many == few <= LIST_QUERIES

    def test_find_a_payment_by_what_a_till_knows(self, desk: Client, till: Till) -> None:
        payment = till.sell(reference="Table 7")
        till.sell(reference="Table 8")

        for term in ("Table 7", payment.external_id, till.attempt(payment).our_reference):
            html, _ = opened(desk, f"{list_of(PAYMENT)}?q={term}")
            assert "Table 7" in html
        html, _ = opened(desk, f"{list_of(PAYMENT)}?q=Table+7")
        assert "Table 8" not in html
        html, _ = opened(desk, f"{list_of(PAYMENT)}?status__exact=declined")
        assert "Table" not in html

    def test_a_reader_says_who_holds_it(self, desk: Client, told: Till) -> None:
        payment = told.open(process=True, reference="Table 7")

        html, _ = opened(desk, list_of(READER))

        assert f'<a href="{page_of(payment)}">Table 7 ($12.50)</a>' in html


class TestPayment:
    def test_shows_the_facts_and_why(self, desk: Client, till: Till) -> None:
        payment = till.sell(reference="Table 7", metadata={"table": "7"})
        receipt_mail.send(payment=payment, to="guest@example.com", now=till.now)

        html, queries = opened(desk, page_of(payment))

        assert queries <= CHANGE_QUERIES
        assert "was paid (visa •••• 4242)" in html
        assert "Why? A request through the API or a page" in html
        assert "AID: A0000000031010" in html
        assert (
            reverse("admin:notifications_message_change", args=[Message.objects.get().pk]) in html
        )
        assert "_secret_" not in html

    def test_can_not_be_edited(self, desk: Client, till: Till) -> None:
        payment = till.sell()

        assert desk.post(page_of(payment), {"status": "canceled"}).status_code == 403
        assert desk.post(page_of(payment, "delete"), {"post": "yes"}).status_code == 403
        assert desk.get(reverse(f"admin:{PAYMENT}_add")).status_code == 403
        assert till.again(payment).status == "succeeded"

    def test_is_asked_about(self, desk: Client, waiting: Till) -> None:
        payment = waiting.open()
        waiting.bank.acts.append("lost_after")
        waiting.work()
        assert waiting.again(payment).status == "unknown"

        html = act(desk, PAYMENT, "ask_now", payment).text

        assert waiting.again(payment).status == "succeeded"
        assert "1 payments. Asked the provider." in html
        assert waiting.told(payment)[-1] == "succeeded"

    def test_is_voided_after_a_question(self, desk: Client, till: Till) -> None:
        payment = till.sell(capture_method="manual")

        asked = act(desk, PAYMENT, "void", payment).text
        assert "Cancel these payments?" in asked
        assert till.again(payment).status == "requires_capture"
        act(desk, PAYMENT, "void", payment, confirmed="yes")

        assert till.again(payment).status == "canceled"
        assert till.charged() == []

    def test_is_given_back_by_the_form_of_all_payments(self, desk: Client, till: Till) -> None:
        payment = till.sell()
        page = page_of(payment, "refund")
        html, _ = opened(desk, page)
        key = html.split('name="request_key" value="')[1].split('"')[0]
        form = {"amount": "2.50", "reason": "duplicate", "note": "Twice", "request_key": key}

        asked = desk.post(page, form).text
        done = desk.post(page, {**form, "confirmed": "yes"}, follow=True).text

        assert "Give $2.50 back to whoever paid at Till R1?" in asked
        assert "$2.50 given back." in done
        assert till.again(payment).refunded_minor == 250

    def test_of_which_nothing_was_taken_has_no_refund(self, desk: Client, till: Till) -> None:
        payment = till.sell("decline")

        html, _ = opened(desk, page_of(payment))

        assert "Refund…" not in html
        assert "insufficient funds" in html
        assert desk.get(page_of(payment, "refund")).status_code == 404


class TestReader:
    def test_is_registered_for_an_organization(self, desk: Client, told: Till) -> None:
        told.bank.readers["R9"] = ReaderSnapshot("R9", is_online=True, label="Bar")
        page = reverse(f"admin:{READER}_register")
        form = {
            "organization": told.organization.slug,
            "provider": "stripe",
            "external_id": "R9",
        }

        assert page in opened(desk, list_of(READER))[0]
        refused = desk.post(page, {**form, "external_id": "R404"}).text
        done = desk.post(page, form, follow=True)

        assert "The provider has no such reader." in refused
        row = Terminal.objects.get(external_id="R9")
        assert (row.organization, row.label) == (told.organization, "Bar")
        assert done.redirect_chain[-1][0] == page_of(row)

    def test_is_asked_how_it_is(self, desk: Client, told: Till) -> None:
        Terminal.objects.update(checked_at=told.now - timedelta(hours=1))
        told.bank.readers["R1"] = ReaderSnapshot("R1", is_online=False)

        act(desk, READER, "ask_now", told.terminal)

        assert not Terminal.objects.get().is_online

    def test_is_released(self, desk: Client, waiting: Till) -> None:
        payment = waiting.open()

        html = act(desk, READER, "release", waiting.terminal).text

        assert "1 released." in html
        assert not waiting.again(payment).holds_reader
        assert waiting.told(payment)[-1] == "released"

    def test_is_not_released_while_the_card_may_be_charged(
        self, desk: Client, waiting: Till
    ) -> None:
        payment = waiting.open()
        waiting.bank.acts.append("lost_after")
        waiting.work()
        waiting.bank.finds = [LOST, LOST]

        html = act(desk, READER, "release", waiting.terminal).text

        assert "0 released." in html
        assert waiting.again(payment).holds_reader


@pytest.mark.parametrize("model", [READER, PAYMENT])
class TestWhoMay:
    def test_look_but_not_act_without_permission(
        self, client: Client, told: Till, model: str
    ) -> None:
        payment = told.open(process=True)
        viewer = UserFactory.create(is_staff=True)
        viewer.user_permissions.set(
            Permission.objects.filter(codename__in=["view_terminal", "view_terminalpayment"])
        )
        client.force_login(viewer)
        rows: dict[str, Any] = {READER: told.terminal, PAYMENT: payment}

        assert client.get(list_of(model)).status_code == 200
        for action in ("ask_now", "void", "release"):
            act(client, model, action, rows[model], confirmed="yes")
        assert client.get(reverse(f"admin:{READER}_register")).status_code == 403
        assert told.again(payment).holds_reader
        assert told.again(payment).amount_minor == BASKET

    def test_not_even_look(self, client: Client, told: Till, model: str) -> None:
        client.force_login(UserFactory.create(is_staff=True))

        assert client.get(list_of(model)).status_code == 403
