"""The hosted payment page: what a payer is sent to, and may edit the amount of in the address."""

import html
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from tests.simulators.cardpointe import Json, amounts, authorising, emulation, tokens
from tests.simulators.cardpointe.call import Call
from tests.simulators.cardpointe.callbacks import Callbacks
from tests.simulators.cardpointe.fields import Fields
from tests.simulators.cardpointe.gateway import Gateway
from tests.simulators.cardpointe.merchants import Merchant
from tests.simulators.cardpointe.world import World

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Pay {name}</title></head>
<body>
<main>
<h1>Payment</h1>
{notice}
<form method="post">
<p><label>Total <input name="total" value="{total}"></label></p>
<p><label>Invoice <input name="invoice" value="{invoice}"></label></p>
<p><label>First name <input name="billFName" value="{billFName}"></label></p>
<p><label>Last name <input name="billLName" value="{billLName}"></label></p>
<p><label>Card number <input name="number" inputmode="numeric"></label></p>
<p><label>Month <input name="month" maxlength="2"></label>
<label>Year <input name="year" maxlength="4"></label></p>
<p><label>CVV <input name="cvv" maxlength="4"></label></p>
<p><label>Postal code <input name="billZip" value="{billZip}"></label></p>
<p><button>Pay</button></p>
</form>
</main>
</body>
</html>"""
_THANKS = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Paid</title></head>
<body><main><h1>Thank you</h1><p id="retref">{retref}</p></main></body></html>"""
_SHOWN = ("total", "invoice", "billFName", "billLName", "billZip")
_BRANDS = {"VISA": "Visa", "MC": "Mastercard", "AMEX": "Amex", "DISC": "Discover"}


class PaymentPage:
    """`/hpp/<name>/pay` of every merchant that has one."""

    def __init__(
        self, world: World, gateway: Gateway, callbacks: Callbacks, after: Callable[[], None]
    ) -> None:
        self.world, self.gateway, self.callbacks, self.after = world, gateway, callbacks, after

    async def __call__(self, request: Request, *, name: str) -> Response:
        """Show the form, or take it."""
        merchant = self.world.merchant_of_page(name)
        if merchant is None:
            return HTMLResponse("Not Found", 404)
        asked = {key: str(value) for key, value in request.query_params.items()}
        if request.method != "POST":
            return _form(name, asked)
        posted = {key: str(value) for key, value in (await request.form()).items()}
        given = {**asked, **posted}
        answer = self._pay(merchant, given)
        self.after()
        if answer.get("respstat") != "A":
            return _form(name, given, notice='<p role="alert">The payment was declined.</p>')
        self.callbacks.announce(merchant, _body(self.world, merchant, name, given, answer))
        return HTMLResponse(_THANKS.format(retref=answer["retref"]))

    def _pay(self, merchant: Merchant, given: Json) -> Json:
        pan = given.get("number", "").replace(" ", "")
        amount = amounts.parse(given.get("total", ""))
        if not emulation.brand(pan) or not tokens.luhn_ok(pan) or not amount or amount < 0:
            return {}
        token = tokens.keep(self.world, merchant.site, pan)
        body = {
            "account": token,
            "expiry": f"{given.get('month', '').zfill(2)}{given.get('year', '')[-2:]}",
            "cvv2": given.get("cvv", ""),
            "amount": amounts.shown(amount),
            "capture": "Y",
            "ecomind": "E",
            "orderid": given.get("invoice", ""),
            "postal": given.get("billZip", ""),
            "name": f"{given.get('billFName', '')} {given.get('billLName', '')}".strip(),
        }
        call = Call(self.world, merchant, Fields(body), body=body)
        call.fault = self.gateway.faults.take("hpp", {**body, "merchid": merchant.merchid})
        answer: Json = self.gateway.perform(authorising.auth, call)
        return answer


def _form(name: str, given: Json, *, notice: str = "") -> Response:
    shown = {field: html.escape(given.get(field, "")) for field in _SHOWN}
    return HTMLResponse(_PAGE.format(name=html.escape(name), notice=notice, **shown))


def _body(world: World, merchant: Merchant, name: str, given: Json, answer: Json) -> Json:
    """Return what the callback says of a payment."""
    stamp = world.stamp()
    date = f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]} {stamp[8:10]}:{stamp[10:12]}:{stamp[12:]}"
    txn = world.store.find("txn", answer["retref"]) or {}
    expiry = str(answer.get("expiry", ""))
    passed_on = ("customerId", "email", "phone", "billFName", "billLName", "billZip", "billCountry")
    return {
        "merchantId": merchant.merchid,
        "URL": f"{name}.securepayments.cardpointe.com",
        "paymentType": "CC",
        "type": "Pay",
        "total": answer["amount"],
        "invoice": given.get("invoice", ""),
        "details": [],
        "ipAddress": "203.0.113.7",
        "date": date,
        "cardType": _BRANDS.get(txn.get("brand", ""), ""),
        "number": f"**** {answer['token'][-4:]}",
        "expirationDateMonth": expiry[:2],
        "expirationDateYear": f"20{expiry[2:]}",
        **{field: given[field] for field in passed_on if given.get(field)},
        **{field: value for field, value in given.items() if field.startswith("cf_")},
        "gatewayTransactionId": answer["retref"],
        "avsResponseCode": answer.get("avsresp", ""),
        "cvvResponseCode": answer.get("cvvresp", ""),
        "responseText": answer["resptext"],
        "responseCode": answer["respcode"],
        "authCode": answer["authcode"],
        "responseProc": answer["respproc"],
        "token": answer["token"],
    }
