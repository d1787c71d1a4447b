"""What the mails about unpaid invoices say."""

from datetime import timedelta

import pytest
from django.core import mail

from billing.drivers.custom.driver import CustomDriver
from billing.engine.rails import ChargeResult, DeclineKind
from notifications import services as notifications
from tests.billing.engine.engine_steps import Clock
from tests.billing.engine.renewal_steps import Tenant, make_policy, subscribe, use_driver
from tests.billing.engine.scripted_rail import DECLINED

pytestmark = pytest.mark.django_db

STOLEN = ChargeResult("failed", decline_code="stolen_card", decline_kind=DeclineKind.HARD)
EXPIRED = ChargeResult("failed", decline_code="expired_card", decline_kind=DeclineKind.FIX_DATA)


def said(tenant: Tenant) -> tuple[str, str, str]:
    """Deliver the last reminder; return its subject, its text and its HTML."""
    row = tenant.mails("payment_reminder")[-1]
    assert notifications.deliver_message(message_id=row.pk, now=tenant.now + timedelta(days=1))
    sent = mail.outbox[-1]
    assert isinstance(sent, mail.EmailMultiAlternatives)
    return str(sent.subject), str(sent.body), str(sent.alternatives[0][0])


def refuse(tenant: Tenant, answer: ChargeResult) -> None:
    tenant.to_period_end()
    tenant.rail.answers = [answer]
    tenant.run()


class TestReminder:
    @pytest.mark.parametrize(
        ("answer", "words"),
        [(STOLEN, "please give us another one"), (EXPIRED, "often its expiry date")],
        ids=["another card", "another date"],
    )
    def test_it_asks_for_a_card_and_never_says_what_the_bank_said(
        self, tenant: Tenant, answer: ChargeResult, words: str
    ) -> None:
        refuse(tenant, answer)

        subject, text, html = said(tenant)

        assert subject == f"We need another card for {tenant.plan.name}"
        for body in (text, html):
            assert words in body
            assert "$29.00" in body
            assert "You can go on working until 7 March 2026." in body
            assert "/settings/billing/payment-methods" in body
            assert answer.decline_code not in body

    def test_it_announces_the_restriction(self, tenant: Tenant) -> None:
        make_policy(tenant.plan, retry_days=[], notice_days=[3])
        refuse(tenant, DECLINED)
        tenant.run(days=3)

        subject, text, _html = said(tenant)

        assert subject.endswith("over $29.00 is not paid yet")
        assert "You can go on working until 7 March 2026." in text
        assert "ends." not in text

    def test_it_announces_the_end(self, tenant: Tenant) -> None:
        make_policy(tenant.plan, retry_days=[], notice_days=[], last_notice_day=10, cancel_day=14)
        refuse(tenant, DECLINED)
        tenant.run(days=10)

        _subject, text, html = said(tenant)

        for body in (text, html):
            assert "Access is restricted until the invoice is paid." in body
            assert f"If it is still open on 14 March 2026, {tenant.plan.name} ends." in body

    def test_who_pays_by_transfer_is_not_asked_for_a_card(
        self, monkeypatch: pytest.MonkeyPatch, clock: Clock
    ) -> None:
        driver = CustomDriver()
        use_driver(monkeypatch, driver)
        enterprise = subscribe(driver, clock)
        due_at = enterprise.invoices[0].due_at
        assert due_at is not None
        clock.now = due_at
        enterprise.run()
        enterprise.run(days=3)

        _subject, text, html = said(enterprise)

        for body in (text, html):
            assert "Our bank details are on the invoice." in body
            assert "Update your card" not in body
