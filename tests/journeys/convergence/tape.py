"""What a provider said and did in one event set, moment by moment, and the seam that hears it."""

import dataclasses
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from billing.drivers.stripe.transport import PooledClient

Json = dict[str, Any]
Answer = tuple[bytes, int, Mapping[str, str]]

_PREVIEW = "/v1/invoices/create_preview"


class NotOnTape(Exception):
    """The provider was asked something that nobody asked when the set was recorded."""


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """One request of the driver's; `target` is path and query, `key` that of a write."""

    method: str
    target: str
    key: str = dataclasses.field(default="", compare=False)

    @property
    def is_read(self) -> bool:
        """Say whether it can't change anything."""
        return self.method == "GET" or self.is_preview

    @property
    def is_preview(self) -> bool:
        """Say whether it is a question in spite of its method."""
        return self.target == _PREVIEW

    def __str__(self) -> str:
        return f"{self.method} {self.target}"


Send = Callable[[], Answer]
Hear = Callable[[Asked, Send], Answer]


@contextmanager
def heard_by(hear: Hear) -> Iterator[None]:
    """Have every request of the driver's pass through a function, which may send it or answer."""
    original = PooledClient.request

    def request(
        self: PooledClient,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: str | bytes | None = None,
    ) -> Answer:
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        asked = Asked(method.upper(), target, (headers or {}).get("Idempotency-Key", ""))
        return hear(asked, lambda: original(self, method, url, headers, post_data))

    PooledClient.request = request  # type: ignore[method-assign]
    try:
        yield
    finally:
        PooledClient.request = original  # type: ignore[method-assign]


@dataclasses.dataclass(slots=True)
class Moment:
    """The provider after something happened: its time, what it tells, and our write if it was one.

    `answer` is what that write was answered with.
    """

    now: datetime
    events: list[Json]
    write: Asked | None = None
    answer: Answer | None = None


Run = Callable[[datetime], object]


@dataclasses.dataclass(slots=True)
class Take:
    """A request of a tenant's: what is called, and what it did when it was recorded.

    Its writes are the moments after `before` up to `last`. `money` tells by its target the write
    whose answer may get lost; `is_brief` says that nothing else happens there meanwhile. `basis`
    is what was known here when it was made.
    """

    name: str
    run: Run
    now: datetime
    before: int
    money: str = ""
    is_brief: bool = False
    basis: tuple[object, object] = (None, None)
    last: int = 0
    outcome: str = ""
    previews: list[Answer] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True)
class Tape:
    """One recorded event set; `key` is its own: rows are named after it.

    `script` is what happened in order: requests, and moments by number that came about without
    us. `answers_to_ours` are those for which somebody needed our answer. The first `prologue` of
    the script come in this order in every run.
    """

    name: str
    moments: list[Moment]
    script: list[Take | int] = dataclasses.field(default_factory=list)
    prologue: int = 0
    truth: dict[str, list[tuple[int, Answer]]] = dataclasses.field(default_factory=dict)
    answers_to_ours: set[int] = dataclasses.field(default_factory=set)
    key: uuid.UUID = dataclasses.field(default_factory=uuid.uuid4)

    @property
    def cuts(self) -> list[int]:
        """Return the turns up to which a run may keep to the script: nothing is delivered there.

        The prologue's end, and the end of each later request.
        """
        turns = range(self.prologue + 1, len(self.script) + 1)
        return [
            self.prologue,
            *(turn for turn in turns if isinstance(self.script[turn - 1], Take)),
        ]

    @property
    def last(self) -> int:
        """Return the number of the last moment."""
        return len(self.moments) - 1

    @property
    def events(self) -> list[Json]:
        """Return all events in order."""
        return [event for moment in self.moments for event in moment.events]

    def keep(self, target: str, answer: Answer) -> None:
        """Keep what a question was answered with at the present moment."""
        known = self.truth.setdefault(target, [])
        if not known or known[-1][1][:2] != answer[:2]:
            known.append((self.last, answer))

    def answer(self, asked: Asked, moment: int) -> Answer:
        """Return what a question was answered with at a moment.

        Raises:
            NotOnTape: nobody knows.
        """
        found = [answer for since, answer in self.truth.get(asked.target, ()) if since <= moment]
        if not found:
            raise NotOnTape(f"{asked} at moment {moment}")
        return found[-1]


def tied(event: Json, second: int) -> Json:
    """Return an event as if it had been made in a given second."""
    return {**event, "created": second}


def body(event: Json) -> str:
    """Return an event as it is delivered."""
    return json.dumps(event, separators=(",", ":"))
