"""What has come of it so far, and the table at the end."""

import dataclasses
import sys
import time
from collections import Counter
from typing import Any

_SHOWN = 10


@dataclasses.dataclass(slots=True)
class Tally:
    """Sums over all runs, in minor units where it is money."""

    runs: int
    started: float = dataclasses.field(default_factory=time.monotonic)
    done: int = 0
    deaths: Counter[str] = dataclasses.field(default_factory=Counter)
    passed: Counter[str] = dataclasses.field(default_factory=Counter)
    figures: Counter[str] = dataclasses.field(default_factory=Counter)
    faults: list[str] = dataclasses.field(default_factory=list)
    kills: dict[str, Any] = dataclasses.field(default_factory=dict)

    def take(self, said: dict[str, Any]) -> None:
        """Count what a worker says; show the first of what went wrong."""
        self.done += said.get("runs", 0)
        self.deaths.update(said.get("died", []))
        self.passed.update(said.get("passed", []))
        self.figures.update(said.get("figures", {}))
        if said.get("fault"):
            self._complain(said["fault"])

    def take_kills(self, found: dict[str, Any]) -> None:
        """Count what came of killing real processes."""
        self.kills = found
        for fault in found["faults"]:
            self._complain(fault)

    def _complain(self, fault: str) -> None:
        self.faults.append(fault)
        if len(self.faults) <= _SHOWN:
            sys.stderr.write(f"\n{fault}\n\n")

    @property
    def seconds(self) -> float:
        """Return how long it has taken."""
        return time.monotonic() - self.started

    @property
    def is_good(self) -> bool:
        """Say whether everything was done, and nothing was wrong."""
        return self.done == self.runs and not self.faults

    def progress(self) -> str:
        """Say how far it is."""
        share = self.done / max(1, self.runs)
        left = f", {self.seconds * (1 - share) / share / 60:.0f} min left" if share else ""
        return (
            f"{self.seconds:4.0f} s: {self.done:,} of {self.runs:,} runs, "
            f"{self.deaths.total():,} deaths, {len(self.faults)} faulty{left}"
        )

    def summary(self) -> str:
        """Return the table at the end, with the seams at which nobody has died."""
        count = self.figures
        rows = [
            ("runs", f"{self.done:,}"),
            ("  with a fault", f"{len(self.faults):,}"),
            ("deaths in the process", f"{self.deaths.total():,}"),
            ("  at seams", f"{len(self.deaths):,} of {len(self.passed):,}"),
            ("captured", _money(count["captured"])),
            ("  voided or refunded", _money(count["returned"])),
            ("tries that were asked about", f"{count['unknown']:,}"),
            ("told: declined", f"{count['declined']:,}"),
            *((name, f"{times:,}") for name, times in sorted(count.items()) if ":" in name),
        ]
        if self.kills:
            rows.append(("killed workers", f"{self.kills['kills']:,}"))
            rows += [(f"  {name}", f"{n:,}") for name, n in self.kills.get("figures", {}).items()]
        rows.append(("seconds", f"{self.seconds:,.0f}"))
        table = "\n".join(f"{name:<40}{value:>16}" for name, value in rows)
        spared = sorted(set(self.passed) - set(self.deaths))
        more = "\n".join(f"  {seam}" for seam in spared)
        return f"{table}\n\nnobody died:\n{more}" if spared else table


def _money(minor: int) -> str:
    return f"{minor / 100:,.2f}"
