"""`/settings/terminals`: readers and their payments, as members see them."""

import uuid

import pytest
from django.test import Client

from billing.types import ReaderSnapshot
from notifications.models import Message
from orgs.models import Organization, Role, User
from terminals.models import Terminal
from tests.billing.page_steps import refused, send, show
from tests.factories import MembershipFactory, UserFactory
from tests.terminals.scripted_readers import LOST
from tests.terminals.till_steps import Till, more_till

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis")]

LIST = "/settings/terminals"


def reader_at(till: Till, rest: str = "") -> str:
    return f"{LIST}/readers/{till.terminal.pk}{rest}"


def payment_at(payment: object, rest: str = "") -> str:
    return f"{LIST}/payments/{payment.pk}{rest}"  # type: ignore[attr-defined]


@pytest.fixture
def owner(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


class TestList:
    def test_shows_readers_who_holds_them_and_their_day(
        self, owner: Client, told: Till, other_org: Organization
    ) -> None:
        told.sell()
        told.open(process=True, reference="Table 7", started_by="Till 3")
        more_till(told.organization, "stripe", told.now, "R2")
        more_till(other_org, "stripe", told.now, "R3")

        text = show(owner, LIST)

        assert text.count("people__row") == 2
        assert "Till R3" not in text
        assert 'badge--warning">Busy<' in text
        assert 'badge--success">Online<' in text
        assert "Table 7</a>" in text
        assert "started by Till 3" in text
        assert 'Today: 1 payment, <span class="amount">$12.50</span>' in text
        assert "Today: no payments yet" in text
        assert text.count("> Till R1</span></button>") == 1  # Release

    def test_is_empty_at_first(self, owner: Client) -> None:
        assert "No card readers yet." in show(owner, LIST)

    def test_is_in_the_navigation_of_all_settings(self, owner: Client) -> None:
        text = show(owner, "/settings/team")

        assert '<a href="/settings/terminals">Card readers</a>' in text

    def test_tells_its_script_when_something_changed(self, owner: Client, told: Till) -> None:
        def version() -> str:
            found: str = owner.get(f"{LIST}/state").json()["version"]
            return found

        before = version()
        assert f'data-version="{before}"' in show(owner, LIST)
        assert version() == before
        payment = told.open(process=True)
        held = version()
        told.present(payment)
        assert len({before, held}) == 2
        assert version() == before

    def test_costs_as_much_for_many(
        self, owner: Client, told: Till, django_assert_max_num_queries: object
    ) -> None:
        for number in range(2, 8):
            more_till(told.organization, "stripe", told.now, f"R{number}").open()
        show(owner, LIST)

        with django_assert_max_num_queries(10):  # type: ignore[operator]
            show(owner, LIST)


class TestRegister:
    def test_takes_what_its_provider_knows(self, owner: Client, told: Till) -> None:
        told.bank.readers["R9"] = ReaderSnapshot("R9", is_online=True, label="Bar")

        text = send(owner, LIST, {"provider": "stripe", "external_id": "R9"}, to=LIST)

        assert "Bar is registered." in text
        assert Terminal.objects.get(external_id="R9").organization == told.organization

    def test_says_beside_the_field_what_can_not_be(self, owner: Client, told: Till) -> None:
        response = owner.post(LIST, {"provider": "stripe", "external_id": "R404"})

        assert response.status_code == 400
        assert 'id="id_external_id_error"' in response.text
        assert "The provider has no such reader." in response.text

    def test_offers_only_who_has_readers(self, owner: Client, told: Till) -> None:
        text = show(owner, LIST)

        assert '<option value="stripe">' in text
        assert '<option value="custom">' not in text


class TestReader:
    def test_shows_its_payments_and_a_day(self, owner: Client, till: Till) -> None:
        till.sell(reference="B1")
        till.sell("decline", reference="B2")
        more_till(till.organization, till.provider, till.now, "R2").sell(reference="Other reader")

        text = show(owner, reader_at(till))
        before = show(owner, f"{reader_at(till)}?date=2020-02-29")

        assert "B1</a>" in text
        assert 'badge--danger">Declined<' in text
        assert "Other reader" not in text
        assert '1 payment, <span class="amount">$12.50</span>' in text
        assert "29 February 2020" in before
        assert "Nothing." in before

    def test_is_named(self, owner: Client, told: Till) -> None:
        form = {"label": "Door", "location": ""}

        assert "Door</h1>" in send(owner, reader_at(told), form, to=reader_at(told))

    def test_is_removed_after_a_question(self, owner: Client, told: Till) -> None:
        assert "Remove Till R1?" in show(owner, reader_at(told, "/remove"))

        assert "Till R1 was removed." in send(owner, reader_at(told, "/remove"), to=LIST)
        assert show(owner, reader_at(told), 404)

    def test_is_not_removed_while_a_payment_holds_it(self, owner: Client, told: Till) -> None:
        told.open(process=True)

        text = refused(owner, reader_at(told, "/remove"), {}, 409)

        assert "is taking another payment" in text

    def test_is_released_once_the_outcome_is_known(self, owner: Client, waiting: Till) -> None:
        payment = waiting.open()

        text = send(owner, reader_at(waiting, "/release"), to=reader_at(waiting))

        assert "Till R1 is free." in text
        assert not waiting.again(payment).holds_reader
        assert "No payment holds" in send(owner, reader_at(waiting, "/release"))

    def test_is_not_released_while_the_card_may_be_charged(
        self, owner: Client, waiting: Till
    ) -> None:
        payment = waiting.open()
        waiting.bank.acts.append("lost_after")
        waiting.bank.finds = [LOST, LOST]
        waiting.work()

        text = refused(owner, reader_at(waiting, "/release"), {}, 409)

        assert "still being confirmed" in text
        assert waiting.again(payment).holds_reader


class TestPayment:
    def test_shows_its_story_and_its_receipt(self, owner: Client, till: Till) -> None:
        payment = till.sell(reference="Table 7", started_by="Till 3")

        text = show(owner, payment_at(payment))

        assert "Table 7</h1>" in text
        assert 'status--success">Paid<' in text
        assert "was paid (visa •••• 4242)." in text
        assert "asked for by your organization" in text
        assert "<dt>AID</dt> <dd>A0000000031010</dd>" in text
        assert '<dt>Total paid</dt><dd class="amount">$12.50</dd>' in text
        assert "Cancel the payment" not in text

    def test_of_which_nothing_is_known_warns(self, owner: Client, waiting: Till) -> None:
        payment = waiting.open()
        waiting.bank.acts.append("lost_after")
        waiting.work()

        text = show(owner, payment_at(payment))

        assert "take the payment again before that is known" in text
        assert 'id="receipt-title"' not in text

    def test_that_was_declined_says_why(self, owner: Client, till: Till) -> None:
        assert "insufficient funds" in show(owner, payment_at(till.sell("decline")))

    def test_is_canceled(self, owner: Client, till: Till) -> None:
        payment = till.sell(capture_method="manual")

        text = send(owner, payment_at(payment, "/cancel"), to=payment_at(payment))

        assert "Nothing of it is kept." in text
        assert till.charged() == []

    def test_that_is_paid_is_not_canceled(self, owner: Client, till: Till) -> None:
        text = refused(owner, payment_at(till.sell(), "/cancel"), {}, 409)

        assert "give it back instead" in text

    def test_its_receipt_is_a_file(self, owner: Client, till: Till) -> None:
        response = owner.get(payment_at(till.sell(), "/receipt"))

        assert response["Content-Type"] == "application/pdf"
        assert response.content.startswith(b"%PDF")
        assert owner.get(payment_at(till.open(), "/receipt")).status_code == 409

    def test_its_receipt_is_mailed(self, owner: Client, till: Till) -> None:
        payment = till.sell()
        form = {"email": "guest@example.com"}

        text = send(owner, payment_at(payment, "/send"), form, to=payment_at(payment))

        assert "on its way to guest@example.com" in text
        assert "Mailed to guest@example.com · Queued" in text
        assert Message.objects.get().organization == till.organization

    @pytest.mark.parametrize("address", ["", "nobody"])
    def test_its_receipt_is_mailed_to_somebody(
        self, owner: Client, till: Till, address: str
    ) -> None:
        response = owner.post(payment_at(till.sell(), "/send"), {"email": address})

        assert 'id="id_email_error"' in response.text
        assert not Message.objects.exists()

    def test_tells_its_script_when_something_changed(self, owner: Client, till: Till) -> None:
        payment = till.open()
        state = payment_at(payment, "/state")
        before = owner.get(state).json()["version"]

        till.present(payment)

        assert f'data-version="{before}"' not in show(owner, payment_at(payment))
        assert owner.get(state).json()["version"] != before


WRITES = ["/readers/{reader}", "/readers/{reader}/remove", "/readers/{reader}/release"]
WRITES += ["/payments/{payment}/send", "/payments/{payment}/cancel"]
WRITES += ["/payments/{payment}/capture", "/payments/{payment}/refund"]
READS = ["/readers/{reader}", "/payments/{payment}", "/payments/{payment}/receipt"]
READS += ["/payments/{payment}/state"]


class TestWhoMay:
    def test_a_viewer_looks_and_nothing_else(self, client: Client, bob: User, told: Till) -> None:
        payment = told.sell()
        client.force_login(bob)
        ids = {"reader": told.terminal.pk, "payment": payment.pk}

        for path in ("", "/state", *READS):
            assert client.get(LIST + path.format(**ids)).status_code == 200, path
        for path in ("", *WRITES):
            assert client.post(LIST + path.format(**ids), {}).status_code == 403, path
        text = (
            show(client, LIST) + show(client, reader_at(told)) + show(client, payment_at(payment))
        )
        assert '<form class="form"' not in text
        assert told.again(payment).status == "succeeded"

    def test_billing_may_do_it(self, client: Client, told: Till) -> None:
        user = UserFactory.create()
        MembershipFactory.create(organization=told.organization, user=user, role=Role.BILLING)
        client.force_login(user)

        assert "Till R1 was removed." in send(client, reader_at(told, "/remove"))

    @pytest.mark.parametrize("path", [*READS, *WRITES])
    def test_a_stranger_finds_nothing(
        self, client: Client, charlie: User, told: Till, path: str
    ) -> None:
        payment = told.sell()
        client.force_login(charlie)
        call = client.get if path in READS else client.post

        for ids in (
            {"reader": told.terminal.pk, "payment": payment.pk},
            {"reader": uuid.uuid4(), "payment": uuid.uuid4()},
            {"reader": "R1", "payment": "pi_1"},
        ):
            assert call(LIST + path.format(**ids), {}).status_code == 404

    def test_nobody_is_sent_to_sign_in(self, client: Client, told: Till) -> None:
        response = client.get(reader_at(told))

        assert response.status_code == 302
        assert response["Location"].startswith("/login")
