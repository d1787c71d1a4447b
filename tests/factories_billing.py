"""Rows of billing with boring defaults."""

from datetime import UTC, datetime, timedelta
from typing import Any

import factory
from factory.django import DjangoModelFactory

from billing.enums import (
    AttemptKind,
    AttemptState,
    CaseKind,
    CheckoutMode,
    FactKind,
    FeatureKind,
    InboxState,
    Interval,
    ObligationKind,
    Provider,
    SubscriptionStatus,
)
from billing.models import (
    BillingEvent,
    BillingProfile,
    Case,
    CheckoutSession,
    Customer,
    ExternalPrice,
    InboxEvent,
    MerchantAccount,
    MirrorTodo,
    Obligation,
    PaymentAttempt,
    PaymentFact,
    Plan,
    PlanFeature,
    PlanVersion,
    Price,
    Subscription,
)
from orgs import references
from tests.factories import OrganizationFactory

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class PlanFactory(DjangoModelFactory[Plan]):
    class Meta:
        model = Plan

    code = factory.Sequence(lambda n: f"plan-{n}")
    name = factory.LazyAttribute(lambda row: row.code.title())
    rank = factory.Sequence(lambda n: n)


class PlanVersionFactory(DjangoModelFactory[PlanVersion]):
    """A published version; `draft=True` for one that is not."""

    class Meta:
        model = PlanVersion

    class Params:
        draft = factory.Trait(published_at=None)

    plan = factory.SubFactory(PlanFactory)
    version = factory.Sequence(lambda n: n + 1)
    published_at = NOW


class PriceFactory(DjangoModelFactory[Price]):
    """$29.00 a month."""

    class Meta:
        model = Price

    plan_version = factory.SubFactory(PlanVersionFactory)
    interval = Interval.MONTH
    amount_minor = 2900


class PlanFeatureFactory(DjangoModelFactory[PlanFeature]):
    """A switch that is on, of a draft: a published version takes no more features."""

    class Meta:
        model = PlanFeature

    plan_version = factory.SubFactory(PlanVersionFactory, draft=True)
    key = factory.Sequence(lambda n: f"feature-{n}")
    kind = FeatureKind.BOOL
    enabled = True


class ExternalPriceFactory(DjangoModelFactory[ExternalPrice]):
    class Meta:
        model = ExternalPrice

    price = factory.SubFactory(PriceFactory)
    provider = Provider.STRIPE
    external_id = factory.Sequence(lambda n: f"price_{n}")


class CustomerFactory(DjangoModelFactory[Customer]):
    """The organization itself as payer."""

    class Meta:
        model = Customer

    organization = factory.SubFactory(OrganizationFactory)
    provider = Provider.STRIPE
    external_id = factory.Sequence(lambda n: f"cus_{n}")
    email = factory.LazyAttribute(lambda row: row.organization.email)


class BillingProfileFactory(DjangoModelFactory[BillingProfile]):
    class Meta:
        model = BillingProfile

    organization = factory.SubFactory(OrganizationFactory)
    allowed_return_hosts: Any = factory.LazyFunction(lambda: ["shop.example"])


class SubscriptionFactory(DjangoModelFactory[Subscription]):
    """Active for its first month."""

    class Meta:
        model = Subscription

    organization = factory.SubFactory(OrganizationFactory)
    customer = factory.SubFactory(
        CustomerFactory, organization=factory.SelfAttribute("..organization")
    )
    price = factory.SubFactory(PriceFactory)
    plan_version = factory.SelfAttribute("price.plan_version")
    provider = Provider.STRIPE
    external_id = factory.Sequence(lambda n: f"sub_{n}")
    status = SubscriptionStatus.ACTIVE
    current_period_start = NOW
    current_period_end = NOW + timedelta(days=31)
    activated_at = NOW


class ObligationFactory(DjangoModelFactory[Obligation]):
    class Meta:
        model = Obligation

    subscription = factory.SubFactory(SubscriptionFactory)
    organization = factory.SelfAttribute("subscription.organization")
    kind = ObligationKind.SUBSCRIPTION_START
    amount_minor = 2900
    currency = "USD"


class PaymentAttemptFactory(DjangoModelFactory[PaymentAttempt]):
    class Meta:
        model = PaymentAttempt

    obligation = factory.SubFactory(ObligationFactory)
    organization = factory.SelfAttribute("obligation.organization")
    number = 1
    kind = AttemptKind.CARD
    provider = Provider.STRIPE
    state = AttemptState.SENT
    our_reference = factory.LazyFunction(references.new_reference)


class PaymentFactFactory(DjangoModelFactory[PaymentFact]):
    class Meta:
        model = PaymentFact

    subscription = factory.SubFactory(SubscriptionFactory)
    organization = factory.SelfAttribute("subscription.organization")
    provider = Provider.STRIPE
    kind = FactKind.PAYMENT_FAILED
    external_id = factory.Sequence(lambda n: f"pi_{n}")
    amount_minor = 2900
    currency = "USD"
    occurred_at = NOW


class CaseFactory(DjangoModelFactory[Case]):
    class Meta:
        model = Case

    subscription = factory.SubFactory(SubscriptionFactory)
    organization = factory.SelfAttribute("subscription.organization")
    kind = CaseKind.LATE_WINNER
    external_id = factory.Sequence(lambda n: f"sub_late_{n}")
    summary = "A second start was paid."


class CheckoutSessionFactory(DjangoModelFactory[CheckoutSession]):
    class Meta:
        model = CheckoutSession

    organization = factory.SubFactory(OrganizationFactory)
    mode = CheckoutMode.HOSTED_PAGE
    provider = Provider.STRIPE
    price = factory.SubFactory(PriceFactory)
    token_hash = factory.Sequence(lambda n: f"{n:064d}")
    expires_at = NOW + timedelta(hours=1)


class MerchantAccountFactory(DjangoModelFactory[MerchantAccount]):
    class Meta:
        model = MerchantAccount

    organization = factory.SubFactory(OrganizationFactory)
    provider = Provider.STRIPE
    label = factory.Sequence(lambda n: f"Account {n}")
    credentials = '{"secret_key": "sk_test_stored"}'
    webhook_secret = "whsec_stored"


class InboxEventFactory(DjangoModelFactory[InboxEvent]):
    class Meta:
        model = InboxEvent

    provider = Provider.STRIPE
    external_id = factory.Sequence(lambda n: f"evt_{n}")
    type = "customer.subscription.updated"
    payload: Any = factory.LazyFunction(lambda: {"id": "evt", "secret": "payload-content"})
    received_at = NOW
    state = InboxState.PENDING
    attempts = 0
    next_attempt_at = NOW
    error = ""
    trace_id = ""


class BillingEventFactory(DjangoModelFactory[BillingEvent]):
    class Meta:
        model = BillingEvent

    organization = factory.SubFactory(OrganizationFactory)
    sequence = factory.Sequence(lambda n: n + 1)
    type = "billing.subscription.activated"
    summary = "Starter is active."
    occurred_at = NOW
    provider = Provider.STRIPE
    cause: Any = factory.LazyFunction(
        lambda: {"kind": "webhook", "id": "evt_why", "detail": "invoice.paid"}
    )
    object_type = "subscription"
    object_id = "none"


class MirrorTodoFactory(DjangoModelFactory[MirrorTodo]):
    class Meta:
        model = MirrorTodo

    provider = Provider.STRIPE
    object_type = "customer"
    external_id = factory.Sequence(lambda n: f"cus_mirror_{n}")
    next_attempt_at = NOW
