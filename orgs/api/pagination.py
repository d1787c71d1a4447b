"""Lists that stay right while rows are added: newest first, continued after a key."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import IntegerField, Model, Q, QuerySet
from rest_framework.request import Request

from orgs import selectors
from orgs.errors import InvalidRequest

DEFAULT_LIMIT = 20
MAX_LIMIT = 100

ModelT = TypeVar("ModelT", bound=Model)


def paginate(
    request: Request,
    rows: QuerySet[ModelT],
    represent: Callable[[list[ModelT]], Any],
    *,
    order: str = "created_at",
) -> dict[str, Any]:
    """Return `{"data": […], "next_cursor": …}` for one page, newest first.

    `order` names a datetime or integer column; ties are told apart by the primary key.

    Raises:
        InvalidRequest: `limit` or `cursor` makes no sense.
    """
    page, next_cursor = cut_page(request.query_params, [rows], order=order)
    return {"data": represent(page), "next_cursor": next_cursor}


def cut_page(
    params: Mapping[str, str],
    sources: Sequence[QuerySet[Any]],
    *,
    order: str = "created_at",
    default_limit: int = DEFAULT_LIMIT,
) -> tuple[list[Any], str | None]:
    """Return one page of several tables as one list, newest first, and the cursor of the next.

    `order` and the primary key mean the same in all of them.

    Raises:
        InvalidRequest: `limit` or `cursor` makes no sense.
    """
    limit = _limit(params.get("limit"), default_limit)
    cursor = params.get("cursor")
    found: list[Any] = []
    for rows in sources:
        remaining = _after(rows, order, *_decode(cursor)) if cursor else rows
        found += remaining.order_by(f"-{order}", "-pk")[: limit + 1]
    found.sort(key=lambda row: (getattr(row, order), row.pk), reverse=True)
    page = found[:limit]
    has_more = len(found) > limit
    return page, _encode(getattr(page[-1], order), page[-1].pk) if has_more else None


def _after(rows: QuerySet[ModelT], order: str, value: datetime | int, key: Any) -> QuerySet[ModelT]:
    column = rows.model._meta.get_field(order)  # noqa: SLF001 - Django's documented API
    if isinstance(value, int) != isinstance(column, IntegerField):
        raise _bad_cursor()
    return rows.filter(Q(**{f"{order}__lt": value}) | Q(**{order: value, "pk__lt": key}))


def _limit(text: str | None, default: int) -> int:
    if text is None:
        return default
    try:
        limit = int(text)
    except ValueError:
        limit = 0
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidRequest(fields={"limit": [f"Give a number from 1 to {MAX_LIMIT}."]})
    return limit


def _encode(value: datetime | int, key: Any) -> str:
    text = value.isoformat() if isinstance(value, datetime) else value
    pair = json.dumps([text, key if isinstance(key, int) else str(key)])
    return base64.urlsafe_b64encode(pair.encode()).decode().rstrip("=")


def _decode(cursor: str) -> tuple[datetime | int, Any]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        value, key = json.loads(base64.urlsafe_b64decode(padded.encode()))
        position = value if isinstance(value, int) else datetime.fromisoformat(value)
    except (ValueError, TypeError, binascii.Error) as error:
        raise _bad_cursor() from error
    parsed = key if isinstance(key, int) else selectors.parse_uuid(key)
    if parsed is None or (isinstance(position, datetime) and position.tzinfo is None):
        raise _bad_cursor()
    return position, parsed


def _bad_cursor() -> InvalidRequest:
    return InvalidRequest(fields={"cursor": ["This cursor is not valid."]})
