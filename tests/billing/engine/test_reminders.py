"""Renewals of the engine's own subscriptions, announced three days ahead."""

from datetime import timedelta

import pytest
from django.core import mail

from billing.drivers.custom.driver import CustomDriver
from billing.services import reminders
from notifications import services as notifications
from tests.billing.engine.engine_steps import Clock
from tests.billing.engine.renewal_steps import Tenant, subscribe, use_driver

pytestmark = pytest.mark.django_db

NOTICE = timedelta(days=3)


def bodies(tenant: Tenant) -> tuple[str, str]:
    (row,) = tenant.mails("renewal_reminder")
    assert notifications.deliver_message(message_id=row.pk, now=tenant.now + NOTICE)
    sent = mail.outbox[-1]
    assert isinstance(sent, mail.EmailMultiAlternatives)
    return str(sent.body), str(sent.alternatives[0][0])


def test_the_sum_that_is_named_is_charged(tenant: Tenant) -> None:
    tenant.shop.clock.now = tenant.to_period_end() - NOTICE

    assert reminders.remind_of_renewals(now=tenant.now) == 1

    (row,) = tenant.mails("renewal_reminder")
    assert row.context["amount"] == "$29.00"
    tenant.to_period_end()
    tenant.run()
    assert tenant.invoices[-1].amount_paid_minor == 2900


def test_each_period_is_announced_once(tenant: Tenant) -> None:
    for _period in range(3):
        tenant.shop.clock.now = tenant.to_period_end() - NOTICE
        for _run in range(2):
            reminders.remind_of_renewals(now=tenant.now)
        tenant.to_period_end()
        tenant.run()

    assert len(tenant.mails("renewal_reminder")) == 3


def test_a_trial_has_a_mail_of_its_own(driver: object, clock: Clock) -> None:
    tenant = subscribe(driver, clock, trial_days=14)  # type: ignore[arg-type]
    clock.now = tenant.to_period_end() - NOTICE
    tenant.run()

    assert reminders.remind_of_renewals(now=clock.now) == 0
    assert len(tenant.mails("trial_ending")) == 1


def test_who_pays_by_transfer_is_told_of_the_invoice(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    driver = CustomDriver()
    use_driver(monkeypatch, driver)
    tenant = subscribe(driver, clock)
    clock.now = tenant.to_period_end() - NOTICE

    assert reminders.remind_of_renewals(now=clock.now) == 1

    for body in bodies(tenant):
        assert "We will send you an invoice over $29.00." in body
        assert "charged" not in body
