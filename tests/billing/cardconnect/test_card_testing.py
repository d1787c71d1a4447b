"""Ten declines within an hour, and no further card is tried out: where one is kept, too."""

from datetime import datetime, timedelta

import pytest
from django.core.management import call_command
from django.test import Client

from billing.enums import Provider
from billing.errors import CardDeclined
from billing.models import DeclinedCard, MerchantAccount, Price
from billing.services import card_testing, payment_methods
from billing.types import CardDetails, Cause
from orgs import clock
from orgs.errors import RateLimited
from orgs.models import Organization, User
from tests.billing.api_caller import Caller, error_of
from tests.billing.page_steps import METHODS, refused
from tests.simulators.cardpointe.client import CardPointeSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("account")]

VISA, NO_FUNDS = "4788250000121443", "4387751111111053"
PATH = "/billing/payment-methods"
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _catalogue(catalogue: dict[str, Price], account: MerchantAccount) -> None:
    call_command("push_catalogue", provider="cardconnect", verbosity=0)


def add(org: Organization, simulator: CardPointeSimulator, pan: str, now: datetime) -> None:
    payment_methods.attach_payment_method(
        organization=org,
        provider=Provider.CARDCONNECT,
        payment_method=simulator.tokenize(pan, expiry="1230", cvv="112"),
        card=CardDetails(expiry="1230"),
        cause=Cause("request"),
        now=now,
    )


def decline(org: Organization, times: int = card_testing.MOST_DECLINES) -> None:
    for _ in range(times):
        card_testing.note_decline(
            organization=org, provider=Provider.CARDCONNECT, now=clock.now(org)
        )


def test_each_decline_counts_and_the_eleventh_card_is_not_asked_about(
    org: Organization, simulator: CardPointeSimulator
) -> None:
    now = clock.now(org)
    decline(org, card_testing.MOST_DECLINES - 1)
    with pytest.raises(CardDeclined):
        add(org, simulator, NO_FUNDS, now)
    asked = len(simulator.requests(op="auth"))

    with pytest.raises(RateLimited):
        add(org, simulator, VISA, now)

    assert len(simulator.requests(op="auth")) == asked
    add(org, simulator, VISA, now + HOUR + timedelta(seconds=1))


def test_a_card_that_is_kept_counts_nothing(
    org: Organization, simulator: CardPointeSimulator
) -> None:
    add(org, simulator, VISA, clock.now(org))

    assert not DeclinedCard.objects.exists()


def test_another_organization_s_guesses_are_its_own(
    org: Organization, other_org: Organization, simulator: CardPointeSimulator
) -> None:
    decline(other_org)

    add(org, simulator, VISA, clock.now(org))


def test_the_page_says_when_to_come_back(
    client: Client, alice: User, org: Organization, simulator: CardPointeSimulator
) -> None:
    client.force_login(alice)
    decline(org)
    form = {"payment_method": simulator.tokenize(VISA, expiry="1230"), "expiry": "1230"}

    text = refused(client, f"{METHODS}/new", form, 429)

    assert "Too many cards were declined. Nothing was charged." in text


def test_the_api_says_429(owner: Caller, simulator: CardPointeSimulator) -> None:
    organization = Organization.objects.get(name="Bistro")
    decline(organization)
    body = {
        "payment_method": simulator.tokenize(VISA, expiry="1230"),
        "provider": "cardconnect",
        "card": {"expiry": "1230"},
    }

    answers = [owner.post(PATH, body), owner.post(f"{PATH}/setup-intent", {"provider": "stripe"})]

    for answer in answers:
        assert answer.status_code == 429
        assert error_of(answer)["code"] == "RATE_LIMIT"


def test_old_ones_are_forgotten(org: Organization) -> None:
    long_ago = clock.now(org) - card_testing.KEPT_FOR - HOUR
    card_testing.note_decline(organization=org, provider="cardconnect", now=long_ago)

    decline(org, 1)

    assert DeclinedCard.objects.count() == 1
