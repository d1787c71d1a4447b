"""Rails of both providers race for one debt: one wins, and no more is kept than was owed."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from billing.drivers.cardconnect import finding
from billing.enums import Provider
from billing.models import Case, Customer, MerchantAccount, PaymentAttempt, Price, Subscription
from billing.services import checkout, late_winners, resolve, siblings, subscribe
from billing.types import CardDetails
from orgs import clock
from orgs.errors import DomainError
from tests.billing.builders import make_organization
from tests.billing.change_steps import deliver_all
from tests.billing.refund_steps import STAFF
from tests.billing.subscribe_steps import CAUSE, start
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("account", "empty_redis", "short_pauses"),
]

PRICE = 2900
VISA = "4788250000121443"
CARD = CardDetails(expiry="1230", name="Joe Cardholder", postal="19355")
Rail = Callable[["Debt"], object]


class Debt:
    """An organization that wants Starter, and everybody who may take its money."""

    def __init__(self, price: Price, gateway: CardPointeSimulator, stripe: StripeSimulator) -> None:
        self.price, self.gateway, self.stripe = price, gateway, stripe
        self.organization = make_organization("Racer")

    def token(self) -> str:
        return self.gateway.tokenize(VISA, expiry="1230")

    @property
    def kept(self) -> int:
        """What both providers took from the payer, less what they gave back."""
        return self._kept_here() + self._kept_at_stripe()

    def _kept_here(self) -> int:
        return sum(
            -int(txn["captured"]) if txn["kind"] == "refund" else int(txn["captured"])
            for txn in self.gateway.transactions()
            if txn["respstat"] == "A" and txn["setlstat"] != "Voided"
        )

    def _kept_at_stripe(self) -> int:
        payers = Customer.objects.for_org(self.organization).filter(provider=Provider.STRIPE)
        known = set(payers.values_list("external_id", flat=True)) - {""}
        charges = [row for row in self.stripe.objects("charge") if row["customer"] in known]
        return sum(row["amount_captured"] - row["amount_refunded"] for row in charges)


@pytest.fixture
def debt(
    catalogue: dict[str, Price],
    account: MerchantAccount,
    simulator: CardPointeSimulator,
    stripe: StripeSimulator,
) -> Debt:
    call_command("push_catalogue", provider="cardconnect", verbosity=0)
    return Debt(catalogue["starter:month"], simulator, stripe)


def by_gateway(debt: Debt) -> object:
    return subscribe.start_subscription(
        organization=debt.organization,
        request=subscribe.StartRequest(
            price=debt.price,
            provider=Provider.CARDCONNECT,
            payment_method=debt.token(),
            card=CARD,
            request_key=str(uuid.uuid4()),
        ),
        cause=CAUSE,
        now=clock.now(),
    )


def by_our_page(debt: Debt) -> object:
    opened = checkout.open_hosted_page(
        organization=debt.organization,
        price=debt.price,
        provider=Provider.CARDCONNECT,
        now=clock.now(),
    )
    return checkout.pay(
        session=opened.session,
        price=debt.price,
        payment_method=debt.token(),
        card=CARD,
        request_key="try",
        now=clock.now(),
    )


def by_stripe(debt: Debt) -> object:
    return start(debt.organization, debt.price, "pm_card_visa", request_key=str(uuid.uuid4()))


def race(debt: Debt, rails: list[Rail]) -> list[Any]:
    barrier = Barrier(len(rails))

    def run(rail: Rail) -> Any:
        try:
            barrier.wait(10)
            return rail(debt)
        except DomainError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(rails)) as pool:
        return list(pool.map(run, rails))


def settle_down(debt: Debt) -> None:
    """Do what workers, sweeps and staff do within the next minutes."""
    later = clock.now() + finding.ABSENT_AFTER + timedelta(seconds=resolve.ABSENT_AFTER_S + 5)
    debt.gateway.advance(int((later - clock.now()).total_seconds()))
    resolve.resolve_due(now=later)
    _deliver(debt)
    siblings.close_siblings(now=later)
    _deliver(debt)
    _give_back_late(debt, later)


def _deliver(debt: Debt) -> None:
    rows = Subscription.objects.for_org(debt.organization).filter(provider=Provider.STRIPE)
    for row in rows:
        deliver_all(debt.stripe, row)


def _give_back_late(debt: Debt, now: datetime) -> None:
    rows = Case.objects.for_org(debt.organization).filter(state="open", kind="late_winner")
    for case in rows:
        late_winners.refund_late_winner(case=case, cause=STAFF, now=now)


def check(debt: Debt) -> None:
    assert debt.kept == PRICE
    assert Subscription.objects.for_org(debt.organization).live().count() == 1
    live = PaymentAttempt.objects.for_org(debt.organization).filter(
        state__in=["created", "sent", "unknown", "requires_action"]
    )
    assert not live.exists()
    assert not Case.objects.for_org(debt.organization).filter(state="open").exists()


RACES: list[list[Rail]] = [
    [by_gateway, by_gateway],
    [by_gateway, by_our_page],
    [by_gateway, by_stripe],
    [by_our_page, by_stripe],
    [by_gateway, by_our_page, by_stripe],
    [by_gateway, by_our_page, by_stripe, by_gateway],
]


@pytest.mark.parametrize(
    "rails", RACES, ids=lambda rails: " ".join(rail.__name__ for rail in rails)
)
def test_one_wins_and_no_more_is_kept_than_was_owed(rails: list[Rail], debt: Debt) -> None:
    race(debt, rails)
    settle_down(debt)
    if not Subscription.objects.for_org(debt.organization).live().exists():
        by_gateway(debt)  # all of them stood back for each other: the payer tries again

    check(debt)


@pytest.mark.parametrize("lost", ["drop_before", "drop_after"])
def test_a_lost_answer_in_the_middle_of_a_race_changes_nothing_about_that(
    lost: str, debt: Debt
) -> None:
    debt.gateway.add_fault(lost)

    race(debt, [by_gateway, by_our_page, by_stripe])
    settle_down(debt)
    if not Subscription.objects.for_org(debt.organization).live().exists():
        by_gateway(debt)

    check(debt)
