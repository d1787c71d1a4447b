"""The hosted payment page's callback: unsigned, sent once, and with all that can go wrong."""

import asyncio
import json
import urllib.parse

import httpx

from tests.simulators.cardpointe import Json
from tests.simulators.cardpointe.merchants import Merchant
from tests.simulators.cardpointe.world import World

MODES = (
    "once",
    "duplicate",
    "delayed",
    "lost",
    "forged_retref",
    "forged_amount",
    "forged_merchant",
)
BODIES = ("form", "bare", "raw")
_WAIT_S = 0.02
_TIMEOUT_S = 10


class Callbacks:
    """Sends what is due. Every callback is kept, with what was answered."""

    def __init__(self, world: World) -> None:
        self.world = world

    def announce(self, merchant: Merchant, body: Json) -> None:
        """Plan the callback of a payment, as the mode says."""
        if not merchant.hpp_url:
            return
        mode = self.world.setting("hpp_mode")
        changes: dict[str, Json] = {
            "forged_retref": {"gatewayTransactionId": self.world.retref()},
            "forged_amount": {"total": "1.00"},
            "forged_merchant": {"merchantId": "999999999999"},
        }
        delay = int(self.world.setting("hpp_delay_s")) if mode == "delayed" else 0
        for _ in range(2 if mode == "duplicate" else 1):
            self.plan(
                merchant.hpp_url,
                {**body, **changes.get(mode, {})},
                due=self.world.now() + delay,
                state="lost" if mode == "lost" else "waiting",
            )

    def plan(self, url: str, body: Json, *, due: int, state: str = "waiting") -> Json:
        """Add one callback."""
        key = self.world.number("callback", 9)
        row: Json = {
            "id": key,
            "url": url,
            "body": body,
            "form": self.world.setting("hpp_body"),
            "due": due,
            "state": state,
            "status": None,
        }
        return self.world.store.put("callback", key, row)

    def send_lost(self) -> int:
        """Send what was lost after all; return how many."""
        lost = [row for row in self.world.store.rows("callback") if row["state"] == "lost"]
        for row in lost:
            row.update(state="waiting", due=self.world.now())
            self.world.store.touch("callback", row["id"])
        return len(lost)

    def unfinished(self) -> int:
        """Return how many are due and not sent yet."""
        return len(self._due())

    async def run(self) -> None:
        """Send what is due until cancelled. There is no second try: none is documented."""
        async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client:
            while True:
                for row in self._due():
                    row.update(await _send(client, row))
                    # A reset may have come while we waited for the answer.
                    if self.world.store.find("callback", row["id"]) is row:
                        self.world.store.touch("callback", row["id"])
                await asyncio.sleep(_WAIT_S)

    def _due(self) -> list[Json]:
        rows, now = self.world.store.rows("callback"), self.world.now()
        return [row for row in rows if row["state"] == "waiting" and row["due"] <= now]


async def _send(client: httpx.AsyncClient, row: Json) -> Json:
    content, kind = _encoded(row["body"], row["form"])
    try:
        answer = await client.post(row["url"], content=content, headers={"content-type": kind})
    except httpx.HTTPError:
        return {"state": "failed"}
    return {"state": "sent", "status": answer.status_code}


def _encoded(body: Json, form: str) -> tuple[str, str]:
    """Return a body in one of the forms that receivers were seen to read."""
    text = json.dumps(body)
    if form == "raw":
        return text, "application/json"
    quoted = urllib.parse.quote_plus(text)
    kind = "application/x-www-form-urlencoded"
    return (f"json={quoted}", kind) if form == "form" else (quoted, kind)
