"""One run: a till sells, everything goes wrong, and in the end the provider's books are read."""

import contextlib
import dataclasses
import json
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from terminals.models import TerminalPayment
from tests.journeys.counter import network, verdict
from tests.journeys.counter.plan import AMOUNT, CASHIER, OTHER_TILL, POWER, plan_of
from tests.journeys.counter.stage import AtStripe, CounterStage
from tests.journeys.counter.verdict import Told
from tests.journeys.counter.works import Watch, Works
from tests.journeys.sample_till import pos

BASKET, OTHER_BASKET = "basket", "other"
# A till that rests looks again in 5 s, as it would after a `GET …?wait=25` or sooner.
_STEP_S = 5
_REPLUG_AFTER_S = 30
# After that many looks it has time: ever later ones change nothing.
_SOON = 8
# So long a till is waited for before its cashier gives the payment up.
_PATIENCE_S = 420
_COMES_BACK = 6
_SETTLES_S = 900


class SwitchedOff(BaseException):
    """The till has no power: nothing of it goes on."""


class GivenUp(BaseException):
    """The cashier presses the cancel key while the till waits."""


@dataclasses.dataclass(slots=True)
class Ran:
    """What came of a run."""

    # What was rolled, before any of it was used up.
    plan: str
    passed: list[str]
    died: list[str]
    told: list[Told]
    faults: list[str]
    slow: list[str]
    figures: dict[str, int]

    def __str__(self) -> str:
        """Say what was wrong, and how it came to it."""
        told = [str(each) for each in self.told]
        lines = [self.plan, f"  died {self.died}", f"  told {told}"]
        faults = (f"  FAULT {each}" for each in self.faults)
        late = (f"  LATE {each}" for each in self.slow)
        return "\n".join((*lines, *faults, *late))


class Run:
    """One run, from an empty shop to its verdict."""

    def __init__(self, stage: CounterStage, seed: int) -> None:
        self.stage = stage
        self.plan = plan_of(seed, at_stripe=isinstance(stage, AtStripe))
        self._rolled = str(self.plan)
        self.faults: list[str] = []
        self.told: list[Told] = []
        stage.open(seed)
        self.works = Works(stage, self.plan, self.faults.append)
        self.watch = Watch(stage)
        self._rests = 0
        self._unplugged_s = 0
        self._is_deaf = False

    def play(self) -> Ran:
        """Play it, and judge."""
        self._begin_trouble()
        with tempfile.TemporaryDirectory() as folder:
            journal = Path(folder)
            for _ in range(_COMES_BACK):
                if self._sell(journal):
                    break
                self.plan.most_cuts = 0
                self._pass(60)
            else:
                self.faults.append("the till never came to its end")
        self._settle()
        self.faults += verdict.judge(self.stage, self.plan, self.told)
        figures = verdict.figures(self.stage)
        figures.update(
            {
                "declined": sum(each.status == "declined" for each in self.told),
                "unknown": len(self.watch.delays),
                "unknown: resolved in 60 s": sum(each <= 60 for each in self.watch.delays),
            }
        )
        passed = [seam for actor in self.works.actors for seam in actor.passed]
        return Ran(
            self._rolled, passed, self.works.died, self.told, self.faults, self.watch.slow, figures
        )

    # --- The till ---------------------------------------------------------------------------------

    def _sell(self, journal: Path) -> bool:
        """Be the till from when it is switched on; say whether its basket is done with."""
        started = self.stage.now
        line = network.Line(self.plan.cut, lambda: self.works.process("web"), self._hear)
        with network.client(line, self.stage.key) as client:
            till = pos.Till(
                client,
                str(self.stage.terminal.pk),
                journal,
                wait_s=0,
                rest=lambda seconds: self._rest(seconds, started, journal),
            )
            try:
                self._serve(till, BASKET)
            except SwitchedOff:
                return False
            except GivenUp:
                return self._give_up(till, BASKET)
            except pos.Refused as refusal:
                return self._is_refused(refusal)
        return True

    def _serve(self, till: Any, basket: str) -> None:
        """Do what is to be done with a basket; done again it goes on."""
        sold = self.plan.sold
        seen = till.pay(basket, AMOUNT, **sold.opening)
        tries = 0
        while seen["status"] == "declined" and tries < 3:
            tries += 1
            seen = till.try_again(basket)
        payment = seen["id"]
        if seen["status"] == "requires_capture":
            if sold.gives_up:
                till.cancel(payment)
                return
            seen = till.capture(payment, sold.capture)
        if seen["status"] == "succeeded":
            for number, amount in enumerate(sold.refunds):
                till.refund(payment, str(number), amount)

    def _give_up(self, till: Any, basket: str) -> bool:
        """Cancel what is under way, if there is any; say whether that is over."""
        latest = TerminalPayment.objects.filter(reference=basket).order_by("-created_at").first()
        if latest is None:
            return False
        with contextlib.suppress(SwitchedOff, GivenUp):
            try:
                till.cancel(str(latest.pk))
            except pos.Refused as refusal:
                return self._is_refused(refusal)
            return True
        return False

    def _is_refused(self, refusal: Any) -> bool:
        """Note it: a till that is told no stops, and a person looks."""
        self.told.append(Told("", "refused", str(refusal.code)))
        return True

    def _hear(self, request: httpx.Request, answer: httpx.Response) -> None:
        """Note what the till was told."""
        if answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR:
            self.faults.append(f"{request.method} {request.url.path}: {answer.text[:200]}")
        if not answer.is_success:
            return
        said = json.loads(answer.content)
        if "status" in said and "amount_captured" in said:
            told = Told(said["id"], said["status"], "")
            if not self.told or str(self.told[-1]) != str(told):
                self.told.append(told)

    def _rest(self, seconds: float, started: Any, journal: Path) -> None:
        """Let time pass while the till waits, and happen what comes between."""
        self._pass(max(seconds, _STEP_S if self._rests < _SOON else 4 * _STEP_S))
        self._rests += 1
        between = self.plan.between.pop(self._rests, "")
        if between == POWER:
            raise SwitchedOff
        if between == CASHIER:
            raise GivenUp
        if between == OTHER_TILL:
            self._be_other_till(journal)
        if self.stage.now - started > timedelta(seconds=_PATIENCE_S):
            raise GivenUp

    def _be_other_till(self, journal: Path) -> None:
        """Want the same reader for another basket, meanwhile."""
        line = network.Line(lambda: "", lambda: self.works.process("web"), self._hear)
        started = self.stage.now

        def rest(seconds: float) -> None:
            self._pass(max(seconds, _STEP_S))
            if self.stage.now - started > timedelta(seconds=_PATIENCE_S):
                raise GivenUp

        with network.client(line, self.stage.key) as client:
            terminal = str(self.stage.terminal.pk)
            till = pos.Till(client, terminal, journal / "other", wait_s=0, rest=rest)
            try:
                till.pay(OTHER_BASKET, AMOUNT)
            except GivenUp:
                started = self.stage.now
                self._give_up(till, OTHER_BASKET)
            except pos.Refused as refusal:
                self._is_refused(refusal)

    # --- Time -------------------------------------------------------------------------------------

    def _pass(self, seconds: float) -> None:
        """Let time pass, step by step: people act, workers work, the network is mended."""
        left = seconds
        while left > 0:
            step = min(left, _STEP_S)
            left -= step
            self.stage.move(timedelta(seconds=max(1, round(step))))
            self.stage.gateway.now()  # its clock is turned when it is asked
            self.stage.let_people_act()
            self._replug(step)
            self._end_deafness()
            self.stage.listen(self.plan.events)
            self.works.work()
            self.watch.look()

    def _settle(self) -> None:
        """Let everything become quiet, without further trouble."""
        self.stage.gateway.clear_faults()
        self.plan.most_deaths = 0
        for _ in range(_SETTLES_S // (4 * _STEP_S)):
            self._pass(4 * _STEP_S)
            if not self.stage.jobs and not self.works.threads and verdict.is_quiet():
                break
        verdict.click(self.stage)
        self.stage.next_day()
        self._pass(4 * _STEP_S)

    def _begin_trouble(self) -> None:
        for act in self.plan.people:
            self.stage.expect(act)
        for fault in self.plan.faults:
            self.stage.gateway.control("POST", "faults", fault)
        if self.plan.deaf_for_s:
            self._is_deaf = True
            until = self.stage.now + timedelta(seconds=self.plan.deaf_for_s)
            self.watch.deaf_until = until
            self.stage.gateway.control("POST", "faults", self.stage.deafness)

    def _end_deafness(self) -> None:
        until = self.watch.deaf_until
        if self._is_deaf and until is not None and self.stage.now >= until:
            self._is_deaf = False
            self.stage.gateway.clear_faults()

    def _replug(self, seconds: float) -> None:
        """Have somebody see to the cable now and then."""
        self._unplugged_s += round(seconds)
        if self._unplugged_s >= _REPLUG_AFTER_S:
            self._unplugged_s = 0
            self.stage.plug_in()


def play(stage: CounterStage, seed: int) -> Ran:
    """Play the run of a seed."""
    return Run(stage, seed).play()
