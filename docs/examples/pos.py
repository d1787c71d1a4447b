"""A till that takes cards through Till, and is right about each payment whatever breaks.

    pip install httpx
    export TILL_KEY=till_test_…
    python pos.py --terminal <id of the reader> pay basket-17 1250

Four rules make it right; copy these, whatever your language:

1. Write down what you are about to send before you send it. A till that was switched off reads that
   first (`resume`), and goes on with the same basket instead of beginning another.
2. Every write has a key made of the basket, so sending it twice is sending it once. What has no
   answer (a cut line, a 5xx, `Retry-After`) is sent again: same key, same body.
3. Only a final status ends a payment. `unknown` is neither declined nor paid: ask until it is over,
   and take the money no other way before.
4. What was declined is tried again by a person, as a new try at the same payment.
"""

import argparse
import json
import os
import pathlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, unquote

import httpx

Payment = dict[str, Any]
ENDED = {"succeeded", "canceled"}
OVER = ENDED | {"requires_capture", "declined"}
ACCEPTED, INVALID = 202, 400


class Refused(Exception):
    """The server understood and said no: nothing was charged by this request."""

    def __init__(self, status: int, error: dict[str, Any]) -> None:
        super().__init__(f"{error.get('code', status)}: {error.get('message', '')}")
        self.status, self.code, self.fields = status, error.get("code"), error.get("fields", {})


class Undecided(Exception):
    """Nobody could say in time: `resume` later, and take no other payment for it before."""


class Till:
    """One till with one reader; `journal` is a folder that survives a power cut."""

    def __init__(
        self,
        client: httpx.Client,
        terminal: str,
        journal: pathlib.Path,
        *,
        wait_s: int = 25,
        patience_s: float = 600.0,
        rest: Callable[[float], None] = time.sleep,
    ) -> None:
        self.client, self.terminal, self.journal = client, terminal, journal
        self.wait_s, self.patience_s, self.rest = wait_s, patience_s, rest
        journal.mkdir(parents=True, exist_ok=True)

    def pay(self, basket: str, amount: int, **more: Any) -> Payment:
        """Take `amount` (minor units) for a basket, or go on with it; return how that ended."""
        body = {"terminal_id": self.terminal, "amount": amount, "reference": basket, **more}
        return self._go_on(basket, self._read(basket) or {"tries": 0, "body": body})

    def try_again(self, basket: str) -> Payment:
        """Have another card taken for a basket whose payment was declined."""
        note = self._read(basket)
        return self._go_on(basket, {**note, "tries": note["tries"] + 1})

    def resume(self) -> Iterator[tuple[str, Payment]]:
        """Finish what was under way when this till was switched off, or say why not (`error`)."""
        for path in sorted(self.journal.glob("*.json")):
            basket = unquote(path.stem)
            if (note := self._read(basket)).get("is_over"):
                continue
            try:
                seen = self._go_on(basket, note)
            except (Refused, Undecided) as error:
                seen = {"status": "unknown", "error": str(error)}
            yield basket, seen

    def cancel(self, payment: str) -> Payment:
        """Give a payment up, before or after the card was read; return what it came to."""
        self._send("POST", f"{payment}/cancel", f"{payment}:cancel", {})
        return self.follow(payment)

    def capture(self, payment: str, amount: int | None = None) -> Payment:
        """Take what was authorized, or a part of it: the rest is released."""
        return self._change(f"{payment}/capture", f"{payment}:capture:{amount}", amount)

    def refund(self, payment: str, name: str, amount: int | None = None) -> Payment:
        """Give money back; the same `name` gives back once."""
        return self._change(f"{payment}/refunds", f"{payment}:refund:{name}", amount)

    def follow(self, payment: str, key: str = "") -> Payment:
        """Wait until a payment is over; one that no reader has taken up is started (with a key)."""
        until, starts = time.monotonic() + self.patience_s, 0
        while time.monotonic() < until:
            seen = self._send("GET", f"{payment}?wait={self.wait_s}")
            is_given_up = seen["cancel_requested_at"] is not None
            if seen["status"] in (ENDED if is_given_up else OVER):
                return seen
            if seen["status"] == "requires_terminal" and key and not is_given_up:
                self.rest(min(float(starts), 10.0))
                starts += 1
                self._send("POST", f"{payment}/process", f"{key}:{starts}", {})
            self.rest(0.2)
        raise Undecided(payment)

    def _go_on(self, basket: str, note: dict[str, Any]) -> Payment:
        self._write(basket, note)
        try:
            opened = self._send(
                "POST", "intent", f"{basket}:open", {"process": True, **note["body"]}
            )
        except Refused as refused:
            if refused.status == INVALID:  # it can't be, now or later: there is nothing to resume
                self._write(basket, {**note, "is_over": True})
            raise
        payment, key = opened["id"], f"{basket}:try:{note['tries']}"
        if note["tries"]:
            self._send("POST", f"{payment}/process", key, {})
        seen = self.follow(payment, key)
        self._write(basket, {**note, "is_over": seen["status"] != "declined"})
        return seen

    def _change(self, path: str, key: str, amount: int | None) -> Payment:
        body = {} if amount is None else {"amount": amount}
        return self._send("POST", path, key, body, to_the_end=True)

    def _send(
        self, method: str, path: str, key: str = "", body: Any = None, *, to_the_end: bool = False
    ) -> Payment:
        """Send until there is an answer (`to_the_end`: a final one); the key makes that safe."""
        until, pause = time.monotonic() + self.patience_s, 0.5
        headers = {"Idempotency-Key": key} if key else {}
        while time.monotonic() < until:
            wait = ""
            try:
                answer = self.client.request(method, path, headers=headers, json=body)
                wait = answer.headers.get("retry-after", "")
                if answer.is_success and not (to_the_end and answer.status_code == ACCEPTED):
                    return dict(answer.json())
                if answer.is_client_error and not wait:
                    raise Refused(answer.status_code, answer.json().get("error", {}))
            except httpx.TransportError:
                pass
            self.rest(float(wait) if wait.isdecimal() else pause)
            pause = min(2 * pause, 10.0)
        raise Undecided(path)

    def _read(self, basket: str) -> dict[str, Any]:
        path = self._path(basket)
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def _write(self, basket: str, note: dict[str, Any]) -> None:
        """Replace a note as a whole: half of one is worth nothing after a power cut."""
        draft = self._path(basket).with_suffix(".draft")
        with draft.open("w") as file:
            json.dump(note, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path(basket))

    def _path(self, basket: str) -> pathlib.Path:
        return self.journal / f"{quote(basket, safe='')}.json"


def main() -> int:
    """Pay for a basket, or finish what was under way; payments are printed as lines of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--terminal", required=True)
    parser.add_argument("--journal", type=pathlib.Path, default=pathlib.Path("till-journal"))
    actions = parser.add_subparsers(dest="action", required=True)
    pay = actions.add_parser("pay")
    pay.add_argument("basket")
    pay.add_argument("amount", type=int, help="in minor units: 1250 is 12.50")
    actions.add_parser("resume")
    options = parser.parse_args()
    headers = {"Authorization": f"Bearer {os.environ['TILL_KEY']}"}
    base = f"{options.url}/api/v1/payments/terminal/"
    with httpx.Client(base_url=base, headers=headers, timeout=40) as client:
        till = Till(client, options.terminal, options.journal)
        if options.action == "pay":
            found = iter([(options.basket, till.pay(options.basket, options.amount))])
        else:
            found = till.resume()
        for basket, payment in found:
            sys.stdout.write(json.dumps({"basket": basket, **payment}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
