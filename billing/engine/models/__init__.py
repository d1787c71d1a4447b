"""The tables of the engine: its truth, as Stripe's is at Stripe.

What tenants, pages and access see are billing's own tables, to which snapshots are applied. Lock
order: Payer → EngineSubscription → EngineInvoice → NumberSeries, then billing's rows. Services call
drivers with nothing locked, so nobody ever waits for these rows while holding billing's. No rail is
called while any of them is held.
"""

from billing.engine.models.catalogue import EngineCoupon, EnginePrice, TaxEntry
from billing.engine.models.credit_notes import EngineCreditNote
from billing.engine.models.dunning import (
    Circuit,
    DunningPolicy,
    DunningState,
    Outage,
    PlanDunning,
)
from billing.engine.models.invoices import EngineInvoice, EngineInvoiceLine, EngineRefund
from billing.engine.models.late_charges import LateCharge
from billing.engine.models.payers import CreditEntry, Payer
from billing.engine.models.sellers import NumberSeries, SellerNumbers
from billing.engine.models.subscriptions import (
    EngineDiscount,
    EngineSubscription,
    HandledKey,
    PendingLine,
)

__all__ = [
    "Circuit",
    "CreditEntry",
    "DunningPolicy",
    "DunningState",
    "EngineCoupon",
    "EngineCreditNote",
    "EngineDiscount",
    "EngineInvoice",
    "EngineInvoiceLine",
    "EnginePrice",
    "EngineRefund",
    "EngineSubscription",
    "HandledKey",
    "LateCharge",
    "NumberSeries",
    "Outage",
    "Payer",
    "PendingLine",
    "PlanDunning",
    "SellerNumbers",
    "TaxEntry",
]
