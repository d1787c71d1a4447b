"""A form of the back office in which staff type an amount of a known currency."""

from billing.amounts import TakesAmount
from orgs import desk_pages


class AmountForm(TakesAmount, desk_pages.DeskForm):
    """An amount, in the look of the back office."""
