"""What has come of it so far, and the table at the end."""

import dataclasses
from typing import Any

from tests.journeys.crashes import tally

# So many of what was unknown must be known within a minute of the moment it can be.
LEAST_SHARE = 0.95
_UNKNOWN, _IN_TIME = "unknown", "unknown: resolved in 60 s"


@dataclasses.dataclass(slots=True)
class Tally(tally.Tally):
    """Sums over all runs, and how soon was known what was unknown."""

    slow: list[str] = dataclasses.field(default_factory=list)

    def take(self, said: dict[str, Any]) -> None:
        """Count what a worker says."""
        tally.Tally.take(self, said)
        if said.get("slow"):
            self.slow.append(said["slow"])

    @property
    def share(self) -> float:
        """Return the share of the unknown that was known in time."""
        return self.figures[_IN_TIME] / (self.figures[_UNKNOWN] or 1)

    @property
    def is_good(self) -> bool:
        """Say whether everything was done, nothing was wrong, and enough was known in time."""
        is_known = self.share >= LEAST_SHARE or not self.figures[_UNKNOWN]
        return self.done == self.runs and not self.faults and is_known

    def summary(self) -> str:
        """Return the table, with the share that was known in time, and the slowest."""
        share = f"{'known within 60 s':<40}{self.share:>15.1%}"
        shown = "\n".join(self.slow[:3])
        return "\n".join((tally.Tally.summary(self), share, shown)).rstrip()
