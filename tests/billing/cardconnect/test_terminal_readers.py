"""Readers of an account, the account of a counter, and whether its key for readers works."""

import json
import logging
import re
import uuid
from typing import Any

import pytest
from django.utils import timezone

from billing.drivers.base import (
    DriverError,
    DriverRejected,
    DriverUnavailable,
    ObjectMissing,
    OutcomeUnknown,
)
from billing.drivers.cardconnect import accounts, hosts
from billing.drivers.cardconnect.account_check import AccountRefused, check
from billing.drivers.cardconnect.models import AccountState
from billing.models import MerchantAccount
from billing.types import ReaderRef
from orgs.models import Organization
from terminals.models import Terminal
from tests.billing.cardconnect.reader_steps import driver, find, open_counter, run, sale_for
from tests.billing.cardconnect.test_secrecy import everything
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import API_KEY, RPCT_MID
from tests.simulators.cardpointe.terminals.readers import HSN
from tests.simulators.cardpointe.terminals.scripts import NAME, PAN


def register(organization: Organization, account: MerchantAccount, hsn: str) -> Terminal:
    return Terminal.objects.create(
        organization=organization,
        provider="cardconnect",
        account=account,
        external_id=hsn,
        label="Counter",
    )


class TestReaders:
    def test_are_asked_for_in_one_call(
        self, simulator: CardPointeSimulator, counter: MerchantAccount
    ) -> None:
        simulator.put_reader("SIM0002", device_type="Mini 2", name="Bar", plugged=False)
        simulator.put_reader("SIM0003", merchid=RPCT_MID)

        found = driver.list_readers(counter.pk)

        assert [(one.external_id, one.is_online) for one in found] == [
            (HSN, True),
            ("SIM0002", False),
        ]
        assert (found[1].label, found[1].device_type) == ("Bar", "Mini 2")
        assert len(simulator.requests()) == 1

    def test_one_is_as_it_is(
        self, simulator: CardPointeSimulator, counter: MerchantAccount
    ) -> None:
        assert driver.retrieve_reader(ReaderRef(HSN, counter.pk)).is_online
        simulator.plug(HSN, is_plugged=False)

        assert not driver.retrieve_reader(ReaderRef(HSN, counter.pk)).is_online

    def test_without_an_account_they_are_the_platforms(
        self, simulator: CardPointeSimulator, counter: MerchantAccount
    ) -> None:
        assert driver.list_readers(None) == driver.list_readers(counter.pk)

    def test_another_merchants_is_none(
        self, simulator: CardPointeSimulator, counter: MerchantAccount
    ) -> None:
        simulator.put_reader("SIM0003", merchid=RPCT_MID)

        with pytest.raises(ObjectMissing):
            driver.retrieve_reader(ReaderRef("SIM0003", counter.pk))

    def test_of_no_account_are_none(self, db: None, simulator: CardPointeSimulator) -> None:
        with pytest.raises(DriverRejected, match="no_merchant_account"):
            driver.list_readers(uuid.uuid4())

    @pytest.mark.parametrize("kind", ["drop_before", "http_500", "http_429", "truncate"])
    def test_a_question_without_an_answer_says_nothing_of_them(
        self, simulator: CardPointeSimulator, counter: MerchantAccount, kind: str
    ) -> None:
        simulator.add_fault(kind, op="terminalDetails")

        with pytest.raises(DriverUnavailable):
            driver.retrieve_reader(ReaderRef(HSN, counter.pk))

    def test_no_till_drives_one_itself(self) -> None:
        with pytest.raises(DriverRejected, match="no_reader_sdk"):
            driver.create_connection_token(location="")
        assert driver.capabilities.blocking_readers
        assert not driver.capabilities.reader_sdk


class TestAccount:
    def test_is_the_organizations_own(self, org: Organization, counter: MerchantAccount) -> None:
        own = open_counter(org)

        assert driver.terminal_account(org.pk) == own.pk

    def test_else_the_platforms(
        self, org: Organization, other_org: Organization, counter: MerchantAccount
    ) -> None:
        open_counter(other_org)

        assert driver.terminal_account(org.pk) == counter.pk

    def test_its_money_never_goes_elsewhere_for_want_of_a_key(
        self, org: Organization, counter: MerchantAccount
    ) -> None:
        open_counter(org, terminal_api_key="")

        with pytest.raises(DriverRejected, match="no_terminal_key"):
            driver.terminal_account(org.pk)

    def test_one_that_is_off_is_none(self, org: Organization, counter: MerchantAccount) -> None:
        MerchantAccount.objects.filter(pk=counter.pk).update(is_active=False)

        with pytest.raises(DriverRejected, match="no_merchant_account"):
            driver.terminal_account(org.pk)

    def test_one_of_another_mode_is_none(self, org: Organization, counter: MerchantAccount) -> None:
        MerchantAccount.objects.filter(pk=counter.pk).update(mode="live")

        with pytest.raises(DriverRejected, match="no_merchant_account"):
            driver.terminal_account(org.pk)


class TestHost:
    def test_follows_from_the_site(self, settings: Any) -> None:
        settings.CARDCONNECT_API_BASE = ""

        assert hosts.terminal_origin_of("fts", "test") == "https://fts-uat.cardpointe.com"

    def test_a_test_account_never_gets_a_live_one(self, settings: Any) -> None:
        settings.CARDCONNECT_API_BASE = ""
        settings.IS_PRODUCTION = True

        assert hosts.terminal_origin_of("fts", "test") == "https://fts-uat.cardpointe.com"
        assert hosts.terminal_origin_of("fts", "live") == "https://fts.cardpointe.com"

    def test_a_live_account_gets_none_outside_production(self, settings: Any) -> None:
        settings.CARDCONNECT_API_BASE = "http://127.0.0.1:1"

        with pytest.raises(hosts.HostRefused):
            hosts.terminal_origin_of("fts", "live")

    def test_is_overridden_like_the_gateways(self, settings: Any) -> None:
        settings.CARDCONNECT_API_BASE = "http://127.0.0.1:1/"

        assert hosts.terminal_origin_of("fts", "test") == "http://127.0.0.1:1/bolt/fts-uat"


class TestKey:
    @pytest.mark.parametrize("key", ["two words", "line\nbreak", "ключ", 7, ["k"], {"k": "v"}])
    def test_that_can_not_be_one_is_refused(self, key: Any) -> None:
        account = MerchantAccount(
            credentials=json.dumps(
                {
                    "site": "fts",
                    "merchid": "1",
                    "api_user": "u",
                    "api_pass": "p",
                    "terminal_api_key": key,
                }
            )
        )

        with pytest.raises(accounts.AccountInvalid, match="terminal_api_key"):
            accounts.read(account)

    def test_is_checked_with_the_account(
        self, simulator: CardPointeSimulator, org: Organization, counter: MerchantAccount
    ) -> None:
        register(org, counter, HSN)

        check(counter, now=timezone.now())

        assert AccountState.objects.get(account=counter).checked_at is not None

    def test_that_is_refused_is_said(self, db: None, simulator: CardPointeSimulator) -> None:
        with pytest.raises(AccountRefused, match="refuses the key"):
            check(open_counter(terminal_api_key="wrong"), now=timezone.now())

    def test_a_service_that_does_not_answer_is_said(
        self, simulator: CardPointeSimulator, counter: MerchantAccount
    ) -> None:
        simulator.add_fault("drop_before", op="listTerminals")

        with pytest.raises(AccountRefused, match="no answer"):
            check(counter, now=timezone.now())

    def test_a_reader_that_is_missing_is_named(
        self, simulator: CardPointeSimulator, org: Organization, counter: MerchantAccount
    ) -> None:
        register(org, counter, "SIM0009")
        gone = register(org, counter, "SIM0010")
        Terminal.objects.filter(pk=gone.pk).update(removed_at=timezone.now())

        with pytest.raises(AccountRefused, match=r"no reader SIM0009\."):
            check(counter, now=timezone.now())

    def test_an_account_without_one_is_fine(self, db: None, simulator: CardPointeSimulator) -> None:
        check(open_counter(terminal_api_key=""), now=timezone.now())

        assert simulator.requests(op="listTerminals") == []


def test_nothing_secret_is_told(
    simulator: CardPointeSimulator,
    org: Organization,
    counter: MerchantAccount,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Conformance point 19: no key, no session, no token, no name, whatever goes wrong."""
    caplog.set_level(logging.DEBUG)
    errors: list[str] = []
    for fault in ("", "drop_after", "truncate", "http_500", "http_400", "http_401", "http_404"):
        order = sale_for(org, counter)
        if fault:
            simulator.add_fault(fault, op="authCard")
        try:
            run(order)
            find(order)
            driver.stop_sale(order)
        except (DriverError, OutcomeUnknown) as error:
            errors.append(repr(error))
        simulator.advance(601)

    told = everything(caplog) + "\n".join(errors)

    assert "cardconnect.reader_answered" in told
    assert re.search(r"\b[0-9a-f]{32}\b", told) is None
    tokens = {txn["token"] for txn in simulator.transactions()}
    assert tokens
    for secret in (API_KEY, NAME, PAN, *tokens):
        assert secret not in told
