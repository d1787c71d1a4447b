"""The errors of the contract, for the OpenAPI document."""

from typing import Any

from rest_framework import serializers


class BillingErrorDetailOut(serializers.Serializer[Any]):
    """What went wrong: a stable code, a sentence, and the id to quote to support."""

    code = serializers.CharField()
    message = serializers.CharField()
    trace_id = serializers.CharField()
    fields = serializers.DictField(  # type: ignore[assignment] # the field, not the property
        child=serializers.ListField(child=serializers.CharField()), required=False
    )


class BillingErrorOut(serializers.Serializer[Any]):
    """Every refusal has this shape."""

    error = BillingErrorDetailOut()


def errors(*statuses: int) -> dict[int, type[BillingErrorOut]]:
    """Return the refusals an operation may answer with, by status."""
    return dict.fromkeys(statuses, BillingErrorOut)
