"""API keys of an organization."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from orgs import selectors
from orgs.api.base import TenantView
from orgs.api.pagination import paginate
from orgs.api.requests import ApiRequest
from orgs.api.schema import PAGE, errors, page_of
from orgs.api.serializers import ApiKeyCreatedOut, ApiKeyIn, ApiKeyOut
from orgs.api.tenancy import current_org
from orgs.errors import NotFound
from orgs.models import KeyMode
from orgs.permissions import TEAM
from orgs.services import api_keys


class ApiKeysView(TenantView):
    """All keys of an organization."""

    access = {"GET": TEAM, "POST": TEAM}

    @extend_schema(
        tags=["Accounts"],
        operation_id="list_api_keys",
        parameters=PAGE,
        responses={200: page_of(ApiKeyOut), **errors(400, 401, 403, 404)},
    )
    def get(self, request: ApiRequest) -> Response:
        """List the keys, revoked ones too."""
        rows = selectors.keys_of(current_org(request))
        return Response(paginate(request, rows, lambda keys: ApiKeyOut(keys, many=True).data))

    @extend_schema(
        tags=["Accounts"],
        operation_id="create_api_key",
        request=ApiKeyIn,
        responses={201: ApiKeyCreatedOut, **errors(400, 401, 403, 404, 409)},
    )
    def post(self, request: ApiRequest) -> Response:
        """Make a key; its text is in this answer and nowhere else."""
        body = ApiKeyIn(data=request.data)
        body.is_valid(raise_exception=True)
        key, token = api_keys.create_api_key(
            organization=current_org(request),
            name=body.validated_data["name"],
            scopes=body.validated_data["scopes"],
            mode=KeyMode(body.validated_data["mode"]),
            created_by=request.credential.user if request.credential else None,
        )
        answer = {**ApiKeyOut(key).data, "key": token}
        return Response(answer, status=status.HTTP_201_CREATED)


class ApiKeyView(TenantView):
    """One key."""

    access = {"DELETE": TEAM}

    @extend_schema(
        tags=["Accounts"],
        operation_id="revoke_api_key",
        responses={204: None, **errors(401, 403, 404, 409)},
    )
    def delete(self, request: ApiRequest, key_id: str) -> Response:
        """Revoke a key: it opens nothing from now on."""
        key = selectors.get_key(current_org(request), key_id)
        if key is None:
            raise NotFound
        api_keys.revoke_api_key(key=key, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)
