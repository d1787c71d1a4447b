"""Recording an event set: the real services against the simulated provider, over HTTP."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from django.test import override_settings

from billing.drivers import registry
from billing.drivers.base import ObjectMissing
from billing.enums import Provider
from billing.models import Customer, PaymentAttempt, PaymentMethod, Subscription
from billing.selectors import quotes
from billing.services import fetching, payers, projection
from billing.types import Cause, Subject
from orgs.errors import DomainError
from orgs.models import Organization
from tests.journeys.convergence.feed import Feed
from tests.journeys.convergence.tape import (
    Answer,
    Asked,
    Moment,
    Run,
    Send,
    Take,
    Tape,
    heard_by,
)
from tests.simulators.stripe.client import StripeSimulator

CAUSE = Cause("request", id="converge")


@dataclasses.dataclass(slots=True)
class Stage:
    """Whom an event set is about, and where it takes place."""

    organization: Organization
    stripe: StripeSimulator

    @property
    def now(self) -> datetime:
        """Return the provider's time."""
        return datetime.fromtimestamp(self.stripe.now(), UTC)


class Recorder:
    """Lets an event set happen, and takes down what the provider says at each moment of it."""

    def __init__(self, name: str, stage: Stage) -> None:
        self.stage = stage
        self.tape = Tape(name, [Moment(stage.now, [])])
        self._feed = Feed(stage.stripe)
        self._subjects: set[Subject] = set()
        self._take: Take | None = None
        self._asked: set[str] = set()

    def record(self, scenario: Callable[["Recorder"], None]) -> Tape:
        """Play a scenario; return what came of it."""
        with heard_by(self._hear):
            scenario(self)
        return self.tape

    # --- What scenarios are made of ----------------------------------------------------------

    def request(self, name: str, run: Run, *, money: str = "", is_brief: bool = False) -> None:
        """Let the tenant do something; `money` names the write whose answer may get lost."""
        look(self.stage.organization, self.stage.now)
        take = Take(name, run, self.stage.now, self.tape.last, money, is_brief)
        take.basis = basis_of(self.stage.organization)
        self._take = take
        try:
            take.outcome = outcome_of(run, take.now)
        finally:
            self._take = None
        take.last = self.tape.last
        self.tape.script.append(take)

    def prologue_ends(self) -> None:
        """Have what was done so far done in this order in every run; its events are still out."""
        self.tape.prologue = len(self.tape.script)

    def outside(
        self, run: Callable[[StripeSimulator], object], *, needs_answer: bool = False
    ) -> None:
        """Let something happen at the provider without us, before or only after our answer."""
        run(self.stage.stripe)
        self._outside()
        if needs_answer:
            self.tape.answers_to_ours.add(self.tape.last)

    def wait(self, until: datetime, *, step: timedelta = timedelta(days=2)) -> None:
        """Let time pass there, step by step; a step in which nothing happens is no moment."""
        while (now := self.stage.now) < until:
            self.stage.stripe.advance(max(1, int(min(step, until - now).total_seconds())))
            self._outside(is_quiet_ok=True)

    # --- Listening ---------------------------------------------------------------------------

    def _outside(self, *, is_quiet_ok: bool = False) -> None:
        events = self._feed.news()
        if events or not is_quiet_ok:
            self._moment(Moment(self.stage.now, events))
            self.tape.script.append(self.tape.last)

    def _hear(self, asked: Asked, send: Send) -> Answer:
        answer = send()
        if asked.method == "GET":
            self._asked.add(asked.target)
            self.tape.keep(asked.target, answer)
        elif asked.is_preview:
            if self._take is not None:
                self._take.previews.append(answer)
        else:
            self._moment(Moment(self.stage.now, self._feed.news(), asked, answer))
        return answer

    def _moment(self, moment: Moment) -> None:
        """Begin a new moment, and ask for everything that anybody may ask for in it."""
        self.tape.moments.append(moment)
        driver = registry.get_driver(Provider.STRIPE)
        for event in moment.events:
            about = driver.normalize_webhook(event)
            if about.subject:
                self._subjects.add(about.subject)
            self._subjects |= {Subject("invoice", name) for name in about.invoices}
        mine = Customer.objects.filter(organization=self.stage.organization)
        for external_id in mine.exclude(external_id="").values_list("external_id", flat=True):
            self._subjects.add(Subject("customer", external_id))
        self._asked.clear()
        for subject in sorted(self._subjects, key=lambda one: (one.kind, one.external_id)):
            with contextlib.suppress(ObjectMissing):
                fetching._ask(driver, subject)
        for row in Subscription.objects.filter(organization=self.stage.organization):
            if row.customer.external_id:
                driver.find_subscription(
                    our_id=str(row.pk), external_customer_id=row.customer.external_id
                )
        for target in self.tape.truth.keys() - self._asked:
            found = self.stage.stripe.api("GET", target)
            self.tape.keep(target, (found.content, found.status_code, {}))


def look(organization: Organization, now: datetime) -> None:
    """Bring rows up to date, as whoever decides from them has done."""
    look_at_subscriptions(organization, now)
    look_at_payers(organization, now)


def look_at_subscriptions(organization: Organization, now: datetime) -> None:
    """Look at what the provider says of each subscription."""
    driver = registry.get_driver(Provider.STRIPE)
    mine = Subscription.objects.filter(organization=organization).exclude(external_id="")
    for row in mine.order_by("created_at"):
        fetched_at = projection.database_now()
        snapshot = driver.retrieve_subscription(row.external_id)
        projection.converge(snapshot=snapshot, fetched_at=fetched_at, cause=CAUSE, now=now)


def look_at_payers(organization: Organization, now: datetime) -> None:
    """Look at what payers can pay with."""
    for customer in Customer.objects.filter(organization=organization).exclude(external_id=""):
        payers.look_again(customer=customer, cause=CAUSE, now=now)


def basis_of(organization: Organization) -> tuple[object, object]:
    """Return what is known here from which a request decides: subscriptions, and methods."""
    rows = Subscription.objects.filter(organization=organization).order_by("created_at")
    attempts = PaymentAttempt.objects.filter(organization=organization).order_by("created_at")
    methods = PaymentMethod.objects.filter(organization=organization, detached_at=None)
    return (
        [
            [(quotes.basis_of(row), row.latest_invoice_external_id) for row in rows],
            list(attempts.values_list("state", flat=True)),
        ],
        sorted(methods.values_list("external_id", "is_default")),
    )


def outcome_of(run: Run, now: datetime) -> str:
    """Run something; return what the caller is told if it was refused, or empty."""
    try:
        run(now)
    except DomainError as error:
        return error.code
    return ""


@contextlib.contextmanager
def pointing_at(stripe: StripeSimulator) -> Iterator[None]:
    """Point our settings at a simulator."""
    with override_settings(STRIPE_API_BASE=stripe.base_url, STRIPE_API_HOST=stripe.base_url):
        yield
