"""What is never told: not to logs, not in errors, not in what is printed."""

import logging
from typing import Any

import pytest

from billing.drivers.base import DriverError
from billing.drivers.cardconnect import accounts, calls
from billing.drivers.cardconnect.cards import NewCard
from billing.drivers.cardconnect.models import GatewayProfile
from billing.models import MerchantAccount
from billing.types import CardDetails
from orgs import references
from orgs.models import Organization
from tests.billing.cardconnect.gateway_steps import VISA, order_for, rail, refund_of, save
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import PASSWORD, USER

_STANDARD = set(vars(logging.makeLogRecord({})))


def everything(caplog: pytest.LogCaptureFixture) -> str:
    """Return all that was logged: messages, extras and stacks."""
    return "\n".join(
        f"{record.getMessage()} {record.exc_text or ''} "
        + str({key: value for key, value in vars(record).items() if key not in _STANDARD})
        for record in caplog.records
    )


class TestLogs:
    def test_a_whole_life_of_a_card_leaves_no_trace_of_it(
        self,
        simulator: CardPointeSimulator,
        account: MerchantAccount,
        org: Organization,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        errors: list[str] = []
        method = save(simulator, org, card=CardDetails("1230", "Joe Cardholder", "19355"))
        order = order_for(org, method.external_id)
        charge = rail.charge(order)
        rail.refund_charge(refund_of(order, charge.external_id))
        for fault in ("drop_after", "truncate", "http_500", "http_400", "http_401"):
            simulator.add_fault(fault)
            try:
                rail.charge(order_for(org, method.external_id))
            except DriverError as error:
                errors.append(repr(error))
        profile = GatewayProfile.objects.get()
        rail.forget_method(method.external_id)

        told = everything(caplog) + "\n".join(errors)

        assert "cardconnect.answered" in told
        assert len(errors) == 5
        for secret in (
            VISA,
            str(profile.token),
            str(profile.profile),
            str(profile.profile).split("/", maxsplit=1)[0],
            PASSWORD,
            USER + ":",
            "Basic ",
            "Joe Cardholder",
            "19355",
        ):
            assert secret not in told

    def test_only_listed_fields_are_told_of_an_answer(self) -> None:
        body = {"respstat": "A", "token": "9418594164541111", "dummyField7": "x", "name": "Joe"}

        assert calls.listed(body) == {"respstat": "A"}


class TestPrinting:
    @pytest.mark.django_db
    def test_nothing_that_holds_a_secret_shows_it(
        self, simulator: CardPointeSimulator, account: MerchantAccount, org: Organization
    ) -> None:
        save(simulator, org)
        profile = GatewayProfile.objects.get()
        held: list[Any] = [
            accounts.read(account),
            account,
            profile,
            profile.cards.get(),
            NewCard(str(profile.token), CardDetails("1230", "Joe Cardholder", "19355")),
        ]

        shown = "".join(f"{thing!r}{thing}" for thing in held)

        for secret in (str(profile.token), str(profile.profile), PASSWORD, "Joe", "19355"):
            assert secret not in shown


class TestOrderIds:
    def test_have_no_digits_fit_their_field_and_differ(self) -> None:
        made = [references.new_reference() for _ in range(20_000)]

        assert len(set(made)) == len(made)
        assert all(one.isalpha() and one.isupper() and len(one) <= 19 for one in made)

    def test_what_looks_like_a_card_number_could_not_be_found_again(
        self, simulator: CardPointeSimulator
    ) -> None:
        """Why they have none: the gateway masks such an order id, and then has never seen it."""
        token = simulator.tokenize(VISA)
        body = {"account": token, "expiry": "1230", "amount": "1.00", "orderid": VISA}
        simulator.call("auth", body)

        assert simulator.inquire_order(VISA)["respcode"] == "29"
