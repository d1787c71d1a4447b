"""Readers over HTTP: register, list, name, remove, connect, and sum up a day."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from billing.types import ReaderSnapshot
from orgs.models import Organization, User
from orgs.permissions import Scope
from terminals.models import Terminal
from tests.conftest import Api
from tests.terminals.api_steps import READERS, key_of, reader_at, refusal
from tests.terminals.till_steps import BASKET, Till, more_till

pytestmark = pytest.mark.django_db


class TestRegister:
    def test_takes_what_its_provider_knows(self, api: Api, till: Till) -> None:
        till.bank.readers["R9"] = ReaderSnapshot(
            "R9", is_online=True, label="Bar", device_type="wisepos_e", last_seen_at=till.now
        )
        body = {"provider": till.provider, "external_id": "R9", "location": "Upstairs"}

        answer = api(key_of(till)).post(READERS, body, format="json")

        shown = answer.json()
        assert answer.status_code == 201
        row = Terminal.objects.get(pk=shown["id"])
        assert row.organization == till.organization
        assert shown == {
            "id": str(row.pk),
            "label": "Bar",
            "provider": till.provider,
            "external_id": "R9",
            "location": "Upstairs",
            "device_type": "wisepos_e",
            "status": "online",
            "last_seen_at": till.now.isoformat().replace("+00:00", "Z"),
            "open_payment": None,
            "created_at": row.created_at.isoformat().replace("+00:00", "Z"),
        }

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"provider": "custom"}, "provider"),
            ({"provider": "nobody"}, "provider"),
            ({"external_id": "R404"}, "external_id"),
            ({"external_id": ""}, "external_id"),
            ({"label": "x" * 101}, "label"),
            ({"organization": "mine"}, "organization"),
        ],
    )
    def test_refuses_what_can_not_be(
        self, api: Api, told: Till, change: dict[str, str], field: str
    ) -> None:
        told.bank.readers["R9"] = ReaderSnapshot("R9", is_online=True)
        body = {"provider": "stripe", "external_id": "R9", **change}

        answer = api(key_of(told)).post(READERS, body, format="json")

        assert refusal(answer) == (400, "INVALID_REQUEST", {field})
        assert Terminal.objects.count() == 1

    def test_not_what_another_has(self, api: Api, told: Till, charlie: User) -> None:
        body = {"provider": "stripe", "external_id": "R1"}

        answer = api(charlie).post(READERS, body, format="json")

        assert refusal(answer) == (409, "CONFLICT", set())


class TestList:
    def test_has_those_of_the_organization_newest_first(
        self, api: Api, told: Till, other_org: Organization, bob: User
    ) -> None:
        second = more_till(told.organization, "stripe", told.now, "R2")
        more_till(other_org, "stripe", told.now, "R3")
        told.open(process=True, reference="B1", started_by="Till 1")
        client = api(bob)

        first_page = client.get(READERS, {"limit": 1}).json()
        last_page = client.get(READERS, {"limit": 1, "cursor": first_page["next_cursor"]}).json()

        assert [row["id"] for row in first_page["data"]] == [str(second.terminal.pk)]
        (busy,) = last_page["data"]
        assert last_page["next_cursor"] is None
        assert (busy["id"], busy["status"]) == (str(told.terminal.pk), "busy")
        assert busy["open_payment"]["reference"] == "B1"
        assert busy["open_payment"]["started_by"] == "Till 1"
        assert busy["open_payment"]["holds_terminal"] is True
        assert busy["open_payment"]["amount_decimal"] == "12.50"

    def test_costs_as_much_for_many(
        self, api: Api, told: Till, django_assert_num_queries: Any
    ) -> None:
        for number in range(2, 6):
            more_till(told.organization, "stripe", told.now, f"R{number}").open()
        client = api(key_of(told))
        client.get(READERS)

        # The key, the readers, their payments.
        with django_assert_num_queries(3):
            assert len(client.get(READERS).json()["data"]) == 5


class TestOne:
    def test_is_asked_about_when_what_is_known_is_old(self, api: Api, till: Till) -> None:
        Terminal.objects.update(checked_at=till.now - timedelta(minutes=1))
        till.bank.readers["R1"] = ReaderSnapshot("R1", is_online=False)

        assert api(key_of(till)).get(reader_at(till)).json()["status"] == "offline"

    def test_is_named(self, api: Api, told: Till, alice: User) -> None:
        client = api(alice)
        body = {"label": "Door", "location": "Left"}

        shown = client.patch(reader_at(told), body, format="json").json()
        emptied = client.patch(reader_at(told), {"location": ""}, format="json").json()

        assert (shown["label"], shown["location"]) == ("Door", "Left")
        assert (emptied["label"], emptied["location"]) == ("Door", None)
        refused = client.patch(reader_at(told), {"label": ""}, format="json")
        assert refusal(refused) == (400, "INVALID_REQUEST", {"label"})

    def test_is_removed_but_not_while_a_payment_holds_it(
        self, api: Api, told: Till, alice: User
    ) -> None:
        client = api(alice)
        payment = told.open(process=True)

        held = client.delete(reader_at(told))
        told.cancel(payment)
        gone = client.delete(reader_at(told))

        assert refusal(held)[:2] == (409, "TERMINAL_BUSY")
        assert (gone.status_code, gone.content) == (204, b"")
        assert client.get(reader_at(told)).status_code == 404
        assert client.get(READERS).json()["data"] == []

    def test_a_token_for_the_sdk(self, api: Api, told: Till) -> None:
        answer = api(key_of(told)).post(reader_at(told, "/connection-token"))

        assert (answer.status_code, answer.json()) == (200, {"secret": "pst_"})
        assert answer["Cache-Control"] == "no-store"

    def test_no_token_where_the_server_alone_drives_readers(self, api: Api, waiting: Till) -> None:
        answer = api(key_of(waiting)).post(reader_at(waiting, "/connection-token"))

        assert refusal(answer)[:2] == (400, "INVALID_REQUEST")


class TestTotals:
    def test_of_today(self, api: Api, till: Till, bob: User) -> None:
        till.bank.tip_minor = 200
        till.sell(asks_for_tip=True)
        till.bank.tip_minor = 0
        payment = till.sell()
        till.refund(payment, 250)

        shown = api(bob).get(reader_at(till, "/totals")).json()

        figures = {
            "count": 2,
            "gross": 2 * BASKET + 200,
            "tips": 200,
            "refunds": 1,
            "refunded": 250,
            "net": 2 * BASKET - 50,
            "amount_decimal": "24.50",
        }
        assert shown == {
            "terminal_id": str(till.terminal.pk),
            "date": till.now.date().isoformat(),
            "time_zone": "UTC",
            "totals": [{"currency": "USD", **figures, "by_brand": [{"brand": "visa", **figures}]}],
        }

    def test_of_another_day(self, api: Api, told: Till) -> None:
        told.sell()
        query = {"date": "2020-02-29", "time_zone": "Europe/Berlin"}

        shown = api(key_of(told)).get(reader_at(told, "/totals"), query).json()

        assert (shown["date"], shown["time_zone"]) == ("2020-02-29", "Europe/Berlin")
        assert shown["totals"] == []

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({"date": "yesterday"}, "date"),
            ({"date": "9999-12-31"}, "date"),
            ({"date": "0001-01-01"}, "date"),
            ({"time_zone": "Mars/North"}, "time_zone"),
            ({"time_zone": "../etc/passwd"}, "time_zone"),
        ],
        ids=["word", "last", "first", "unknown", "path"],
    )
    def test_of_no_day(self, api: Api, told: Till, query: dict[str, str], field: str) -> None:
        answer = api(key_of(told)).get(reader_at(told, "/totals"), query)

        assert refusal(answer) == (400, "INVALID_REQUEST", {field})


CALLS = [
    ("get", ""),
    ("patch", ""),
    ("delete", ""),
    ("post", "/connection-token"),
    ("get", "/totals"),
]


@pytest.mark.parametrize(("method", "rest"), CALLS)
class TestEveryCall:
    def test_knows_no_foreign_reader(
        self, api: Api, told: Till, charlie: User, method: str, rest: str
    ) -> None:
        client = api(charlie)
        paths = [reader_at(told, rest), f"{READERS}/{uuid.uuid4()}{rest}", f"{READERS}/R1{rest}"]

        bodies = []
        for path in paths:
            answer = getattr(client, method)(path, {}, format="json")
            assert refusal(answer) == (404, "NOT_FOUND", set())
            bodies.append(answer.json()["error"]["message"])

        assert len(set(bodies)) == 1
        assert Terminal.objects.get().removed_at is None

    def test_refuses_who_may_not(
        self, api: Api, told: Till, bob: User, method: str, rest: str
    ) -> None:
        def status(who: User | str | None) -> int:
            client = api(who)
            return int(
                getattr(client, method)(reader_at(told, rest), {}, format="json").status_code
            )

        assert status(None) == 401
        assert status(key_of(told, Scope.BILLING_WRITE)) == 403
        assert (status(bob) == 403) == (method != "get")
        assert (status(key_of(told, Scope.BILLING_READ)) == 403) == (method != "get")
