"""Stand-ins for the providers: processes of their own, spoken to over HTTP only."""

from typing import Any

Json = dict[str, Any]
