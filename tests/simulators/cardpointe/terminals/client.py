"""The part of a test's handle that is about card readers.

A fresh simulator has one reader, `SIM0001` of `FNOR_MID`, and nobody stands there: whoever asks it
for a card waits until somebody acts, by `act`, on its page, or by a script.

    simulator.script("SIM0001", "approve", default=True)         # everybody taps at once
    simulator.script("SIM0001", "decline", code="05", wait=2)    # but the next one
    simulator.put_reader("SIM0002", device_type="Mini 2", merchid=RPCT_MID)   # a Clover
    session = simulator.connect_reader("SIM0001")
    answer = simulator.terminal("authCard", {"amount": 4900, …}, hsn="SIM0001", session=session)

Outcomes: `approve`, `decline` (`code`), `cancel_at_terminal`, `no_action`, `unplug_before_auth`,
`unplug_after_auth`, `late_cancel` (900 on a Clover), `gateway_down` (nothing stored),
`gateway_lost` (stored, no answer to the service), `gateway_late` (stored `seconds`=20 later),
`error` (`code`, `text`). Details: `present` (contactless, chip, swipe, manual), `pan`, `expiry`,
`name`, `wait` before, `then_wait` between the authorization and the end, `tip`, `input`. Or give
`steps`: {"wait": 2}, {"confirm_amount": True}, {"present": "chip", "pan": …, "decline": …,
"gateway": …}, {"pin": "ok" | "wrong" | "cancel"}, {"signature": True}, {"confirm": True},
{"input": "123"}, {"tip": 150}, {"cancel": True}, {"unplug": True}, {"error": 624}. What comes
before a card was presented ends the operation without money, what comes after it with.
"""

import time
from abc import ABC, abstractmethod
from typing import Any

import httpx

from tests.simulators.cardpointe import Json
from tests.simulators.cardpointe.merchants import API_KEY, FNOR_MID, SITE

_HEADER = "X-CardConnect-SessionKey"


class ReaderHandle(ABC):
    """What a handle can do about readers."""

    base_url: str
    http: httpx.Client

    @abstractmethod
    def control(self, method: str, name: str, body: Json | None = None) -> Any:
        """Turn or read a switch under /_sim/."""

    # ---------------------------------------------------------------- the service, raw

    def terminal_url(self, site: str = SITE) -> str:
        """Return what stands in for `https://<site>-uat.cardpointe.com`."""
        return f"{self.base_url}/bolt/{site}-uat"

    def reader_page(self, hsn: str, site: str = SITE) -> str:
        """Return the address of a reader's page."""
        return f"{self.base_url}/bolt/{site}/readers/{hsn}"

    def terminal(
        self,
        endpoint: str,
        body: Json | None = None,
        *,
        hsn: str | None = None,
        session: str | None = None,
        merchid: str = FNOR_MID,
        site: str = SITE,
        api_key: str = API_KEY,
        timeout: float = 165,
    ) -> httpx.Response:
        """Send one call to the terminal service ("ping" or "v2/ping") and wait for its answer."""
        named = {"merchantId": merchid, **({"hsn": hsn} if hsn else {})}
        headers = {"Authorization": api_key, **({_HEADER: session} if session else {})}
        path = endpoint if "/" in endpoint else f"v3/{endpoint}"
        url = f"{self.terminal_url(site)}/api/{path}"
        body = {**named, **(body or {})}
        return self.http.post(url, json=body, headers=headers, timeout=timeout)

    def connect_reader(self, hsn: str, *, force: bool = False, **more: Any) -> str:
        """Begin a session and return its key."""
        answer = self.terminal("connect", {"force": force}, hsn=hsn, **more)
        answer.raise_for_status()
        return answer.headers[_HEADER].partition(";")[0]

    # ---------------------------------------------------------------- the switches

    def put_reader(self, hsn: str, **fields: Any) -> Json:
        """Add a reader, or change one: merchid, site, device_type, name, plugged, two_factor, …"""
        found: Json = self.control("POST", "readers", {"hsn": hsn, **fields})
        return found

    def readers(self) -> list[Json]:
        """Return all readers: their fields, display, state (idle, waiting, authorizing)…"""
        found: list[Json] = self.control("GET", "readers")["readers"]
        return found

    def reader(self, hsn: str) -> Json:
        """Return one reader."""
        found: list[Json] = self.control("GET", f"readers?hsn={hsn}")["readers"]
        return found[0]

    def await_reader(self, hsn: str, state: str = "waiting", *, within_s: float = 10) -> Json:
        """Return a reader once it is in a state.

        Raises:
            TimeoutError: it is not so in time.
        """
        deadline = time.monotonic() + within_s
        while (found := self.reader(hsn))["state"] != state:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{hsn} is {found['state']}, not {state}")
            time.sleep(0.01)
        return found

    def script(
        self, hsn: str, outcome: str | None = None, *, default: bool = False, **details: Any
    ) -> None:
        """Say what the next cardholder does, or with `default` everybody else; {} is a person."""
        named = {"outcome": outcome} if outcome else {}
        body = {"hsn": hsn, "default": default, **named, **details}
        self.control("POST", "readers/script", body)

    def act(self, hsn: str, **step: Any) -> bool:
        """Do something at a reader now: act(hsn, present="chip"); say whether it was waiting."""
        return bool(self.control("POST", "readers/act", {"hsn": hsn, **step})["acted"])

    def plug(self, hsn: str, *, is_plugged: bool = True) -> None:
        """Connect a reader to its network, or pull the plug, whatever it is doing."""
        self.put_reader(hsn, plugged=is_plugged)

    def merchant_mode(self, hsn: str, *, is_on: bool = True) -> None:
        """Let a reader be used as a cash register of its own, or give it back."""
        self.put_reader(hsn, merchant_mode=is_on)

    def display(self, hsn: str) -> str:
        """Return what is on a reader's display."""
        return str(self.reader(hsn)["display"])

    def sessions(self) -> list[Json]:
        """Return the sessions that run: hsn, site, expires."""
        found: list[Json] = self.control("GET", "sessions")["sessions"]
        return found
