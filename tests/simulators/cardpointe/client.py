"""A handle on a simulator for tests: start it, turn its switches, stop it.

    with CardPointeSimulator.start() as simulator:      # or .at("http://127.0.0.1:12112")
        base = simulator.gateway_url()                  # …/gw/fts-uat: put before /cardconnect/rest
        token = simulator.tokenize("4111111111111111", expiry="1230", cvv="123")
        answer = simulator.call("auth", {"account": token, "amount": "49.00", "orderid": "BCDF…"})

A fresh simulator has five merchants (see `merchants.py`): `FNOR_MID` (ACH too), `RPCT_MID`,
`CAD_MID`, `STRICT_MID` (declines a wrong address or security code; refunds what is unsettled),
all of site `fts` with user `testing`, password `testing123`; and `OTHER_MID` of site `acme`.
`put_merchant(merchid=…, …)` adds one or changes fields of one.

What is wrong goes to `add_fault(kind, …)`; it meets the next `times` calls (1), after `skip` (0)
others, of the operation `op` (else what the kind is for), narrowed by `orderid`, `merchid`,
`amount`, or for calls of readers `hsn`:

* `drop_before` (nothing is stored), `drop_after` (stored, no answer), `late_commit` (stored
  `seconds`=20 later by the virtual clock), each with `hold_s` before the connection is cut;
* `processor_timeout` (PPS 62), `b_code` and `decline` (`code`, and `proc`, `category`, `advice`),
  `partial` (`cents`), `surcharge` (`pct`), `truncate`, `no_retref`, `no_respstat`, `slow`
  (`seconds`), `http_500`, `http_429`, … (`commit`, `retry_after`), `settle_reject` (`letter`);
* `inquiry_down`, `void_down`: no answer to inquire… and void….

Time is virtual: `advance(seconds)`. Batches close at 22:00 UTC of that time, or by
`close_batches()`; `settings(close_hour=None)` leaves it to the latter. The documented limit of 20
calls a minute for inquire, profile, settlestat and funding is on: `settings(rate_limit=0)` lifts
it. Noise (shuffled and invented fields) is on: `settings(noise=False)`. `transactions()` shows what
is stored, in minor units, `requests()` what was asked, with `warnings` about what the real gateway
lets pass although its contract does not. Card readers: see `terminals/client.py`.
"""

import json
import pathlib
import time
from typing import Any, Self

import httpx

from tests.simulators.cardpointe import Json
from tests.simulators.cardpointe.merchants import FNOR_MID, PASSWORD, SITE, USER
from tests.simulators.cardpointe.terminals.client import ReaderHandle
from tests.simulators.handle import SimulatorHandle

_CALLBACKS_WITHIN_S = 10


class CardPointeSimulator(SimulatorHandle, ReaderHandle):
    """A running simulator. Use `start` as a context manager, or `at` for one that runs already."""

    module = "tests.simulators.cardpointe"

    @classmethod
    def start(
        cls,
        *,
        port: int = 0,
        state_dir: pathlib.Path | None = None,
        public_url: str | None = None,
        seed: int = 0,
    ) -> Self:
        """Start a process and wait until it accepts."""
        return cls._start(
            {
                "--port": port,
                "--state-dir": state_dir,
                "--public-url": public_url,
                "--seed": seed,
            }
        )

    # ---------------------------------------------------------------- the gateway, raw

    def gateway_url(self, site: str = SITE) -> str:
        """Return what stands in for `https://<site>-uat.cardconnect.com`."""
        return f"{self.base_url}/gw/{site}-uat"

    def send(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        site: str = SITE,
        auth: tuple[str, str] | None = (USER, PASSWORD),
    ) -> httpx.Response:
        """Send one request below `/cardconnect/rest/`."""
        url = f"{self.gateway_url(site)}/cardconnect/rest/{path}"
        # httpx would write JSON as UTF-8; the gateway takes US-ASCII only.
        content = None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json"}
        return self.http.request(method, url, content=content, headers=headers, auth=auth)

    def call(self, op: str, body: Json, *, merchid: str = FNOR_MID, method: str = "PUT") -> Json:
        """Send a writing call for a merchant and return the answer."""
        answer = self.send(method, op, {"merchid": merchid, **body})
        answer.raise_for_status()
        found: Json = answer.json()
        return found

    def inquire(self, retref: str, *, merchid: str = FNOR_MID) -> Json:
        """Return what the gateway tells of a transaction."""
        found: Json = self.send("GET", f"inquire/{retref}/{merchid}").json()
        return found

    def inquire_order(self, orderid: str, *, merchid: str = FNOR_MID) -> Any:
        """Return what the gateway tells of an orderid: an object, or a list."""
        return self.send("GET", f"inquireByOrderid/{orderid}/{merchid}/1").json()

    # ---------------------------------------------------------------- the switches

    def tokenize(
        self,
        account: str,
        *,
        expiry: str | None = None,
        cvv: str | None = None,
        site: str = SITE,
        unique: bool = False,
    ) -> str:
        """Return a token of a card ("4111…") or bank account ("036001808/12345"), as the iframe."""
        body = {"account": account, "expiry": expiry, "cvv": cvv, "site": site, "unique": unique}
        return str(self.control("POST", "tokens", body)["token"])

    def turn_card(self, token: str, code: str) -> None:
        """Let a card's bank decline everything with a code from now on; "" is as before."""
        self.control("POST", "cards", {"token": token, "code": code})

    def requests(self, since: int = 0, *, op: str | None = None) -> list[Json]:
        """Return the calls it got, oldest first, all or those of one operation."""
        found = self.control("GET", f"requests?since={since}")["requests"]
        return [entry for entry in found if op in (None, entry["op"])]

    def transactions(self, **wanted: str) -> list[Json]:
        """Return stored transactions, oldest first: transactions(orderid=…, kind="refund")."""
        query = httpx.QueryParams(wanted)
        found: list[Json] = self.control("GET", f"objects/txn?{query}")["objects"]
        return found

    def advance_to(self, moment: int) -> int:
        """Move its clock to a moment that is not past."""
        return int(self.control("POST", "clock", {"now": moment})["now"])

    def add_fault(self, kind: str, **fault: Any) -> None:
        """Let matching calls go wrong."""
        self.control("POST", "faults", {"kind": kind, **fault})

    def put_merchant(self, **fields: Any) -> Json:
        """Add a merchant, or change one that is there."""
        found: Json = self.control("POST", "merchants", fields)
        return found

    def close_batches(self, merchid: str | None = None) -> list[str]:
        """Close the open batches now, all or a merchant's; return their numbers."""
        body = {"merchid": merchid} if merchid else {}
        found: list[str] = self.control("POST", "batches/close", body)["batches"]
        return found

    def settle_as(self, retref: str, letter: str) -> None:
        """Decide how a transaction will be settled: N rejected, W under review, …"""
        self.control("POST", "settlements", {"retref": retref, "letter": letter})

    def return_ach(self, retref: str, code: str = "R01") -> Json:
        """Let the payer's bank return a charge; funding tells so."""
        found: Json = self.control("POST", "ach_returns", {"retref": retref, "code": code})
        return found

    def charge_back(self, retref: str, case: str, *, won: bool = False) -> Json:
        """Let a charge be disputed, or the dispute be won; funding tells so."""
        body = {"retref": retref, "case": case, "won": won}
        found: Json = self.control("POST", "chargebacks", body)
        return found

    def update_card(self, token: str, status: str, *, merchid: str = FNOR_MID) -> Json:
        """Let the updater tell UPDATE, EXPIRY, CLOSED, CONTAC or NOGOOD about a card."""
        body = {"merchid": merchid, "token": token, "status": status}
        found: Json = self.control("POST", "updates", body)
        return found

    def tokenizer_url(self, site: str = SITE) -> str:
        """Return the address of the page that a shop frames."""
        return f"{self.gateway_url(site)}/itoke/ajax-tokenizer.html"

    def pay_on_page(self, name: str = "till", **form: str) -> httpx.Response:
        """Fill in a hosted payment page: total, invoice, number, month, year, cvv, billZip, …"""
        return self.http.post(f"/hpp/{name}/pay", data=form)

    def callbacks(self) -> list[Json]:
        """Return the callbacks of hosted payment pages, once all that are due were sent."""
        deadline = time.monotonic() + _CALLBACKS_WITHIN_S
        while (found := self.control("GET", "callbacks"))["unfinished"]:
            if time.monotonic() > deadline:
                raise TimeoutError("callbacks were not sent in time")
            time.sleep(0.02)
        rows: list[Json] = found["callbacks"]
        return rows

    def send_lost_callbacks(self) -> None:
        """Send the callbacks that were lost after all."""
        self.control("POST", "callbacks", {})

    def forge_callback(self, url: str, body: Json) -> None:
        """Send a callback of the caller's own making."""
        self.control("POST", "callbacks", {"url": url, "body": body})

    def reset(self, *, now: int | None = None) -> None:
        """Forget everything; begin at a moment, or at the real time."""
        self.control("POST", "reset", {"now": now})

    def keep_moment(self, name: str) -> None:
        """Remember everything as it is now, to come back to it with `go_back`."""
        self.control("POST", "moments", {"name": name})

    def go_back(self, name: str) -> None:
        """Let everything be as it was at a moment; faults and calls are forgotten."""
        self.control("POST", "moments/back", {"name": name})
