"""Money: integer minor units beside an ISO-4217 currency, never a float."""

import dataclasses
from decimal import ROUND_HALF_UP, Decimal

from babel.numbers import format_currency, get_currency_precision

# Source: https://docs.stripe.com/currencies#special-cases - charged in two decimals although the
# currency has none.
_TWO_DECIMALS_BY_PROVIDERS = frozenset({"ISK", "UGX"})


@dataclasses.dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (cents for USD, yen for JPY) and its upper-case currency."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        """Refuse what is not money, at the place that made it.

        Raises:
            TypeError: the amount is not an integer.
            ValueError: the currency is not a three-letter upper-case code.
        """
        if type(self.amount_minor) is not int:  # a bool is an int, but not an amount
            raise TypeError(f"amount_minor must be an int, not {type(self.amount_minor).__name__}")
        if len(self.currency) != 3 or not self.currency.isalpha() or not self.currency.isupper():  # noqa: PLR2004 - ISO 4217
            raise ValueError(f"not a currency code: {self.currency!r}")

    def as_decimal(self) -> str:
        """Return the amount in major units, as `29.00` or `2900` (JPY)."""
        return as_decimal(self.amount_minor, self.currency)

    def display(self, locale: str = "en_US") -> str:
        """Return the amount as a person reads it: `$29.00`."""
        return format_currency(Decimal(self.as_decimal()), self.currency, locale=locale)


def exponent(currency: str) -> int:
    """Return how many decimals the minor unit has: 2 for USD, 0 for JPY, 3 for KWD."""
    code = currency.upper()
    return 2 if code in _TWO_DECIMALS_BY_PROVIDERS else get_currency_precision(code)


def as_decimal(amount_minor: int, currency: str) -> str:
    """Return minor units as a decimal string in major units."""
    places = exponent(currency)
    return str(Decimal(amount_minor).scaleb(-places).quantize(Decimal(1).scaleb(-places)))


def to_minor(amount: Decimal, currency: str) -> int:
    """Return major units, as a person enters them, as minor units.

    Raises:
        ValueError: the currency has no such small unit.
    """
    minor = amount.scaleb(exponent(currency))
    if minor != minor.to_integral_value():
        raise ValueError(f"{currency} has {exponent(currency)} decimals")
    return int(minor)


def discount_of(amount_minor: int, *, percent_off: str = "", amount_off_minor: int = 0) -> int:
    """Return what a discount takes off an amount (minor units), never more than there is.

    What is taken off is rounded, half a unit upwards, not what is left to pay: 99 % off 19.99
    leaves 0.20, as Stripe has it. Source: https://github.com/cartalyst/stripe-laravel/issues/72
    (Stripe documents no rule for ties; its own invoice has the last word over this figure).
    """
    if not percent_off:
        return min(amount_minor, amount_off_minor)
    share = Decimal(amount_minor) * Decimal(percent_off) / 100
    return int(share.quantize(Decimal(1), ROUND_HALF_UP))


def percent_text(value: Decimal | float) -> str:
    """Return a percentage without zeros that say nothing: `20`, `12.5`."""
    return format(Decimal(str(value)).normalize(), "f")
