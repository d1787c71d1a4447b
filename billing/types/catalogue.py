"""What a provider must know to sell."""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class PriceSpec:
    """What a provider must know to sell one of our prices."""

    plan_code: str
    plan_name: str
    version: int
    interval: str
    currency: str
    amount_minor: int
    lookup_key: str


@dataclasses.dataclass(frozen=True, slots=True)
class ExternalPriceRef:
    """What a price and its product are called at the provider."""

    external_id: str
    external_product_id: str
