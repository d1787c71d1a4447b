"""Renewals: how fast one worker process charges what is due, and how that grows with the table."""

import json
import statistics

from bench import database, server
from bench.report import Row

MIN_PER_SECOND = 50.0
MAX_GROWTH = 1.2
FEW, MANY = 1_000, 1_000_000


class Renewals:
    """What was measured, by the number of subscriptions that were asleep beside those due."""

    def __init__(self, services: server.Services, *, due: int, batches: int) -> None:
        """Say how much is renewed in each batch, and how many batches of one database count."""
        self._services = services
        self._due, self._batches = due, batches
        self._found: dict[int, list[dict[str, float]]] = {}
        self._statements = 0.0

    def measure(self, *asleep: int) -> None:
        """Renew in a fresh database for each number of subscriptions that sleep."""
        for rows in asleep:
            self._found[rows] = self._ask(rows, self._due, self._batches)
        counted = self._ask(min(asleep), max(10, self._due // 10), 1, "--count")
        self._statements = counted[0]["statements"]

    def _ask(self, rows: int, due: int, batches: int, *mode: str) -> list[dict[str, float]]:
        services = self._services
        with database.cloned(services.admin_url, services.template, "till_bench_renewals") as url:
            env = server.our_environment(url, services.redis_url, 1)  # no provider is asked
            words = [str(number) for number in (rows, due, batches)]
            told = json.loads(server.ask("bench.renewal_worker", *words, *mode, env=env))
        found: list[dict[str, float]] = told["batches"]
        return found

    @property
    def rates(self) -> dict[str, list[float]]:
        """Return the renewals per second of every batch."""
        return {
            f"ours: renew, {rows:,} rows": [self._due / batch["seconds"] for batch in found]
            for rows, found in self._found.items()
        }

    def rows(self) -> list[Row]:
        """Return the lines of the table."""
        lines = []
        for rows, found in self._found.items():
            rate = statistics.median(self._due / batch["seconds"] for batch in found)
            lines.append(
                Row(
                    f"renewals per second, {rows:,} in the table",
                    "",
                    f"{rate:,.0f}/s",
                    target=f"≥ {MIN_PER_SECOND:g}/s",
                    ok=rate >= MIN_PER_SECOND,
                )
            )
        if len(self._found) > 1:
            lines.append(self._growth())
        return lines

    def _growth(self) -> Row:
        """Compare the time of one renewal; the processor time beside it swings less."""
        few, many = min(self._found), max(self._found)
        costs = {
            rows: statistics.median(batch["cpu_ms"] for batch in self._found[rows])
            for rows in (few, many)
        }
        seconds = {
            rows: statistics.median(batch["seconds"] for batch in self._found[rows])
            for rows in (few, many)
        }
        growth = seconds[many] / seconds[few]
        return Row(
            f"cost of a renewal, {few:,} → {many:,} rows",
            f"{1000 * seconds[few] / self._due:.1f} ms ({costs[few]:.1f} processor)",
            f"{1000 * seconds[many] / self._due:.1f} ms ({costs[many]:.1f} processor)",
            f"{growth:.2f}",
            f"≤ {MAX_GROWTH:g}",
            growth <= MAX_GROWTH,
        )

    def note(self) -> str:
        """Return what one renewal costs the database in questions."""
        return f"{self._statements:.1f} statements for each renewal"
