"""/v1/disputes. The control API opens them: see the README."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import disputing
from tests.simulators.stripe.routing import Call, listing, route
from tests.simulators.stripe.wire import merge_metadata

_KIND = "dispute"


@route("GET", "/v1/disputes/{}")
def get_dispute(call: Call) -> Json:
    """Return a dispute."""
    return call.world.store.get(_KIND, call.id)


@route("GET", "/v1/disputes")
def list_disputes(call: Call) -> Json:
    """Return disputes, by charge or by PaymentIntent."""
    store, params = call.world.store, call.params
    filters = {name: params.text(name) for name in ("charge", "payment_intent")}
    found = [
        row
        for row in store.rows(_KIND)
        if all(value in (None, row[name]) for name, value in filters.items())
    ]
    return listing(call, found, kind=_KIND)


@route("POST", "/v1/disputes/{}")
def update_dispute(call: Call) -> Json:
    """Write evidence down, and hand it in unless told to wait."""
    world, params = call.world, call.params
    dispute = world.store.get(_KIND, call.id)
    evidence = params.inside("evidence")
    submits = params.boolean("submit", default=True)
    with world.change(dispute, "charge.dispute.updated"):
        for name in disputing.EVIDENCE:
            if evidence.has(name):
                dispute["evidence"][name] = evidence.text(name)
        if evidence.data:
            dispute["evidence_details"]["has_evidence"] = True
        dispute["metadata"] = merge_metadata(dispute["metadata"], params)
        if evidence.data and submits:
            disputing.submit(world, dispute)
    disputing.decide_by_evidence(world, dispute)
    return dispute


@route("POST", "/v1/disputes/{}/close")
def close_dispute(call: Call) -> Json:
    """Give in: the dispute is lost."""
    dispute = call.world.store.get(_KIND, call.id)
    disputing.decide(call.world, dispute, won=False)
    return dispute
