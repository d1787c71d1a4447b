"""Playing: tenants wake up, clocks move, jobs run, until the months are over."""

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from billing.enums import Provider
from tests.journeys.simulate import checks
from tests.journeys.simulate.bills import moved
from tests.journeys.simulate.life import Tenant, is_awake
from tests.journeys.simulate.tenants import Character
from tests.journeys.simulate.world import World

_OUTAGE = timedelta(days=2)
# The weeks after the months, in which nobody does anything and all that is under way comes to rest.
_REST = timedelta(days=3)
_LOST_ANSWERS = 0.03
_LOOKS_EVERY_DAYS = 28


class Play:
    """Tenants in one world."""

    def __init__(self, world: World, numbers: Sequence[int], *, seed: int, months: int) -> None:
        self.world, self.months = world, months
        self.begins, self.ends = world.now, moved(world.now, months)
        self.chance = random.Random(f"{seed}:weather")  # noqa: S311 - not secrecy
        self.outages = self._outages()
        self.faults: list[tuple[int, str]] = []
        self._is_losing = False
        self.tenants = [
            Tenant(world, Character(number, seed, self.begins, months)) for number in numbers
        ]

    def run(self, tell: Callable[[datetime], None]) -> None:
        """Let the months pass, and those few days after them."""
        while self.world.now < self.ends:
            wanted = [tenant.wakes_at for tenant in self.tenants]
            self.world.move_to(min(self.world.next_step([*wanted, *self._edges()]), self.ends))
            self._turn_weather()
            self._lose_an_answer()
            is_day = self.world.work()
            if is_day:
                self._look_at_access()
            if self._is_losing:
                self.world.gateway.clear_faults()
            self._wake()
            tell(self.world.now)
        rest = self.ends + _REST
        for provider in (Provider.STRIPE, Provider.CARDCONNECT):
            self.world.put(provider, is_down=False)
        while self.world.now < rest:
            self.world.move_to(min(self.world.next_step([]), rest))
            self.world.work()
        self.world.listen()  # what Stripe did since the last day began
        self.world.compare_everything()

    def _wake(self) -> None:
        for tenant in self.tenants:
            if not is_awake(tenant, self.world.now):
                continue
            if tenant.character.provider is Provider.STRIPE:
                self.world.listen()
                tenant.wake()
                self.world.listen()
            else:
                tenant.wake()

    def _look_at_access(self) -> None:
        """Look at some tenants a day, at each every four weeks: is access as it should be?"""
        for tenant in self.tenants:
            if (self.world.now.toordinal() + tenant.diary.number) % _LOOKS_EVERY_DAYS:
                continue
            found = checks.access_now(tenant.organization, self.world.now)
            self.faults += [(tenant.diary.number, f"{self.world.now}: {words}") for words in found]

    def _outages(self) -> list[tuple[datetime, Provider]]:
        """Choose when each provider fails for two days: about every ten months."""
        found = []
        for provider in (Provider.STRIPE, Provider.CARDCONNECT):
            for tenth in range(max(1, self.months // 10)):
                day = self.chance.randint(30, 270) + 300 * tenth
                found.append((self.begins + timedelta(days=day, hours=9), provider))
        return sorted(found)

    def _edges(self) -> Iterator[datetime]:
        for begins, _provider in self.outages:
            yield from (each for each in (begins, begins + _OUTAGE) if each > self.world.now)

    def _turn_weather(self) -> None:
        for provider in (Provider.STRIPE, Provider.CARDCONNECT):
            is_down = any(
                begins <= self.world.now < begins + _OUTAGE
                for begins, which in self.outages
                if which is provider
            )
            if is_down != (provider in self.world.down):
                self.world.put(provider, is_down=is_down)
                self.world.counts["outages"] += is_down

    def _lose_an_answer(self) -> None:
        """Let the gateway's next answer get lost now and then, after the charge or before it."""
        is_up = Provider.CARDCONNECT not in self.world.down
        self._is_losing = is_up and self.chance.random() < _LOST_ANSWERS
        if self._is_losing:
            kind = self.chance.choice(("drop_after", "drop_before"))
            self.world.gateway.add_fault(kind, op="auth")
