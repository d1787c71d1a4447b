"""What each processor's refusals mean for the next try.

Source: the gateway's response codes and its table of Visa's decline categories; where those are
silent, codes are grouped by their text. A code that is not listed is a plain soft decline.
"""

from enum import StrEnum


class Group(StrEnum):
    """Why a payment was refused, as far as it decides what happens next."""

    HARD = "hard"
    SOFT = "soft"
    CALL_BANK = "call_bank"
    FIX_DATA = "fix_data"
    STOP = "stop"
    SKIP = "skip"
    TRANSIENT = "transient"
    CONFIG = "config"
    STATE = "state"


_FNOR = {
    Group.TRANSIENT: "28 91 NL NM CE",
    Group.SOFT: "05 51 61 NU NQ NR NH",
    Group.CALL_BANK: "01 1A 1B",
    Group.FIX_DATA: "14 54 55 C2",
    Group.HARD: "12 57 60 63 75 N3 NN",
    Group.CONFIG: "03 13 25 69 89 NP",
    Group.STATE: "94 NG RW",
}
_GROUPS: dict[str, dict[Group, str]] = {
    "PPS": {
        Group.TRANSIENT: "61 62",
        Group.SOFT: "42 102",
        Group.FIX_DATA: "12 13 14 15 16 17 35 37 38 101",
        Group.HARD: "11 18 19 33 44 96 98 99",
        Group.CONFIG: ("21 22 23 31 32 34 41 43 45 46 48 64 70 71 91 92 93 94 95 97 104 105 106"),
        Group.STATE: "24 25 26 27 28 29 36 39 103",
    },
    "FNOR": _FNOR,
    "NASH": _FNOR,
    "RPCT": {
        Group.TRANSIENT: ("505 508 516 920 906 907 908 909 911 921 940 944 963 524 525 775"),
        Group.SOFT: ("100 116 121 123 152 154 500 521 528 529 805 809 810 811 812"),
        Group.CALL_BANK: "107 108 105 531 332 351 370 727 792",
        Group.FIX_DATA: ("101 117 131 132 315 503 507 510 511 517 518 721 954 958 959"),
        Group.HARD: (
            "102 104 106 114 118 119 122 124 129 208 209 302 303 304 373 378 504 509 514 526 "
            "704 729 767 902 950"
        ),
        Group.SKIP: "790",
        Group.STOP: "791",
        Group.CONFIG: (
            "001 109 110 120 130 150 327 328 355 401 402 403 404 512 513 515 527 813 814 815 "
            "816 817 818 819 820 821 822 823 824 904"
        ),
        Group.STATE: "333 334 520 772 774 776 913 914 915 923",
    },
    "AMEX": {
        Group.TRANSIENT: "182",
        Group.CALL_BANK: "107",
        Group.FIX_DATA: "101 103 122 187",
        Group.HARD: "105 111 188 200",
        Group.CONFIG: "109 110 115 181",
    },
    "VPS": {
        Group.TRANSIENT: "19 21 28 91 92 96",
        Group.CALL_BANK: "01 02",
        Group.FIX_DATA: "14 33 54 55 80 82 EA EB N7",
        Group.HARD: "04 07 15 34 36 39 41 43 57 63 75 78 93",
        Group.CONFIG: "03 12 13 23 58",
    },
    "PMT": {
        Group.TRANSIENT: "000 200 236 299 301 902",
        Group.CALL_BANK: "401 402 802",
        Group.FIX_DATA: "260 522 531 605 811 903",
        Group.HARD: "201 304 501 502 503 508 519 591 596 806 825 904",
        Group.STOP: "570 571",
        Group.CONFIG: (
            "202 203 220 225 227 231 238 239 241 243 245 248 249 253 258 592 602 603 606 607 833"
        ),
        Group.STATE: "234 305 306 307",
    },
}
GROUP_OF: dict[tuple[str, str], Group] = {
    (processor, code): group
    for processor, groups in _GROUPS.items()
    for group, listed in groups.items()
    for code in listed.split()
}

# The same reasons in the words that Stripe has for them.
_WORDS = {
    "insufficient_funds": "FNOR:51,NU RPCT:116 AMEX:116 VPS:51 PMT:302,521 NASH:51,NU",
    "expired_card": "PPS:16 FNOR:54 NASH:54 RPCT:101,132,509,510,511 AMEX:101 VPS:33,54 PMT:522",
    "incorrect_cvc": "PPS:14,37,38 FNOR:C2 NASH:C2 RPCT:517,954,958,959 AMEX:103,122 VPS:82,N7 "
    "PMT:531,811",
    "incorrect_zip": "PPS:17,35,101 RPCT:721 PMT:260",
    "incorrect_number": "PPS:11,13,99 FNOR:14,N3 NASH:14,N3 RPCT:118,131 AMEX:111 VPS:14,78 "
    "PMT:201,304,591,825",
    "do_not_honor": "FNOR:05 NASH:05 RPCT:100 VPS:05 PMT:530",
    "call_issuer": "FNOR:01 NASH:01 RPCT:107,108,727 AMEX:107 VPS:01,02 PMT:401,402",
    "lost_card": "RPCT:208 VPS:41 PMT:502",
    "stolen_card": "RPCT:209 VPS:43",
    "pickup_card": "FNOR:60 NASH:60 RPCT:704,767 AMEX:200 VPS:04 PMT:501",
    "withdrawal_count_limit_exceeded": "FNOR:61,NQ,NR NASH:61,NQ,NR RPCT:121,123 AMEX:121 "
    "VPS:61,65 PMT:509,510",
    "authentication_required": "FNOR:1A NASH:1A RPCT:531",
    "stop_payment_order": "RPCT:791 PMT:570,571",
}
WORD_OF: dict[tuple[str, str], str] = {
    (processor, code): word
    for word, listed in _WORDS.items()
    for part in listed.split()
    for processor, _, some in [part.partition(":")]
    for code in some.split(",")
}
