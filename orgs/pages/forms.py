"""Forms of signing up, signing in and choosing a new password."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.contrib.auth.forms import AuthenticationForm, PasswordResetForm

from orgs import selectors
from orgs.models import User
from orgs.refusal_forms import ShowsRefusal


class RegisterForm(ShowsRefusal):
    """An organization and its owner."""

    organization_name = forms.CharField(
        label="Organization",
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    full_name = forms.CharField(
        label="Your name",
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
    )
    password = forms.CharField(
        label="Password",
        max_length=128,
        strip=False,
        help_text=password_validation.password_validators_help_text_html(),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class SignInForm(AuthenticationForm):
    """E-mail and password."""

    error_messages = {
        "invalid_login": "No active account has this e-mail and password.",
        "inactive": "No active account has this e-mail and password.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Ask for an e-mail, as the label and the keyboard of a phone should know."""
        super().__init__(*args, **kwargs)
        self.fields["username"] = forms.EmailField(
            label="E-mail",
            max_length=254,
            widget=forms.EmailInput(attrs={"autocomplete": "username", "inputmode": "email"}),
        )

    def clean_username(self) -> str:
        """Fold the case: an address is the same however it was typed."""
        return str(self.cleaned_data["username"]).lower()


class ResetForm(PasswordResetForm):
    """Where to send the link."""

    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
    )

    def get_users(self, email: str) -> Iterable[User]:
        """Find the active user with this e-mail, whatever its case."""
        user = selectors.get_user_by_email(email)
        return [user] if user is not None and user.is_active else []
