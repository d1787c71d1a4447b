"""The switches under /_sim/: what a test asks the simulator to be like."""

from collections.abc import Callable

from tests.simulators.cardpointe import Json, batches, funding, merchants, tokens, updater
from tests.simulators.cardpointe.callbacks import BODIES, MODES, Callbacks
from tests.simulators.cardpointe.gateway import Gateway
from tests.simulators.cardpointe.moments import Moments
from tests.simulators.cardpointe.terminals.service import Terminals
from tests.simulators.cardpointe.terminals.switches import ReaderSwitches
from tests.simulators.cardpointe.world import World
from tests.simulators.switchboard import Switchboard


class Control(Switchboard):
    """Reads and turns the switches."""

    bad_input = (*Switchboard.bad_input, KeyError)

    def __init__(
        self,
        world: World,
        gateway: Gateway,
        terminals: Terminals,
        callbacks: Callbacks,
        after_change: Callable[[], None],
    ) -> None:
        super().__init__(
            faults=gateway.faults, journal=gateway.journal, settings=lambda: self.world.settings
        )
        self.world, self.gateway, self.callbacks = world, gateway, callbacks
        self.terminals = terminals
        self.after_change = after_change
        self.moments = Moments(world)
        self.switches |= {
            ("GET", "clock"): self._clock,
            ("POST", "clock"): self._advance,
            ("GET", "merchants"): self._merchants,
            ("POST", "merchants"): self._put_merchant,
            ("POST", "tokens"): self._tokenize,
            ("POST", "cards"): self._turn_card,
            ("POST", "batches/close"): self._close_batches,
            ("POST", "ach_returns"): self._return_ach,
            ("POST", "chargebacks"): self._charge_back,
            ("POST", "updates"): self._update_card,
            ("POST", "settlements"): self._settle_as,
            ("GET", "callbacks"): self._callbacks,
            ("POST", "callbacks"): self._send_callbacks,
            ("POST", "reset"): self._reset,
            ("POST", "moments"): self._keep_moment,
            ("POST", "moments/back"): self._go_back,
            **ReaderSwitches(world, terminals).table(),
        }

    def _turned(self) -> None:
        self.after_change()

    def _clock(self, _given: Json, _query: dict[str, str]) -> Json:
        return {"now": self.world.now(), "offset_s": self.world.offset}

    def _advance(self, given: Json, query: dict[str, str]) -> Json:
        """Move the clock by `advance_s` seconds, or to the moment `now`; never back.

        With `stop` it stands still from then on.
        """
        if given.pop("stop", False):
            self.world.stopped = self.world.now()
        if set(given) - {"advance_s", "now"} or len(given) != 1:
            raise ValueError("give advance_s or now")
        now = self.world.now()
        target = int(given["now"]) if "now" in given else now + int(given["advance_s"])
        if target < now:
            raise ValueError("the clock does not go back; reset can")
        self.world.offset += target - now
        if self.world.stopped is not None:
            self.world.stopped = target
        self.gateway.run_due()
        self.terminals.run_due()
        return self._clock(given, query)

    def _merchants(self, _given: Json, _query: dict[str, str]) -> Json:
        return {"merchants": list(self.world.store.rows("_merchant"))}

    def _put_merchant(self, given: Json, _query: dict[str, str]) -> Json:
        """Add a merchant, or change the fields that are given of one that is there."""
        site = str(given.get("site", merchants.SITE))
        found = self.world.merchant(site, str(given.get("merchid", "")))
        before = merchants.shown(found) if found is not None else {}
        merchant = merchants.read({**before, **given})
        self.world.put_merchant(merchant)
        return merchants.shown(merchant)

    def _change_settings(self, given: Json, query: dict[str, str]) -> Json:
        if given.get("hpp_mode", "once") not in MODES or given.get("hpp_body", "raw") not in BODIES:
            raise ValueError(f"hpp_mode is of {MODES}, hpp_body of {BODIES}")
        return super()._change_settings(given, query)

    def _tokenize(self, given: Json, _query: dict[str, str]) -> Json:
        """Make a token as the tokenizer's page would: card, expiry and security code at once."""
        site = str(given.get("site", merchants.SITE))
        token = tokens.keep(
            self.world, site, str(given["account"]), unique=bool(given.get("unique", False))
        )
        tokens.attach(
            self.world, site, token, cvv=given.get("cvv") or None, expiry=given.get("expiry")
        )
        return {"token": token}

    def _turn_card(self, given: Json, _query: dict[str, str]) -> Json:
        """Let a card's bank decline everything with a code from now on; without one, nothing."""
        site, token = str(given.get("site", merchants.SITE)), str(given["token"])
        row = tokens.known(self.world, site, token)
        if row is None:
            raise ValueError("give the token of a card")
        row["declines"] = str(given.get("code", ""))
        self.world.store.touch("vault", f"{site}/{token}")
        return {"token": token, "code": row["declines"]}

    def _close_batches(self, given: Json, _query: dict[str, str]) -> Json:
        return {"batches": batches.close_all(self.world, given.get("merchid"))}

    def _settle_as(self, given: Json, _query: dict[str, str]) -> Json:
        """Decide how a transaction will be settled: Y, N, F, P, T, W or R."""
        letter, retref = str(given.get("letter", "N")), str(given["retref"])
        txn = self.world.store.find("txn", retref)
        if txn is None or letter not in batches.LETTERS:
            raise ValueError("give the retref of a transaction and a letter that is documented")
        txn["settles_as"] = letter
        self.world.store.touch("txn", retref)
        return {"retref": retref, "letter": letter}

    def _return_ach(self, given: Json, _query: dict[str, str]) -> Json:
        return funding.return_ach(self.world, str(given["retref"]), str(given.get("code", "R01")))

    def _charge_back(self, given: Json, _query: dict[str, str]) -> Json:
        return funding.charge_back(
            self.world,
            str(given["retref"]),
            str(given["case"]),
            reason=str(given.get("reason", "10.4")),
            won=bool(given.get("won", False)),
        )

    def _update_card(self, given: Json, _query: dict[str, str]) -> Json:
        return updater.update(
            self.world,
            site=str(given.get("site", merchants.SITE)),
            merchid=str(given["merchid"]),
            token=str(given["token"]),
            status=str(given["status"]),
        )

    def _callbacks(self, _given: Json, _query: dict[str, str]) -> Json:
        rows = list(self.world.store.rows("callback"))
        return {"callbacks": rows, "unfinished": self.callbacks.unfinished()}

    def _send_callbacks(self, given: Json, _query: dict[str, str]) -> Json:
        """Send what was lost, or anything: `url` and `body` as somebody else would forge them."""
        if "url" in given:
            self.callbacks.plan(str(given["url"]), dict(given["body"]), due=self.world.now())
            return {"sent": 1}
        return {"sent": self.callbacks.send_lost()}

    def _objects(self, kind: str, query: dict[str, str]) -> Json:
        if kind.startswith("_") or kind == "vault":
            raise ValueError("rows of the simulator's own are not shown")
        rows = self.world.store.rows(kind)
        wanted = [row for row in rows if all(str(row.get(n)) == v for n, v in query.items())]
        return {"objects": wanted}

    def _reset(self, given: Json, _query: dict[str, str]) -> Json:
        """Forget everything; `now` is the moment the new world begins at, else the real one."""
        moment = given.get("now")
        self.world.reset(now=None if moment is None else int(moment))
        self._forget_calls()
        return {"reset": True}

    def _keep_moment(self, given: Json, _query: dict[str, str]) -> Json:
        """Remember the world by a `name`, to come back to it."""
        self.moments.keep(str(given["name"]))
        return {"kept": sorted(self.moments.kept)}

    def _go_back(self, given: Json, _query: dict[str, str]) -> Json:
        """Let everything be as it was at a moment; faults and calls are forgotten."""
        self.moments.go_back(str(given["name"]))
        self._forget_calls()
        return {"now": self.world.now()}

    def _forget_calls(self) -> None:
        self.faults.waiting.clear()
        self.journal.entries.clear()
        self.gateway.limiter.seen.clear()
        self.terminals.floor.clear()
