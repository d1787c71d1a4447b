"""The shop over real processes: open for the tests of a module, and calm for each of them."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from unittest import mock

import pytest
from django.core.management import call_command
from django.test import override_settings

from billing.drivers.cardconnect import voiding
from orgs.permissions import Scope
from tests.billing.cardconnect import gateway_steps
from tests.factories import OrganizationFactory, make_api_key
from tests.journeys.shop import Counter
from tests.journeys.shop_counters import CardPointeCounter, StripeCounter
from tests.simulators.cardpointe.merchants import API_KEY
from tests.stack import Stack


@pytest.fixture(scope="module")
def database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Our database, committed to by all of these tests; emptied when nobody uses it any more."""
    with django_db_blocker.unblock():
        yield
        call_command("flush", verbosity=0, interactive=False)


@pytest.fixture(scope="module")
def counters(
    database: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Counter]]:
    """Both counters of one shop."""
    directory = tmp_path_factory.mktemp("shop")
    with ExitStack() as ends:
        stack = ends.enter_context(Stack(directory, with_cardpointe=True, with_readers=True))
        ends.enter_context(
            override_settings(
                STRIPE_API_BASE=stack.simulator.base_url,
                STRIPE_API_HOST=stack.simulator.base_url,
                CARDCONNECT_API_BASE=stack.cardpointe.base_url,
                CARDCONNECT_MODE="test",
            )
        )
        ends.enter_context(mock.patch.object(voiding, "PAUSE_S", 0))
        stack.cardpointe.settings(rate_limit=0)
        organization = OrganizationFactory.create(name="The Shop", slug="the-shop", active=True)
        gateway_steps.open_account(terminal_api_key=API_KEY)
        key = make_api_key(organization, *Scope, name="Till 1")[1]
        made: list[Counter] = [
            StripeCounter(stack, key, directory / "front"),
            CardPointeCounter(stack, key, directory / "terrace"),
        ]
        for counter in made:
            ends.callback(counter.close)
        yield {counter.provider: counter for counter in made}


@pytest.fixture(params=["stripe", "cardconnect"])
def counter(request: pytest.FixtureRequest, counters: dict[str, Counter]) -> Iterator[Counter]:
    """One of them, on a quiet morning; in the evening its reader is free."""
    found = counters[request.param]
    found.calm()
    yield found
    found.calm()
    found.wait_until(found.is_free, "The reader being free")


@pytest.fixture
def terrace(counters: dict[str, Counter]) -> Iterator[CardPointeCounter]:
    """The counter at CardConnect, likewise."""
    found = counters["cardconnect"]
    assert isinstance(found, CardPointeCounter)
    found.calm()
    yield found
    found.calm()
