"""A tape played again: the same services against the recorded provider, in another order.

The provider's truth moves on while events are on their way: a drain may have fetched before and
apply after something happened, and a request may get its answer after its own webhook was handled.
"""

import dataclasses
import itertools
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest import mock

from django.db.models.functions import Now
from django.utils import timezone

from billing.drivers.stripe.transport import AnswerLost
from billing.enums import AttemptState, InboxState, Provider
from billing.models import InboxEvent, PaymentAttempt
from billing.services import dispatch, fetching, grace, inbox, resolve
from billing.types import VerifiedWebhook
from orgs.models import Organization
from tests.journeys.convergence.recording import (
    basis_of,
    look,
    look_at_payers,
    look_at_subscriptions,
    outcome_of,
)
from tests.journeys.convergence.tape import (
    Answer,
    Asked,
    Json,
    NotOnTape,
    Send,
    Take,
    Tape,
    body,
    heard_by,
    tied,
)

Meanwhile = Callable[[], None]

_ROUNDS = 12


def _nothing() -> None:
    pass


@dataclasses.dataclass(slots=True)
class _Turn:
    """A request that is being played: how many previews it saw, whether its answer gets lost."""

    take: Take
    loses_answer: bool
    previews: int = 0
    has_lost: bool = False


class Playback:
    """One run of a tape. `trouble` is what went otherwise than recorded.

    `meanwhile` is called where something else can happen: when the answer to a question or to a
    write of ours is on its way, and when a drain has fetched and not applied yet.
    """

    def __init__(self, tape: Tape, organization: Organization, *, is_tied: bool) -> None:
        self.tape, self.organization = tape, organization
        self.at, self.turn = 0, 0
        self.meanwhile: Meanwhile = _nothing
        self.trouble: list[str] = []
        self.delivered: list[Json] = []
        self._second = int(tape.moments[0].now.timestamp()) if is_tied else None
        self._playing: _Turn | None = None
        self._requested_at = tape.moments[0].now
        self._ticks = itertools.count()
        self._told = 0
        self._written: dict[str, Answer] = {}
        self._waiting: list[Json] = []

    def copy(self, *, is_tied: bool) -> "Playback":
        """Return a run that goes on from here."""
        other = Playback(self.tape, self.organization, is_tied=is_tied)
        other._waiting = list(self.waiting)
        other.at, other.turn, other._told = self.at, self.turn, self._told
        other._requested_at, other._written = self._requested_at, dict(self._written)
        other._ticks = itertools.count(next(self._ticks))
        return other

    @contextmanager
    def running(self) -> Iterator[None]:
        """Answer the driver from the tape, and let things happen while fetched truth waits."""
        fetch = fetching.fetch_all

        def fetch_all(groups: "list[fetching.Group]") -> None:
            fetch(groups)
            self.meanwhile()

        with (
            heard_by(self._answer),
            mock.patch.object(fetching, "fetch_all", fetch_all),
            mock.patch.object(timezone, "now", self._next_instant),
        ):
            yield

    def _next_instant(self) -> datetime:
        """Return the time as rows are stamped with it: no two alike."""
        return self.now + timedelta(microseconds=next(self._ticks))

    # --- What can be done --------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """Return the time: the provider's at this moment, or that of the latest request.

        It stands still while a request is made, which lasts for seconds.
        """
        if self._playing is not None:
            return self._requested_at
        return max(self.tape.moments[self.at].now, self._requested_at)

    @property
    def is_over(self) -> bool:
        """Say whether everything has happened."""
        return self.turn == len(self.tape.script)

    @property
    def is_requesting(self) -> bool:
        """Say whether a request of the tenant's is being made."""
        return self._playing is not None

    @property
    def is_request_next(self) -> bool:
        """Say whether what happens next is a request of the tenant's."""
        return not self.is_over and isinstance(self.tape.script[self.turn], Take)

    @property
    def may_move_on(self) -> bool:
        """Say whether what is next may happen now: nothing between the writes of one request, and
        no second request beside it.
        """
        playing = self._playing
        if self.is_over or playing is None:
            return not self.is_over
        entry = self.tape.script[self.turn]
        is_there = isinstance(entry, int) and entry not in self.tape.answers_to_ours
        return is_there and not playing.take.is_brief and self.at >= playing.take.last

    @property
    def waiting(self) -> list[Json]:
        """Return the events that were emitted and not delivered yet, oldest first."""
        while self._told < self.at:
            self._told += 1
            self._waiting += self.tape.moments[self._told].events
        return self._waiting

    def happen(self, *, loses_answer: bool = False) -> None:
        """Let the next thing happen: a request of the tenant's, or something there."""
        entry = self.tape.script[self.turn]
        self.turn += 1
        if isinstance(entry, Take):
            self._request(entry, loses_answer=loses_answer)
        else:
            self.at = max(self.at, entry)

    def deliver(self, event: Json) -> None:
        """Deliver an event, or deliver it again."""
        before = len(self._waiting)
        self._waiting = [other for other in self._waiting if other is not event]
        if len(self._waiting) < before:
            self.delivered.append(event)
        told = event if self._second is None else tied(event, self._second)
        inbox.receive_event(
            provider=Provider.STRIPE,
            account=None,
            webhook=VerifiedWebhook(event["id"], event["type"], body(told)),
            trace_id="",
        )

    def drain(self, limit: int = dispatch.BATCH) -> None:
        """Handle what is due."""
        dispatch.drain_inbox(now=self.now, limit=limit)

    def take_in(self) -> None:
        """Deliver what waits in order, each event once, and handle it before the next."""
        for event in list(self.waiting):
            self.deliver(event)
            self.drain()

    def retry(self) -> None:
        """Have failed events handled again without waiting."""
        InboxEvent.objects.filter(state=InboxState.FAILED).update(next_attempt_at=Now())

    def ask(self) -> None:
        """Have attempts without an answer asked about."""
        resolve.resolve_due(now=self.now + timedelta(seconds=resolve.ABSENT_AFTER_S - 1))

    def look(self) -> None:
        """Look at the provider, as a page does."""
        look(self.organization, self.now)

    def settle(self) -> None:
        """Let everything run dry, and all grace end."""
        self.meanwhile = _nothing
        for event in list(self.waiting):
            self.deliver(event)
        for _ in range(_ROUNDS):
            self.retry()
            self.drain()
            if not InboxEvent.objects.exclude(state=InboxState.DONE).exists():
                break
        self.ask()
        grace.end_grace(now=self.tape.moments[-1].now + timedelta(days=400))

    # --- How it is done ----------------------------------------------------------------------

    def _request(self, take: Take, *, loses_answer: bool) -> None:
        kept, self.meanwhile = self.meanwhile, _nothing
        self._catch_up(take)
        self.meanwhile = kept
        self._requested_at = take.now
        playing = self._playing = _Turn(take, loses_answer)
        outcome = outcome_of(take.run, take.now)
        self._playing = None
        if playing.has_lost:
            self.meanwhile = _nothing
            self._resolve_all()
            self.meanwhile = kept
        elif outcome != take.outcome:
            self.trouble.append(f"{take.name}: told {outcome!r} instead of {take.outcome!r}")
        if self.at < take.last:
            missing = self.tape.moments[self.at + 1].write
            self.trouble.append(f"{take.name}: did not send {missing}")
            self.at = take.last

    def _catch_up(self, take: Take) -> None:
        """Look at the provider where less is known here than when the request was recorded."""
        subscriptions, methods = basis_of(self.organization)
        if subscriptions != take.basis[0]:
            self._resolve_all()
            look_at_subscriptions(self.organization, self.now)
            _, methods = basis_of(self.organization)
        if methods != take.basis[1]:
            look_at_payers(self.organization, self.now)

    def _resolve_all(self) -> None:
        """Ask until nothing is unknown: whoever has an undecided request can't make the next."""
        unknown = PaymentAttempt.objects.filter(state__in=[AttemptState.SENT, AttemptState.UNKNOWN])
        for round_ in range(_ROUNDS):
            if not unknown.exists():
                return
            resolve.resolve_due(now=self.now + timedelta(seconds=80 * (round_ + 1)))

    def _answer(self, asked: Asked, _send: Send) -> Answer:
        try:
            return self._from_tape(asked)
        except NotOnTape as error:
            self.trouble.append(f"asked for what was not recorded: {error}")
            raise

    def _from_tape(self, asked: Asked) -> Answer:
        playing = self._playing
        is_ours = playing is not None and threading.current_thread() is threading.main_thread()
        if asked.is_preview:
            if playing is None or playing.previews >= len(playing.take.previews):
                raise NotOnTape(str(asked))
            playing.previews += 1
            return playing.take.previews[playing.previews - 1]
        if asked.is_read:
            answer = self.tape.answer(asked, self.at)
        else:
            answer = self._write(asked)
            if playing is not None and playing.loses_answer and _is_money(playing.take, asked):
                playing.has_lost, playing.loses_answer = True, False
                raise AnswerLost("played")
        if is_ours:
            self.meanwhile()
        return answer

    def _write(self, asked: Asked) -> Answer:
        """Do what was recorded, once for each key: who repeats it gets the same answer."""
        if asked.key in self._written:
            return self._written[asked.key]
        following = self.at + 1
        moment = self.tape.moments[following] if following <= self.tape.last else None
        if moment is None or moment.write != asked or moment.answer is None:
            raise NotOnTape(f"{asked}, when {moment.write if moment else 'nothing'} came next")
        self.at = following
        if asked.key:
            self._written[asked.key] = moment.answer
        return moment.answer


def _is_money(take: Take, asked: Asked) -> bool:
    return bool(take.money and re.search(take.money, asked.target))
