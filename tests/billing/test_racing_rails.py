"""Two to four rails race for one debt: one wins, and what was taken too much is given back."""

import itertools
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import httpx
import pytest
from django.db import connection

from billing.models import Case, Customer, PaymentAttempt, Price, Subscription
from billing.services import checkout, late_winners, resolve, siblings
from orgs import clock
from orgs.errors import DomainError
from orgs.models import Organization
from tests.billing.builders import make_organization
from tests.billing.change_steps import deliver_all
from tests.billing.refund_steps import STAFF
from tests.billing.subscribe_steps import CAUSE, start
from tests.contract.journey_pages import CARD
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_redis", "short_pauses"),
]

PRICE = 2900
Rail = Callable[[Organization, Price], object]


def by_card(organization: Organization, price: Price) -> object:
    return start(organization, price, "pm_card_visa", request_key=f"{random.random()}")  # noqa: S311 - a name, not a secret


def by_our_page(organization: Organization, price: Price) -> object:
    opened = checkout.open_hosted_page(organization=organization, price=price, now=clock.now())
    return checkout.pay(
        session=opened.session,
        price=price,
        payment_method="pm_card_mastercard",
        request_key="try",
        now=clock.now(),
    )


def by_their_page(organization: Organization, price: Price) -> object:
    opened = checkout.open_hosted_provider(
        organization=organization, price=price, cause=CAUSE, now=clock.now()
    )
    with httpx.Client(timeout=10, trust_env=False) as browser:
        return browser.post(opened.url, data={**CARD, "number": "4242424242424242"})


def race(organization: Organization, price: Price, rails: list[Rail]) -> list[Any]:
    barrier = Barrier(len(rails))

    def run(rail: Rail) -> Any:
        try:
            barrier.wait(10)
            return rail(organization, price)
        except DomainError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(rails)) as pool:
        return list(pool.map(run, rails))


def settle_down(organization: Organization, stripe: StripeSimulator) -> None:
    """Do what workers, sweeps and staff do within the next minutes."""
    later = clock.now() + timedelta(seconds=resolve.ABSENT_AFTER_S + 5)
    resolve.resolve_due(now=later)
    deliver_everything(organization, stripe)
    siblings.close_siblings(now=later)
    deliver_everything(organization, stripe)
    for case in Case.objects.for_org(organization).filter(state="open", kind="late_winner"):
        late_winners.refund_late_winner(case=case, cause=STAFF, now=later)


def deliver_everything(organization: Organization, stripe: StripeSimulator) -> None:
    for row in Subscription.objects.for_org(organization):
        deliver_all(stripe, row)


def kept(organization: Organization, stripe: StripeSimulator) -> int:
    """Return what Stripe took from the payer, less what it gave back."""
    payers = set(Customer.objects.for_org(organization).values_list("external_id", flat=True))
    charges = [row for row in stripe.objects("charge") if row["customer"] in payers]
    paid = [row for row in charges if row["paid"]]
    return sum(row["amount_captured"] - row["amount_refunded"] for row in paid)


def check(organization: Organization, stripe: StripeSimulator) -> None:
    payers = set(Customer.objects.for_org(organization).values_list("external_id", flat=True))
    running = [
        row
        for row in stripe.objects("subscription")
        if row["customer"] in payers and row["status"] in ("active", "trialing", "past_due")
    ]
    assert kept(organization, stripe) == PRICE
    assert len(running) == 1
    assert Subscription.objects.for_org(organization).live().get().external_id == running[0]["id"]
    open_pages = [
        row
        for row in stripe.objects("checkout.session")
        if row["customer"] in payers and row["status"] == "open"
    ]
    assert open_pages == []
    live = PaymentAttempt.objects.for_org(organization).filter(
        state__in=["created", "sent", "unknown", "requires_action"]
    )
    assert not live.exists()
    assert not Case.objects.for_org(organization).filter(state="open").exists()


RAILS: tuple[Rail, ...] = (by_card, by_our_page, by_their_page, by_card)
RACES = [
    pytest.param(list(rails), id=" ".join(rail.__name__ for rail in rails))
    for size in (2, 3, 4)
    for rails in sorted(set(itertools.combinations(RAILS, size)), key=str)
]


@pytest.mark.parametrize("rails", RACES)
def test_one_wins_and_no_more_is_kept_than_was_owed(
    rails: list[Rail], catalogue: dict[str, Price], stripe: StripeSimulator
) -> None:
    organization, price = make_organization("Racer"), catalogue["starter:month"]

    race(organization, price, rails)
    settle_down(organization, stripe)
    if not Subscription.objects.for_org(organization).live().exists():
        by_card(organization, price)  # all of them stood back for each other: the payer tries again

    check(organization, stripe)


@pytest.mark.parametrize("lost", ["reset_before", "reset_after"])
def test_a_lost_answer_in_the_middle_of_a_race_changes_nothing_about_that(
    lost: str, catalogue: dict[str, Price], stripe: StripeSimulator
) -> None:
    organization, price = make_organization("Racer"), catalogue["starter:month"]
    stripe.add_fault(method="POST", path="/v1/subscriptions$", times=1, action=lost)

    race(organization, price, [by_card, by_our_page, by_their_page])
    settle_down(organization, stripe)
    if not Subscription.objects.for_org(organization).live().exists():
        by_card(organization, price)

    check(organization, stripe)
