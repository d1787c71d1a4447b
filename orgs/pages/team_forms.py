"""Forms of the team and its API keys."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.auth import password_validation

from orgs.models import KeyMode, Role
from orgs.permissions import Scope
from orgs.refusal_forms import ShowsRefusal
from orgs.team import ROLE_MEANINGS

_SCOPE_MEANINGS = {
    Scope.BILLING_READ: "read plans, invoices and the timeline",
    Scope.BILLING_WRITE: "start, change and end subscriptions",
    Scope.USAGE_WRITE: "report usage",
    Scope.CHECKOUT_CREATE: "open checkouts for your customers",
    Scope.TERMINALS_WRITE: "take payments at readers",
}


class RoleForm(forms.Form):
    """A role out of those that somebody may give."""

    role = forms.ChoiceField(label="Role")

    def __init__(self, *args: Any, roles: Iterable[Role], **kwargs: Any) -> None:
        """Offer these roles."""
        super().__init__(*args, **kwargs)
        self.fields["role"] = forms.ChoiceField(
            label="Role",
            choices=[(role.value, f"{role.label}: {ROLE_MEANINGS[role]}") for role in roles],
        )


class InviteForm(RoleForm, ShowsRefusal):
    """An address and the role that is offered to it."""

    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "inputmode": "email"}),
    )
    field_order = ("email", "role")


class JoinForm(ShowsRefusal):
    """Somebody new: the address is that of the invitation."""

    full_name = forms.CharField(
        label="Your name",
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        label="Password",
        max_length=128,
        strip=False,
        help_text=password_validation.password_validators_help_text_html(),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class KeyForm(ShowsRefusal):
    """A new API key."""

    name = forms.CharField(
        label="Name",
        max_length=100,
        help_text="Where the key will be used, for example “Web shop” or “Till 3”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=[(scope.value, meaning) for scope, meaning in _SCOPE_MEANINGS.items()],
        widget=forms.CheckboxSelectMultiple,
    )
    mode = forms.ChoiceField(
        label="Mode",
        choices=KeyMode.choices,
        initial=KeyMode.TEST,
    )
