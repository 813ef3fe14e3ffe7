"""The four kinds of call detail records, and how a file's first line tells which one it holds.

Fields and their order are those of the vendor's page "Call Detail Records".
"""

from collections.abc import Mapping
from enum import StrEnum


class Kind(StrEnum):
    """The four kinds of files."""

    PHONE_TERMINATED = "phone_terminated"
    PHONE_ORIGINATED = "phone_originated"
    APP_APP = "app_app"
    SIP_TERMINATED = "sip_terminated"


KINDS: Mapping[str, tuple[str, ...]] = {
    Kind.PHONE_TERMINATED: (
        "CallId",
        "UserSpaceId",
        "CallTime",
        "Result",
        "Reason",
        "Duration",
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
    Kind.PHONE_ORIGINATED: (
        "CallId",
        "UserSpaceId",
        "CallTime",
        "Result",
        "Reason",
        "Duration",
        "From",
        "To",
        "Amount",
        "Currency",
        "Custom",
        "ApplicationKey",
    ),
    Kind.APP_APP: (
        "CallId",
        "UserSpaceId",
        "CallTime",
        "Result",
        "Reason",
        "Duration",
        "FromUserId",
        "ToUserId",
        "Custom",
        "ApplicationKey",
    ),
    Kind.SIP_TERMINATED: (
        "CallId",
        "UserSpaceId",
        "CallTime",
        "Result",
        "Reason",
        "Duration",
        "From",
        "To",
        "Custom",
        "ApplicationKey",
    ),
}

# Files from before 2016-03-09 lack it.
OPTIONAL_COLUMN = "ToCountryId"

VENDOR_COLUMNS = {name.casefold(): name for columns in KINDS.values() for name in columns}
