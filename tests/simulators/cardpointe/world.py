"""The simulator's world: its time, its numbers, its merchants, its rows."""

import datetime as dt
import hashlib
import random
import time
from typing import Any

from tests.simulators.cardpointe import Json, merchants
from tests.simulators.cardpointe.merchants import Merchant
from tests.simulators.cardpointe.store import Store
from tests.simulators.cardpointe.terminals import readers

# Coprime with a power of ten: numbers that look random, are never repeated, and follow a seed.
_STRIDE = 7_919_317


def default_settings() -> Json:
    """Return how the simulator behaves unless a test says otherwise."""
    return {
        # Shuffled fields, invented ones, and the spellings that vary, as on the provider's UAT.
        "noise": True,
        # Calls a minute and address of funding, inquire, profile and settlestat; 0 is no limit.
        "rate_limit": 20,
        "rate_limit_joint": False,
        # Open batches close at this hour (UTC); null: only when a test closes them.
        "close_hour": 22,
        # How long a closed batch is on its way before it is settled.
        "settle_delay_s": 0,
        # What a void of a settled transaction says: "26" (listed with A) or "27" (with C).
        "void_of_settled": "26",
        # Several transactions of one orderid: "array" or "latest".
        "orderid_answer": "array",
        # Whether a refund has a retref of its own ("new") or its parent's ("same").
        "refund_retref": "new",
        # The hosted payment page's callback: in which form, and what goes wrong with it.
        "hpp_body": "form",
        "hpp_mode": "once",
        "hpp_delay_s": 0,
        # Readers: how long the answer of a card's bank takes to them, how long the service waits
        # for a gateway that says nothing, whether it then authorizes once more, and the HTTP
        # status of "already in use" and "in merchant mode", which is not documented.
        "terminal_auth_s": 0,
        "terminal_gateway_s": 32,
        "terminal_reauth": False,
        "terminal_busy_status": 500,
        # Tips: "cents" or "dollars"; the provider shows both.
        "terminal_tips_in": "cents",
    }


class World:
    """Everything that a restart must bring back."""

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed
        self.store = Store()
        self.reset()

    def reset(self, *, now: int | None = None) -> None:
        """Become as new, at a moment of the caller's or at the real time."""
        self.store.clear()
        self.offset = 0 if now is None else now - int(time.time())
        self.stopped: int | None = None
        self.counters: dict[str, int] = {}
        self.settings = default_settings()
        self.random = random.Random(self.seed)  # noqa: S311 - noise, and the same noise every time
        for merchant in merchants.defaults():
            self.put_merchant(merchant)
        readers.put(self, readers.new(readers.HSN))

    def restore(self, saved: Json) -> None:
        """Take over what a former process had."""
        self.seed, self.offset = saved["seed"], saved["offset"]
        self.counters = saved["counters"]
        self.settings = {**default_settings(), **saved["settings"]}

    def bring_up_to_date(self) -> None:
        """Add what a state lacks that was written before there were card readers."""
        for default in merchants.defaults():
            row = self.store.find("_merchant", f"{default.site}/{default.merchid}")
            if row is not None and "api_key" not in row:
                self.put_merchant(merchants.read({**row, "api_key": default.api_key}))
                if default.merchid == merchants.FNOR_MID:
                    readers.put(self, readers.new(readers.HSN))

    def shown(self) -> Json:
        """Return what `restore` needs."""
        names = ("seed", "offset", "counters", "settings")
        return {name: getattr(self, name) for name in names}

    # ---------------------------------------------------------------- time

    def now(self) -> int:
        """Return the virtual time."""
        return int(time.time()) + self.offset if self.stopped is None else self.stopped

    def stamp(self, at: int | None = None) -> str:
        """Return a moment as the gateway writes it."""
        moment = dt.datetime.fromtimestamp(self.now() if at is None else at, dt.UTC)
        return f"{moment:%Y%m%d%H%M%S}"

    # ---------------------------------------------------------------- numbers

    def number(self, what: str, digits: int) -> str:
        """Return a number that was never given out before."""
        count = self.counters[what] = self.counters.get(what, 0) + 1
        return f"{(count * _STRIDE + self.seed * 31) % 10**digits:0{digits}d}"

    def retref(self) -> str:
        """Return the handle of a new transaction."""
        return "363" + self.number("retref", 9)

    def secret(self) -> bytes:
        """Return what tokens are made with."""
        return hashlib.sha256(f"cardsecure {self.seed}".encode()).digest()

    # ---------------------------------------------------------------- merchants

    def put_merchant(self, merchant: Merchant) -> None:
        """Add or replace a merchant."""
        key = f"{merchant.site}/{merchant.merchid}"
        self.store.put("_merchant", key, merchants.shown(merchant))

    def merchants(self, site: str) -> list[Merchant]:
        """Return the merchants of a site."""
        rows = self.store.rows("_merchant")
        return [merchants.read(row) for row in rows if row["site"] == site]

    def merchant(self, site: str, merchid: str) -> Merchant | None:
        """Return one merchant of a site."""
        row = self.store.find("_merchant", f"{site}/{merchid}")
        return merchants.read(row) if row is not None else None

    def merchant_of_page(self, name: str) -> Merchant | None:
        """Return whose hosted payment page has a name."""
        rows = self.store.rows("_merchant")
        found = (row for row in rows if name and row["hpp_name"] == name)
        return next((merchants.read(row) for row in found), None)

    def setting(self, name: str) -> Any:
        """Return a setting."""
        return self.settings[name]
