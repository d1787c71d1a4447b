"""/v1/subscription_schedules: changes of a subscription that are planned in phases."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import changing, ending, phasing, schedules, standing
from tests.simulators.stripe.errors import Refusal, missing
from tests.simulators.stripe.resources.customers import live_customer
from tests.simulators.stripe.resources.schedule_phases import phases_asked_for
from tests.simulators.stripe.resources.subscription_changes import PRORATIONS
from tests.simulators.stripe.routing import Call, in_range, listing, route
from tests.simulators.stripe.wire import Params, merge_metadata
from tests.simulators.stripe.world import World

_KIND = schedules.KIND
_ENDS = ("release", "cancel")


@route("POST", "/v1/subscription_schedules")
def create_schedule(call: Call) -> Json:
    """Plan a subscription's phases, or take a running subscription over."""
    world, params = call.world, call.params
    source = params.text("from_subscription")
    if source is not None:
        return _take_over(world, params, source)
    customer = live_customer(world, params.need("customer"), param="customer")
    start = params.text("start_date")
    if start is None:
        raise missing("start_date")
    begins = world.now() if start == "now" else params.integer("start_date") or 0
    if begins < world.now():
        raise Refusal("A schedule cannot be backdated here.", param="start_date")
    wishes = phases_asked_for(world, params, customer)
    schedule = schedules.make(
        world,
        customer=customer,
        phases=schedules.phases_of(world, wishes, begins),
        end_behavior=params.choice("end_behavior", _ENDS, "release"),
        metadata=merge_metadata({}, params),
        subscription=None,
    )
    _set_defaults(schedule, params.inside("default_settings"))
    phasing.turn(world, schedule)
    return schedule


def _take_over(world: World, params: Params, subscription_id: str) -> Json:
    for name in ("phases", "customer", "start_date"):
        if params.has(name):
            raise Refusal(
                f"You cannot set `{name}` if `from_subscription` is set.",
                param=name,
            )
    subscription = world.store.get("subscription", subscription_id, param="from_subscription")
    world.follow_clock_of(subscription)
    if subscription["status"] in (*standing.ENDED, "incomplete"):
        raise Refusal(
            "You cannot migrate a subscription that is "
            f"`{subscription['status']}` to a subscription schedule.",
            param="from_subscription",
        )
    if subscription["schedule"] is not None:
        raise Refusal(
            "You cannot migrate a subscription that is already attached to a schedule: "
            f"{subscription['schedule']}.",
            param="from_subscription",
        )
    start = min(item["current_period_start"] for item in subscription["items"]["data"])
    planned = subscription["cancel_at"]
    phase = schedules.make_phase(
        items=schedules.items_of(subscription),
        currency=subscription["currency"],
        start=start,
        end=planned or standing.period_end(subscription),
        details={
            "discounts": [
                schedules.phase_discount(discount=row_id) for row_id in subscription["discounts"]
            ],
            "trial_end": subscription["trial_end"]
            if subscription["status"] == "trialing"
            else None,
        },
    )
    with world.change(subscription, standing.UPDATED):
        return schedules.make(
            world,
            customer=world.store.get("customer", subscription["customer"]),
            phases=[phase],
            end_behavior=params.choice("end_behavior", _ENDS, "cancel" if planned else "release"),
            metadata=merge_metadata({}, params),
            subscription=subscription,
        )


def _set_defaults(schedule: Json, params: Params) -> None:
    settings = schedule["default_settings"]
    for field in ("collection_method", "default_payment_method", "description"):
        if params.has(field):
            settings[field] = params.text(field)
    days = params.inside("invoice_settings").integer("days_until_due")
    if days is not None:
        settings["invoice_settings"]["days_until_due"] = days


@route("GET", "/v1/subscription_schedules/{}")
def get_schedule(call: Call) -> Json:
    """Return a schedule."""
    return call.world.store.get(_KIND, call.id)


@route("GET", "/v1/subscription_schedules")
def list_schedules(call: Call) -> Json:
    """Return schedules, by customer, state and dates."""
    store, params = call.world.store, call.params
    customer = params.text("customer")
    rows = store.where(_KIND, "customer", customer) if customer else store.rows(_KIND)
    scheduled = params.boolean("scheduled") if params.has("scheduled") else None
    found = [
        row
        for row in rows
        if scheduled in (None, row["status"] == "not_started")
        and all(
            not params.has(field)
            or (row[field] is not None and in_range(params, field, row[field]))
            for field in ("canceled_at", "completed_at", "released_at")
        )
    ]
    return listing(call, found, kind=_KIND)


def _running(call: Call, what: str) -> Json:
    schedule = call.world.store.get(_KIND, call.id)
    call.world.follow_clock_of(schedule)
    if schedule["status"] not in schedules.RUNNING:
        raise Refusal(
            f"You cannot {what} a subscription schedule that is currently in the "
            f"`{schedule['status']}` status. It must be in one of the `not_started` or `active` "
            "statuses."
        )
    return schedule


@route("POST", "/v1/subscription_schedules/{}")
def update_schedule(call: Call) -> Json:
    """Change the phases: those to come, and the running one."""
    world, params = call.world, call.params
    schedule = _running(call, "update")
    phases = _replaced(world, schedule, params) if params.has("phases") else None
    proration = params.choice("proration_behavior", PRORATIONS, PRORATIONS[0])
    with world.change(schedule, f"{_KIND}.updated"):
        if params.has("end_behavior"):
            schedule["end_behavior"] = params.choice("end_behavior", _ENDS, "release")
        schedule["metadata"] = merge_metadata(schedule["metadata"], params)
        _set_defaults(schedule, params.inside("default_settings"))
        if phases is not None:
            schedule["phases"] = phases
            _follow_phases(world, schedule, proration)
    if phases is not None:
        schedules.note_dates(world, schedule)
        phasing.turn(world, schedule)
    return schedule


def _replaced(world: World, schedule: Json, params: Params) -> list[Json]:
    """Return the new phases; past ones may be left out, the running one may not."""
    customer = world.store.get("customer", schedule["customer"])
    wishes = phases_asked_for(world, params, customer)
    start = wishes[0].start
    current = schedule["current_phase"]
    if start is None:
        if current is not None:
            raise missing("phases[0][start_date]")
        start = schedule["phases"][0]["start_date"]
    phases = schedules.phases_of(world, wishes, start)
    now = world.now()
    if current is not None and all(
        phase["start_date"] != current["start_date"] for phase in phases
    ):
        raise Refusal(
            "The current phase has to be among the phases: its start_date is "
            f"{current['start_date']}.",
            param="phases",
        )
    if phases[-1]["end_date"] <= now:
        raise Refusal("The last phase must end in the future.", param="phases")
    past = [phase for phase in schedule["phases"] if phase["end_date"] <= start]
    return [*past, *phases]


def _follow_phases(world: World, schedule: Json, proration: str) -> None:
    """Let the running phase take effect if the update changed it."""
    phase = schedules.phase_at(schedule, world.now())
    current = schedule["current_phase"]
    subscription = world.store.find("subscription", schedule["subscription"] or "")
    if phase is None or current is None or subscription is None:
        return
    if phase["start_date"] == current["start_date"]:
        schedules.enter(schedule, phase)
        if phasing.differs(subscription, phase):
            phasing.apply(world, subscription, {**phase, "trial_end": None}, proration=proration)


@route("POST", "/v1/subscription_schedules/{}/release")
def release_schedule(call: Call) -> Json:
    """Let go of the subscription."""
    schedule = _running(call, "release")
    call.params.boolean("preserve_cancel_date")
    schedules.release(call.world, schedule)
    return schedule


@route("POST", "/v1/subscription_schedules/{}/cancel")
def cancel_schedule(call: Call) -> Json:
    """Cancel the schedule, and its subscription at once."""
    world, params = call.world, call.params
    schedule = _running(call, "cancel")
    prorate = params.boolean("prorate", default=True)
    invoice_now = params.boolean("invoice_now", default=True)
    subscription = world.store.find("subscription", schedule["subscription"] or "")
    if subscription is None:
        schedules.close(world, schedule, "canceled")
        return schedule
    last = ending.cancel(world, subscription, prorate=prorate, invoice_now=invoice_now)
    if last is not None:
        changing.collect_bill(
            world, subscription, last, off_session=True, behavior="allow_incomplete"
        )
    return schedule
