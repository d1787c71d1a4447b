"""The gateway's side of things for staff: never a token, never a profile."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from billing.drivers.cardconnect import account_check, accounts
from billing.drivers.cardconnect.models import (
    AccountState,
    FundingReport,
    GatewayProfile,
    GatewayReversal,
    GatewayTransaction,
    StoredCard,
)
from billing.enums import Provider
from billing.models import MerchantAccount
from billing.money import Money
from orgs.backoffice import ReadOnlyAdmin


class CredentialsInvalid(ValueError):
    """What was entered can't be the credentials of an account. Says which field."""


def merchid_of(credentials: str, *, mode: str) -> str:
    """Return the merchant ID of credentials that are to be stored.

    Raises:
        CredentialsInvalid: a field is missing, or can't be right in this mode.
    """
    entered = MerchantAccount(provider=Provider.CARDCONNECT, mode=mode, credentials=credentials)
    try:
        return accounts.read(entered).merchid
    except accounts.AccountInvalid as error:
        raise CredentialsInvalid(f"{error} is missing, or can't be right.") from error


@admin.register(AccountState)
class AccountStateAdmin(ReadOnlyAdmin[AccountState]):
    actions = ("check_now",)
    list_display = ("account", "broken_at", "checked_at", "polled_at")
    list_filter = (("broken_at", admin.EmptyFieldListFilter),)
    list_select_related = ("account",)
    search_fields = ("account__label", "account__external_id")
    fields = (
        "account",
        "broken_at",
        "checked_at",
        "polled_at",
        "funding_read_until",
        "updates_read_at",
        "facts",
        "id",
        "created_at",
    )
    ordering = ("-broken_at", "-created_at")

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Guard the action."""
        return self.may_act(request)

    @admin.action(description="Check with the gateway, and let it go on", permissions=["act"])
    def check_now(self, request: HttpRequest, queryset: QuerySet[AccountState]) -> None:
        """Ask the gateway for each account; one that is fine goes on."""
        for state in queryset.select_related("account"):
            try:
                account_check.check(state.account, now=timezone.now())
            except account_check.AccountRefused as error:
                self.message_user(request, f"{state.account}: {error}", messages.ERROR)
                continue
            self.log_action(request, [state], "Checked with the gateway.")
            self.message_user(request, f"{state.account}: fine.", messages.SUCCESS)


@admin.register(StoredCard)
class StoredCardAdmin(ReadOnlyAdmin[StoredCard]):
    list_display = ("external_id", "organization", "payer_id", "profile", "detached_at")
    list_filter = (("detached_at", admin.EmptyFieldListFilter),)
    list_select_related = ("organization", "profile")
    search_fields = ("external_id", "payer_id", "organization__name", "organization__slug")
    fields = (
        "external_id",
        "organization",
        "payer_id",
        "profile",
        "detached_at",
        "id",
        "created_at",
    )
    ordering = ("-created_at",)


@admin.register(GatewayProfile)
class GatewayProfileAdmin(ReadOnlyAdmin[GatewayProfile]):
    list_display = ("brand", "last4", "exp_month", "exp_year", "account", "unused_since", "gone_at")
    list_filter = ("brand", ("gone_at", admin.EmptyFieldListFilter))
    list_select_related = ("account",)
    search_fields = ("cards__external_id",)
    fields = (
        "account",
        "brand",
        "last4",
        "exp_month",
        "exp_year",
        "unused_since",
        "gone_at",
        "id",
        "created_at",
    )
    ordering = ("-created_at",)


@admin.register(GatewayTransaction)
class GatewayTransactionAdmin(ReadOnlyAdmin[GatewayTransaction]):
    list_display = ("reference", "organization", "kind", "state", "amount", "retref", "decided_at")
    list_filter = ("kind", "state")
    list_select_related = ("organization",)
    search_fields = ("reference", "retref", "organization__name", "organization__slug")
    fields = (
        "reference",
        "organization",
        "account",
        "kind",
        "state",
        "amount",
        "authorized",
        "tip",
        "retref",
        "parent_retref",
        "respproc",
        "respcode",
        "respstat",
        "authcode",
        "avsresp",
        "cvvresp",
        "setlstat",
        "batchid",
        "decided_at",
        "settled_at",
        "paid_out_on",
        "sent_at",
        "asked_at",
        "id",
        "created_at",
    )
    ordering = ("-created_at",)

    @admin.display(description="Amount")
    def amount(self, row: GatewayTransaction) -> str:
        """Show it as a person reads it."""
        return Money(row.amount_minor, row.currency).display()

    @admin.display(description="Authorized")
    def authorized(self, row: GatewayTransaction) -> str:
        """Show what a sale at a reader was approved for."""
        return Money(row.authorized_minor, row.currency).display()

    @admin.display(description="Tip")
    def tip(self, row: GatewayTransaction) -> str:
        """Show the tip in it."""
        return Money(row.tip_minor, row.currency).display()


@admin.register(GatewayReversal)
class GatewayReversalAdmin(ReadOnlyAdmin[GatewayReversal]):
    list_display = (
        "number",
        "organization",
        "kind",
        "amount",
        "reason_code",
        "opened_on",
        "won_on",
    )
    list_filter = ("kind", ("won_on", admin.EmptyFieldListFilter))
    list_select_related = ("organization",)
    search_fields = (
        "number",
        "external_id",
        "charge__reference",
        "charge__retref",
        "organization__name",
        "organization__slug",
    )
    fields = (
        "organization",
        "account",
        "charge",
        "kind",
        "number",
        "amount",
        "reason_code",
        "reason",
        "opened_on",
        "won_on",
        "external_id",
        "id",
        "created_at",
    )
    ordering = ("-opened_on", "-created_at")

    @admin.display(description="Amount")
    def amount(self, row: GatewayReversal) -> str:
        """Show it as a person reads it."""
        return Money(row.amount_minor, row.currency).display()


@admin.register(FundingReport)
class FundingReportAdmin(ReadOnlyAdmin[FundingReport]):
    list_display = ("day", "account", "net_sales", "transactions", "reversals", "unknown")
    list_filter = ("account",)
    list_select_related = ("account",)
    search_fields = ("account__label", "account__external_id", "external_id")
    fields = (
        "account",
        "day",
        "net_sales",
        "transactions",
        "reversals",
        "unknown",
        "external_id",
        "read_at",
        "id",
        "created_at",
    )
    ordering = ("-day",)
