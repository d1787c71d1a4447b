"""The switches under /_sim/: what a test asks the simulator to be like."""

import asyncio
import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.simulators.stripe import Json
from tests.simulators.stripe.api import Api
from tests.simulators.stripe.counter import Counter
from tests.simulators.stripe.deliveries import Deliveries, default_disturbance
from tests.simulators.stripe.engine import clockwork, disputing, readers
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.world import World, default_settings
from tests.simulators.switchboard import Switchboard


class Control(Switchboard):
    """Reads and turns the switches."""

    def __init__(self, world: World, api: Api, deliveries: Deliveries) -> None:
        super().__init__(
            faults=api.faults, journal=api.journal, settings=lambda: self.world.settings
        )
        self.world, self.api, self.deliveries = world, api, deliveries
        self.advancing = asyncio.Lock()
        self.switches |= {
            ("GET", "clock"): self._clock,
            ("POST", "clock"): self._advance,
            ("GET", "webhooks"): self._webhooks,
            ("POST", "webhooks"): self._configure_webhooks,
            ("POST", "webhooks/deliver"): self._deliver,
            ("GET", "events"): self._events,
            ("POST", "disputes"): self._dispute,
            ("POST", "reset"): self._reset,
            **Counter(world, api.after_request).switches,
        }

    async def __call__(self, request: Request) -> Response:
        """Answer a request under /_sim/."""
        try:
            return await super().__call__(request)
        except Refusal as refusal:
            return JSONResponse(refusal.body(), refusal.status)

    async def _clock(self, _given: Json, _query: dict[str, str]) -> Json:
        return {"now": self.world.now(), "offset_s": self.world.offset}

    async def _advance(self, given: Json, query: dict[str, str]) -> Json:
        """Move the clock by `advance_s`; with `stop` it stands still from then on."""
        if given.get("stop"):
            self.world.stopped = self.world.now()
        seconds = int(given["advance_s"]) if "advance_s" in given else None
        if seconds is None or seconds < 0:
            raise ValueError("advance_s must be a number of seconds, not negative")
        jobs = 0
        async with self.advancing:
            target = self.world.now() + seconds
            for _moment in clockwork.run_due(self.world, target):
                jobs += 1
                if jobs % 20 == 0:
                    await asyncio.sleep(0)
            self.world.offset += seconds
            if self.world.stopped is not None:
                self.world.stopped = target
        self.api.after_request()
        return {**await self._clock(given, query), "jobs": jobs}

    async def _webhooks(self, _given: Json, query: dict[str, str]) -> Json:
        store, state = self.world.store, query.get("state")
        return {
            "config": self.deliveries.config,
            "endpoints": list(store.rows("webhook_endpoint")),
            "deliveries": [row for row in store.rows("_delivery") if state in (None, row["state"])],
            "unfinished": self.deliveries.unfinished(),
        }

    async def _configure_webhooks(self, given: Json, _query: dict[str, str]) -> Json:
        return {"config": self.deliveries.configure(given)}

    async def _deliver(self, given: Json, _query: dict[str, str]) -> Json:
        chosen = given.get("event_ids", "all")
        if chosen == "dropped":
            return {"deliveries": await self.deliveries.deliver_dropped()}
        if chosen == "all":
            chosen = [row["id"] for row in self.world.store.rows("event")]
        sent = await self.deliveries.redeliver(list(chosen), int(given.get("times", 1)))
        return {"deliveries": sent}

    async def _events(self, _given: Json, query: dict[str, str]) -> Json:
        """Tell the events after the first so many, all or those in which an id occurs."""
        rows, about = list(self.world.store.rows("event")), query.get("about", "")
        told = (row["body"] for row in rows[int(query.get("since", 0)) :])
        return {"events": [json.loads(body) for body in told if about in body], "last": len(rows)}

    def _objects(self, kind: str, _query: dict[str, str]) -> Json:
        if kind.startswith("_"):
            raise ValueError("rows of the simulator's own are not shown")
        return {"objects": list(self.world.store.rows(kind))}

    async def _dispute(self, given: Json, _query: dict[str, str]) -> Json:
        """Dispute a charge, or decide a dispute: what a cardholder's bank does."""
        store = self.world.store
        if "dispute" in given:
            dispute = store.get("dispute", str(given["dispute"]), param="dispute")
            disputing.decide(self.world, dispute, won=given.get("outcome") == "won")
        else:
            charge = store.get("charge", str(given.get("charge", "")), param="charge")
            customer = store.find("customer", charge["customer"] or "") or {}
            clock = store.find("test_helpers.test_clock", customer.get("test_clock") or "") or {}
            with self.world.at(clock.get("frozen_time"), clock.get("id", "")):
                dispute = disputing.open_dispute(
                    self.world,
                    charge,
                    reason=str(given.get("reason", "fraudulent")),
                    amount=given.get("amount"),
                    inquiry=bool(given.get("inquiry", False)),
                )
        self.api.after_request()
        return dispute

    async def _reset(self, given: Json, _query: dict[str, str]) -> Json:
        """Forget objects, events, faults, requests and time; endpoints only if asked to."""
        store = self.world.store
        kinds = () if given.get("endpoints") else ("webhook_endpoint", "_endpoint_secret")
        kept = {kind: dict(store.tables.get(kind, {})) for kind in kinds}
        store.clear()
        self.world.agendas.clear()
        self.world.offset, self.world.stopped = 0, None
        self.world.settings = default_settings()
        readers.furnish(self.world)
        for kind, rows in kept.items():
            for row_id, row in rows.items():
                store.put(kind, row_id, row)
        self.deliveries.queue.clear()
        self.deliveries.config.update(default_disturbance())
        self.deliveries.random.seed(0)
        self.faults.waiting.clear()
        self.journal.entries.clear()
        self.api.keys.running.clear()
        self.api.after_request()
        return {"reset": True}
