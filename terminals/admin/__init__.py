"""The back office of card readers. Importing the package registers its pages."""

from terminals.admin import payments, readers

__all__ = ["payments", "readers"]
