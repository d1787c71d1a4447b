"""Profiles: cards and bank accounts that may be charged again."""

from typing import Any

from tests.simulators.cardpointe import Json, tokens
from tests.simulators.cardpointe.call import Call
from tests.simulators.cardpointe.refusal import Refused

_ADDRESS = ("name", "address", "city", "region", "country", "phone", "postal", "company", "email")
# Two accounts that agree in these are one.
_SAME = ("token", "accttype", "expiry", "auoptout", *(n for n in _ADDRESS if n != "company"))
_MAX_ACCOUNTS = 999


def put(call: Call) -> Json:
    """Create a profile, add an account to one, or change an account."""
    given = call.fields
    given.check()
    profileid, _, acctid = given["profile"].partition("/")
    if profileid and acctid:
        return _saved(_change(call, account(call, profileid, acctid)))
    card = _card(call)
    if not given["expiry"] and not card["bank"]:
        raise Refused("15")
    if profileid:
        _accounts(call, profileid)
    return _saved(save_card(call, card["token"], given["expiry"], profileid=profileid))


def read(call: Call) -> Any:
    """Return the accounts of a profile, or the one that is asked for, always as a list."""
    profileid, acctid = call.path[0], call.path[1]
    found = _accounts(call, profileid)
    if acctid:
        found = [account(call, profileid, acctid)]
    return [_shown(row) for row in found]


def delete(call: Call) -> Json:
    """Delete an account, or without one the whole profile."""
    profileid, acctid = call.path[0], call.path[1]
    found = _accounts(call, profileid)
    if acctid:
        chosen = account(call, profileid, acctid)
        if chosen["defaultacct"] == "Y" and len(found) > 1:
            raise Refused("34", profileid=profileid, acctid=acctid)
        found = [chosen]
    for row in found:
        call.world.store.remove("account", _key(row))
    raise Refused("08", profileid=profileid, acctid=acctid or found[0]["acctid"])


def account(call: Call, profileid: str, acctid: str) -> Json:
    """Return one account of a profile; without a number the default one."""
    for row in _accounts(call, profileid):
        if acctid == row["acctid"] or (not acctid and row["defaultacct"] == "Y"):
            return row
    raise Refused("96")


def save_card(call: Call, token: str, expiry: str, *, profileid: str = "") -> Json:
    """Store a card; an exact duplicate is the account that is there already."""
    world, given = call.world, call.fields
    row: Json = {
        "family": call.merchant.family,
        "merchid": call.merchant.merchid,
        "token": token,
        "expiry": expiry,
        "accttype": given["accttype"] or _accttype(call, token),
        "auoptout": given["auoptout"] or "N",
        "cofpermission": given["cofpermission"] or "N",
        "gsacard": "N",
        **{name: given[name] for name in _ADDRESS},
    }
    twin = _twin(call, row)
    if twin is not None and profileid in ("", twin["profileid"]):
        return twin
    others = list(world.store.where("account", "profileid", profileid)) if profileid else []
    row["profileid"] = profileid or "1" + world.number("profile", 19)
    row["acctid"] = str(max((int(other["acctid"]) for other in others), default=0) + 1)
    if int(row["acctid"]) > _MAX_ACCOUNTS:
        raise Refused("34")
    row["defaultacct"] = "Y" if not others or given.is_set("defaultacct") else "N"
    if row["defaultacct"] == "Y":
        _no_longer_default(call, others)
    return world.store.put("account", _key(row), row)


def _twin(call: Call, row: Json) -> Json | None:
    for other in call.world.store.where("account", "token", row["token"]):
        if other["merchid"] == row["merchid"] and all(other[n] == row[n] for n in _SAME):
            return other
    return None


def _change(call: Call, row: Json) -> Json:
    """Replace an account, empty fields included; merge only when told to."""
    given = call.fields
    merge = given.is_set("profileupdate")
    new_values = {name: given[name] for name in (*_ADDRESS, "expiry")}
    if given["account"]:
        card = _card(call)
        new_values["token"] = card["token"]
        new_values["accttype"] = given["accttype"] or card["brand"]
    for name, value in new_values.items():
        if value or not merge:
            row[name] = value
    row["auoptout"] = given["auoptout"] or row["auoptout"]
    if given.is_set("defaultacct"):
        _no_longer_default(call, _accounts(call, row["profileid"]))
        row["defaultacct"] = "Y"
    call.world.store.touch("account", _key(row))
    return row


def _card(call: Call) -> Json:
    token = call.fields["account"]
    if not token:
        raise Refused("34")
    if not tokens.is_token(token):
        call.warn("account is a number, not a token")
        token = tokens.keep(call.world, call.merchant.site, token)
    card = tokens.known(call.world, call.merchant.site, token)
    if card is None or card.get("expired"):
        raise Refused("98")
    return card


def _accttype(call: Call, token: str) -> str:
    card = tokens.known(call.world, call.merchant.site, token)
    return str(card["brand"]) if card is not None else ""


def _accounts(call: Call, profileid: str) -> list[Json]:
    found = [
        row
        for row in call.world.store.where("account", "profileid", profileid)
        if row["family"] == call.merchant.family
    ]
    if not found:
        raise Refused("96")
    return found


def _no_longer_default(call: Call, rows: list[Json]) -> None:
    for row in rows:
        row["defaultacct"] = "N"
        call.world.store.touch("account", _key(row))


def _saved(row: Json) -> Json:
    shown = _shown(row)
    return {**Refused("09").body(), **shown}


def _shown(row: Json) -> Json:
    return {name: value for name, value in row.items() if name not in ("family", "merchid")}


def _key(row: Json) -> str:
    return f"{row['profileid']}/{row['acctid']}"
