"""What the tests of the page of a checkout do with it."""

import re
from typing import Any

from django.test import Client
from django.urls import reverse

from billing.models import CheckoutSession, Price
from billing.services import checkout
from orgs import clock
from orgs.models import Organization

NONCE = re.compile(r'name="nonce" value="([^"]+)"')


def open_checkout(
    organization: Organization, price: Price | None, **more: Any
) -> tuple[CheckoutSession, str]:
    """Open a checkout on our page; return it and the token in its address."""
    opened = checkout.open_hosted_page(
        organization=organization, price=price, now=clock.now(), **more
    )
    return opened.session, opened.url.partition("token=")[2]


def address_of(session: CheckoutSession, name: str = "session") -> str:
    return reverse(f"billing-checkout-{name}", args=[session.pk])


def text_of(client: Client, session: CheckoutSession) -> str:
    response = client.get(address_of(session))
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    return response.content.decode()


def pay(client: Client, session: CheckoutSession, card: str, nonce: str = "") -> str:
    """Send the form of the page; return the text of the page that follows."""
    if not nonce:
        found = NONCE.search(text_of(client, session))
        assert found is not None
        nonce = found[1]
    form = {"payment_method": card, "nonce": nonce}
    response = client.post(address_of(session), form, follow=True)
    assert response.redirect_chain == [(address_of(session), 302)]
    return response.content.decode()
