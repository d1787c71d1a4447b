"""Readers: registered, named, looked after, removed."""

from datetime import UTC, date, datetime, timedelta
from datetime import timezone as zone_of
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from billing.drivers.base import DriverRejected, DriverUnavailable
from billing.errors import ProviderFailed, TerminalBusy
from billing.types import ReaderSnapshot
from orgs.errors import Conflict, InvalidRequest, NotFound
from orgs.models import Organization
from terminals.enums import TerminalStatus
from terminals.models import Terminal
from terminals.selectors import terminals, totals
from terminals.services import registering, statuses
from terminals.services import waiting as waits
from tests.terminals.till_steps import BASKET, Till, more_till

pytestmark = pytest.mark.django_db


def register(till: Till, organization: Organization, external_id: str, **more: Any) -> Terminal:
    return registering.register_terminal(
        organization=organization,
        provider=more.pop("provider", till.provider),
        external_id=external_id,
        now=till.now,
        **more,
    )


class TestRegistering:
    def test_takes_over_what_the_provider_says(self, till: Till) -> None:
        till.bank.readers["R9"] = ReaderSnapshot(
            "R9", is_online=True, label="Bar", device_type="wisepos_e", location="tml_1"
        )

        row = register(till, till.organization, "R9")

        assert (row.label, row.location, row.device_type) == ("Bar", "tml_1", "wisepos_e")
        assert terminals.status(row) == TerminalStatus.ONLINE

    def test_asks_outside_of_transactions(self, transactional_db: None, till: Till) -> None:
        seen: list[bool] = []
        plain = till.driver.retrieve_reader

        def looked(reader: Any) -> Any:
            seen.append(connection.in_atomic_block)
            return plain(reader)

        till.driver.retrieve_reader = looked
        try:
            more_till(till.organization, till.provider, till.now, "R9")
        finally:
            del till.driver.retrieve_reader

        assert seen == [False]

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"external_id": "nobody"}, "external_id"),
            ({"external_id": ""}, "external_id"),
            ({"external_id": "x" * 101}, "external_id"),
            ({"external_id": "R1", "provider": "custom"}, "provider"),
            ({"external_id": "R1", "provider": "paypal"}, "provider"),
            ({"external_id": "R1", "label": "x" * 101}, "label"),
        ],
    )
    def test_what_can_not_be(self, till: Till, given: dict[str, Any], field: str) -> None:
        with pytest.raises(InvalidRequest) as caught:
            register(till, till.organization, **given)

        assert list(caught.value.fields) == [field]
        assert Terminal.objects.count() == 1

    def test_without_an_account(self, till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(_self: Any, _organization: Any) -> None:
            raise DriverRejected("INVALID_REQUEST")

        monkeypatch.setattr(type(till.driver), "terminal_account", refuse)

        with pytest.raises(InvalidRequest):
            register(till, till.organization, "R1")

    def test_while_the_provider_is_down(self, till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_self: Any, _reader: Any) -> None:
            raise DriverUnavailable("API_ERROR")

        monkeypatch.setattr(type(till.driver), "retrieve_reader", fail)

        with pytest.raises(ProviderFailed):
            register(till, till.organization, "R1")

    def test_a_reader_of_somebody_else_without_telling_whose(
        self, till: Till, other_org: Organization
    ) -> None:
        with pytest.raises(Conflict) as theirs:
            register(till, other_org, "R1")
        with pytest.raises(Conflict) as ours:
            register(till, till.organization, "R1")

        assert theirs.value.message == ours.value.message
        assert till.organization.name not in theirs.value.message

    def test_removed_it_can_be_registered_again(self, till: Till, other_org: Organization) -> None:
        registering.remove_terminal(
            organization=till.organization, terminal_id=till.terminal.pk, now=till.now
        )

        assert register(till, other_org, "R1").organization == other_org
        with pytest.raises(NotFound):
            terminals.get_terminal(till.organization, till.terminal.pk)

    def test_not_removed_while_a_payment_holds_it(self, till: Till) -> None:
        till.open()

        with pytest.raises(TerminalBusy):
            registering.remove_terminal(
                organization=till.organization, terminal_id=till.terminal.pk, now=till.now
            )

    def test_named(self, till: Till) -> None:
        row = registering.change_terminal(
            organization=till.organization, terminal_id=till.terminal.pk, label="Bar"
        )

        assert (row.label, row.location) == ("Bar", "")
        with pytest.raises(InvalidRequest):
            registering.change_terminal(
                organization=till.organization, terminal_id=till.terminal.pk, label=""
            )

    def test_foreign_ones_are_not_there(self, till: Till, other_org: Organization) -> None:
        about: dict[str, Any] = {"organization": other_org, "terminal_id": till.terminal.pk}

        for call in (
            lambda: registering.change_terminal(**about, label="Mine"),
            lambda: registering.remove_terminal(**about, now=till.now),
            lambda: registering.create_connection_token(**about),
            lambda: statuses.refresh_one(**about, now=till.now),
        ):
            with pytest.raises(NotFound):
                call()
        assert not terminals.list_terminals(other_org)

    def test_connection_token(self, told: Till) -> None:
        token = registering.create_connection_token(
            organization=told.organization, terminal_id=told.terminal.pk
        )

        assert token == "pst_"

    def test_no_connection_token(self, waiting: Till) -> None:
        with pytest.raises(Exception, match="Invalid request"):
            registering.create_connection_token(
                organization=waiting.organization, terminal_id=waiting.terminal.pk
            )


class TestStatuses:
    def test_all_in_one_go(self, till: Till, other_org: Organization) -> None:
        other = more_till(other_org, till.provider, till.now, "R2")
        till.bank.readers["R1"] = ReaderSnapshot("R1", is_online=False)
        del till.bank.readers["R2"]
        till.bank.calls.clear()

        statuses.refresh_all(now=till.now + timedelta(minutes=1))

        assert till.bank.calls == ["list_readers"]
        for row in (till.terminal, other.terminal):
            row.refresh_from_db()
            assert not row.is_online
            assert row.checked_at == till.now + timedelta(minutes=1)
            assert row.last_seen_at == till.now
        assert terminals.status(till.terminal) == TerminalStatus.OFFLINE

    def test_an_account_that_does_not_answer(
        self, till: Till, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_self: Any, _account: Any) -> None:
            raise DriverUnavailable("API_ERROR")

        monkeypatch.setattr(type(till.driver), "list_readers", fail)

        assert statuses.refresh_all(now=till.now) == 0

        till.terminal.refresh_from_db()
        assert till.terminal.is_online

    def test_one_is_asked_for_if_the_answer_is_old(self, till: Till) -> None:
        till.bank.readers["R1"] = ReaderSnapshot("R1", is_online=False)
        about: dict[str, Any] = {
            "organization": till.organization,
            "terminal_id": till.terminal.pk,
        }

        assert statuses.refresh_one(**about, now=till.now).is_online
        assert not statuses.refresh_one(**about, now=till.now + timedelta(seconds=11)).is_online

    def test_busy_while_a_payment_holds_it(
        self, till: Till, django_assert_num_queries: Any
    ) -> None:
        payment = till.open()
        more_till(till.organization, till.provider, till.now, "R2")

        with django_assert_num_queries(2):
            rows = {row.external_id: row for row in terminals.list_terminals(till.organization)}
            shown = {name: terminals.status(row) for name, row in rows.items()}
            held = terminals.open_payment(rows["R1"])

        assert shown == {"R1": TerminalStatus.BUSY, "R2": TerminalStatus.ONLINE}
        assert held == payment


class TestTotals:
    def day(self, till: Till, day: date, **more: Any) -> list[tuple[Any, ...]]:
        return [
            (t.terminal.label, f.count, f.gross_minor, f.tips_minor, f.refunded_minor, f.net_minor)
            for t in totals.daily_totals(till.organization, day, **more)
            for f in [t.total]
        ]

    def test_sales_tips_and_refunds_by_reader_and_brand(self, till: Till) -> None:
        till.bank.tip_minor = 200
        first = till.sell(asks_for_tip=True)
        till.sell()
        till.sell("decline")
        till.refund(first, 500)
        more_till(till.organization, till.provider, till.now, "R2").sell()
        today = timezone.now().date()

        assert self.day(till, today) == [
            ("Till R1", 2, 2 * BASKET + 200, 200, 500, 2 * BASKET - 300),
            ("Till R2", 1, BASKET, 0, 0, BASKET),
        ]
        (row,) = totals.daily_totals(till.organization, today, terminal_id=till.terminal.pk)
        assert row.currency == "USD"
        assert {brand: figures.count for brand, figures in row.by_brand.items()} == {"visa": 2}
        assert row.by_brand["visa"].refunds == 1

    def test_the_day_is_that_of_the_business(self, till: Till) -> None:
        payment = till.sell()
        payment.captured_at = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
        payment.save()
        west = zone_of(timedelta(hours=-5))

        assert self.day(till, date(2026, 3, 1))
        assert not self.day(till, date(2026, 3, 1), zone=west)
        assert self.day(till, date(2026, 2, 28), zone=west)

    def test_what_was_given_back_at_once_was_no_sale(self, told: Till) -> None:
        payment = told.open()
        told.driver.hold_card(payment.external_id)
        told.cancel(payment)

        assert told.again(payment).captured_minor == BASKET
        assert totals.daily_totals(told.organization, timezone.now().date()) == []

    def test_not_those_of_others(self, till: Till, other_org: Organization) -> None:
        till.sell()

        assert totals.daily_totals(other_org, timezone.now().date()) == []


class TestWaiting:
    def test_what_is_decided_is_not_waited_for(self, till: Till) -> None:
        payment = till.sell()

        got = waits.wait_for_payment(
            organization=till.organization, payment_id=payment.pk, seconds=25
        )

        assert got.status == "succeeded"

    def test_not_by_others(self, till: Till, other_org: Organization) -> None:
        payment = till.sell()

        with pytest.raises(NotFound):
            waits.wait_for_payment(organization=other_org, payment_id=payment.pk, seconds=1)
