"""Staff hears of an account that was stopped: once a stop, however often it was called."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.db import connections

from billing.drivers.base import DriverUnavailable
from billing.drivers.cardconnect import account_check, accounts, calls
from billing.models import MerchantAccount
from notifications import services as notifications
from notifications.models import Message
from orgs.models import Organization
from tests.billing.cardconnect.gateway_steps import open_account
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import PASSWORD, USER

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def mails() -> list[Message]:
    return list(Message.objects.filter(kind="account_stopped").order_by("created_at"))


def test_a_401_is_one_mail(simulator: CardPointeSimulator, account: MerchantAccount) -> None:
    merchant = accounts.read(account)
    simulator.add_fault("http_401", op="inquireMerchant", times=3)

    for _ in range(3):
        with pytest.raises(DriverUnavailable):
            calls.inquire_merchant(merchant)

    (message,) = mails()
    assert message.organization is None
    assert message.to == "support@till.example"


def test_the_next_stop_is_another_mail(
    simulator: CardPointeSimulator, account: MerchantAccount
) -> None:
    accounts.mark_broken(account.pk, now=NOW)
    account_check.check(account, now=NOW)
    accounts.mark_broken(account.pk, now=NOW + timedelta(hours=1))

    assert len(mails()) == 2


def test_says_what_to_do_and_no_credential(
    account: MerchantAccount, org: Organization, settings: object
) -> None:
    settings.OPERATIONS_EMAIL = "operations@till.example"  # type: ignore[attr-defined]
    theirs = open_account(org)
    accounts.mark_broken(account.pk, now=NOW)
    accounts.mark_broken(theirs.pk, now=NOW)

    for message in mails():
        assert notifications.deliver_message(message_id=message.pk, now=NOW)

    assert [sent.to for sent in mail.outbox] == [["operations@till.example"]] * 2
    bodies = []
    for sent in mail.outbox:
        assert isinstance(sent, mail.EmailMultiAlternatives)
        assert sent.subject == "CardConnect account Till (test) is stopped"
        bodies.append((str(sent.body), str(sent.alternatives[0][0])))
    for pair, seller in zip(bodies, ("the platform", "Acme"), strict=True):
        for body in pair:
            assert seller in body
            assert "1 March 2026, 12:00 UTC" in body
            assert "/admin/cardconnect/accountstate/" in body
            assert PASSWORD not in body
            assert USER not in body


@pytest.mark.django_db(transaction=True)
def test_two_calls_at_once_are_one_mail(account: MerchantAccount) -> None:
    def stop() -> None:
        try:
            accounts.mark_broken(account.pk, now=NOW)
        finally:
            connections.close_all()

    callers = [threading.Thread(target=stop) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    assert len(mails()) == 1
