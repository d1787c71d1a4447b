"""What is under way when the process dies, and who else is at it."""

import dataclasses

from billing.enums import Provider
from tests.journeys.crashes.stage import LARGE, SMALL, SWEEPS
from tests.journeys.crashes.tenants import Act, Tenant

_MONTH, _UPGRADED = SMALL[1], LARGE[1]


def _nothing(_tenant: Tenant) -> None:
    pass


def renew(tenant: Tenant) -> None:
    """Be a worker that runs what is due."""
    tenant.stage.work("billing.run_renewals")


def sweep(tenant: Tenant) -> None:
    """Be another worker, with everything beat starts."""
    tenant.stage.work(*SWEEPS)


def ask(tenant: Tenant) -> None:
    """Be the resolver."""
    tenant.stage.work("billing.resolve_attempts")


@dataclasses.dataclass(frozen=True, slots=True)
class Operation:
    """Something that moves money: how it comes to it, what it is, who may be at it at once.

    `most_minor` is all that may be kept of the tenant in the end.
    """

    name: str
    prepare: Act
    act: Act
    rivals: tuple[Act, ...]
    most_minor: int
    provider: Provider = Provider.CARDCONNECT
    # How often a card was refused on the way to it: whoever pays with that one hears so again.
    refused_before: int = 0
    # What the same person does when nobody answered; nothing where no person waits.
    again: Act = _nothing
    # Whether that person always comes again: nobody else would bring it in order.
    insists: bool = False


OPERATIONS = (
    Operation(
        "subscribe",
        _nothing,
        Tenant.start,
        (Tenant.start, Tenant.start_anew, sweep, ask),
        _MONTH,
        again=Tenant.start,
    ),
    Operation(
        "subscribe, then the page anew",
        _nothing,
        Tenant.start,
        (Tenant.start_anew, Tenant.start_anew, sweep),
        _MONTH,
        again=Tenant.start_anew,
    ),
    Operation(
        "renew",
        Tenant.due,
        renew,
        (sweep, renew, Tenant.use_card, Tenant.mark_paid, Tenant.pay_overdue),
        2 * _MONTH,
    ),
    Operation(
        "retry with another card",
        Tenant.with_other_card,
        Tenant.use_card,
        (Tenant.use_card, Tenant.pay_overdue, sweep, Tenant.mark_paid),
        2 * _MONTH,
        refused_before=1,
        again=Tenant.use_card,
    ),
    Operation(
        "pay what is overdue",
        Tenant.recovered,
        Tenant.pay_overdue,
        (Tenant.pay_overdue, Tenant.use_card, Tenant.mark_paid, sweep),
        2 * _MONTH,
        refused_before=1,
        again=Tenant.pay_overdue,
    ),
    Operation(
        "retry by policy",
        Tenant.retried,
        renew,
        (Tenant.pay_overdue, Tenant.mark_paid, sweep, Tenant.use_card),
        2 * _MONTH,
        refused_before=1,
    ),
    Operation(
        "upgrade",
        Tenant.subscribed,
        Tenant.upgrade,
        (Tenant.upgrade, sweep, ask),
        _UPGRADED,
        again=Tenant.upgrade,
    ),
    Operation(
        "refund, unsettled",
        Tenant.subscribed,
        Tenant.refund,
        (Tenant.refund, Tenant.refund_a_part, ask, sweep),
        _MONTH,
        again=Tenant.refund,
    ),
    Operation(
        "refund, settled",
        Tenant.settled,
        Tenant.refund,
        (Tenant.refund, Tenant.refund_another_part, ask),
        _MONTH,
        again=Tenant.refund,
    ),
    Operation(
        "refund in parts",
        Tenant.settled,
        Tenant.refund_a_part,
        (Tenant.refund_a_part, Tenant.refund_another_part, Tenant.refund, ask),
        _MONTH,
        again=Tenant.refund_a_part,
    ),
    Operation(
        "mark paid",
        Tenant.billed,
        Tenant.mark_paid,
        (Tenant.mark_paid, sweep, renew),
        2 * _MONTH,
        provider=Provider.CUSTOM,
        again=Tenant.mark_paid,
        insists=True,
    ),
)
