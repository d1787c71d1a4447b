"""What the providers say they took and gave back, asked over HTTP, by organization."""

import dataclasses
from collections import defaultdict
from datetime import UTC, datetime
from uuid import UUID

from billing.enums import Provider
from billing.models import Customer, PaymentAttempt
from tests.journeys.simulate.world import World


@dataclasses.dataclass(slots=True)
class Taken:
    """The charges of one payer that went through: when, and how much; and what was refused."""

    accepted: list[tuple[datetime, int]] = dataclasses.field(default_factory=list)
    refunded_minor: int = 0
    refusals: int = 0

    @property
    def captured_minor(self) -> int:
        """Return all that was taken."""
        return sum(amount for _moment, amount in self.accepted)

    @property
    def moments(self) -> list[datetime]:
        """Return when money was taken."""
        return [moment for moment, _amount in self.accepted]


def ask(world: World) -> dict[UUID, Taken]:
    """Ask both providers."""
    found: dict[UUID, Taken] = defaultdict(Taken)
    _ask_stripe(world, found)
    _ask_gateway(world, found)
    for taken in found.values():
        taken.accepted.sort()
    return found


def _ask_stripe(world: World, found: dict[UUID, Taken]) -> None:
    rows = Customer.objects.filter(provider=Provider.STRIPE)
    owners = dict(rows.values_list("external_id", "organization_id"))
    for charge in world.stripe.objects("charge"):
        taken = found[owners[charge["customer"]]]
        if charge["status"] != "succeeded":
            taken.refusals += 1
            continue
        taken.accepted.append((_moment(charge["created"]), charge["amount_captured"]))
        taken.refunded_minor += charge["amount_refunded"]


def _ask_gateway(world: World, found: dict[UUID, Taken]) -> None:
    rows = PaymentAttempt.objects.filter(provider=Provider.CARDCONNECT)
    owners = dict(rows.values_list("our_reference", "organization_id"))
    for txn in world.gateway.transactions(kind="auth"):
        if txn["asked"] == 0:  # a card that was only looked at
            continue
        taken = found[owners[txn["orderid"]]]
        if txn["respstat"] != "A" or txn["setlstat"] == "Voided":
            taken.refusals += 1
            continue
        taken.accepted.append((_moment(txn["created"]), txn["captured"]))
        taken.refunded_minor += txn["refunded"]


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
