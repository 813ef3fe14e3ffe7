"""The kinds of call detail records: the only place in Python that lists them.

Columns and their order are those of the vendor's page "Call Detail Records". Header marks, record widths and
raw tables are derived from them. macros/kinds.sql is the same list for dbt; a test compares both.
"""

from collections.abc import Mapping

_EVERY_KIND = ("CallId", "UserSpaceId", "CallTime", "Result", "Reason", "Duration")

KINDS: Mapping[str, tuple[str, ...]] = {
    "phone_terminated": (
        *_EVERY_KIND,
        "AnswerTime",
        "From",
        "To",
        "Amount",
        "Currency",
        "Custom",
        "ApplicationKey",
        "UserId",
        "ToCountryId",
    ),
    "phone_originated": (
        *_EVERY_KIND,
        "From",
        "To",
        "Amount",
        "Currency",
        "Custom",
        "ApplicationKey",
    ),
    "app_app": (*_EVERY_KIND, "FromUserId", "ToUserId", "Custom", "ApplicationKey"),
    "sip_terminated": (*_EVERY_KIND, "From", "To", "Custom", "ApplicationKey"),
}

# Files from before 2016-03-09 lack it.
OPTIONAL_COLUMN = "ToCountryId"

VENDOR_COLUMNS = {name.casefold(): name for columns in KINDS.values() for name in columns}

# Columns that name a person.
PARTIES = ("From", "To", "FromUserId", "ToUserId", "UserId")
# Columns with personal data.
PERSONAL = (*PARTIES, "Custom")
TIMES = ("CallTime", "AnswerTime")

# Every form of ISO 8601 that the models parse: date, hour and minute, hours and minutes of the offset.
ISO_TIME = (
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2})(?::\d{2}(?:[.,]\d+)?)?"
    r"(?:[Zz]|([+-]\d{2})(?::?(\d{2}))?)?"
)

# The vendor's other feeds: a column, in lower case, that only their headers have.
OTHER_FEEDS = {"verification": "verificationid", "messaging": "messageid"}


def kinds_with(column: str) -> list[str]:
    """Return the kinds that have a column, the narrowest first."""
    return sorted((kind for kind in KINDS if column in KINDS[kind]), key=lambda kind: len(KINDS[kind]))


def shapes(kind: str) -> list[tuple[str, ...]]:
    """Return the columns of a kind, with and without the optional one."""
    whole = KINDS[kind]
    without = tuple(name for name in whole if name != OPTIONAL_COLUMN)
    return [whole] if without == whole else [whole, without]
