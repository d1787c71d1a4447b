"""What was asked of the simulator, call by call."""

from tests.simulators import journal
from tests.simulators.cardpointe import Json

_HIDDEN = ("cvv2", "cvv", "signature")


class Journal(journal.Journal):
    """The latest calls of the gateway."""

    def open_entry(self, op: str, method: str, path: str, fields: Json, virtual: int) -> Json:
        """Begin an entry; the pipeline fills in the rest."""
        entry: Json = {
            "op": op,
            "method": method,
            "path": path,
            "fields": without_card_data(fields),
            "user": None,
            "fault": None,
            "status": None,
            "respstat": None,
            "respcode": None,
            "retref": None,
            "warnings": [],
            "error": None,
            "virtual_at": virtual,
        }
        return self.add(entry)


def without_card_data(fields: Json) -> Json:
    """Return fields as they may be shown: a token, but no card number and no security code."""
    shown = {name: "[hidden]" if name in _HIDDEN else value for name, value in fields.items()}
    account = str(shown.get("account", ""))
    if account and not (len(account) == 16 and account.startswith("9")):
        shown["account"] = f"[number ending in {account[-4:]}]"
    return shown
