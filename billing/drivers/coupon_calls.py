"""What a provider does with coupons."""

from typing import Protocol

from billing.types import CouponSpec, DiscountOffer


class CouponCalls(Protocol):
    """Our coupons at a provider, and its own. Errors as in `PaymentDriver`."""

    def ensure_coupon(self, spec: CouponSpec, *, idempotency_key: str) -> str:
        """Find our coupon at the provider or create it; return the provider's id.

        Raises:
            DriverRejected: another one is in its place (`coupon_mismatch`).
        """
        ...

    def find_discount(self, code: str) -> DiscountOffer | None:
        """Look for a code that is the provider's own, not one of ours; None if there is none."""
        ...
