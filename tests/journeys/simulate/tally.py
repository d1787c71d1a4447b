"""What has come of a simulation so far, and its table at the end."""

import dataclasses
import sys
import time
from collections import Counter
from typing import Any

_PROVIDERS = ("stripe", "cardconnect", "custom")
_COUNTS = ("tenants", "invoices", "charges", "declines", "recovered", "lost")
_SUMS = ("invoiced", "paid", "refunded", "open")
_OF_THE_RUN = ("steps", "jobs", "webhooks", "outages")
_DAYS_A_MONTH = 30.44
_SHOWN = 20


@dataclasses.dataclass(slots=True)
class Tally:
    """Figures by name and provider; sums in minor units of US dollars."""

    seed: int
    months: int
    tenants: int
    workers: int
    started: float = dataclasses.field(default_factory=time.monotonic)
    days: dict[int, int] = dataclasses.field(default_factory=dict)
    done: int = 0
    figures: Counter[str] = dataclasses.field(default_factory=Counter)
    differences: int = 0

    def take(self, worker: int, said: dict[str, Any]) -> None:
        """Count what a worker says; show the first of what went wrong."""
        if "day" in said:
            self.days[worker] = said["day"]
        if "fault" in said:
            self.differences += 1
            if self.differences <= _SHOWN:
                sys.stderr.write(f"{self._who(said['tenant'])}: {said['fault']}\n")
        if "result" in said:
            self.done += 1
            self.figures.update(said["result"])

    def _who(self, number: int) -> str:
        if number < 0:
            return f"\nseed {self.seed}, all together"
        return f"\nseed {self.seed}, tenant {number} (repeat: --seed {self.seed} --tenant {number})"

    @property
    def seconds(self) -> float:
        """Return how long it has taken."""
        return time.monotonic() - self.started

    @property
    def is_good(self) -> bool:
        """Say whether every worker came to its end, and everything agreed."""
        return self.done == self.workers and self.differences == 0

    def progress(self) -> str:
        """Say how far the slowest is."""
        slowest = min((self.days.get(index, 0) for index in range(self.workers)), default=0)
        share = slowest / (self.months * _DAYS_A_MONTH)
        left = f", {self.seconds * (1 - share) / share / 60:.0f} min left" if share > 0 else ""
        return (
            f"{self.seconds:4.0f} s: {slowest / _DAYS_A_MONTH:4.1f} of {self.months} months of "
            f"{self.tenants} tenants, {self.differences} differences{left}"
        )

    def summary(self) -> str:
        """Return the table at the end."""
        lines = ["{:<24}{:>14}{:>14}{:>14}{:>16}".format("", *_PROVIDERS, "together")]
        lines += [self._row(name, "{:,}") for name in _COUNTS]
        lines += [self._row(name, "{:,.2f}", label=f"{name}, USD") for name in _SUMS]
        refused = sum(value for name, value in self.figures.items() if name.startswith("refused:"))
        rest = [(name, f"{self.figures[name]:,}") for name in _OF_THE_RUN]
        rest += [("requests we refused", f"{refused:,}")]
        rest += [("differences", f"{self.differences:,}"), ("seconds", f"{self.seconds:,.0f}")]
        if self.done < self.workers:
            rest.append(("workers that died", f"{self.workers - self.done}"))
        return "\n".join([*lines, "", *(f"{name:<24}{value:>58}" for name, value in rest)])

    def _row(self, name: str, form: str, *, label: str = "") -> str:
        by_provider = [self.figures[f"{name}:{provider}"] for provider in _PROVIDERS]
        divisor = 100 if name in _SUMS else 1
        values = [value / divisor if divisor > 1 else value for value in by_provider]
        shown = [form.format(value) for value in (*values, sum(values))]
        return "{:<24}{:>14}{:>14}{:>14}{:>16}".format(label or name, *shown)
