"""What beat does for the gateway. Every job is idempotent."""

from typing import Any

from celery import shared_task

from billing.drivers.cardconnect import polling, profiles
from billing.drivers.cardconnect.terminals import second_look
from orgs import clock


@shared_task(name="cardconnect.poll_accounts")
def poll_accounts(**_future: Any) -> None:
    """Ask for settlements, for payouts and chargebacks, and for changed cards."""
    polling.poll_accounts(now=clock.now())


@shared_task(name="cardconnect.send_queued_refunds")
def send_queued_refunds(**_future: Any) -> None:
    """Give back what waited for its charge to settle."""
    polling.send_queued_refunds(now=clock.now())


@shared_task(name="cardconnect.delete_unused_profiles")
def delete_unused_profiles(**_future: Any) -> None:
    """Delete cards at the gateway that nobody uses any more."""
    profiles.delete_left_over(now=clock.now())


@shared_task(name="cardconnect.look_again_at_sales")
def look_again_at_sales(**_future: Any) -> None:
    """Void what was approved at a reader besides the one approval that counts."""
    second_look.look_again(now=clock.now())
