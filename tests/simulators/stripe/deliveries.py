"""Webhooks: signed at each attempt, at least once, and disturbed on request."""

import asyncio
import hashlib
import hmac
import json
import random
import time
from collections import deque

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.post import post
from tests.simulators.stripe.world import World

_TABLE = "_delivery"
_WAITING = ("pending", "held")


def signature(body: str, secret: str, moment: int) -> str:
    """Return the `Stripe-Signature` header of a body. Source: docs.stripe.com/webhooks."""
    signed = f"{moment}.{body}".encode()
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def default_disturbance() -> Json:
    """Return the settings of a calm delivery."""
    return {
        "enabled": True,
        "hold": False,
        "duplicate": 0,
        "reorder": False,
        "delay_ms": 0,
        "drop": 0,
        "stale_payload": False,
        "seed": 0,
        "concurrency": 4,
        "retry_base_s": 1.0,
        "max_attempts": 16,
        "timeout_s": 10.0,
    }


class Deliveries:
    """Brings events to the endpoints that want them, in the background."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.config = default_disturbance()
        self.random = random.Random(0)  # noqa: S311 - disturbances are to be repeatable
        self.queue: deque[str] = deque()
        self.busy = 0
        self.wake = asyncio.Event()
        world.on_event = self.accept
        world.listeners = lambda type_: len(self.endpoints_for(type_))

    def configure(self, changes: Json) -> Json:
        """Change the disturbances; releasing a hold sends what was held, in order."""
        unknown = sorted(set(changes) - set(self.config))
        if unknown:
            raise ValueError(f"unknown settings: {', '.join(unknown)}")
        self.config.update(changes)
        if "seed" in changes:
            self.random.seed(changes["seed"])
        if not self.config["hold"]:
            for row in list(self.world.store.rows(_TABLE)):
                if row["state"] == "held":
                    row["state"] = "pending"
                    self._enqueue(row)
        return self.config

    def endpoints_for(self, type_: str) -> list[Json]:
        """Return the enabled endpoints that asked for a type of event."""
        return [
            row
            for row in self.world.store.rows("webhook_endpoint")
            if row["status"] == "enabled"
            and ("*" in row["enabled_events"] or type_ in row["enabled_events"])
        ]

    def accept(self, event: Json) -> None:
        """Plan the deliveries of a new event."""
        if not self.config["enabled"]:
            return
        for endpoint in self.endpoints_for(event["type"]):
            for copy in range(1 + int(self.config["duplicate"])):
                state = "dropped" if self._strikes("drop") else "pending"
                row = self._note(event, endpoint, copy=copy, state=state)
                if state == "pending":
                    self._plan(row)

    def _note(self, event: Json, endpoint: Json, *, copy: int, state: str) -> Json:
        row: Json = {
            "id": f"whd_{ids.token(16)}",
            "event": event["id"],
            "type": event["type"],
            "endpoint": endpoint["id"],
            "copy": copy,
            "state": state,
            # Decided once: a retry carries the same body as the attempt before it.
            "stale": self._strikes("stale_payload") and self._has_older(event),
            "attempts": 0,
            "last_status": None,
            "last_error": None,
            "delivered_at": None,
        }
        self.world.store.put(_TABLE, row["id"], row)
        return row

    def _strikes(self, disturbance: str) -> bool:
        """Say whether a disturbance hits: always, at a rate, or for the next so many."""
        setting = self.config[disturbance]
        if setting in ("all", "first", "previous") or setting is True:
            return True
        if isinstance(setting, float):
            return self.random.random() < setting
        if int(setting) > 0:
            self.config[disturbance] = int(setting) - 1
            return True
        return False

    def _plan(self, row: Json) -> None:
        if self.config["hold"]:
            row["state"] = "held"
            return
        delay = self.config["delay_ms"] / 1000
        if self.config["reorder"]:
            delay += self.random.uniform(0, 0.2)
        self._later(delay, row)

    def _later(self, delay: float, row: Json) -> None:
        if delay <= 0:
            self._enqueue(row)
        else:
            asyncio.get_running_loop().call_later(delay, self._enqueue, row)

    def _enqueue(self, row: Json) -> None:
        self.queue.append(row["id"])
        self.wake.set()

    def resume(self) -> None:
        """After a start: go on with what an earlier process had not delivered."""
        for row in self.world.store.rows(_TABLE):
            if row["state"] == "pending":
                self._enqueue(row)

    async def run(self) -> None:
        """Deliver for ever."""
        running: set[asyncio.Task[None]] = set()
        while True:
            await self.wake.wait()
            while self.queue and self.busy < self.config["concurrency"]:
                row = self.world.store.find(_TABLE, self.queue.popleft())
                if row is not None and row["state"] == "pending":
                    self.busy += 1
                    task = asyncio.create_task(self._deliver(row))
                    running.add(task)
                    task.add_done_callback(running.discard)
            self.wake.clear()

    async def _deliver(self, row: Json) -> None:
        try:
            await self.attempt(row)
        finally:
            self.busy -= 1
            self.wake.set()
        if row["state"] == "pending":
            delay = self.config["retry_base_s"] * 2 ** min(row["attempts"] - 1, 12)
            self._later(delay, row)

    async def attempt(self, row: Json) -> None:
        """Send an event once and note the answer."""
        endpoint = self.world.store.find("webhook_endpoint", row["endpoint"])
        event = self.world.store.find("event", row["event"])
        if endpoint is None or event is None:
            row["state"] = "failed"
            return
        body = self._stale(event) if row.get("stale") else event["body"]
        secret = self.world.store.get("_endpoint_secret", endpoint["id"])["secret"]
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": signature(body, secret, int(time.time())),
        }
        row["attempts"] += 1
        status, error = await post(
            endpoint["url"], body.encode(), headers, timeout=self.config["timeout_s"]
        )
        row.update(last_status=status, last_error=error)
        if status is not None and 200 <= status < 300:
            row.update(state="delivered", delivered_at=round(time.time(), 3))
        elif row["attempts"] >= self.config["max_attempts"]:
            row["state"] = "failed"
        self.world.store.touch(_TABLE, row["id"])

    def _older(self, event: Json) -> list[Json]:
        """Return the events of the same object before this one, oldest first."""
        older = []
        for earlier in self.world.store.rows("event"):
            if earlier["id"] == event["id"]:
                break
            if earlier["object_id"] == event["object_id"]:
                older.append(earlier)
        return older

    def _has_older(self, event: Json) -> bool:
        current = json.loads(event["body"])["data"]["object"]
        return any(
            json.loads(one["body"])["data"]["object"] != current for one in self._older(event)
        )

    def _stale(self, event: Json) -> str:
        """Return the event with its object as it was at an earlier event: the first, or the last
        at which it was another than now."""
        body: Json = json.loads(event["body"])
        versions = [json.loads(one["body"])["data"]["object"] for one in self._older(event)]
        others = [version for version in versions if version != body["data"]["object"]]
        if others:
            previous = self.config["stale_payload"] == "previous"
            body["data"]["object"] = others[-1] if previous else others[0]
        return json.dumps(body, separators=(",", ":"), ensure_ascii=False)

    async def redeliver(self, event_ids: list[str], times: int) -> list[Json]:
        """Send chosen events again, in the given order, and return what was answered."""
        sent = []
        for event_id in event_ids:
            event = self.world.store.get("event", event_id)
            for endpoint in self.endpoints_for(event["type"]):
                for copy in range(times):
                    row = self._note(event, endpoint, copy=copy, state="redelivery")
                    await self.attempt(row)
                    sent.append(row)
        return sent

    async def deliver_dropped(self) -> list[Json]:
        """Send what was dropped, oldest first, as if it had only been late."""
        rows = [row for row in self.world.store.rows(_TABLE) if row["state"] == "dropped"]
        for row in rows:
            await self.attempt(row)
        return rows

    def unfinished(self) -> int:
        """Return how many deliveries wait, are on their way, or will be tried again."""
        return sum(1 for row in self.world.store.rows(_TABLE) if row["state"] == "pending")
