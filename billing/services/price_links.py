"""Names of our prices at providers: taken from the configuration, or made by asking for them."""

import dataclasses
from collections.abc import Iterator, Sequence

from django.db import IntegrityError, transaction

from billing.drivers import registry
from billing.enums import Provider
from billing.models import ExternalPrice, Plan, Price
from billing.selectors import plans
from billing.services.price_map import Entry
from billing.types import PriceSpec


class LinkRefused(Exception):
    """A price can't get this name; the message says which part of the configuration is wrong."""


@dataclasses.dataclass(frozen=True, slots=True)
class Linked:
    """What became of one entry of the price map. `problem` says why one was left alone."""

    key: str
    external_id: str
    changed: bool
    problem: str = ""


def apply_price_map(*, entries: Sequence[Entry], provider: Provider) -> list[Linked]:
    """Write down what the provider calls our prices, as the configuration has it: all or nothing.

    Raises:
        LinkRefused: an entry names no price on sale, or an id that belongs to another price.
    """
    with transaction.atomic():
        prices = [find_price(entry) for entry in entries]
        # Outdated names go first, so that two prices can swap theirs.
        for entry, price in zip(entries, prices, strict=True):
            old = ExternalPrice.objects.filter(price=price, provider=provider)
            old.exclude(external_id=entry.external_id).delete()
        return [_link(entry, price, provider) for entry, price in zip(entries, prices, strict=True)]


def find_price(entry: Entry) -> Price:
    """Return the price on sale that an entry of the map names.

    Raises:
        LinkRefused: there is none, or more than one.
    """
    found = plans.find_prices(
        code=entry.plan, interval=entry.interval, currency=entry.currency or None
    )
    if not found and not Plan.objects.filter(code=entry.plan).exists():
        known = ", ".join(Plan.objects.values_list("code", flat=True))
        raise LinkRefused(f"{entry.key}: there is no plan {entry.plan!r} (plans: {known}).")
    if not found:
        raise LinkRefused(f"{entry.key}: {entry.plan} has no such price on sale.")
    if len(found) > 1:
        names = " or ".join(f"{entry.key}:{price.currency}" for price in found)
        raise LinkRefused(f"{entry.key}: sold in several currencies, write {names}.")
    return found[0]


def _link(entry: Entry, price: Price, provider: Provider) -> Linked:
    link, was_new = ExternalPrice.objects.select_related("price__plan_version").get_or_create(
        provider=provider, external_id=entry.external_id, defaults={"price": price}
    )
    if was_new or link.price_id == price.pk:
        return Linked(entry.key, entry.external_id, was_new)
    held, wanted = link.price.plan_version, price.plan_version
    if held.plan_id != wanted.plan_id or held.pk == wanted.pk:
        raise LinkRefused(f"{entry.key}: {entry.external_id} already belongs to {link.price}.")
    # The subscriptions to the older version carry this name; taking it away would lose them.
    problem = (
        f"{entry.external_id} belongs to version {held.version}; version {wanted.version} needs "
        "a price of its own: put its id into the map, or run push_catalogue without this entry."
    )
    return Linked(entry.key, entry.external_id, changed=False, problem=problem)


def push_prices(*, provider: Provider) -> Iterator[ExternalPrice]:
    """Give every paid price on sale a counterpart at the provider; yield the new ones.

    Each is found or created by its lookup key and written down by itself, so a run that breaks
    off is simply started again. No transaction is open during a call.

    Raises:
        DriverError: the provider refused, or can't be reached.
        LinkRefused: the provider's price already stands for another of ours.
    """
    for price in list(plans.prices_to_link(provider)):
        yield push_price(price=price, provider=provider)


def push_price(*, price: Price, provider: Provider) -> ExternalPrice:
    """Give one price a counterpart at the provider; no transaction may be open.

    Raises:
        DriverError: the provider refused, or can't be reached.
        LinkRefused: the provider's price already stands for another of ours.
    """
    reference = registry.get_driver(provider).ensure_price(_spec(price))
    values = {
        "external_id": reference.external_id,
        "external_product_id": reference.external_product_id,
    }
    try:
        with transaction.atomic():
            link, _ = ExternalPrice.objects.get_or_create(
                price=price, provider=provider, defaults=values
            )
    except IntegrityError:
        raise LinkRefused(f"{price}: {reference.external_id} stands for another.") from None
    return link


def _spec(price: Price) -> PriceSpec:
    plan, version = price.plan_version.plan, price.plan_version.version
    # What was agreed with one organization alone has a name of its own.
    agreed = f"_{price.pk.hex}" if price.organization_id else ""
    return PriceSpec(
        plan_code=plan.code,
        plan_name=plan.name,
        version=version,
        interval=price.interval,
        currency=price.currency,
        amount_minor=price.amount_minor,
        lookup_key=f"till_{plan.code}_v{version}_{price.interval}_{price.currency.lower()}{agreed}",
    )
