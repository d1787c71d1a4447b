"""What payers at Stripe can pay with."""

import dataclasses
from typing import TYPE_CHECKING
from urllib.parse import quote

from billing.drivers.base import DriverRejected
from billing.drivers.stripe import calls, errors, snapshots
from billing.drivers.stripe.calls import Json
from billing.enums import Provider
from billing.types import PayerSnapshot, PaymentMethodSnapshot, SetupResult

if TYPE_CHECKING:
    import stripe

_PAGE = 100


def retrieve_payer(external_id: str) -> PayerSnapshot:
    """Ask for a payer and its methods, whatever their type.

    Stripe keeps the id of a deleted payer, and nothing else of it.
    Source: https://docs.stripe.com/api/customers/retrieve
    """
    customer = calls.read_one("customers", external_id)
    if customer.get("deleted"):
        return PayerSnapshot(provider=Provider.STRIPE, external_id=customer["id"], is_deleted=True)
    methods = tuple(_method(row) for row in _methods_of(external_id))
    return dataclasses.replace(payer(customer), methods=methods, has_methods=True)


def payer(customer: Json) -> PayerSnapshot:
    """Return a payer as a list shows it, without its methods."""
    return PayerSnapshot(
        provider=Provider.STRIPE,
        external_id=customer["id"],
        our_id=(customer["metadata"] or {}).get(snapshots.CUSTOMER_KEY, ""),
        email=customer["email"] or "",
        default_method_id=snapshots.id_of(customer["invoice_settings"]["default_payment_method"]),
        has_methods=False,
    )


def _methods_of(external_id: str) -> list[Json]:
    """Return all methods of a payer, newest first.

    Source: https://docs.stripe.com/api/payment_methods/customer_list
    """
    path = f"/v1/customers/{quote(external_id, safe='')}/payment_methods"

    def page(sdk: "stripe.StripeClient", after: str | None) -> "stripe.StripeResponse":
        more = {"starting_after": after} if after else {}
        answer: stripe.StripeResponse = sdk.raw_request("get", path, limit=_PAGE, **more)
        return answer

    return list(calls.pages(page))


def _method(raw: Json) -> PaymentMethodSnapshot:
    """Return a method as ours; types differ in what they tell of themselves.

    Source: https://docs.stripe.com/api/payment_methods/object
    """
    kind = raw["type"]
    details: Json = raw.get(kind) or {}
    return PaymentMethodSnapshot(
        external_id=raw["id"],
        kind=kind,
        brand=details.get("brand") or details.get("bank_name") or "",
        last4=details.get("last4") or "",
        exp_month=details.get("exp_month") or 0,
        exp_year=details.get("exp_year") or 0,
        fingerprint=details.get("fingerprint") or "",
    )


def attach(payment_method: str, *, external_customer_id: str, idempotency_key: str) -> str:
    """Give a payer a card; one that the payer has already stays as it is.

    Stripe's test names (`pm_card_visa`) become a card with an id of its own, and so does a token
    of the old kind (`tok_…`).
    """
    if payment_method.startswith("tok_"):
        payment_method = _from_token(payment_method, idempotency_key)
    options = calls.keyed(idempotency_key)
    params: stripe.params.PaymentMethodAttachParams = {"customer": external_customer_id}
    try:
        raw = calls.write(
            lambda sdk: sdk.v1.payment_methods.attach(payment_method, params, options)
        )
    except DriverRejected as error:
        if error.code == "CARD_DECLINED" or _holder_of(payment_method) != external_customer_id:
            raise
        return payment_method
    return str(raw["id"])


def _from_token(token: str, idempotency_key: str) -> str:
    """Make a method of a token: nobody has it yet.

    Source: https://docs.stripe.com/api/payment_methods/create#create_payment_method-card
    """
    params: stripe.params.PaymentMethodCreateParams = {"type": "card", "card": {"token": token}}
    options = calls.keyed(idempotency_key, "token")
    return str(calls.write(lambda sdk: sdk.v1.payment_methods.create(params, options))["id"])


def create_setup_intent(external_customer_id: str, *, idempotency_key: str) -> SetupResult:
    """Prepare for a card that is entered now and charged while its holder is away.

    Source: https://docs.stripe.com/payments/save-and-reuse
    """
    params: stripe.params.SetupIntentCreateParams = {
        "customer": external_customer_id,
        "usage": "off_session",
        "automatic_payment_methods": {"enabled": True},
    }
    options = calls.keyed(idempotency_key)
    raw = calls.write(lambda sdk: sdk.v1.setup_intents.create(params, options))
    return SetupResult(external_id=raw["id"], client_secret=raw["client_secret"] or "")


def set_default(
    *,
    external_customer_id: str,
    payment_method: str,
    external_subscription_id: str,
    idempotency_key: str,
) -> None:
    """Set it on the subscription first: what that names counts there, whatever the payer has.

    Source: https://docs.stripe.com/billing/subscriptions/payment-methods-setting
    """
    own: stripe.params.SubscriptionModifyParams = {"default_payment_method": payment_method}
    params: stripe.params.CustomerModifyParams = {
        "invoice_settings": {"default_payment_method": payment_method}
    }
    if not external_subscription_id:
        _set_on_payer(external_customer_id, params, calls.keyed(idempotency_key))
        return
    step = calls.keyed(idempotency_key, "subscription")
    calls.write(lambda sdk: sdk.v1.subscriptions.update(external_subscription_id, own, step))
    with errors.after_write():
        _set_on_payer(external_customer_id, params, calls.keyed(idempotency_key))


def _set_on_payer(
    external_id: str,
    params: "stripe.params.CustomerModifyParams",
    options: "stripe.RequestOptions",
) -> None:
    calls.write(lambda sdk: sdk.v1.customers.update(external_id, params, options))


def detach(external_id: str, *, idempotency_key: str) -> None:
    """Take a method off its payer; Stripe also forgets it as anybody's default."""
    options = calls.keyed(idempotency_key)
    try:
        calls.write(lambda sdk: sdk.v1.payment_methods.detach(external_id, {}, options))
    except DriverRejected:
        if _holder_of(external_id):
            raise


def _holder_of(payment_method: str) -> str:
    """Return the payer who has a method; empty for nobody, or no such method."""
    try:
        return snapshots.id_of(calls.read_one("payment_methods", payment_method)["customer"])
    except DriverRejected:
        return ""
