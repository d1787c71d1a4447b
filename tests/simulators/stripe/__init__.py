"""A stateful stand-in for Stripe: a process of its own, spoken to over HTTP only.

It never imports from the product, so that nothing but the wire is shared.
"""

from typing import Any

API_VERSION = "2026-08-26.dahlia"

Json = dict[str, Any]
