"""A handle on a simulator for tests: start it, turn its switches, stop it."""

import pathlib
import time
from typing import Any, Self

import httpx

from tests.simulators.handle import BEYOND, SimulatorHandle
from tests.simulators.stripe import Json

SECRET_KEY = "sk_test_simulator0000000000000001"
PUBLISHABLE_KEY = "pk_test_simulator0000000000000001"


class StripeSimulator(SimulatorHandle):
    """A running simulator. Use `start` as a context manager, or `at` for one that runs already."""

    module = "tests.simulators.stripe"

    @classmethod
    def start(
        cls,
        *,
        port: int = 0,
        state_dir: pathlib.Path | None = None,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        spec: pathlib.Path | None = None,
        public_url: str | None = None,
    ) -> Self:
        """Start a process and wait until it accepts."""
        return cls._start(
            {
                "--port": port,
                "--state-dir": state_dir,
                "--webhook-url": webhook_url,
                "--webhook-secret": webhook_secret,
                "--spec": spec,
                "--public-url": public_url,
            }
        )

    # ---------------------------------------------------------------- the API, raw

    def api(
        self,
        method: str,
        path: str,
        data: Json | None = None,
        *,
        key: str = SECRET_KEY,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send one API request with bracketed form parameters, without the SDK."""
        return self.http.request(
            method,
            path,
            params=data if method in ("GET", "DELETE") else None,
            data=data if method == "POST" else None,
            headers={"Authorization": f"Bearer {key}", **(headers or {})},
        )

    # ---------------------------------------------------------------- the switches

    def requests(self, since: int = 0) -> list[Json]:
        """Return the API calls it got, oldest first."""
        found: list[Json] = self.control("GET", f"requests?since={since}")["requests"]
        return found

    def add_fault(self, **fault: Any) -> None:
        """Let matching calls fail: method, path, times, status+error | action | latency_ms."""
        self.control("POST", "faults", fault)

    def configure_webhooks(self, **config: Any) -> Json:
        """Disturb the deliveries: duplicate, reorder, delay_ms, drop, hold, stale_payload, …"""
        changed: Json = self.control("POST", "webhooks", config)["config"]
        return changed

    def webhooks(self) -> Json:
        """Return the deliveries so far, with their attempts."""
        found: Json = self.control("GET", "webhooks")
        return found

    def dropped(self) -> list[Json]:
        """Return the deliveries that were dropped and not made up for."""
        found: list[Json] = self.control("GET", "webhooks?state=dropped")["deliveries"]
        return found

    def deliver_dropped(self) -> list[Json]:
        """Send what was dropped after all, oldest first, and return what was answered."""
        return self.deliver("dropped")

    def deliver(self, event_ids: list[str] | str = "all", *, times: int = 1) -> list[Json]:
        """Send events again, in this order, and return what was answered."""
        body = {"event_ids": event_ids, "times": times}
        sent: list[Json] = self.control("POST", "webhooks/deliver", body)["deliveries"]
        return sent

    def wait_for_webhooks(self, seconds: float = 10) -> None:
        """Wait until nothing is to be delivered any more."""
        deadline = time.monotonic() + seconds
        while self.webhooks()["unfinished"]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"webhooks were not delivered within {seconds} s")
            time.sleep(0.02)

    def events_so_far(self) -> int:
        """Return how many events there are, for `events(since=…)`."""
        return int(self.control("GET", f"events?since={BEYOND}")["last"])

    def events(self, type_: str | None = None, *, about: str = "", since: int = 0) -> list[Json]:
        """Return the events after the first so many, oldest first.

        All, or those of one type, or those in which an id occurs.
        """
        found = self.control("GET", f"events?about={about}&since={since}")["events"]
        return [event for event in found if type_ in (None, event["type"])]

    def dispute(self, charge: str, **how: Any) -> Json:
        """Let the cardholder's bank dispute a charge: reason, amount, inquiry; return it."""
        found: Json = self.control("POST", "disputes", {"charge": charge, **how})
        return found

    def decide_dispute(self, dispute: str, outcome: str) -> Json:
        """Let the bank decide a dispute: "won" or "lost", as seen from the merchant."""
        found: Json = self.control("POST", "disputes", {"dispute": dispute, "outcome": outcome})
        return found

    def set_reader(self, reader: str, **how: Any) -> Json:
        """Change what a reader is like: online, busy, authorizes_s, times_out, cardholder."""
        found: Json = self.control("POST", "readers", {"reader": reader, **how})
        return found

    def at_reader(self, reader: str, does: str = "tap", **how: Any) -> Json:
        """Do something at a reader: tap, insert, decline, cancel, unplug, …; return the reader."""
        found: Json = self.control("POST", "readers/act", {"reader": reader, "does": does, **how})
        return found

    def issuer_answers(self, reader: str) -> Json:
        """Have the issuer that a reader waits for answer now; return the reader."""
        found: Json = self.control("POST", "readers/answer", {"reader": reader})
        return found

    def till_pays(self, client_secret: str, connection_token: str, **how: Any) -> Json:
        """Have a till's own SDK take a card for an intent; return the intent."""
        proof = {"client_secret": client_secret, "connection_token": connection_token}
        found: Json = self.control("POST", "tills/pay", {**proof, **how})
        return found

    def reset(self, *, endpoints: bool = False) -> None:
        """Forget everything; webhook endpoints only if asked to."""
        self.control("POST", "reset", {"endpoints": endpoints})
