"""Copies of Stripe's raw objects in dj-stripe's tables. Nothing of ours decides from them.

dj-stripe fetches what an object refers to while it saves it. This is therefore the one place where
a transaction waits for the network, for as long as our time-outs allow.
"""

from collections.abc import Callable

import stripe
from django.conf import settings
from django.db import connection, transaction
from djstripe import models

from billing.drivers.base import ObjectMissing
from billing.drivers.stripe import calls, client, errors
from billing.types import Subject

_Ask = Callable[[stripe.StripeClient, str], stripe.StripeObject]

_KINDS: dict[str, tuple[type[models.StripeModel], type[stripe.StripeObject], _Ask]] = {
    "customer": (
        models.Customer,
        stripe.Customer,
        lambda sdk, id_: sdk.v1.customers.retrieve(id_),
    ),
    "subscription": (
        models.Subscription,
        stripe.Subscription,
        lambda sdk, id_: sdk.v1.subscriptions.retrieve(id_),
    ),
    "invoice": (
        models.Invoice,
        stripe.Invoice,
        # dj-stripe takes discounts for objects, and stumbles over their ids.
        lambda sdk, id_: sdk.v1.invoices.retrieve(
            id_, {"expand": ["discounts", "lines.data.discounts"]}
        ),
    ),
    "payment_intent": (
        models.PaymentIntent,
        stripe.PaymentIntent,
        lambda sdk, id_: sdk.v1.payment_intents.retrieve(id_),
    ),
    "payment_method": (
        models.PaymentMethod,
        stripe.PaymentMethod,
        lambda sdk, id_: sdk.v1.payment_methods.retrieve(id_),
    ),
    "price": (
        models.Price,
        stripe.Price,
        lambda sdk, id_: sdk.v1.prices.retrieve(id_),
    ),
    "product": (
        models.Product,
        stripe.Product,
        lambda sdk, id_: sdk.v1.products.retrieve(id_),
    ),
}


def copy(subject: Subject) -> bool:
    """Copy one object as it is now; say whether the mirror keeps objects of its kind.

    What is gone at Stripe stays as it was last seen: there is nothing to copy. The lock is taken
    before the object is fetched, so that of two copies at once the later one is the newer one.

    Raises:
        DriverUnavailable: Stripe can't be asked now.
    """
    if subject.kind not in _KINDS:
        return False
    model, resource, ask = _KINDS[subject.kind]
    client.prepare_sdk()
    with transaction.atomic():
        _lock(subject.external_id)
        try:
            raw = calls.read(lambda sdk: ask(sdk, subject.external_id))
        except ObjectMissing:
            return True
        if raw.get("deleted"):
            return True
        key = settings.STRIPE_SECRET_KEY
        try:
            model.sync_from_stripe_data(resource.construct_from(raw, key), api_key=key)
        except stripe.StripeError as error:  # fetching what the object refers to
            raise errors.of_read(error) from error
    return True


def _lock(external_id: str) -> None:
    """Wait for whoever copies the same object; kept until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [external_id])
