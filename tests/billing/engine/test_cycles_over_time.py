"""Any sequence of changes, renewals, pauses and an end: no second charged twice, none skipped."""

import dataclasses
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.engine import cycles
from billing.engine.cycles import Cycle, Step
from billing.engine.discounting import Discount
from billing.engine.drafting import Draft, Terms, draft
from billing.engine.lines import DraftLine, Item
from billing.engine.periods import Period
from tests.billing.engine import strategies


@dataclasses.dataclass(frozen=True)
class Stretch:
    """Time that is paid for (or skipped, or a trial: at no price), and a whole period's price."""

    time: Period
    price: int
    whole: Period

    @property
    def worth(self) -> Fraction:
        return Fraction(self.price * self.time.seconds, self.whole.seconds)


@dataclasses.dataclass
class Story:
    """A subscription's invoices, and the stretches of time that follow from their lines alone."""

    cycle: Cycle
    terms: Terms
    stretches: list[Stretch] = dataclasses.field(default_factory=list)
    invoices: list[Draft] = dataclasses.field(default_factory=list)
    previewed: list[Draft] = dataclasses.field(default_factory=list)

    @property
    def charged(self) -> int:
        return sum(invoice.total_minor for invoice in self.invoices)

    def bill(self, step: Step, at: datetime) -> None:
        for line in step.lines:
            self._follow(line, step.cycle)
        invoice = draft(step.lines, self.terms, at=at)
        self.cycle = cycles.as_charged(step, invoice)
        self.invoices.append(invoice)

    def _follow(self, line: DraftLine, cycle: Cycle) -> None:
        assert line.period is not None
        if line.amount_minor < 0:
            self.cut(line.period)
            return
        price = 0 if cycle.is_trial else cycle.item.amount_minor
        self.stretches.append(Stretch(line.period, price, cycle.period))

    def skip(self) -> None:
        self.cycle = cycles.skip(self.cycle).cycle
        self.stretches.append(Stretch(self.cycle.period, 0, self.cycle.period))

    def cut(self, unused: Period) -> None:
        """Take the end of the last stretch back; nothing else may be credited."""
        last = self.stretches.pop()
        assert unused.end == last.time.end
        if unused.start > last.time.start:
            used = Period(last.time.start, unused.start)
            self.stretches.append(dataclasses.replace(last, time=used))


@st.composite
def _items(draw: st.DrawFn) -> Item:
    """Dear enough that every second costs something: no line is left out for being 0."""
    found = draw(strategies.items())
    dear = draw(st.integers(min_value=10**9, max_value=10**10))
    return dataclasses.replace(found, unit_amount_minor=dear, quantity=1)


@st.composite
def stories(draw: st.DrawFn, *, has_discounts: bool = False) -> Story:
    start = draw(strategies.moments)
    discounts = draw(strategies.discount_lists()) if has_discounts else []
    zone = draw(st.sampled_from(strategies.ZONES))
    trial = draw(st.sampled_from((None, 7, 30)))
    ends = start + timedelta(days=trial) if trial else None
    step = cycles.start(draw(_items()), at=start, zone=zone, trial_end=ends, discounts=discounts)
    story = Story(step.cycle, Terms("USD", discounts=tuple(discounts)))
    story.bill(step, start)
    for event in draw(st.lists(st.sampled_from((_renew, _change, _skip)), max_size=12)):
        event(draw, story, discounts)
    return story


def _renew(draw: st.DrawFn, story: Story, discounts: list[Discount]) -> None:
    chosen = draw(st.none() | _items())
    step = cycles.renew(story.cycle, next_item=chosen, discounts=discounts)
    story.bill(step, step.cycle.period.start)


def _skip(draw: st.DrawFn, story: Story, discounts: list[Discount]) -> None:
    story.skip()


def _change(draw: st.DrawFn, story: Story, discounts: list[Discount]) -> None:
    cycle, item = story.cycle, draw(_items())
    at = draw(strategies.moments_within(story.stretches[-1].time))  # time does not go back
    step = cycles.change(cycle, item, at=at, discounts=discounts)
    if step.lines and cycle.debit is None:  # a skipped period ends early, uncredited
        story.cut(Period(at, cycle.period.end))
    story.bill(step, at)


class TestAnySequence:
    @settings(max_examples=300)
    @given(stories())
    def test_no_time_is_charged_twice_and_none_is_skipped(self, story: Story) -> None:
        times = [stretch.time for stretch in story.stretches]

        assert all(before.end == after.start for before, after in pairwise(times))
        assert times[-1].end == story.cycle.period.end

    @settings(max_examples=300)
    @given(stories())
    def test_what_was_charged_is_what_the_time_was_worth(self, story: Story) -> None:
        worth = sum((stretch.worth for stretch in story.stretches), Fraction(0))
        roundings = sum(len(invoice.lines) for invoice in story.invoices)

        assert abs(story.charged - worth) <= roundings

    @given(stories(), st.data())
    def test_an_end_gives_back_what_is_unused_and_keeps_what_was_used(
        self, story: Story, data: st.DataObject
    ) -> None:
        at = data.draw(strategies.moments_within(story.stretches[-1].time))
        lines = cycles.end(story.cycle, at=at, credits_unused=True)
        paid = story.charged + sum(line.amount_minor for line in lines)
        for line in lines:
            assert line.period is not None
            story.cut(line.period)

        worth = sum((stretch.worth for stretch in story.stretches), Fraction(0))
        assert abs(paid - worth) <= 1 + sum(len(invoice.lines) for invoice in story.invoices)

    @given(stories(has_discounts=True), st.data())
    def test_nobody_is_credited_more_than_was_charged(
        self, story: Story, data: st.DataObject
    ) -> None:
        at = data.draw(strategies.moments_within(story.stretches[-1].time))
        credited = cycles.end(story.cycle, at=at, credits_unused=True)

        assert story.charged + sum(line.amount_minor for line in credited) >= 0

    @given(stories(has_discounts=True), _items(), st.data())
    def test_a_preview_is_the_invoice_that_follows(
        self, story: Story, item: Item, data: st.DataObject
    ) -> None:
        at = data.draw(strategies.moments_within(story.stretches[-1].time))
        discounts = list(story.terms.discounts)
        quoted = cycles.change(story.cycle, item, at=at, discounts=discounts)
        preview = draft(quoted.lines, story.terms, at=at).as_preview()

        done = cycles.change(
            story.cycle, item, at=preview.proration_date or at, discounts=discounts
        )
        invoice = draft(done.lines, story.terms, at=at)

        assert invoice.as_preview() == preview
        assert done.cycle == quoted.cycle
