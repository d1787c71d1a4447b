"""One run: every measure in turn, several rounds, medians, and the ratios between them."""

import dataclasses
import os
import platform
import statistics
import sys
from collections import defaultdict

from bench import convergence, database, intake, renewing, server, tills
from bench.report import Report, Row
from bench.server import Services, Shot

MIN_OVER_PEER = 15.0
MIN_OF_LIMIT = 0.15
MIN_APPLIED = 150.0
MAX_OVERLOAD_P99_MS = 250.0
LIMIT, OURS, OVERLOAD = "limit: bare INSERT, pgbench", "ours: intake", "ours: intake, overload"
PEER, SLOW_PEER = "peer: dj-stripe, API 0 ms", "peer: dj-stripe, API 100 ms"


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much is done. `objects` is the number of subscriptions a drain is about.

    `counts_apart` has statements counted in drains of their own: counting slows them. `asleep` are
    the sizes of the table beside `due` subscriptions that are renewed. So many `tills` take
    payments in person for so many virtual `minutes`.
    """

    rounds: int
    seconds: float
    objects: int
    due: int = 200
    asleep: tuple[int, ...] = (renewing.FEW, renewing.MANY)
    tills: int = 50
    minutes: float = 10
    customers_every_s: float = 30
    warm_ups: int = 2
    counts_apart: bool = True
    profile: bool = False


FULL = Plan(rounds=3, seconds=5.0, objects=400)
QUICK = Plan(
    rounds=1,
    seconds=1.0,
    objects=20,
    due=10,
    asleep=(renewing.FEW,),
    tills=3,
    minutes=1,
    customers_every_s=0.5,
    warm_ups=1,
    counts_apart=False,
)


def plan(*, quick: bool, profile: bool, rounds: int | None) -> Plan:
    """Return how much is done."""
    base = QUICK if quick else FULL
    return dataclasses.replace(base, profile=profile, rounds=rounds or base.rounds)


class Run:
    """A run in progress: rates by name, one per round, and the shots behind them."""

    def __init__(self, services: Services, plan: Plan) -> None:
        self._services = services
        self._plan = plan
        self._rates: dict[str, list[float]] = defaultdict(list)
        self._shots: dict[str, list[Shot]] = defaultdict(list)
        self._drains: dict[str, list[convergence.Drain]] = defaultdict(list)
        self._notes: list[str] = []

    def carry_out(self) -> Report:
        """Measure everything; return what was found."""
        say("starting the servers that take turns …")
        with intake.contenders(self._services, warm_ups=self._plan.warm_ups) as contenders:
            for number in range(1, self._plan.rounds + 1):
                self._intake_round(contenders, number)
        with server.provider("provider", latency_ms=0, folder=self._services.folder) as port:
            for number in range(1, self._plan.rounds + 1):
                for shape in ("starts", "single starts", "renewals"):
                    self._drain(shape, port, number)
            counts = {shape: self._count(shape, port) for shape in self._drains}
        renewals, counter = self._renew(), self._take_in_person()
        return Report(
            machine=self._machine(),
            rows=[
                *self._intake_rows(contenders),
                *self._drain_rows(counts),
                *renewals.rows(),
                *counter.rows(),
            ],
            rounds=dict(self._rates),
            notes=self._notes,
        )

    # --- Measuring --------------------------------------------------------------------------

    def _intake_round(self, contenders: intake.Contenders, number: int) -> None:
        run, seconds = f"r{number}", self._plan.seconds
        self._rates[LIMIT].append(contenders.limit(seconds))
        self._shot(OURS, contenders.accept(run, seconds))
        self._shot(PEER, contenders.process(contenders.peer, run, seconds))
        self._shot(SLOW_PEER, contenders.process(contenders.slow_peer, f"{run}s", seconds))
        overload = contenders.accept(f"{run}o", seconds, intake.OVERLOAD_CONNECTIONS)
        self._shot(OVERLOAD, overload)
        words = ", ".join(f"{name} {values[-1]:,.0f}/s" for name, values in self._rates.items())
        say(f"round {number} of {self._plan.rounds}: {words}")

    def _shot(self, name: str, shot: Shot) -> None:
        self._shots[name].append(shot)
        self._rates[name].append(shot.outcome.per_second)

    def _drain(self, shape: str, port: int, number: int) -> None:
        done = convergence.drain(
            shape,
            objects=self._objects(shape),
            services=self._services,
            provider_port=port,
            mode="" if self._plan.counts_apart else "--count",
        )
        self._drains[shape].append(done)
        self._rates[f"ours: converge, {shape}"].append(done.per_second)
        say(f"round {number} of {self._plan.rounds}: converge, {shape}: {done.per_second:,.0f}/s")

    def _renew(self) -> renewing.Renewals:
        found = renewing.Renewals(self._services, due=self._plan.due, batches=self._plan.rounds)
        found.measure(*self._plan.asleep)
        self._rates.update(found.rates)
        self._notes.append(found.note())
        for name, rates in found.rates.items():
            say(f"{name}: {', '.join(f'{rate:,.0f}/s' for rate in rates)}")
        return found

    def _take_in_person(self) -> tills.Tills:
        say(f"{self._plan.tills} tills at once …")
        plan = self._plan
        found = tills.Tills(
            self._services, tills=plan.tills, minutes=plan.minutes, every_s=plan.customers_every_s
        )
        found.measure()
        self._rates.update(found.rates)
        self._notes.append(found.note())
        for name, rates in found.rates.items():
            say(f"{name}: {rates[0]:,.1f}/s")
        return found

    def _count(self, shape: str, port: int) -> float:
        if not self._plan.counts_apart:
            return self._drains[shape][-1].statements or 0.0
        modes = ["--count", *(["--profile"] if self._plan.profile else [])]
        told = [
            convergence.drain(
                shape,
                objects=max(20, self._objects(shape) // 4),
                services=self._services,
                provider_port=port,
                mode=mode,
            )
            for mode in modes
        ]
        if self._plan.profile:
            say(f"\nwhere converging {shape} spends its time:\n{told[-1].profile}")
        return told[0].statements or 0.0

    def _objects(self, shape: str) -> int:
        return self._plan.objects if shape == "starts" else 2 * self._plan.objects

    # --- Summing up -------------------------------------------------------------------------

    def _median(self, name: str) -> float:
        return statistics.median(self._rates[name])

    def _of(self, name: str, field: str) -> float:
        """Return the median of one figure of a load's outcome or cost."""
        found: list[float] = [
            getattr(shot if hasattr(shot, field) else shot.outcome, field)
            for shot in self._shots[name]
        ]
        return statistics.median(found)

    def _intake_rows(self, contenders: intake.Contenders) -> list[Row]:
        self._notes.append(
            "the load used "
            f"{self._of(OURS, 'load_cpu_share'):.0%} of one processor while ours was measured"
        )
        return [
            self._ratio_row("intake ÷ stock dj-stripe, API 0 ms", PEER, MIN_OVER_PEER),
            self._ratio_row("intake ÷ stock dj-stripe, API 100 ms", SLOW_PEER, None),
            self._ratio_row("intake ÷ bare INSERT", LIMIT, MIN_OF_LIMIT),
            Row(
                "time to accept, p50 / p99",
                self._times(PEER),
                self._times(OURS),
                f"{self._of(OURS, 'p99_ms') / self._of(PEER, 'p99_ms'):.3f}",
            ),
            Row(
                "processor time per event, server + database",
                self._costs(PEER),
                self._costs(OURS),
                f"{self._cost(OURS) / self._cost(PEER):.3f}",
            ),
            Row(
                "statements per accepted event",
                f"{contenders.peer_statements:g}",
                f"{contenders.statements:g}",
                target="1",
                ok=contenders.statements <= 1,
            ),
            self._overload_row(),
        ]

    def _ratio_row(self, measure: str, baseline: str, least: float | None) -> Row:
        # Round by round, then the median: neighbours in time met the same machine.
        ratio = statistics.median(
            mine / theirs
            for mine, theirs in zip(self._rates[OURS], self._rates[baseline], strict=True)
        )
        digits = 1 if ratio > 1 else 3
        return Row(
            measure,
            f"{self._median(baseline):,.0f}/s",
            f"{self._median(OURS):,.0f}/s",
            f"{ratio:.{digits}f}",
            f"≥ {least:g}" if least else "",
            ratio >= least if least else None,
        )

    def _overload_row(self) -> Row:
        failed = sum(
            count
            for shot in self._shots[OVERLOAD]
            for status, count in shot.outcome.statuses.items()
            if status != "200"
        )
        p99 = self._of(OVERLOAD, "p99_ms")
        return Row(
            f"overload, {intake.OVERLOAD_CONNECTIONS} connections: p50 / p99, failures",
            "",
            f"{self._times(OVERLOAD)}, {failed} failed",
            target=f"p99 < {MAX_OVERLOAD_P99_MS:g} ms, none failed",
            ok=p99 < MAX_OVERLOAD_P99_MS and not failed,
        )

    def _times(self, name: str) -> str:
        return f"{self._of(name, 'p50_ms'):.1f} / {self._of(name, 'p99_ms'):.1f} ms"

    def _cost(self, name: str) -> float:
        return self._of(name, "server_cpu_ms") + self._of(name, "database_cpu_ms")

    def _costs(self, name: str) -> str:
        server_ms, database_ms = self._of(name, "server_cpu_ms"), self._of(name, "database_cpu_ms")
        return f"{server_ms:.2f} + {database_ms:.2f} ms"

    def _drain_rows(self, counts: dict[str, float]) -> list[Row]:
        rows = []
        for shape, drains in self._drains.items():
            rate = self._median(f"ours: converge, {shape}")
            cpu = statistics.median(drain.cpu_ms for drain in drains)
            rows.append(
                Row(
                    f"converge, {shape}: events per second",
                    "",
                    f"{rate:,.0f}/s",
                    target=f"≥ {MIN_APPLIED:g}/s",
                    ok=rate >= MIN_APPLIED,
                )
            )
            self._notes.append(
                f"converge, {shape}: {counts[shape]:.1f} statements and {cpu:.1f} ms of the "
                "worker's processor time per event"
            )
        return rows

    def _machine(self) -> dict[str, str]:
        return {
            "processors": str(os.cpu_count()),
            "python": platform.python_version(),
            **database.durability(self._services.admin_url),
        }


def say(line: str) -> None:
    """Print a line of progress."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
