"""What several journeys through a running subscription share."""

import re
from typing import Any

import psycopg

from config import processes
from tests.browser.visitor import Visitor

OVERVIEW = "/settings/billing"
PAY_AND_SWITCH = re.compile(r"^Pay \$\d+\.\d\d now and switch$")


def start(visitor: Visitor, plan: str = "Starter") -> None:
    """Register, pay with a good card, and get to the overview."""
    visitor.start_checkout(plan)
    visitor.pay()
    visitor.heading(f"{plan} is active")
    visitor.page.goto(OVERVIEW)
    visitor.heading("Billing")


def see_the_price(visitor: Visitor, plan: str = "Professional") -> None:
    """Choose a plan on the page of a change, and get to its price."""
    page = visitor.page
    page.goto(f"{OVERVIEW}/plan")
    visitor.heading("Change plan")
    page.get_by_role("radio", name=plan).check()
    page.get_by_role("button", name="See the price").click()
    visitor.heading(f"Change to {plan}")


def external_ids(visitor: Visitor) -> tuple[str, str]:
    """Return what Stripe calls the visitor's subscription and its payer."""
    with psycopg.connect(visitor.stack.database_url) as connection:
        row = connection.execute(
            "SELECT s.external_id, c.external_id FROM billing_subscription s"
            " JOIN billing_customer c ON c.id = s.customer_id"
            " JOIN orgs_organization o ON o.id = s.organization_id WHERE o.email = %s",
            [visitor.email],
        ).fetchone()
    assert row is not None
    return str(row[0]), str(row[1])


def status_of(visitor: Visitor) -> str:
    with psycopg.connect(visitor.stack.database_url) as connection:
        row = connection.execute(
            "SELECT s.status FROM billing_subscription s"
            " JOIN orgs_organization o ON o.id = s.organization_id WHERE o.email = %s",
            [visitor.email],
        ).fetchone()
    return str(row[0]) if row else ""


def use_card(visitor: Visitor, name: str) -> None:
    """Have Stripe charge another card, behind our back."""
    subscription, customer = external_ids(visitor)
    attached = _api(visitor, f"/v1/payment_methods/{name}/attach", {"customer": customer})
    params = {"default_payment_method": attached["id"]}
    _api(visitor, f"/v1/subscriptions/{subscription}", params)


def fall_behind(visitor: Visitor) -> None:
    """Have the next invoice come now, and the card declined; wait until the webhook told us."""
    use_card(visitor, "pm_card_chargeCustomerFail")
    subscription, _ = external_ids(visitor)
    params = {"billing_cycle_anchor": "now", "proration_behavior": "none"}
    _api(visitor, f"/v1/subscriptions/{subscription}", params)
    processes.wait_until(
        lambda: status_of(visitor) == "past_due", what="The webhook", seconds=30, children=[]
    )


def forget_cards(visitor: Visitor) -> None:
    """Have us know of no card, as between a failed payment and the news of the card it took."""
    with psycopg.connect(visitor.stack.database_url) as connection:
        connection.execute(
            "UPDATE billing_paymentmethod m SET is_default = false FROM orgs_organization o"
            " WHERE o.id = m.organization_id AND o.email = %s",
            [visitor.email],
        )


def _api(visitor: Visitor, path: str, params: dict[str, str]) -> Any:
    answer = visitor.stack.simulator.api("POST", path, params)
    assert answer.status_code == 200, answer.text
    return answer.json()
