"""The second opinion: what every invoice of a tenant should be, from its diary alone.

It knows what the tenant did and at which moments money was accepted, and nothing of the product or
of the simulators. The rules are those that the product states:

* A start charges a whole period in advance; a trial costs nothing, and periods count from its end.
* A renewal charges the next whole period, with the prorations that were put aside for it, at the
  end of the last one. What was chosen for the next period counts; another rhythm counts from there.
* A change credits what was last charged for the rest of the period, and charges the rest anew, net
  of discounts: at once, with the next invoice, or not at all. Another rhythm begins a period of its
  own at once. Within a trial, or a period that was not charged, a change costs nothing.
* Below zero an invoice becomes credit, which the next ones use up.
* Coupons hold once, for months from their redemption, or for good; prorations are net of them.
* A pause charges nothing. An end at once charges and credits nothing; one with the period charges
  what was put aside until then, or makes it credit.
* Who charges by card charges no further period while one is unpaid. Stripe gives up before the next
  one begins; we wait until it is paid, and then charge what fell due meanwhile. Who pays by hand is
  billed all the same, and pays the oldest bill first.
* Stripe's invoice of a change takes along what was put aside; ours leaves it for the renewal.
"""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta

from tests.journeys.simulate.bills import Bill, Charged, Line, Redeemed, moved, share
from tests.journeys.simulate.diary import Did, Entry, Offer

STRIPE, BY_HAND = "stripe", "custom"
_A_SECOND = timedelta(seconds=1)
# Stripe charges a renewal an hour after it has drafted it.
_AT_ONCE = timedelta(hours=2)


@dataclasses.dataclass(slots=True)
class Running:
    """A subscription between two entries."""

    offer: Offer
    seats: int
    anchor: datetime
    start: datetime
    end: datetime
    number: int = 0
    charged: Charged | None = None
    coupon: Redeemed | None = None
    waiting: list[Line] = dataclasses.field(default_factory=list)
    chosen: tuple[Offer, int] | None = None
    is_trial: bool = False
    is_paused: bool = False
    ends: bool = False


@dataclasses.dataclass(slots=True)
class Reckoner:
    """One tenant. `accepted` are the moments at which a charge went through, in order."""

    provider: str
    accepted: Sequence[datetime]
    bills: list[Bill] = dataclasses.field(default_factory=list)
    running: Running | None = None
    credit_minor: int = 0
    refunded_minor: int = 0
    taken: int = 0
    recovered: int = 0
    complaints: list[str] = dataclasses.field(default_factory=list)

    def reckon(self, entries: Sequence[Entry], until: datetime) -> None:
        """Go through a diary up to a moment."""
        for entry in entries:
            # What is paid at the very moment of an entry is paid for it.
            self._pass_time(entry.at, paid_by=entry.at - _A_SECOND)
            self._do(entry)
            self._collect(entry.at)
        self._pass_time(until)
        if self.taken < len(self.accepted):
            self.complaints.append(f"charged for nothing at {self.accepted[self.taken]}")

    # --- What was done ----------------------------------------------------------------------------

    def _do(self, entry: Entry) -> None:
        if entry.did is Did.START:
            self._start(entry)
        elif entry.did is Did.REFUND:
            self.refunded_minor += entry.amount_minor
        elif entry.did is Did.PAY_BY_HAND:
            self._pay(entry)
        elif self.running is None:
            self.complaints.append(f"{entry.did} at {entry.at}, when nothing was running")
        elif entry.did is Did.CHANGE:
            self._change(self.running, entry)
        else:
            self._plan(self.running, entry)

    def _plan(self, sub: Running, entry: Entry) -> None:
        """Take over what costs nothing now."""
        if entry.did in (Did.SCHEDULE, Did.UNSCHEDULE):
            sub.chosen = (entry.offer, entry.seats) if entry.offer else None
        elif entry.did in (Did.PAUSE, Did.RESUME):
            sub.is_paused = entry.did is Did.PAUSE
        elif entry.did is Did.CANCEL:
            self._end()
        else:
            sub.ends, sub.chosen = entry.did is Did.CANCEL_LATER, None

    def _start(self, entry: Entry) -> None:
        if entry.offer is None:
            raise TypeError("A start names what is bought.")
        if self.running is not None and not self._unpaid():
            self.complaints.append(f"started at {entry.at}, while another one was running")
        self._end()
        coupon = Redeemed(entry.coupon, entry.at) if entry.coupon else None
        trial_end = entry.at + timedelta(days=entry.trial_days)
        self.running = sub = Running(
            entry.offer, entry.seats, trial_end, entry.at, trial_end, coupon=coupon
        )
        if entry.trial_days:
            sub.number, sub.is_trial = -1, True
            self._bill(entry.at, [Line(entry.at, trial_end, 0, seats=entry.seats)])
        else:
            self._bill(entry.at, [self._whole_period(sub, entry.at, 0)])

    def _change(self, sub: Running, entry: Entry) -> None:
        before, offer, at = sub.offer, entry.offer or sub.offer, entry.at
        credits_ = self._credit(sub, at)
        sub.offer, sub.seats = offer, entry.seats
        if sub.is_trial:
            return
        is_prorated = entry.proration != "none"
        lines = credits_ if is_prorated else []
        if offer.months != before.months:
            lines.append(self._whole_period(sub, at, 0))
            self._bill(at, lines, sub)
            return
        if not is_prorated or sub.charged is None:
            return
        lines += self._rest(sub, at)
        if entry.proration == "next_invoice":
            sub.waiting += lines
        elif lines:
            self._bill(at, lines, sub)

    def _pay(self, entry: Entry) -> None:
        unpaid = self._unpaid()
        if not unpaid or unpaid[0].due_minor - unpaid[0].paid_minor < entry.amount_minor:
            self.complaints.append(f"paid {entry.amount_minor} at {entry.at}, which nobody owed")
            return
        unpaid[0].paid_minor += entry.amount_minor

    def _end(self) -> None:
        """Nothing is charged any more; what is open by card stays so."""
        self.running = None

    # --- What time does ---------------------------------------------------------------------------

    def _pass_time(self, until: datetime, *, paid_by: datetime | None = None) -> None:
        paid_by = paid_by or until
        self._collect(paid_by)
        while (sub := self.running) is not None and sub.end <= until:
            due = sub.end
            if sub.ends:
                if sub.waiting:
                    self._bill(due, sub.waiting)
                    self._collect(paid_by)
                self._end()
            elif sub.is_paused:
                self._next_period(sub, due)
                sub.charged = None
            else:
                may_bill = self._may_bill_at(due, until)
                if may_bill is None:
                    return
                if self.running is not None:
                    line = self._next_period(sub, due)
                    lines, sub.waiting = [line, *sub.waiting], []
                    self._bill(may_bill, lines)
                    self._collect(paid_by)

    def _may_bill_at(self, due: datetime, until: datetime) -> datetime | None:
        """Return when a period that begins at a moment is billed; None: not yet, or never."""
        if self.provider == BY_HAND:
            return due
        unpaid = self._current_unpaid()
        if unpaid is not None:
            if self.provider == STRIPE:
                self._end()
            return None
        paid_at = self.accepted[self.taken - 1] if self.taken else due
        return max(due, min(paid_at, until))

    def _next_period(self, sub: Running, due: datetime) -> Line:
        before = sub.offer.months
        if sub.chosen is not None:
            (sub.offer, sub.seats), sub.chosen = sub.chosen, None
        is_new = sub.offer.months != before and not sub.is_trial
        sub.is_trial = False
        if is_new:
            sub.anchor = due
        return self._whole_period(sub, sub.anchor, 0 if is_new else sub.number + 1)

    # --- Lines and bills --------------------------------------------------------------------------

    def _whole_period(self, sub: Running, anchor: datetime, number: int) -> Line:
        sub.anchor, sub.number = anchor, number
        sub.start = moved(anchor, number * sub.offer.months)
        sub.end = moved(anchor, (number + 1) * sub.offer.months)
        amount = sub.offer.unit_minor * sub.seats
        off = 0
        if not sub.is_paused and sub.coupon is not None:
            off = sub.coupon.off(amount, sub.start)
            sub.coupon.is_used = sub.coupon.is_used or off > 0
        sub.charged = Charged(amount - off, sub.start, sub.end, sub.seats)
        return Line(sub.start, sub.end, amount, off, sub.seats)

    def _credit(self, sub: Running, at: datetime) -> list[Line]:
        last = sub.charged
        if last is None:
            return []
        unused = share(last.net_minor, last.start, last.end, at)
        if unused == 0:
            return []
        # Stripe names the seats there are, ours those that were charged.
        seats = sub.seats if self.provider == STRIPE else last.seats
        return [Line(at, last.end, -unused, seats=seats, is_proration=True)]

    def _rest(self, sub: Running, at: datetime) -> list[Line]:
        amount = sub.offer.unit_minor * sub.seats
        off = sub.coupon.off(amount, at) if sub.coupon else 0
        rest = share(amount - off, sub.start, sub.end, at)
        sub.charged = Charged(rest, at, sub.end, sub.seats)
        return [Line(at, sub.end, rest, seats=sub.seats, is_proration=True)] if rest else []

    def _bill(self, at: datetime, lines: list[Line], changed: Running | None = None) -> None:
        if changed is not None and self.provider == STRIPE:
            lines, changed.waiting = [*lines, *changed.waiting], []
        total = sum(line.amount_minor - line.discount_minor for line in lines)
        due = max(total - self.credit_minor, 0)
        self.credit_minor += due - total
        self.bills.append(Bill(at, tuple(sorted(lines)), due))

    # --- Money ------------------------------------------------------------------------------------

    def _unpaid(self) -> list[Bill]:
        return [bill for bill in self.bills if bill.is_open]

    def _current_unpaid(self) -> Bill | None:
        """Return the last bill, if it is open: nobody charges the ones before it any more."""
        return self.bills[-1] if self.bills and self.bills[-1].is_open else None

    def _collect(self, until: datetime) -> None:
        """Let the charges that were accepted by a moment pay what was open then."""
        if self.provider == BY_HAND:
            return
        while self.taken < len(self.accepted) and self.accepted[self.taken] <= until:
            bill = self._current_unpaid()
            if bill is None or bill.issued_at > self.accepted[self.taken]:
                return
            bill.paid_minor = bill.due_minor
            self.recovered += self.accepted[self.taken] - bill.issued_at > _AT_ONCE
            self.taken += 1
