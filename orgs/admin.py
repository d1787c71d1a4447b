"""People, organizations, invitations and keys in the back office."""

from typing import TYPE_CHECKING

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import ReadOnlyPasswordHashField
from django.contrib.auth.models import Group

from orgs import clock, confirm
from orgs.backoffice import DeskAdmin, ReadOnlyAdmin, ReadOnlyInline
from orgs.models import ApiKey, Invitation, Membership, Organization, User
from orgs.services import api_keys

if TYPE_CHECKING:
    from django.contrib.auth.forms import (
        AdminPasswordChangeForm,
        AdminUserCreationForm,
        UserChangeForm,
    )
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    _CreationForm = AdminUserCreationForm[User]
    _ChangeForm = UserChangeForm[User]
else:
    from unfold.forms import AdminPasswordChangeForm
    from unfold.forms import UserChangeForm as _ChangeForm
    from unfold.forms import UserCreationForm as _CreationForm


class _FoldedEmail(forms.ModelForm[User]):
    """An address is the same however it was typed."""

    def clean_email(self) -> str:
        """Fold the case, and refuse an address that is taken in another one."""
        email = str(self.cleaned_data["email"]).strip().lower()
        others = User.objects.filter(email__iexact=email).exclude(pk=self.instance.pk)
        if others.exists():
            raise forms.ValidationError("Someone is already registered with this e-mail.")
        return email


class NewUserForm(_FoldedEmail, _CreationForm):
    """A new user, with or without a password."""

    class Meta:
        model = User
        fields = ("email", "full_name")


class UserForm(_FoldedEmail, _ChangeForm):
    """A user; the password is changed on a page of its own."""

    password = ReadOnlyPasswordHashField(label="Password")

    class Meta:
        model = User
        fields = (
            "email",
            "full_name",
            "password",
            "is_active",
            "is_staff",
            "is_superuser",
            "user_permissions",
        )


class MembershipOfUserInline(ReadOnlyInline[Membership, User]):
    model = Membership
    fields = ("organization", "role", "created_at")


class MemberInline(ReadOnlyInline[Membership, Organization]):
    model = Membership
    fields = ("user", "role", "created_at")


admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin[User], DeskAdmin[User]):
    form = UserForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("email", "full_name", "is_active", "is_staff", "last_login", "date_joined")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("email", "full_name")
    ordering = ("-date_joined",)
    readonly_fields = ("id", "last_login", "date_joined")
    filter_horizontal = ("user_permissions",)
    fieldsets = (
        (None, {"fields": ("id", "email", "full_name", "password")}),
        ("May", {"fields": ("is_active", "is_staff", "is_superuser", "user_permissions")}),
        ("When", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (
            None,
            {"fields": ("email", "full_name", "usable_password", "password1", "password2")},
        ),
    )
    inlines = (MembershipOfUserInline,)


@admin.register(Organization)
class OrganizationAdmin(ReadOnlyAdmin[Organization]):
    list_display = ("name", "slug", "plan_status", "email", "is_sandbox", "created_at")
    list_filter = ("plan_status", "is_sandbox")
    search_fields = ("name", "slug", "email")
    ordering = ("-created_at",)
    fields = ("id", "name", "slug", "email", "plan_status", "plan_id", "is_sandbox", "created_at")
    inlines = (MemberInline,)


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin[Membership]):
    list_display = ("user", "organization", "role", "created_at")
    list_select_related = ("user", "organization")
    list_filter = ("role",)
    search_fields = ("user__email", "organization__name", "organization__slug")
    ordering = ("-created_at",)
    fields = ("id", "user", "organization", "role", "created_at", "updated_at")


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin[Invitation]):
    """Invitations without what opens them; the mails are under "Mail"."""

    list_display = (
        "email",
        "organization",
        "role",
        "times_sent",
        "created_at",
        "expires_at",
        "accepted_at",
        "revoked_at",
    )
    list_select_related = ("organization",)
    list_filter = (
        "role",
        ("accepted_at", admin.EmptyFieldListFilter),
        ("revoked_at", admin.EmptyFieldListFilter),
    )
    search_fields = ("email", "organization__name", "organization__slug")
    ordering = ("-created_at",)
    fields = (
        "id",
        "organization",
        "email",
        "role",
        "invited_by",
        "times_sent",
        "created_at",
        "updated_at",
        "expires_at",
        "accepted_at",
        "revoked_at",
    )


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin[ApiKey]):
    """Keys by what people may know of them: never the hash."""

    list_display = ("name", "prefix", "organization", "mode", "last_used_at", "revoked_at")
    list_select_related = ("organization",)
    list_filter = ("mode", ("revoked_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "prefix", "organization__name", "organization__slug")
    ordering = ("-created_at",)
    fields = (
        "id",
        "organization",
        "name",
        "prefix",
        "mode",
        "scopes",
        "created_by",
        "created_at",
        "last_used_at",
        "revoked_at",
    )
    actions = ("revoke",)

    def has_revoke_permission(self, request: "HttpRequest") -> bool:
        """Guard the action."""
        return self.may_act(request)

    @admin.action(description="Revoke selected keys", permissions=["revoke"])
    def revoke(self, request: "HttpRequest", queryset: "QuerySet[ApiKey]") -> "HttpResponse | None":
        """End keys, after a question: whatever uses them is refused from then on."""
        working = list(queryset.filter(revoked_at=None).select_related("organization"))
        if working and not confirm.is_confirmed(request):
            return confirm.ask(
                self,
                request,
                rows=working,
                action="revoke",
                question="Whatever uses these keys is refused from then on. Revoke them for good?",
                verb="Revoke",
            )
        now = clock.now()
        revoked = [key for key in working if api_keys.revoke_api_key(key=key, now=now)]
        self.log_action(request, revoked, "Revoked.")
        messages.success(request, f"{len(revoked)} keys revoked.")
        return None
