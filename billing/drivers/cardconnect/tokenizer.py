"""Where a payer's browser enters a card: the gateway's own frame, which gives our page a token."""

from urllib.parse import urlencode

from billing.drivers.cardconnect.accounts import Merchant

_PATH = "/itoke/ajax-tokenizer.html"
# Source: the gateway's guide to its hosted iFrame tokenizer. The frame of a phone has no moment at
# which its field is left: it also makes the token once nothing was typed for a while.
_OPTIONS = {
    "useexpiry": "true",
    "usecvv": "true",
    "enhancedresponse": "true",
    "invalidcreditcardevent": "true",
    "invalidcvvevent": "true",
    "invalidexpiryevent": "true",
    "sendcardtypingevent": "true",
    "tokenizewheninactive": "true",
    "inactivityto": "2000",
    "formatinput": "true",
    "cardnumbernumericonly": "true",
    "cardinputmaxlength": "19",
    "orientation": "vertical",
    "css": "input,select{font-size:16px;}.error{color:#b00020;}",
}


def frame_of(merchant: Merchant) -> str:
    """Return the address of the tokenizer of a merchant's site; it needs no credentials."""
    return f"{merchant.origin}{_PATH}?{urlencode(_OPTIONS)}"
