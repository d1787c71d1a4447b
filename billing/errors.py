"""Expected failures of billing that more than one module raises."""

from orgs.errors import DomainError


class CardDeclined(DomainError):
    """Your card was declined. Please try another payment method."""

    code = "CARD_DECLINED"
    status = 402


class ProviderRefused(DomainError):
    """Invalid request. Please check your input."""

    code = "INVALID_REQUEST"
    status = 400


class ProviderBusy(DomainError):
    """Too many requests. Please try again later."""

    code = "RATE_LIMIT"
    status = 429


class ProviderFailed(DomainError):
    """An error occurred with our payment provider. Please try again."""

    code = "API_ERROR"
    status = 502


class AlreadySubscribed(DomainError):
    """This organization already has a subscription."""

    code = "ALREADY_SUBSCRIBED"
    status = 409


class ContactSales(DomainError):
    """This plan is priced individually. Please contact sales."""

    code = "CONTACT_SALES"
    status = 400


class PaymentPending(DomainError):
    """An earlier payment is still being confirmed. Please wait a moment before trying again."""

    code = "CONFLICT"
    status = 409


class QuoteStale(DomainError):
    """This quote no longer holds. Please ask for a new one."""

    code = "QUOTE_STALE"
    status = 409


class ChangePending(DomainError):
    """Another change of this subscription is pending. Wait for it, or withdraw it first."""

    code = "CONFLICT"
    status = 409


class NotPossibleNow(DomainError):
    """The subscription is not in a state that allows this."""

    code = "CONFLICT"
    status = 409


class CheckoutExpired(DomainError):
    """This checkout has expired. Please start again."""

    code = "CHECKOUT_EXPIRED"
    status = 410


class SubscriptionInactive(DomainError):
    """Your subscription does not allow this. Please look at your billing page."""

    code = "SUBSCRIPTION_INACTIVE"
    status = 402


class UsageLimit(DomainError):
    """You have reached the limit of your plan. Choose a larger plan to go on."""

    code = "USAGE_LIMIT"
    status = 402


class InvoiceNotReady(DomainError):
    """This invoice can't be sent: it is a draft, or nobody's address is known."""

    code = "CONFLICT"
    status = 409


class NothingToRefund(DomainError):
    """Nothing is left of this payment to give back."""

    code = "CONFLICT"
    status = 409


class RefundRefused(DomainError):
    """The provider refused to give this payment back."""

    code = "INVALID_REQUEST"
    status = 400


class TerminalBusy(DomainError):
    """This reader is taking another payment. Wait for it, or cancel it.

    `fields` says who holds it, where that is one of ours: `payment_id`, `reference`, `started_by`,
    `since`.
    """

    code = "TERMINAL_BUSY"
    status = 409


class TerminalOffline(DomainError):
    """This reader can't be reached. Check that it is switched on and connected."""

    code = "CONFLICT"
    status = 409


class PaymentNotPossible(DomainError):
    """This payment is not in a state that allows this."""

    code = "CONFLICT"
    status = 409
