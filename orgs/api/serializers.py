"""Bases of what the API takes, and the shapes of this app."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers


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
