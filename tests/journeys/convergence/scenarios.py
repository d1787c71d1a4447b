"""The event sets: what happens in each, in the order in which it happened."""

from datetime import timedelta

from billing.enums import Effective, Proration
from tests.journeys.convergence.stagehand import (
    ASKING,
    GOOD,
    OTHER,
    REFUSED,
    Scenario,
    Stagehand,
)

COUPON = "WELCOME"


def declined_then_paid(play: Stagehand) -> None:
    play.start("team", REFUSED)
    play.start("team", GOOD)


def confirmation_given_up(play: Stagehand) -> None:
    play.start("team", ASKING)
    play.see("incomplete")
    play.start("team", GOOD)


def confirmed_late(play: Stagehand) -> None:
    play.start("team", ASKING)
    play.confirm("fail")
    play.start("team", ASKING)
    play.confirm("pass")
    play.see("active")


def trial_to_active(play: Stagehand) -> None:
    play.start("solo", GOOD)
    play.settled()
    play.days(12, step=timedelta(days=6))
    play.past_period_end()
    play.see("active")


def upgrade_as_quoted(play: Stagehand) -> None:
    play.start("mini", GOOD)
    play.settled()
    play.days(10, step=timedelta(days=10))
    play.change("team")
    play.change("team", interval="year")


def upgrade_declined_then_confirmed(play: Stagehand) -> None:
    play.start("mini", GOOD)
    play.settled()
    play.attach_there(REFUSED)
    play.change("team")
    play.attach_there(ASKING)
    play.change("team")
    play.confirm("pass")


def seats_on_the_next_invoice(play: Stagehand) -> None:
    play.start("team", GOOD, seats=2)
    play.settled()
    play.days(5, step=timedelta(days=5))
    play.change(seats=5, proration=Proration.NEXT_INVOICE)
    play.change(seats=3, proration=Proration.NEXT_INVOICE)
    play.past_period_end()


def downgrade_at_period_end(play: Stagehand) -> None:
    play.start("team", GOOD)
    play.settled()
    play.change("mini", seats=2, effective=Effective.PERIOD_END, proration=Proration.NONE)
    play.withdraw()
    play.change("mini", effective=Effective.PERIOD_END)
    play.past_period_end()


def failed_renewal_recovered(play: Stagehand) -> None:
    play.start("team", GOOD)
    play.settled()
    play.attach_there(REFUSED)
    play.past_period_end()
    play.see("past_due")
    play.days(4, step=timedelta(days=1))
    play.use_card(OTHER)
    play.see("active")


def dunning_to_the_end(play: Stagehand) -> None:
    play.start("team", GOOD)
    play.settled()
    play.attach_there(REFUSED)
    play.past_period_end()
    play.pay_overdue()
    play.see("past_due")
    play.days(20, step=timedelta(days=1))
    play.see("canceled")


def dunning_to_unpaid(play: Stagehand) -> None:
    play.outside_settings(after_retries="unpaid")
    play.start("team", GOOD)
    play.settled()
    play.attach_there(REFUSED)
    play.past_period_end()
    play.days(17, step=timedelta(days=1))
    play.see("unpaid")
    play.outside_settings(after_retries="canceled")
    play.use_card(GOOD)
    play.see("active")


def paused_and_resumed(play: Stagehand) -> None:
    play.start("team", GOOD)
    play.settled()
    play.pause()
    play.past_period_end()
    play.resume()
    play.past_period_end()


def kept_after_all(play: Stagehand) -> None:
    play.start("team", GOOD)
    play.settled()
    play.cancel(Effective.PERIOD_END)
    play.resume()
    play.cancel(Effective.PERIOD_END)
    play.past_period_end()
    play.see("canceled")


def ended_and_back(play: Stagehand) -> None:
    play.start("mini", GOOD)
    play.cancel(Effective.NOW)
    play.start("team", OTHER)


def discounted_for_a_while(play: Stagehand) -> None:
    play.start("team", GOOD, coupon=COUPON)
    play.settled()
    play.past_period_end()
    play.past_period_end()


def refunded_and_disputed(play: Stagehand) -> None:
    play.start("team", GOOD)
    play.settled()
    charge = play.newest("charge")["id"]
    invoice = play.newest("invoice")["id"]
    play.post("/v1/refunds", {"charge": charge, "amount": 500})
    play.post("/v1/refunds", {"charge": charge, "amount": 700})
    play.post("/v1/credit_notes", {"invoice": invoice, "amount": 300, "credit_amount": 300})
    play.outside(lambda stripe: stripe.dispute(charge))
    dispute = play.newest_dispute()
    play.outside(lambda stripe: stripe.decide_dispute(dispute, "won"))


def disputed_and_lost(play: Stagehand) -> None:
    play.start("mini", GOOD)
    play.settled()
    charge = play.newest("charge")["id"]
    play.outside(lambda stripe: stripe.dispute(charge))
    dispute = play.newest_dispute()
    play.outside(lambda stripe: stripe.decide_dispute(dispute, "lost"))
    play.cancel(Effective.NOW)


def two_cards(play: Stagehand) -> None:
    play.start("team", GOOD)
    play.settled()
    play.use_card(OTHER, set_default=False)
    play.make_default("mastercard")
    play.remove_card("visa")
    play.use_card(GOOD)


def portal_at_work(play: Stagehand) -> None:
    """Everything done by others: the provider's dashboard and portal, without a call of ours."""
    play.start("team", GOOD)
    play.settled()
    path = f"/v1/subscriptions/{play.external_id}"
    item = play.item()
    play.post(path, {"items[0][id]": item, "items[0][quantity]": 4})
    play.post(path, {"cancel_at_period_end": "true"})
    play.post(path, {"cancel_at_period_end": "false"})
    play.post(path, {"pause_collection[behavior]": "void"})
    play.post(path, {"pause_collection": ""})
    play.attach_there(OTHER)
    play.past_period_end()
    play.outside(lambda stripe: stripe.api("DELETE", path))


SCENARIOS: dict[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        declined_then_paid,
        confirmation_given_up,
        confirmed_late,
        trial_to_active,
        upgrade_as_quoted,
        upgrade_declined_then_confirmed,
        seats_on_the_next_invoice,
        downgrade_at_period_end,
        failed_renewal_recovered,
        dunning_to_the_end,
        dunning_to_unpaid,
        paused_and_resumed,
        kept_after_all,
        ended_and_back,
        discounted_for_a_while,
        refunded_and_disputed,
        disputed_and_lost,
        two_cards,
        portal_at_work,
    )
}
