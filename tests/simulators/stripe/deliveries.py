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
                row = {
                    "id": f"whd_{ids.token(16)}",
                    "event": event["id"],
                    "type": event["type"],
                    "endpoint": endpoint["id"],
                    "copy": copy,
                    "state": "dropped" if self._drops() else "pending",
                    "attempts": 0,
                    "last_status": None,
                    "last_error": None,
                    "delivered_at": None,
                }
                self.world.store.put(_TABLE, row["id"], row)
                if row["state"] == "pending":
                    self._plan(row)

    def _drops(self) -> bool:
        drop = self.config["drop"]
        if drop == "all":
            return True
        if isinstance(drop, float):
            return self.random.random() < drop
        if int(drop) > 0:
            self.config["drop"] = int(drop) - 1
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
        body = self._stale(event) if self.config["stale_payload"] else event["body"]
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

    def _stale(self, event: Json) -> str:
        """Return the event with its object as it was at its first event."""
        for earlier in self.world.store.rows("event"):
            if earlier["object_id"] == event["object_id"]:
                old: Json = json.loads(earlier["body"])
                body: Json = json.loads(event["body"])
                body["data"]["object"] = old["data"]["object"]
                return json.dumps(body, separators=(",", ":"), ensure_ascii=False)
        return str(event["body"])

    async def redeliver(self, event_ids: list[str], times: int) -> list[Json]:
        """Send chosen events again, in the given order, and return what was answered."""
        sent = []
        for event_id in event_ids:
            event = self.world.store.get("event", event_id)
            for endpoint in self.endpoints_for(event["type"]):
                for copy in range(times):
                    row = {
                        "id": f"whd_{ids.token(16)}",
                        "event": event_id,
                        "type": event["type"],
                        "endpoint": endpoint["id"],
                        "copy": copy,
                        "state": "redelivery",
                        "attempts": 0,
                        "last_status": None,
                        "last_error": None,
                        "delivered_at": None,
                    }
                    self.world.store.put(_TABLE, row["id"], row)
                    await self.attempt(row)
                    sent.append(row)
        return sent

    def unfinished(self) -> int:
        """Return how many deliveries wait, are on their way, or will be tried again."""
        return sum(1 for row in self.world.store.rows(_TABLE) if row["state"] == "pending")
