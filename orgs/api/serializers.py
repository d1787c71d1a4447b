"""Bases of what the API takes, and the shapes of this app."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from orgs.models import KeyMode, Membership, Organization, PlanStatus, Role, User
from orgs.permissions import Scope
from orgs.team import MemberStatus
from orgs.tokens import Pair


class StrictSerializer(serializers.Serializer[Any]):
    """Takes an object and refuses keys it does not know, each by name."""

    def to_internal_value(self, data: Any) -> Any:
        """Parse; unknown keys are reported together with whatever else is wrong."""
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        known = {name for name, field in self.fields.items() if not field.read_only}
        errors: dict[str, Any] = {
            str(name): ["This field is not known."] for name in data if name not in known
        }
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            details = error.detail
            if isinstance(details, dict):
                errors.update(details)
        else:
            if not errors:
                return value
        raise serializers.ValidationError(errors)


class RegisterIn(StrictSerializer):
    """Register an organization and its owner."""

    organization_name = serializers.CharField(max_length=200)
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=128, trim_whitespace=False)
    full_name = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class OrganizationOut(serializers.Serializer[Organization]):
    """An organization in short."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    slug = serializers.CharField()
    plan_status = serializers.ChoiceField(PlanStatus.choices)


class RegisteredUserOut(serializers.Serializer[Membership]):
    """The user that a registration made."""

    id = serializers.UUIDField(source="user.id")
    email = serializers.EmailField(source="user.email")
    role = serializers.ChoiceField(Role.choices)


class RegisterOut(serializers.Serializer[Any]):
    """What a registration made, and the token to go on with."""

    organization = OrganizationOut()
    user = RegisteredUserOut(source="membership")
    token = serializers.CharField()
    token_type = serializers.CharField(default="Bearer")
    scope = serializers.CharField(help_text="`billing:setup`")
    expires_in = serializers.IntegerField(help_text="Seconds.")


class TokenIn(StrictSerializer):
    """Sign in."""

    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=128, trim_whitespace=False)


class TokenOut(serializers.Serializer[Pair]):
    """A pair of tokens."""

    access = serializers.CharField()
    refresh = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Life of the access token in seconds.")


class TokenRefreshIn(StrictSerializer):
    """Go on being signed in."""

    refresh = serializers.CharField(max_length=2000)


class UserOut(serializers.Serializer[User]):
    """A person."""

    id = serializers.UUIDField()
    email = serializers.EmailField()
    full_name = serializers.CharField()


class MembershipOut(serializers.Serializer[Membership]):
    """A place in an organization."""

    organization = OrganizationOut()
    role = serializers.ChoiceField(Role.choices)


class MeOut(serializers.Serializer[Any]):
    """Who is asking."""

    user = UserOut(allow_null=True, help_text="null for an API key.")
    memberships = MembershipOut(many=True)
    organization = OrganizationOut(allow_null=True, help_text="null while that is open.")
    role = serializers.ChoiceField(Role.choices, allow_null=True)
    scopes = serializers.ListField(child=serializers.CharField())


class MemberIn(StrictSerializer):
    """Invite somebody."""

    email = serializers.EmailField(max_length=254)
    role = serializers.ChoiceField(Role.choices)


class MemberRoleIn(StrictSerializer):
    """Give another role."""

    role = serializers.ChoiceField(Role.choices)


class MemberOut(serializers.Serializer[Any]):
    """Somebody on a team, or invited to it."""

    id = serializers.UUIDField(help_text="Of the membership, or of the invitation.")
    status = serializers.ChoiceField(MemberStatus.choices)
    email = serializers.EmailField()
    full_name = serializers.CharField(help_text="Empty for an invitation.")
    role = serializers.ChoiceField(Role.choices)
    user_id = serializers.UUIDField(allow_null=True, help_text="null for an invitation.")
    invited_by = serializers.EmailField(allow_null=True, help_text="null for a member.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True, help_text="null for a member.")


class ApiKeyIn(StrictSerializer):
    """Make an API key."""

    name = serializers.CharField(max_length=100)
    scopes = serializers.ListField(
        child=serializers.ChoiceField([scope.value for scope in Scope]), allow_empty=False
    )
    mode = serializers.ChoiceField(KeyMode.choices, required=False, default=KeyMode.TEST)


class ApiKeyOut(serializers.Serializer[Any]):
    """An API key, without its text."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    mode = serializers.ChoiceField(KeyMode.choices)
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)


class ApiKeyCreatedOut(ApiKeyOut):
    """A new API key; `key` is never shown again."""

    key = serializers.CharField()


class ErrorDetailOut(serializers.Serializer[Any]):
    """What went wrong."""

    code = serializers.CharField(help_text="Stable, upper case.")
    message = serializers.CharField()
    trace_id = serializers.CharField(help_text="Also in the header `X-Request-ID`.")
    fields_ = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), required=False
    )

    def get_fields(self) -> dict[str, Any]:
        """Call it `fields`, a name that a serializer needs for itself."""
        declared = super().get_fields()
        declared["fields"] = declared.pop("fields_")
        return declared


class ErrorOut(serializers.Serializer[Any]):
    """The shape of every refusal."""

    error = ErrorDetailOut()
