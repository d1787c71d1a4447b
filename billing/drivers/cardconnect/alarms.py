"""What staff is told at once, because nothing goes on without them."""

from datetime import datetime

from django.conf import settings

from billing.models import MerchantAccount
from notifications import services as notifications

KIND = "account_stopped"
_DESK_PATH = "/admin/cardconnect/accountstate"


def tell_stopped(account: MerchantAccount, *, now: datetime) -> bool:
    """Queue the mail that an account was stopped, in the caller's transaction; once for each stop.

    The platform's own account is nobody else's matter. No credential is in it, and no answer.
    """
    seller = account.organization
    queued = notifications.queue_message(
        organization=seller,
        kind=KIND,
        key=f"{account.pk}:{now.isoformat()}",
        to=settings.OPERATIONS_EMAIL,
        context={
            "provider": account.get_provider_display(),
            "account": account.label,
            "merchant_id": account.external_id,
            "mode": account.mode,
            "seller": seller.name if seller else "",
            "since": f"{now:%-d %B %Y, %H:%M} UTC",
            "desk_url": f"{settings.PUBLIC_URL}{_DESK_PATH}/",
        },
        now=now,
    )
    return queued is not None
