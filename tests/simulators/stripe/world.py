"""The world a request acts on: rows, a clock that can be moved, and events of what changed."""

import contextlib
import heapq
import json
import time
from collections.abc import Callable, Iterator

from tests.simulators.stripe import API_VERSION, Json, ids
from tests.simulators.stripe.store import Store, copied

EventListener = Callable[[Json], None]


def changes(before: Json, after: Json) -> Json:
    """Return the former values of what differs, nested objects reduced to what differs in them."""
    previous: Json = {}
    for key, old in before.items():
        new = after.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict) and "data" not in old:
            previous[key] = changes(old, new)
        else:
            previous[key] = old
    previous.update({key: None for key in after if key not in before})
    return previous


class World:
    """State, time and events. Single-threaded: every request runs to its end before the next."""

    def __init__(self, *, public_url: str) -> None:
        self.public_url = public_url
        self.store = Store()
        self.offset = 0
        self.frozen: int | None = None
        self.stopped: int | None = None
        self.clock_id = ""
        self.agendas: dict[str, list[tuple[int, int, str, str]]] = {}
        self.sequence = 0
        self.request: Json = {"id": None, "idempotency_key": None}
        self.on_event: EventListener = lambda _event: None
        self.listeners: Callable[[str], int] = lambda _type: 0
        self.settings: Json = default_settings()

    # ---------------------------------------------------------------- time

    def now(self) -> int:
        """Return the virtual time in whole seconds."""
        if self.frozen is not None:
            return self.frozen
        return int(time.time()) + self.offset if self.stopped is None else self.stopped

    @contextlib.contextmanager
    def at(self, moment: int | None, clock_id: str = "") -> Iterator[None]:
        """Run a block at a fixed moment, on a test clock if one is named."""
        kept = self.frozen, self.clock_id
        self.frozen, self.clock_id = moment, clock_id
        try:
            yield
        finally:
            self.frozen, self.clock_id = kept

    def follow_clock_of(self, row: Json) -> None:
        """Let the rest of the request run on the test clock of a customer or subscription."""
        clock_id = row.get("test_clock")
        clock = self.store.find("test_helpers.test_clock", clock_id) if clock_id else None
        if clock is not None:
            self.frozen, self.clock_id = clock["frozen_time"], clock["id"]

    def schedule(self, moment: int, job: str, row_id: str) -> None:
        """Note that something may be due at a moment; the job looks again when it runs."""
        self.sequence += 1
        agenda = self.agendas.setdefault(self.clock_id, [])
        heapq.heappush(agenda, (moment, self.sequence, job, row_id))
        entry = {"clock": self.clock_id, "entry": [moment, self.sequence, job, row_id]}
        self.store.put("_agenda", str(self.sequence), entry)

    def next_due(self, until: int, clock_id: str) -> tuple[int, str, str] | None:
        """Take the next job off a clock's agenda if it is due: its moment, name and row."""
        agenda = self.agendas.get(clock_id)
        if not agenda or agenda[0][0] > until:
            return None
        moment, sequence, job, row_id = heapq.heappop(agenda)
        self.store.remove("_agenda", str(sequence))
        return moment, job, row_id

    def restore_agendas(self) -> None:
        """After loading: rebuild the agendas from their rows."""
        for row in self.store.rows("_agenda"):
            moment, sequence, job, row_id = row["entry"]
            agenda = self.agendas.setdefault(row["clock"], [])
            heapq.heappush(agenda, (moment, sequence, job, row_id))
            self.sequence = max(self.sequence, sequence)

    # ---------------------------------------------------------------- rows and events

    def add(self, row: Json, event: str | None = None) -> Json:
        """Store a new object and, if named, emit its event."""
        self.store.put(row["object"], row["id"], row)
        if event is not None:
            self.emit(event, row)
        return row

    def touch(self, row: Json) -> None:
        """Note that an object was changed in place, without an event."""
        self.store.touch(row["object"], row["id"])

    @contextlib.contextmanager
    def change(self, row: Json, event: str) -> Iterator[Json]:
        """Change an object in a block; afterwards emit the event if anything differs."""
        before = copied(row)
        yield row
        previous = changes(before, row)
        if previous:
            self.touch(row)
            self.emit(event, row, previous)

    def emit(self, type_: str, row: Json, previous: Json | None = None) -> None:
        """Record an event with the object as it is now, and hand it to the deliveries."""
        data: Json = {"object": row}
        if previous is not None:
            data["previous_attributes"] = previous
        event_id = ids.new_id("event")
        event = {
            "id": event_id,
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now(),
            "data": data,
            "livemode": False,
            "pending_webhooks": self.listeners(type_),
            "request": dict(self.request),
            "type": type_,
        }
        # A text, because the object goes on changing while the event must not.
        body = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
        record = {
            "id": event_id,
            "type": type_,
            "created": event["created"],
            "object_id": row.get("id"),
            "body": body,
        }
        self.store.put("event", event_id, record)
        self.on_event(record)


def default_settings() -> Json:
    """Return the account's settings that tests may change through the control API."""
    return {
        "retry_days": [3, 5, 7],
        "after_retries": "canceled",
        "trial_will_end_days": 3,
        "upcoming_days": 7,
        "finalize_after_s": 3600,
    }
