"""The mails we send; the three templates of each are `mail/<kind>` + `.subject.txt .txt .html`."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final


class UnknownKind(LookupError):
    """The catalogue has no mail of this kind."""


class ContextIncomplete(ValueError):
    """A mail was queued without something its templates need."""


@dataclasses.dataclass(frozen=True, slots=True)
class Mail:
    """One kind of mail. `needs` are the keys its templates use; a value may be empty.

    Those in `secrets` too open something for whoever reads them, an address with a token for
    example: they are stored encrypted, and only until the mail was sent.
    """

    kind: str
    needs: frozenset[str]
    secrets: frozenset[str] = frozenset()

    def check(self, context: Mapping[str, Any]) -> None:
        """Refuse a context the templates can't work with, where it is made and not when it is sent.

        Raises:
            ContextIncomplete: a key is missing.
        """
        missing = sorted(self.needs - context.keys())
        if missing:
            raise ContextIncomplete(f"{self.kind} needs {', '.join(missing)}")

    @property
    def subject_template(self) -> str:
        """Return the template of the subject line."""
        return f"mail/{self.kind}.subject.txt"

    @property
    def text_template(self) -> str:
        """Return the template of the plain text."""
        return f"mail/{self.kind}.txt"

    @property
    def html_template(self) -> str:
        """Return the template of the HTML alternative."""
        return f"mail/{self.kind}.html"


# The specification's SubscriptionConfirmedEmail. `amount` is ready to be read ("$29.00"), dates
# too ("21 December 2026"); `discount` says what a coupon takes off it. `next_charge` is empty where
# none comes, `trial_end` where no trial is.
SUBSCRIPTION_CONFIRMED: Final = Mail(
    "subscription_confirmed",
    needs=frozenset(
        {
            "organization",
            "plan",
            "amount",
            "interval",
            "seats",
            "discount",
            "is_free",
            "trial_end",
            "next_charge",
            "manage_url",
            "support_email",
        }
    ),
)

# Some days before a trial turns into a paid subscription. `amount` is what will be charged on
# `trial_end`; `discount` says what was taken off it, empty for nothing.
TRIAL_ENDING: Final = Mail(
    "trial_ending",
    needs=frozenset(
        {
            "organization",
            "plan",
            "trial_end",
            "amount",
            "interval",
            "seats",
            "discount",
            "manage_url",
            "support_email",
        }
    ),
)

# The specification's RenewalReminder, some days before a period is paid. `amount` is what is to be
# paid then, `method` what it is charged to ("Visa ending in 4242"), empty where nothing is known;
# with `is_sent` it is not charged but sent as an invoice.
RENEWAL_REMINDER: Final = Mail(
    "renewal_reminder",
    needs=frozenset(
        {
            "organization",
            "plan",
            "renews_on",
            "amount",
            "interval",
            "seats",
            "discount",
            "method",
            "is_sent",
            "manage_url",
            "support_email",
        }
    ),
)

# An invoice, its PDF attached: paid (a receipt), or to be paid by `due` at `pay_url`; both are
# empty where nothing is to be paid (any more).
INVOICE: Final = Mail(
    "invoice",
    needs=frozenset(
        {
            "organization",
            "number",
            "amount",
            "is_paid",
            "paid_on",
            "due",
            "pay_url",
            "manage_url",
            "support_email",
        }
    ),
    secrets=frozenset({"pay_url"}),
)

# The specification's PaymentFailedEmail, the invoice attached. `next_attempt` is when the card is
# charged again, `access_until` when grace ends; either may be empty.
PAYMENT_FAILED: Final = Mail(
    "payment_failed",
    needs=frozenset(
        {
            "organization",
            "number",
            "plan",
            "amount",
            "next_attempt",
            "access_until",
            "pay_url",
            "manage_url",
            "support_email",
        }
    ),
    secrets=frozenset({"pay_url"}),
)

# An invoice that stays unpaid, before access is restricted (`access_until`) and before the
# subscription ends (`ends_on`); either may be empty. `ask` is new_card or fix_card where a card is
# needed at once, `is_sent` says that nothing was charged: the invoice was sent to be paid.
PAYMENT_REMINDER: Final = Mail(
    "payment_reminder",
    needs=frozenset(
        {
            "organization",
            "plan",
            "number",
            "amount",
            "is_sent",
            "ask",
            "access_until",
            "ends_on",
            "manage_url",
            "support_email",
        }
    ),
)

# `role` is a word and `may` what it allows; `expires` is a date to be read.
TEAM_INVITATION: Final = Mail(
    "team_invitation",
    needs=frozenset(
        {"organization", "inviter", "role", "may", "expires", "accept_url", "support_email"}
    ),
    secrets=frozenset({"accept_url"}),
)

# Somebody wants a plan that is priced individually: to our sales. `phone`, `seats` and `message`
# may be empty.
SALES_REQUEST: Final = Mail(
    "sales_request",
    needs=frozenset(
        {
            "organization",
            "plan",
            "name",
            "email",
            "phone",
            "seats",
            "message",
            "desk_url",
            "support_email",
        }
    ),
)

# The same, confirmed to whoever asked.
SALES_REQUEST_RECEIVED: Final = Mail(
    "sales_request_received",
    needs=frozenset({"organization", "plan", "name", "support_email"}),
)

# A merchant account was stopped because its credentials are refused: to operations. `seller` is the
# organization whose account it is, empty for the platform's own.
ACCOUNT_STOPPED: Final = Mail(
    "account_stopped",
    needs=frozenset({"provider", "account", "merchant_id", "mode", "seller", "since", "desk_url"}),
)

# What was paid at a reader, to whoever paid, because the till asks for it; the PDF is attached.
# `receipt` is the whole of it as plain text, in lines of one width.
TERMINAL_RECEIPT: Final = Mail(
    "terminal_receipt",
    needs=frozenset({"merchant", "number", "amount", "paid_on", "receipt", "support_email"}),
)

_MAILS = {
    mail.kind: mail
    for mail in (
        SUBSCRIPTION_CONFIRMED,
        TRIAL_ENDING,
        RENEWAL_REMINDER,
        TEAM_INVITATION,
        INVOICE,
        PAYMENT_FAILED,
        SALES_REQUEST,
        SALES_REQUEST_RECEIVED,
        PAYMENT_REMINDER,
        ACCOUNT_STOPPED,
        TERMINAL_RECEIPT,
    )
}
KINDS = tuple(_MAILS)


def get_mail(kind: str) -> Mail:
    """Return a kind's entry.

    Raises:
        UnknownKind: there is none.
    """
    try:
        return _MAILS[kind]
    except KeyError:
        raise UnknownKind(kind) from None
