"""The same at Stripe: its own stage, tenant, troubles and verdict; no webhook is ever delivered.

Stripe's world is not emptied between runs: every run has a payer of its own there, and time only
goes on. So everything has to be found by asking.
"""

import dataclasses
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

from django.core.management import call_command
from django.utils import timezone

from billing.drivers.stripe.transport import PooledClient
from billing.enums import (
    LIVE_ATTEMPTS,
    AttemptState,
    InvoiceStatus,
    ObligationKind,
    ObligationState,
    Provider,
)
from billing.models import Case, Customer, Invoice, Obligation, PaymentAttempt
from billing.services import subscribe
from config.celery import app
from tests.journeys.convergence.base import quietly
from tests.journeys.convergence.recording import pointing_at
from tests.journeys.crashes import seams
from tests.journeys.crashes.faults import NEVER, Trouble
from tests.journeys.crashes.operations import Operation, ask, sweep
from tests.journeys.crashes.stage import LARGE, SMALL, Stage, empty_tables, run_sql
from tests.journeys.crashes.tenants import Tenant, price_of
from tests.journeys.crashes.verdict import DECLINED, Told, Verdict
from tests.journeys.months import sell
from tests.simulators.stripe.client import StripeSimulator

_CARDS = ("pm_card_visa", "pm_card_mastercard")
_LIVE = ("active", "trialing", "past_due", "unpaid")
_WRITES = (
    "/v1/subscriptions$",
    "/v1/subscriptions$",
    "/v1/subscriptions/sub_[A-Za-z0-9]+$",
    "/v1/refunds$",
    "/v1/refunds$",
    "/attach$",
    "/v1/customers",
)
_DISTURBED: tuple[dict[str, Any], ...] = (
    {"action": "reset_before"},
    {"action": "reset_after"},
    {"action": "reset_after"},
    {"action": "reset_after"},
    {"status": 500},
    {"status": 503},
    {"status": 429},
)


_DEAF = {"method": "GET", "path": "^/v1/", "times": -1, "status": 503}


class StripeStage(Stage):
    """One at a time in a process, in a database of its own."""

    keeps_moments = False

    def __init__(self, stripe: StripeSimulator) -> None:
        super().__init__(stripe)  # type: ignore[arg-type]  # what is asked of it, both can
        self.stripe = stripe

    @contextmanager
    def set_up(self) -> Iterator[None]:
        """Lay out what is on sale, and have everybody live in this world's time."""
        self.stripe.stop_clock()
        self.now = datetime.fromtimestamp(self.stripe.now(), UTC)
        with ExitStack() as stack:
            stack.enter_context(pointing_at(self.stripe))
            stack.enter_context(mock.patch.object(timezone, "now", self._tick))
            stack.enter_context(quietly())
            stack.enter_context(seams.watched())
            self.keep_gateway_in_time(stack, PooledClient, "request")
            app.loader.import_default_modules()
            for rank, (code, amount) in enumerate((SMALL, LARGE)):
                sell(code, amount, users=1000, rank=rank)
            call_command("push_catalogue", provider=Provider.STRIPE, verbosity=0)
            self._emptied = empty_tables()
            yield

    def clear(self) -> None:
        """Forget the last run: here; at Stripe, end what it left."""
        self.stripe.clear_faults()  # one that met no call must not meet the next run's
        for external_id in Customer.objects.exclude(external_id="").values_list(
            "external_id", flat=True
        ):
            self.stripe.api("DELETE", f"/v1/customers/{external_id}")
        run_sql(self.forgetting())

    def turn_second(self) -> None:
        """Let a second pass: Stripe counts in them."""
        self.move(timedelta(seconds=1))


@dataclasses.dataclass
class StripeTenant(Tenant):
    """One organization with its card at Stripe."""

    provider: Provider = Provider.STRIPE

    def new_card(self) -> None:
        """Have another good card at hand."""
        self.token = _CARDS[bool(self.token)]

    def payment(self) -> str:
        """Return the latest payment."""
        rows = Invoice.objects.for_org(self.organization).filter(status=InvoiceStatus.PAID)
        return rows.exclude(external_payment_id="").order_by("-issued_at")[0].external_payment_id

    def start(self, key: str = "") -> None:
        """Start a subscription."""
        subscribe.start_subscription(
            request=subscribe.StartRequest(
                price=price_of(SMALL), payment_method=self.token, request_key=key or self.key
            ),
            **self.who(),
        )


def start(tenant: Tenant) -> None:
    """Start a subscription, as this tenant does."""
    tenant.start()


def _nothing(_tenant: Tenant) -> None:
    pass


OPERATIONS = (
    Operation(
        "Stripe: subscribe",
        _nothing,
        start,
        (start, Tenant.start_anew, sweep, ask),
        SMALL[1],
        provider=Provider.STRIPE,
        again=start,
    ),
    Operation(
        "Stripe: subscribe, then the page anew",
        _nothing,
        start,
        (Tenant.start_anew, sweep),
        SMALL[1],
        provider=Provider.STRIPE,
        again=Tenant.start_anew,
    ),
    Operation(
        "Stripe: upgrade",
        Tenant.subscribed,
        Tenant.upgrade,
        (Tenant.upgrade, sweep, ask),
        LARGE[1],
        provider=Provider.STRIPE,
        again=Tenant.upgrade,
    ),
    Operation(
        "Stripe: refund",
        Tenant.subscribed,
        Tenant.refund,
        (Tenant.refund, Tenant.refund_a_part, ask),
        SMALL[1],
        provider=Provider.STRIPE,
        again=Tenant.refund,
    ),
    Operation(
        "Stripe: refund in parts",
        Tenant.subscribed,
        Tenant.refund_a_part,
        (Tenant.refund_a_part, Tenant.refund_another_part, ask),
        SMALL[1],
        provider=Provider.STRIPE,
        again=Tenant.refund_a_part,
    ),
)


class StripeTrouble(Trouble):
    """What goes wrong on the way to Stripe and back."""

    @property
    def refuses(self) -> bool:
        """Say whether a good card may be refused: never."""
        return False

    def begin(self, stage: Stage) -> None:
        """Let it go wrong from here on."""
        for fault in self.faults:
            stage.gateway.control("POST", "faults", fault)
        if self.deaf_for:
            stage.gateway.control("POST", "faults", _DEAF)

    def __str__(self) -> str:
        """Say in a line what goes wrong."""
        told = [f"{f.get('action') or f['status']} at {f['path']}" for f in self.faults]
        if self.deaf_for:
            told.append(f"no answer to questions for {self.deaf_for}")
        return ", ".join(told) or "nothing"


def choose(chance: random.Random) -> Trouble:
    """Roll what goes wrong in a run: often nothing, sometimes twice."""
    faults = [
        {"method": "POST", "path": chance.choice(_WRITES), "times": 1, **chance.choice(_DISTURBED)}
        for _ in range(chance.choice((0, 0, 1, 1, 1, 2)))
    ]
    is_deaf = chance.random() < 1 / 8
    return StripeTrouble(faults, timedelta(seconds=chance.choice((10, 70))) if is_deaf else NEVER)


def judge(tenant: Tenant, operation: Operation, told: list[Told], trouble: Trouble) -> Verdict:
    """Ask Stripe what it took of this payer, and compare."""
    stage = tenant.stage
    assert isinstance(stage, StripeStage)
    charges, running = [], []
    for external_id in Customer.objects.exclude(external_id="").values_list(
        "external_id", flat=True
    ):
        charges += _listed(stage.stripe, "charges", external_id)
        running += _listed(stage.stripe, "subscriptions", external_id)
    captured = sum(row["amount_captured"] for row in charges)
    returned = sum(row["amount_refunded"] for row in charges)
    faults = [*_of_subscriptions(tenant, running), *_of_what_is_left(), *_of_refunds(returned)]
    if captured - returned > operation.most_minor:
        faults.append(f"{captured - returned} was kept of {operation.most_minor}")
    if any(row.words == DECLINED for row in told) and not trouble.refuses:
        faults.append("somebody was told of a decline although no card was declined")
    cases = Counter(f"case:{kind}" for kind in Case.objects.values_list("kind", flat=True))
    figures = {
        "captured": captured,
        "returned": returned,
        "unknown": PaymentAttempt.objects.filter(asked__gt=0).count(),
        **cases,
    }
    return Verdict(faults, figures)


def _listed(stripe: StripeSimulator, kind: str, customer: str) -> list[dict[str, Any]]:
    query = {"customer": customer, "limit": 100}
    if kind == "subscriptions":
        query["status"] = "all"
    rows: list[dict[str, Any]] = stripe.api("GET", f"/v1/{kind}", query).json()["data"]
    return [row for row in rows if kind != "charges" or row["status"] == "succeeded"]


def _of_subscriptions(tenant: Tenant, there: list[dict[str, Any]]) -> Iterator[str]:
    """One runs at most, there and here, and no unfinished one is left beside it."""
    live = [row for row in there if row["status"] in _LIVE]
    if len(live) > 1:
        yield f"{len(live)} subscriptions run at Stripe"
    if live and any(row["status"] == "incomplete" for row in there):
        yield "a start is unfinished beside what runs"
    here = tenant.live
    if bool(live) != (here is not None):
        yield f"{len(live)} run at Stripe, and {'one' if here else 'none'} here"
    if here is not None and live and here.external_id != live[0]["id"]:
        yield "another one runs at Stripe than here"


def _of_what_is_left() -> Iterator[str]:
    """Nothing is undecided in the end."""
    for row in PaymentAttempt.objects.filter(state__in=LIVE_ATTEMPTS):
        yield f"a try is {row.state} in the end"
    late = PaymentAttempt.objects.filter(
        state=AttemptState.SUCCEEDED, obligation__state=ObligationState.OPEN
    )
    if late.exists():
        yield "a debt is open whose try succeeded"


def _of_refunds(returned: int) -> Iterator[str]:
    """What we say was given back was given back, once."""
    rows = Obligation.objects.filter(kind=ObligationKind.REFUND, state=ObligationState.SETTLED)
    settled = sum(rows.values_list("amount_minor", flat=True))
    if settled != returned:
        yield f"{returned} was given back, and our debts say {settled}"
