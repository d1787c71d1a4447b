"""The switches of readers under /_sim/: who stands there, what they do, what can be seen."""

from collections.abc import Callable
from typing import Any

from tests.simulators.cardpointe import Json, codes, merchants
from tests.simulators.cardpointe.terminals import readers, scripts, sessions
from tests.simulators.cardpointe.terminals.service import Terminals
from tests.simulators.cardpointe.world import World

Switch = Callable[[Json, dict[str, str]], Any]


class ReaderSwitches:
    """Reads and turns them."""

    def __init__(self, world: World, terminals: Terminals) -> None:
        self.world, self.terminals = world, terminals

    def table(self) -> dict[tuple[str, str], Switch]:
        """Return the switches by method and name."""
        return {
            ("GET", "readers"): self._readers,
            ("POST", "readers"): self._put,
            ("POST", "readers/script"): self._script,
            ("POST", "readers/act"): self._act,
            ("GET", "sessions"): self._sessions,
        }

    def _readers(self, _given: Json, query: dict[str, str]) -> Json:
        rows = self.world.store.rows(readers.KIND)
        return {
            "readers": [self.shown(row) for row in rows if query.get("hsn") in (None, row["hsn"])]
        }

    def shown(self, row: Json) -> Json:
        """Return a reader as it can be seen, and what it is doing."""
        running = self.terminals.floor.at(row)
        session = sessions.running(self.world, row)
        return {
            **row,
            "display": readers.displayed(self.world, row),
            "operation": running.name if running is not None else None,
            "state": running.state if running is not None else "idle",
            "session_expires": session["expires"] if session is not None else None,
        }

    def _put(self, given: Json, _query: dict[str, str]) -> Json:
        """Add a reader, or change the fields that are given of one that is there."""
        hsn, site = str(given["hsn"]), str(given.get("site", merchants.SITE))
        before = readers.find(self.world, site, hsn) or readers.new(hsn, site=site)
        row = {**before, **given}
        readers.check(row)
        scripts.check(row["script"])
        if self.world.merchant(site, row["merchid"]) is None:
            raise ValueError(f"there is no merchant {row['merchid']} at {site}")
        before.update(row)
        readers.put(self.world, before)
        if "plugged" in given:
            self.terminals.floor.act(before, {"plug" if given["plugged"] else "unplug": True})
        return self.shown(before)

    def _script(self, given: Json, _query: dict[str, str]) -> Json:
        """Say what the next cardholder does, or with `default` all that no other script is for."""
        row, is_default = self._taken(given), bool(given.pop("default", False))
        scripts.check(given)
        self._check_codes(row, scripts.steps(given, "authCard"))
        if is_default:
            row["script"] = given
        else:
            row["queue"].append(given)
        readers.touch(self.world, row)
        return self.shown(row)

    def _act(self, given: Json, _query: dict[str, str]) -> Json:
        """Let somebody do something at a reader now; `acted` is whether it was doing anything."""
        row = self._taken(given)
        scripts.check_step(given)
        self._check_codes(row, [given])
        acted = self.terminals.floor.act(row, given)
        return {**self.shown(row), "acted": acted}

    def _taken(self, given: Json) -> Json:
        """Return the reader that is named, and leave in `given` what is to happen there."""
        hsn, site = str(given.pop("hsn")), str(given.pop("site", merchants.SITE))
        row = readers.find(self.world, site, hsn)
        if row is None:
            raise ValueError(f"there is no reader {hsn} at {site}")
        return row

    def _check_codes(self, row: Json, steps: list[Json]) -> None:
        merchant = self.world.merchant(row["site"], row["merchid"])
        proc = merchant.cardproc if merchant is not None else ""
        for step in steps:
            if step.get("decline") and codes.named(proc, str(step["decline"])).stat != "C":
                raise ValueError(f"{proc} {step['decline']} is no decline")

    def _sessions(self, _given: Json, _query: dict[str, str]) -> Json:
        return {"sessions": sessions.shown(self.world)}
