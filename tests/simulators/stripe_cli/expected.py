"""Which of the CLI's triggers the simulator is there for, and which Stripe itself refuses."""

# Products of Stripe that nothing here uses: not run.
OTHER_PRODUCTS = (
    "account",
    "balance",
    "cash_balance",
    "customer.source",
    "customer_cash_balance_transaction",
    "identity",
    "issuing_authorization",
    "issuing_card",
    "issuing_cardholder",
    "issuing_transaction",
    "payment_link",
    "payout",
    "plan",
    "quote",
    "reporting",
    "tax_rate",
    "topup",
    "transfer",
    "v1.billing.meter",
    # Bank debits and transfers: the simulator only has cards.
    "checkout.session.async_payment_failed",
    "checkout.session.async_payment_succeeded",
    "payment_intent.partially_funded",
    "payment_intent.processing",
)

# What an account has set up before its first portal opens.
PORTAL = {"features[invoice_history][enabled]": "true"}

# The CLI's own names for what it triggers -> the type that Stripe sends.
SENT_AS = {
    "subscription.payment_failed": "invoice.payment_failed",
    "subscription.payment_succeeded": "invoice.payment_succeeded",
    # It cancels a schedule by request; `aborted` is what delinquency leads to.
    "subscription_schedule.aborted": "subscription_schedule.canceled",
    # It stops nine days before the schedule's end; `expiring` comes seven days ahead.
    "subscription_schedule.expiring": "subscription_schedule.created",
}

# event -> words of the refusal. Their fixtures use what the pinned version has removed.
_NO_COUPON = "unknown parameter: coupon"
_NO_ITERATIONS = "unknown parameter: phases[0][iterations]"
REFUSED = {
    "customer.discount.created": _NO_COUPON,
    "customer.discount.deleted": _NO_COUPON,
    "customer.discount.updated": _NO_COUPON,
    "promotion_code.created": _NO_COUPON,
    "promotion_code.updated": _NO_COUPON,
    "subscription_schedule.canceled": _NO_ITERATIONS,
    "subscription_schedule.completed": _NO_ITERATIONS,
    "subscription_schedule.created": _NO_ITERATIONS,
    "subscription_schedule.released": _NO_ITERATIONS,
    "subscription_schedule.updated": _NO_ITERATIONS,
}
