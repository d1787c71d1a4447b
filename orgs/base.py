"""Shared bases of our tables."""

import functools
import uuid
from typing import Any, Self, TypeVar

from django.db import connections, models, router
from django.db.models.expressions import Col
from django.utils import timezone

from orgs import crypto

ModelT_co = TypeVar("ModelT_co", bound=models.Model, covariant=True)


class TenantQuerySet(models.QuerySet[ModelT_co]):
    """Rows that belong to an organization; every read starts with `for_org`."""

    def for_org(self, organization: models.Model) -> Self:
        """Keep the rows of one organization."""
        return self.filter(organization_id=organization.pk)


class BaseModel(models.Model):
    """A UUID key and the two timestamps."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(auto_now_add=True, editable=False)
    updated_at = models.DateTimeField(auto_now=True, editable=False)

    class Meta:
        abstract = True


def insert_once(row: models.Model) -> bool:
    """Insert a new row unless a constraint knows one like it; say whether it went in.

    One statement, and no savepoint: of two that come at once, the constraint decides.
    """
    connection = connections[router.db_for_write(type(row), instance=row)]
    fields = row._meta.concrete_fields  # noqa: SLF001 - Django's name for a documented API
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.column or "") for field in fields)
    places = ", ".join(["%s"] * len(fields))
    values = [
        field.get_db_prep_save(field.pre_save(row, add=True), connection=connection)
        for field in fields
    ]
    table = quote(row._meta.db_table)  # noqa: SLF001 - as above
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) VALUES ({places}) ON CONFLICT DO NOTHING",  # noqa: S608 - names of our own
            values,
        )
        return bool(cursor.rowcount)


def rows_where(model: type[ModelT_co], condition: str, *values: Any) -> list[ModelT_co]:
    """Return rows by a condition in SQL, a constant of the caller's: for reads of every event.

    Django takes longer to compose such a query than PostgreSQL to answer it.
    """
    names, columns, converters = _columns(model)
    table = f'"{model._meta.db_table}"'  # noqa: SLF001 - as above
    connection = connections[router.db_for_read(model)]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {table} WHERE {condition}", values)  # noqa: S608 - see the docstring
        rows = [list(row) for row in cursor.fetchall()]
    for index, column, convert in converters:
        for row in rows:
            row[index] = convert(row[index], column, connection)
    return [model.from_db(connection.alias, names, row) for row in rows]


@functools.cache
def _columns(model: type[models.Model]) -> tuple[list[str], str, list[tuple[int, Col, Any]]]:
    """Return a table's attributes, its columns for a SELECT, and which values are converted how."""
    connection = connections[router.db_for_read(model)]
    fields = model._meta.concrete_fields  # noqa: SLF001 - as above
    own = [Col(model._meta.db_table, field) for field in fields]  # noqa: SLF001 - as above
    converters = [
        (index, column, convert)
        for index, column in enumerate(own)
        for convert in [
            *connection.ops.get_db_converters(column),
            *column.target.get_db_converters(connection),
        ]
    ]
    columns = ", ".join(connection.ops.quote_name(field.column or "") for field in fields)
    return [field.attname for field in fields], columns, converters


def values_of(row: models.Model) -> dict[str, Any]:
    """Return what the columns of a row hold."""
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}  # noqa: SLF001 - as above


def save_changes(row: BaseModel, *, since: dict[str, Any]) -> None:
    """Write the columns that differ from what `values_of` returned; nothing if none does.

    As `rows_where`: composed here, for writes of every event; `save` and its signals are not run.
    """
    if values_of(row) == since:
        return
    row.updated_at = timezone.now()
    connection = connections[router.db_for_write(type(row), instance=row)]
    changed = [
        (field.column, field.get_db_prep_save(getattr(row, field.attname), connection))
        for field in row._meta.concrete_fields  # noqa: SLF001 - as above
        if getattr(row, field.attname) != since[field.attname]
    ]
    places = ", ".join(f"{connection.ops.quote_name(column or '')} = %s" for column, _ in changed)
    table = f'"{row._meta.db_table}"'  # noqa: SLF001 - as above
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {places} WHERE id = %s",  # noqa: S608 - names of our own
            [*(value for _, value in changed), row.pk],
        )


class EncryptedTextField(models.BinaryField):  # type: ignore[type-arg]
    """Text that is readable in Python and ciphertext in the database."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Never editable by default: no secret belongs into a generated form."""
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)

    def from_db_value(self, value: bytes | None, *_: object) -> str:
        """Decrypt; an empty column is an empty text."""
        return crypto.decrypt(bytes(value)).decode() if value else ""

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:  # noqa: FBT001, FBT002 - Django's signature
        """Encrypt; an empty text stays an empty column."""
        if isinstance(value, str):
            value = crypto.encrypt(value.encode()) if value else b""
        return super().get_db_prep_value(value, connection, prepared)

    def to_python(self, value: Any) -> Any:
        """Leave text alone (BinaryField would take it for base64)."""
        return value
