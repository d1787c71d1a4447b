"""HTTP to the gateway: one request, never a second one by itself.

The gateway waits 31 s for the card's bank and answers after 32 s: whoever gives up earlier makes
outcomes unknown that would have been answers.
"""

import json
from datetime import datetime
from typing import Any

from billing.drivers.cardconnect import connections
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.outcome import Answer

READ_TIMEOUT_S = 45.0


def send(
    merchant: Merchant,
    method: str,
    path: str,
    *,
    body: dict[str, Any] | None = None,
    query: dict[str, str] | None = None,
    leave_by: datetime | None = None,
) -> Answer:
    """Send one request below `/cardconnect/rest/`; a lost answer is one without a status.

    Raises:
        NotSent: no connection could be made, or `leave_by` has passed.
    """
    request: dict[str, Any] = {"params": query, "auth": (merchant.user, merchant.password)}
    if body is not None:
        # The gateway takes US-ASCII only, and looks at the first of two equal names.
        request["content"] = json.dumps(body, ensure_ascii=True).encode("ascii")
        request["headers"] = {"content-type": "application/json"}
    return connections.exchange(
        "gateway",
        method,
        f"{merchant.origin}/cardconnect/rest/{path}",
        read_timeout_s=READ_TIMEOUT_S,
        leave_by=leave_by,
        **request,
    )
