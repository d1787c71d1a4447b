"""What discounts take off: from lines in advance of taxes, one discount after the other."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import coupons
from tests.simulators.stripe.world import World

Share = tuple[str, int]


@dataclass(frozen=True)
class Part:
    """An amount that may be discounted: a line's, or an item's for a whole period."""

    amount: int
    product: str | None
    discountable: bool = True


def shares(
    world: World, parts: list[Part], discounts: list[Json], currency: str
) -> list[list[Share]]:
    """Return what each discount takes off each part; the next one sees what is left."""
    left = [part.amount for part in parts]
    found: list[list[Share]] = [[] for _ in parts]
    for discount in discounts:
        coupon = coupons.coupon_of(world, discount)
        for index, taken in _taken(world, coupon, parts, left, currency).items():
            left[index] -= taken
            found[index].append((discount["id"], taken))
    return found


def foreseen(
    world: World, parts: list[Part], redemptions: list[coupons.Redemption], currency: str
) -> list[int]:
    """Return what discounts that are not redeemed yet would take off each part."""
    left = [part.amount for part in parts]
    for redemption in redemptions:
        for index, taken in _taken(world, redemption.coupon, parts, left, currency).items():
            left[index] -= taken
    return [part.amount - rest for part, rest in zip(parts, left, strict=True)]


def _taken(
    world: World, coupon: Json, parts: list[Part], left: list[int], currency: str
) -> dict[int, int]:
    products = (coupons.terms_of(world, coupon)["applies_to"] or {}).get("products")
    chosen = [
        index
        for index, part in enumerate(parts)
        if part.discountable and left[index] > 0 and (not products or part.product in products)
    ]
    total = sum(left[index] for index in chosen)
    if total == 0:
        return {}
    if coupon["percent_off"] is not None:
        exact = Decimal(total) * Decimal(str(coupon["percent_off"])) / 100
        whole = int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    else:
        whole = min(coupons.amount_off(world, coupon, currency) or 0, total)
    return _spread(whole, {index: left[index] for index in chosen}, total)


def _spread(whole: int, weights: dict[int, int], total: int) -> dict[int, int]:
    """Spread an amount by weight to the minor unit: the largest remainders get what is over."""
    spread = {index: whole * weight // total for index, weight in weights.items()}
    over = whole - sum(spread.values())
    by_rest = sorted(weights, key=lambda index: -(whole * weights[index] % total))
    for index in by_rest[:over]:
        spread[index] += 1
    return spread


def apply(world: World, invoice: Json) -> int:
    """Write on the lines of a draft what its discounts take off; return the sum."""
    lines: list[Json] = invoice["lines"]["data"]
    discounts = [world.store.get("discount", row_id) for row_id in invoice["discounts"]]
    parts = [Part(line["amount"], _product(line), line["discountable"]) for line in lines]
    sums: dict[str, int] = {}
    for line, found in zip(
        lines, shares(world, parts, discounts, invoice["currency"]), strict=True
    ):
        line["discount_amounts"] = shown(found)
        for discount_id, amount in found:
            sums[discount_id] = sums.get(discount_id, 0) + amount
    invoice["total_discount_amounts"] = shown(list(sums.items()))
    return sum(sums.values())


def shown(found: list[Share]) -> list[Json]:
    """Return shares as Stripe shows them."""
    return [{"amount": amount, "discount": discount_id} for discount_id, amount in found]


def _product(line: Json) -> str | None:
    pricing = line["pricing"] or {}
    found: str | None = (pricing.get("price_details") or {}).get("product")
    return found


def use_up(world: World, invoice: Json) -> None:
    """Take off the discounts that held once, now that they were on an invoice."""
    used = {entry["discount"] for entry in invoice["total_discount_amounts"]}
    for entry in world.store.where("invoiceitem", "customer", invoice["customer"]):
        if entry["invoice"] == invoice["id"] and entry["proration"]:
            used |= {part["discount"] for part in entry["proration_details"]["discount_amounts"]}
    for discount_id in used:
        discount = world.store.get("discount", discount_id)
        if coupons.coupon_of(world, discount)["duration"] == "once":
            coupons.take_off(world, discount)
