"""Payers, how they set up their billing, and the accounts that payments run on."""

import json
import re
from typing import Any

from django import forms
from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest

from billing.admin import gateway
from billing.enums import Provider
from billing.models import BillingProfile, Customer, MerchantAccount, PaymentMethod
from orgs.backoffice import DeskAdmin, ReadOnlyAdmin, ReadOnlyInline


class PaymentMethodInline(ReadOnlyInline[PaymentMethod, Customer]):
    """What the payer can pay with, removed ones included; never a number or a fingerprint."""

    model = PaymentMethod
    fields = ("label", "expiry", "is_default", "external_id", "created_at", "detached_at")
    show_change_link = False

    @admin.display(description="Method")
    def label(self, method: PaymentMethod) -> str:
        """Call it what the tenant sees."""
        return method.label

    @admin.display(description="Expires")
    def expiry(self, method: PaymentMethod) -> str:
        """Show its last month."""
        return method.expiry or "-"


@admin.register(Customer)
class CustomerAdmin(ReadOnlyAdmin[Customer]):
    inlines = (PaymentMethodInline,)
    list_display = ("organization", "reference", "provider", "external_id", "email", "created_at")
    list_filter = ("provider", ("external_id", admin.EmptyFieldListFilter))
    list_select_related = ("organization",)
    search_fields = (
        "external_id",
        "reference",
        "email",
        "payment_methods__external_id",
        "organization__name",
        "organization__slug",
    )
    ordering = ("-created_at",)
    fields = (
        "organization",
        "reference",
        "provider",
        "external_id",
        "email",
        "name",
        "requested_at",
        "trial_redeemed_at",
        "id",
        "created_at",
    )


_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")


class BillingProfileForm(ModelForm[BillingProfile]):
    """Hosts are entered as a JSON list."""

    def clean_allowed_return_hosts(self) -> list[str]:
        """Take only names of hosts, in lower case: no scheme, no path, no wildcard."""
        hosts = self.cleaned_data["allowed_return_hosts"] or []
        if not isinstance(hosts, list):
            raise forms.ValidationError('Not a list: ["shop.example"].')
        cleaned = [str(host).strip().lower() for host in hosts]
        for host in cleaned:
            if not _HOST.fullmatch(host):
                raise forms.ValidationError(f"{host!r} is no host.")
        return cleaned


@admin.register(BillingProfile)
class BillingProfileAdmin(DeskAdmin[BillingProfile]):
    form = BillingProfileForm
    list_display = ("organization", "allowed_return_hosts")
    list_select_related = ("organization",)
    search_fields = ("organization__name", "organization__slug")
    autocomplete_fields = ("organization",)
    fields = ("organization", "allowed_return_hosts")
    ordering = ("-created_at",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:  # noqa: ARG002 - Django's signature
        """A profile stays with its organization."""
        return ("organization",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        """Empty the list instead."""
        return False


class _SecretField(forms.CharField):
    """Goes in and never comes out: always shown empty, empty keeps what is stored."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            required=False,
            widget=forms.PasswordInput(
                render_value=False, attrs={"autocomplete": "new-password", "class": "vTextField"}
            ),
            **kwargs,
        )


class MerchantAccountForm(ModelForm[MerchantAccount]):
    """Secrets are write-only: nobody reads them here, not even whether they are right."""

    new_credentials = _SecretField(help_text="JSON. Empty keeps what is stored.")
    new_webhook_secret = _SecretField(help_text="Empty keeps what is stored.")

    def clean_new_credentials(self) -> str:
        """Take only a JSON object."""
        text = str(self.cleaned_data["new_credentials"])
        try:
            is_object = not text or isinstance(json.loads(text), dict)
        except json.JSONDecodeError:
            is_object = False
        if not is_object:
            raise forms.ValidationError("Not a JSON object.")
        return text

    def clean(self) -> dict[str, Any]:
        """Refuse credentials that could never work, before they are kept."""
        cleaned: dict[str, Any] = super().clean() or {}
        entered = str(cleaned.get("new_credentials") or "")
        if entered and cleaned.get("provider") == Provider.CARDCONNECT:
            try:
                merchid = gateway.merchid_of(entered, mode=str(cleaned.get("mode", "")))
            except gateway.CredentialsInvalid as error:
                self.add_error("new_credentials", str(error))
            else:
                # Callbacks name the account by it.
                cleaned["external_id"] = merchid
        return cleaned


@admin.register(MerchantAccount)
class MerchantAccountAdmin(DeskAdmin[MerchantAccount]):
    form = MerchantAccountForm
    list_display = ("label", "organization", "provider", "mode", "external_id", "is_active")
    list_filter = ("provider", "mode", "is_active", ("organization", admin.EmptyFieldListFilter))
    list_select_related = ("organization",)
    search_fields = ("label", "external_id", "organization__name", "organization__slug")
    autocomplete_fields = ("organization",)
    readonly_fields = ("id", "has_credentials", "has_webhook_secret")
    fields = (
        "label",
        "organization",
        "provider",
        "mode",
        "external_id",
        "is_active",
        "has_credentials",
        "new_credentials",
        "has_webhook_secret",
        "new_webhook_secret",
        "id",
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        """Switch it off instead: webhooks of its past payments may still arrive."""
        return False

    def save_model(
        self,
        request: HttpRequest,
        obj: MerchantAccount,
        form: forms.Form,
        change: bool,  # noqa: FBT001 - Django's signature
    ) -> None:
        """Replace only the secrets that were entered."""
        for name in ("credentials", "webhook_secret"):
            entered = form.cleaned_data.get(f"new_{name}")
            if entered:
                setattr(obj, name, entered)
        super().save_model(request, obj, form, change)

    @admin.display(description="Credentials stored", boolean=True)
    def has_credentials(self, account: MerchantAccount) -> bool:
        """Say whether there are any."""
        return bool(account.credentials)

    @admin.display(description="Webhook secret stored", boolean=True)
    def has_webhook_secret(self, account: MerchantAccount) -> bool:
        """Say whether there is one."""
        return bool(account.webhook_secret)
