"""What several journeys through the checkout share."""

import re

import psycopg

from tests.browser.visitor import (
    Visitor,
)

AT_STRIPE = re.compile("^Pay on Stripe.s own page$")


WITHOUT_A_QUERY = re.compile(r"/settings/billing/checkout/[0-9a-f-]{36}$")


def subscriptions_of(visitor: Visitor) -> int:
    """Count what was started for the visitor's organization."""
    with psycopg.connect(visitor.stack.database_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM billing_subscription s JOIN orgs_organization o"
            " ON o.id = s.organization_id WHERE o.email = %s",
            [visitor.email],
        ).fetchone()
    assert row is not None
    return int(row[0])
