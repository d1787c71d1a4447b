"""What the tests of the admin do with its pages, and rows of the mirror to look at."""

from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse


def mirrored(name: str, **values: Any) -> Model:
    row: Model = apps.get_model("djstripe", name)._default_manager.create(livemode=False, **values)
    return row


def mirrored_invoice() -> Model:
    number = apps.get_model("djstripe", "Invoice").objects.count()
    data = {"status": "paid", "number": f"A-{number}", "total": 2900, "currency": "usd"}
    return mirrored("Invoice", id=f"in_{number}", stripe_data=data, customer=mirrored_customer())


def mirrored_customer() -> Model:
    number = apps.get_model("djstripe", "Customer").objects.count()
    return mirrored("Customer", id=f"cus_{number}", email="a@acme.example", stripe_data={})


def opened(client: Client, url: str) -> tuple[str, int]:
    with CaptureQueriesContext(connection) as queries:
        response = client.get(url)
    assert response.status_code == 200, url
    return response.content.decode(), len(queries)


def act(client: Client, model: str, action: str, *rows: Any, **more: str) -> Any:
    data = {"action": action, "_selected_action": [str(row.pk) for row in rows], **more}
    return client.post(reverse(f"admin:{model}_changelist"), data, follow=True)
