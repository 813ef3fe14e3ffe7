"""The material of synthetic traffic: applications, destinations, outcomes and stories.

Everything is invented but plausible: numbers have the leading digits and lengths of the national mobile
ranges, Result and Reason only hold what the vendor's page lists, and prices have the size of a retail voice
tariff. Prices are whole numbers of 1/10 000 of the currency, so that no amount depends on floating point.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, NamedTuple

CURRENCIES = ("EUR", "USD", "SEK")

# Price of a currency in hundredths of the euro tariff: a price list, not an exchange rate.
_CURRENCY_PERCENT = {"EUR": 100, "USD": 110, "SEK": 1150}


class Application(NamedTuple):
    """One application of the account. `guid` is the ApplicationKey as delivered (lower case, with dashes)."""

    guid: str
    name: str
    description: str
    currency: str
    user_space_id: int
    user_pattern: str  # `#`: the user's number
    users: int
    median_talk_seconds: int
    sender: str  # the alphanumeric CLI its calls sometimes show
    inbound: tuple[str, ...]  # prefixes of its own numbers: CLI of its calls, and what people dial
    inbound_digits: int  # digits after the prefix
    # relative volume per kind: phone_terminated, phone_originated, app_app, sip_terminated
    volume: tuple[int, int, int, int]
    # relative volume per part of the week: office hours, evening, night, weekend
    rhythm: tuple[int, int, int, int]
    destinations: dict[str, int]  # country: relative volume of phone-terminated calls


APPLICATIONS: list[Application] = [
    Application(
        guid="6f1c2d9a-4b7e-4c35-9a58-0d2e7b61c4f3",
        name="City Rides",
        description="Masked calls between riders and drivers of a ride-hailing service: short and many.",
        currency="EUR",
        user_space_id=10417,
        user_pattern="rider-#",
        users=900,
        median_talk_seconds=48,
        sender="CityRides",
        inbound=("4930568", "331429", "312036"),
        inbound_digits=5,
        volume=(34, 20, 10, 4),
        rhythm=(26, 38, 44, 40),
        destinations={"DE": 30, "FR": 18, "NL": 12, "ES": 12, "IT": 10, "PL": 8, "AT": 6, "PT": 4},
    ),
    Application(
        guid="b0e5a7d4-93c1-4f28-8e16-5a9d3c70f2b8",
        name="Nordic Market",
        description="Buyers and sellers of a classified-advertisements market in the Nordic countries.",
        currency="SEK",
        user_space_id=10418,
        user_pattern="seller#@market.example",
        users=600,
        median_talk_seconds=105,
        sender="Market",
        inbound=("4610188", "472189", "457873"),
        inbound_digits=4,
        volume=(24, 14, 12, 6),
        rhythm=(24, 28, 8, 26),
        destinations={"SE": 46, "NO": 18, "DK": 14, "FI": 14, "GB": 4, "DE": 3, "PL": 2},
    ),
    Application(
        guid="2d84f6c3-1e0b-4a97-b3d5-8c4f0a6e9d17",
        name="Clinic Online",
        description="Doctors who call patients back: long talks in office hours.",
        currency="USD",
        user_space_id=10419,
        user_pattern="clinician-#",
        users=140,
        median_talk_seconds=520,
        sender="ClinicOnln",
        inbound=("1212664", "1415669", "1416640"),
        inbound_digits=4,
        volume=(14, 12, 18, 10),
        rhythm=(30, 8, 4, 6),
        destinations={"US": 62, "CA": 20, "GB": 8, "MX": 6, "AU": 4},
    ),
    Application(
        guid="e93b5f08-7c2d-4d61-a4f9-16b8e0c7d52a",
        name="Support Desk",
        description="A help desk reached by telephone and by SIP trunks.",
        currency="EUR",
        user_space_id=10417,
        user_pattern="agent-#",
        users=60,
        median_talk_seconds=240,
        sender="HelpDesk",
        inbound=("4420390", "353190", "4930311"),
        inbound_digits=5,
        volume=(14, 44, 6, 74),
        rhythm=(42, 12, 6, 8),
        destinations={"GB": 38, "DE": 16, "CH": 10, "FR": 10, "JE": 3, "ZA": 8, "AE": 8, "JP": 7},
    ),
    Application(
        guid="58a1d0e7-c64f-4b92-8d03-f7e2b95c3a60",
        name="Kith Messenger",
        description="A messenger for families apart: app-to-app calls and cheap calls abroad.",
        currency="USD",
        user_space_id=10420,
        user_pattern="u#",
        users=2000,
        median_talk_seconds=330,
        sender="Kith",
        inbound=("1646555", "1305555"),
        inbound_digits=4,
        volume=(22, 6, 80, 4),
        rhythm=(14, 36, 30, 38),
        destinations={
            "IN": 24,
            "PH": 16,
            "NG": 14,
            "MX": 12,
            "KE": 8,
            "BR": 10,
            "DO": 6,
            "KZ": 4,
            "CU": 2,
            "US": 8,
        },
    ),
]


@dataclass(frozen=True)
class Destination:
    """A country that is called, its mobile numbers, its price and how well calls there succeed."""

    country: str  # ISO 3166-1 alpha-2
    calling_code: str
    prefixes: tuple[str, ...]  # leading digits of national numbers
    digits: int  # digits after the prefix
    rate: int  # 1/10 000 EUR a minute
    first: int  # billing increments: the first seconds, then
    following: int  # each further step
    answered: int  # answered calls in a thousand

    def rate_in(self, currency: str) -> int:
        """Price of a minute in 1/10 000 of the currency, rounded up until an increment has four decimals."""
        grain = 60 // self.following
        return -(-self.rate * _CURRENCY_PERCENT[currency] // (100 * grain)) * grain


DESTINATIONS: list[Destination] = [
    Destination("SE", "46", ("70", "72", "73", "76"), 7, 180, 1, 1, 690),
    Destination("NO", "47", ("40", "90", "92"), 6, 240, 1, 1, 680),
    Destination("DK", "45", ("20", "30", "40", "50"), 6, 210, 60, 60, 680),
    Destination("FI", "358", ("40", "45", "50"), 7, 420, 60, 60, 670),
    Destination("DE", "49", ("1511", "1522", "1577"), 7, 180, 1, 1, 660),
    Destination("FR", "33", ("61", "62", "66", "76"), 7, 240, 1, 1, 650),
    Destination("NL", "31", ("61", "62", "64"), 7, 220, 6, 6, 670),
    Destination("ES", "34", ("61", "62", "65"), 7, 180, 1, 1, 650),
    Destination("IT", "39", ("320", "333", "347"), 7, 260, 60, 60, 640),
    Destination("PL", "48", ("50", "60", "79"), 7, 200, 60, 60, 640),
    Destination("AT", "43", ("660", "664", "676"), 7, 230, 30, 6, 660),
    Destination("PT", "351", ("91", "93", "96"), 7, 220, 6, 6, 650),
    Destination("CH", "41", ("76", "78", "79"), 7, 780, 60, 60, 690),
    Destination("GB", "44", ("7400", "7500", "7700", "7911"), 6, 160, 60, 60, 670),
    Destination("JE", "44", ("1534",), 6, 390, 60, 60, 630),
    Destination("US", "1", ("21242", "30554", "41573", "64628", "31246"), 5, 80, 6, 6, 610),
    Destination("CA", "1", ("41660", "51428", "60476"), 5, 90, 6, 6, 620),
    Destination("DO", "1", ("80932", "82934", "84940"), 5, 640, 60, 60, 560),
    Destination("MX", "52", ("55", "33", "81"), 8, 280, 30, 6, 570),
    Destination("BR", "55", ("119", "219", "319"), 8, 350, 30, 6, 540),
    Destination("IN", "91", ("98", "99", "70", "81"), 8, 140, 60, 60, 580),
    Destination("PH", "63", ("917", "905", "998"), 7, 1150, 60, 60, 530),
    Destination("NG", "234", ("803", "806", "813"), 7, 890, 60, 60, 240),
    Destination("KE", "254", ("70", "71", "72"), 7, 1020, 60, 60, 500),
    Destination("ZA", "27", ("82", "83", "72"), 7, 480, 60, 60, 590),
    Destination("AE", "971", ("50", "52", "55"), 7, 1480, 60, 60, 600),
    Destination("KZ", "7", ("701", "777"), 7, 1240, 60, 60, 550),
    Destination("AU", "61", ("40", "41", "43"), 7, 310, 60, 60, 660),
    Destination("NZ", "64", ("21", "22", "27"), 7, 520, 60, 60, 650),
    Destination("JP", "81", ("70", "80", "90"), 8, 620, 60, 60, 640),
    Destination("CU", "53", ("52", "53"), 6, 6850, 60, 60, 480),
]

# Price of a minute of a phone-originated call, in 1/10 000 of the currency, charged by the started minute.
INBOUND_RATES = {"EUR": 45, "USD": 50, "SEK": 520}

# Calls to the test numbers of a destination (a prefix followed by zeros), which are never charged.
TEST_CALLS_PER_1024 = 2

# The longest call, and the reason that cuts it off.
MAX_TALK_SECONDS = 14_400
CAP_REASONS = {
    "phone_terminated": "TIMEOUT",
    "phone_originated": "N/A",
    "app_app": "TIMEOUT",
    "sip_terminated": "Session Timeout",
}

# Hours of the day (UTC) by volume: two peaks on weekdays, one late and flat at weekends.
WEEKDAY_HOURS = (9, 6, 4, 4, 5, 10, 22, 45, 70, 82, 85, 80, 72, 78, 82, 84, 80, 76, 68, 58, 46, 34, 22, 14)
WEEKEND_HOURS = (20, 14, 9, 6, 5, 6, 10, 18, 30, 44, 54, 60, 62, 60, 58, 58, 60, 62, 64, 62, 54, 44, 34, 26)

# Result and Reason with their relative frequencies, for calls that are answered and calls that are not.
ANSWERED_OUTCOMES: dict[str, dict[tuple[str, str], int]] = {
    "phone_terminated": {
        ("ANSWERED", "CALLERHANGUP"): 470,
        ("ANSWERED", "CALLEEHANGUP"): 442,
        ("ANSWERED", "MANAGERHANGUP"): 36,
        ("ANSWERED", "N/A"): 32,
        ("ANSWERED", "GENERALERROR"): 12,
        ("ANSWERED", "NOCREDITPARTNER"): 8,
    },
    "phone_originated": {
        ("ANSWERED", "CALLERHANGUP"): 640,
        ("ANSWERED", "CALLEEHANGUP"): 320,
        ("ANSWERED", "N/A"): 25,
        ("ANSWERED", "GENERALERROR"): 10,
        ("ANSWERED", "NOCREDITPARTNER"): 5,
    },
    "app_app": {("ANSWERED", "HANGUP"): 975, ("ANSWERED", "N/A"): 20, ("ANSWERED", "TIMEOUT"): 5},
    "sip_terminated": {
        ("ANSWERED", "Normal Clearing"): 960,
        ("ANSWERED", "Media Timeout"): 15,
        ("ANSWERED", "N/A"): 25,
    },
}
UNANSWERED_OUTCOMES: dict[str, dict[tuple[str, str], int]] = {
    "phone_terminated": {
        ("NOANSWER", "TIMEOUT"): 260,
        ("NOANSWER", "CANCEL"): 130,
        ("NOANSWER", "CALLERHANGUP"): 105,
        ("NOANSWER", "CALLEEHANGUP"): 35,
        ("NOANSWER", "MANAGERHANGUP"): 15,
        ("NOANSWER", "N/A"): 15,
        ("BUSY", "N/A"): 160,
        ("BUSY", "CALLEEHANGUP"): 35,
        ("BUSY", "TIMEOUT"): 5,
        ("FAILED", "GENERALERROR"): 150,
        ("FAILED", "N/A"): 40,
        ("FAILED", "TIMEOUT"): 15,
        ("FAILED", "BLOCKED"): 20,
        ("FAILED", "NOCREDITPARTNER"): 10,
        ("FAILED", "CANCEL"): 5,
    },
    "phone_originated": {
        ("NOANSWER", "CALLERHANGUP"): 420,
        ("NOANSWER", "CANCEL"): 260,
        ("NOANSWER", "N/A"): 120,
        ("FAILED", "GENERALERROR"): 130,
        ("FAILED", "N/A"): 50,
        ("FAILED", "NOCREDITPARTNER"): 20,
    },
    "app_app": {
        ("NOANSWER", "TIMEOUT"): 380,
        ("NOANSWER", "CANCEL"): 240,
        ("NOANSWER", "HANGUP"): 110,
        ("BUSY", "N/A"): 60,
        ("BUSY", "HANGUP"): 90,
        ("FAILED", "N/A"): 90,
        ("FAILED", "TIMEOUT"): 30,
    },
    "sip_terminated": {
        ("NOANSWER", "No Answer"): 330,
        ("NOANSWER", "Originator Cancel"): 220,
        ("BUSY", "User Busy"): 210,
        ("FAILED", "Unallocated (unassigned) number"): 70,
        ("FAILED", "Call Rejected"): 60,
        ("FAILED", "Service Unavailable"): 60,
        ("FAILED", "Recovery on timer expire"): 50,
    },
}
# Answered calls in a thousand of the kinds that have no destination price.
ANSWERED_SHARE = {"phone_originated": 820, "app_app": 560, "sip_terminated": 640}

# What partners put into Custom; `#`: a number.
CUSTOM_VALUES = (
    '{"campaign":"spring"}',
    '{"campaign":"welcome","variant":"b"}',
    '{"order":"A-#"}',
    '{"ticket":#,"tier":"gold"}',
    '{"lang":"sv","note":"kö 3; återuppringning"}',
    '{"trip":{"id":#,"leg":2}}',
    "order #",
)


@dataclass(frozen=True)
class Story:
    """Calls of one day that follow a plot: they replace a part of the day's phone-terminated calls."""

    name: str
    days_before_end: int
    plot: str
    application: int  # index into APPLICATIONS
    user: int  # the user's number
    country: str
    talk_seconds: int  # median
    answered: int  # in a thousand
    every: int  # one call of so many
    between: tuple[int, int] = (0, 1000)  # part of the day's calls, in thousandths


STORIES: list[Story] = [
    Story("spend_spike", 0, "One user of Kith Messenger talks to Cuba all day.", 4, 7, "CU", 600, 900, 80),
    Story(
        "spend_spike",
        1,
        "The same user's first day of it, in the evening.",
        4,
        7,
        "CU",
        600,
        900,
        20,
        (780, 900),
    ),
    Story(
        "short_call_burst",
        3,
        "Nordic Market calls Great Britain for a second or two.",
        1,
        21,
        "GB",
        2,
        950,
        2,
        (380, 440),
    ),
    Story(
        "new_destination", 4, "Clinic Online calls New Zealand for the first time.", 2, 3, "NZ", 700, 800, 100
    ),
]

# Calls to Nigeria are seldom answered on any day (see its row), calls to Brazil on the last two days.
FADING_COUNTRY, FADING_DAYS, FADING_ANSWERED = "BR", 2, 260
# Calls to Italy cost more on the last six days.
COSTLIER_COUNTRY, COSTLIER_DAYS, COSTLIER_RATE = "IT", 6, 310


def destinations_on(day: date, end: date) -> list[Destination]:
    """DESTINATIONS, in their order, as they are on a day of a delivery that ends on `end`.

    One price and one success rate change near the end.
    """
    destinations = []
    for place in DESTINATIONS:
        changes: dict[str, Any] = {}
        if place.country == COSTLIER_COUNTRY and day > end - timedelta(days=COSTLIER_DAYS):
            changes["rate"] = COSTLIER_RATE
        if place.country == FADING_COUNTRY and day > end - timedelta(days=FADING_DAYS):
            changes["answered"] = FADING_ANSWERED
        destinations.append(replace(place, **changes))
    return destinations
