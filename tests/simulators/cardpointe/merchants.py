"""Merchant accounts: who may call, in which currency, with which switches of the gateway."""

from dataclasses import asdict, dataclass, fields

from tests.simulators.cardpointe import Json

SITE, USER, PASSWORD = "fts", "testing", "testing123"
# What the terminal service wants in `Authorization`.
API_KEY = "testing-terminals"
# The merchant IDs every fresh simulator has, by what makes them different.
FNOR_MID = "496160873888"
RPCT_MID = "496160873889"
CAD_MID = "496160873890"
STRICT_MID = "496160873891"
OTHER_SITE, OTHER_MID = "acme", "800000000264"


@dataclass(frozen=True, slots=True)
class Merchant:
    """One merchant ID (MID) of one site."""

    merchid: str
    site: str = SITE
    user: str = USER
    password: str = PASSWORD
    currency: str = "USD"
    cardproc: str = "FNOR"
    # The gateway itself declines when the address or the security code does not match.
    avs: bool = False
    cvv: bool = False
    enabled: bool = True
    echeck: bool = False
    acctupdater: bool = True
    # May refund what has not been settled.
    refunds_unsettled: bool = False
    # May credit a card without a charge, and capture more than was authorised.
    forced_credits: bool = False
    captures_more: bool = False
    ach_merchid: str = "542041"
    # Merchants of one parent share their profiles.
    parent: str = ""
    # N none, S surcharge, C convenience, F service fee; the value is in percent.
    fee_type: str = "N"
    fee_value: str = "0"
    # The hosted payment page: its name, and where it tells of payments.
    hpp_name: str = ""
    hpp_url: str = ""
    # The key of the terminal service, the same for all merchant IDs of a customer; "" has none.
    api_key: str = ""
    # Readers may take debit cards with their PIN.
    pin_debit: bool = False

    @property
    def family(self) -> str:
        """Return who shares this merchant's profiles."""
        return f"{self.site}/{self.parent or self.merchid}"


def read(row: Json) -> Merchant:
    """Return a merchant from its row; refuse fields that do not exist."""
    unknown = sorted(set(row) - {field.name for field in fields(Merchant)})
    if unknown:
        raise ValueError(f"a merchant has no {', '.join(unknown)}")
    if not str(row.get("merchid", "")).isdigit():
        raise ValueError("merchid must be digits")
    return Merchant(**row)


def shown(merchant: Merchant) -> Json:
    """Return a merchant as a row."""
    return asdict(merchant)


def defaults() -> list[Merchant]:
    """Return the merchants of a fresh simulator."""
    return [
        Merchant(FNOR_MID, echeck=True, hpp_name="till", api_key=API_KEY),
        Merchant(RPCT_MID, cardproc="RPCT", api_key=API_KEY),
        Merchant(CAD_MID, currency="CAD", api_key=API_KEY),
        Merchant(STRICT_MID, avs=True, cvv=True, refunds_unsettled=True),
        Merchant(
            OTHER_MID,
            site=OTHER_SITE,
            user="acme",
            password="acme-secret",
            api_key="acme-terminals",
        ),
    ]
