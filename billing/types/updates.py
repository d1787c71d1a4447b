"""What reaches our tables of a subscription: a snapshot, and what came with it."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from billing.types.causes import Cause
from billing.types.events import Fact
from billing.types.invoices import InvoiceSnapshot
from billing.types.subscriptions import SubscriptionSnapshot


@dataclasses.dataclass(frozen=True, slots=True)
class SubscriptionUpdate:
    """One snapshot to apply; `fetched_at` is database time at which its fetch *began*.

    `happened` are facts that no snapshot shows; `along` are invoices that came with it.
    """

    snapshot: SubscriptionSnapshot
    fetched_at: datetime
    cause: Cause
    happened: Sequence[Fact] = ()
    along: Sequence[InvoiceSnapshot] = ()
