"""The account updater: new numbers and expiries of cards, to be fetched by the merchant."""

import math

from tests.simulators.cardpointe import Json, tokens
from tests.simulators.cardpointe.call import Call
from tests.simulators.cardpointe.refusal import Refused
from tests.simulators.cardpointe.world import World

STATUSES = ("UPDATE", "EXPIRY", "CLOSED", "CONTAC", "NOGOOD")
_PER_PAGE = 5
_DAY_S = 24 * 3600
_ANSWERS_AFTER_S = 1800
_MAX_ENROLLED = 2000
# What the brands answer about an enrolled card, by its last four digits.
_BY_LAST_FOUR = {
    "1111": "UPDATE",
    "2222": "UPDATE",
    "3333": "EXPIRY",
    "4444": "EXPIRY",
    "5555": "CLOSED",
    "7777": "NOGOOD",
}
_NEW_CARDS = {"VISA": "4788250000121443", "MC": "5454545454545454", "DISC": "6011000995500000"}


def read(call: Call) -> Json:
    """Return a page of the updates of the last days."""
    world, query = call.world, call.query
    _run_due(call)
    since = world.now() - int(query.get("daysBack", "30")) * _DAY_S
    found = [
        row
        for row in world.store.rows("update")
        if row["merchid"] == call.merchant.merchid and row["at"] >= since
    ]
    page = max(int(query.get("page", "1")), 1)
    shown = found[(page - 1) * _PER_PAGE : page * _PER_PAGE]
    return {
        "pageNumber": page,
        "perPageSize": _PER_PAGE,
        "currentPageSize": len(shown),
        "totalPages": math.ceil(len(found) / _PER_PAGE),
        "totalUpdates": len(found),
        "updatesStartDate": world.stamp(since)[:8],
        "updatesEndDate": world.stamp()[:8],
        "updates": [_shown(row, profiles=query.get("profiles") == "true") for row in shown],
    }


def enroll(call: Call) -> Json:
    """Ask the brands about cards."""
    accounts = call.body.get("accounts")
    if not isinstance(accounts, list) or len(accounts) > _MAX_ENROLLED:
        raise Refused("34")
    enrolled, errors = [], []
    for account in accounts:
        token = str(account.get("account", ""))
        if tokens.known(call.world, call.merchant.site, token) is None:
            errors.append({"account": token, "error": "Invalid token"})
            continue
        row = {"token": token, "expiry": str(account.get("expiry", "")), "at": call.world.now()}
        key = f"{call.merchant.merchid}/{token}"
        call.world.store.put("_enrolled", key, {**row, "merchid": call.merchant.merchid})
        enrolled.append(token)
    return {
        "total": len(accounts),
        "successes": len(enrolled),
        "failures": len(errors),
        "tokens": enrolled,
        "errors": errors,
    }


def withdraw(call: Call) -> Json:
    """Ask the brands no more."""
    accounts = call.body.get("accounts") or []
    named = [str(account.get("account", "")) for account in accounts]
    named += [token for token in call.query.get("accounts", "").split(",") if token]
    for token in named:
        call.world.store.remove("_enrolled", f"{call.merchant.merchid}/{token}")
    return {"total": len(named), "successes": len(named), "failures": 0}


def update(world: World, *, site: str, merchid: str, token: str, status: str) -> Json:
    """Let a brand tell something new about a card, and keep the profiles up to date."""
    if status not in STATUSES:
        raise ValueError(f"status must be one of {', '.join(STATUSES)}")
    card = tokens.known(world, site, token)
    if card is None:
        raise ValueError("the site has no such token")
    accounts = [
        row
        for row in world.store.where("account", "token", token)
        if row["merchid"] == merchid and row["auoptout"] == "N"
    ]
    new_expiry = f"{int(world.stamp()[:4]) + 3}1231" if status in ("UPDATE", "EXPIRY") else ""
    new_token = tokens.keep(world, site, _NEW_CARDS[card["brand"]]) if status == "UPDATE" else ""
    row: Json = {
        "merchid": merchid,
        "at": world.now(),
        "dateupdated": world.stamp()[:8],
        "oldtoken": token,
        "newtoken": new_token,
        "newexpiry": new_expiry,
        "status": status,
        "profiles": [{name: a[name] for name in ("profileid", "acctid")} for a in accounts],
    }
    for account in accounts:
        if new_token:
            account["token"] = new_token
        if new_expiry:
            account["expiry"] = f"12{new_expiry[2:4]}"
        world.store.touch("account", f"{account['profileid']}/{account['acctid']}")
    return world.store.put("update", world.number("update", 9), row)


def _run_due(call: Call) -> None:
    world, merchant = call.world, call.merchant
    for key, row in list(world.store.tables.get("_enrolled", {}).items()):
        if row["merchid"] != merchant.merchid or world.now() - row["at"] < _ANSWERS_AFTER_S:
            continue
        world.store.remove("_enrolled", key)
        status = _BY_LAST_FOUR.get(row["token"][-4:])
        if status is not None:
            update(
                world,
                site=merchant.site,
                merchid=merchant.merchid,
                token=row["token"],
                status=status,
            )


def _shown(row: Json, *, profiles: bool) -> Json:
    hidden = {"merchid", "at"} if profiles else {"merchid", "at", "profiles"}
    return {name: value for name, value in row.items() if name not in hidden}
