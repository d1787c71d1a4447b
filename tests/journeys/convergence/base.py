"""What is there before an event set begins, and names that are the same in every run of it."""

import functools
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from unittest import mock

from django.core.management import call_command
from django.db import transaction

from billing import jobs
from billing.enums import CouponDuration
from billing.models import (
    CheckoutSession,
    Coupon,
    CouponRedemption,
    Customer,
    Obligation,
    PaymentAttempt,
    Quote,
    Subscription,
)
from orgs.models import Organization
from tests.journeys.convergence.recording import Recorder, Stage
from tests.journeys.convergence.scenarios import COUPON, SCENARIOS
from tests.journeys.convergence.stagehand import Stagehand
from tests.journeys.convergence.tape import Tape
from tests.journeys.months import sell
from tests.simulators.stripe.client import StripeSimulator

# Rows that requests make, in the order of the script. The provider is told their keys and repeats
# them in whatever it says, so they have to be those of the recording.
_MADE_BY_REQUESTS = (
    CheckoutSession,
    CouponRedemption,
    Customer,
    Obligation,
    PaymentAttempt,
    Quote,
    Subscription,
)


def lay_out() -> None:
    """Make what is on sale, and have the provider know it."""
    sell("solo", 2000, users=3, trial_days=14, rank=1)
    sell("mini", 1900, users=5, rank=2)
    sell("team", 5000, users=50, rank=3)
    Coupon.objects.create(
        code=COUPON,
        name="Welcome",
        percent_off=Decimal(20),
        duration=CouponDuration.REPEATING,
        duration_months=2,
    )
    call_command("push_catalogue", verbosity=0)


def tape_of(seed: int) -> str:
    """Return the event set that a seed is about: they take turns."""
    return list(SCENARIOS)[seed % len(SCENARIOS)]


def record(name: str, stripe: StripeSimulator) -> Tape:
    """Record an event set. Leaves the database as it was, and nothing going on at the provider."""
    stage = Stage(_organization(), stripe)
    recorder = Recorder(name, stage)
    with undone(), Names(recorder.tape).given(), quietly():
        tape = recorder.record(lambda recorder: SCENARIOS[name](Stagehand(recorder)))
        payers = Customer.objects.values_list("external_id", flat=True)
        for external_id in payers:
            stripe.api("DELETE", f"/v1/customers/{external_id}")
    return tape


def _organization() -> Organization:
    found, _ = Organization.objects.get_or_create(
        slug="converging", defaults={"name": "Converging", "email": "pay@converging.test"}
    )
    return found


@contextmanager
def undone() -> Iterator[None]:
    """Run something and leave the database as it was."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class Names:
    """Keys of the rows that requests make, by turn: the same in every run of a tape."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self.turns: Counter[str] = Counter()

    def next_for(self, table: str) -> uuid.UUID:
        """Return the key of the next row of a table."""
        self.turns[table] += 1
        return uuid.uuid5(self._tape.key, f"{table} {self.turns[table]}")

    @contextmanager
    def given(self) -> Iterator[None]:
        """Name rows so."""
        with ExitStack() as stack:
            for model in _MADE_BY_REQUESTS:
                name = functools.partial(self.next_for, model.__name__)
                stack.enter_context(mock.patch.object(model._meta.pk, "_get_default", name))
            yield


@contextmanager
def quietly() -> Iterator[None]:
    """Wake nobody: whoever works here is told to."""
    with (
        mock.patch.object(jobs, "_wake", return_value=True),
        mock.patch.object(jobs, "wake_inbox_after_burst", return_value=None),
    ):
        yield
