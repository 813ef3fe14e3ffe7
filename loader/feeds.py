"""The four kinds of call detail records, and how a file's first line tells which one it holds.

Fields and their order are those of the vendor's page "Call Detail Records".
"""

KINDS: dict[str, tuple[str, ...]] = {
    "phone_terminated": (
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
    "phone_originated": (
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
    "app_app": (
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
    "sip_terminated": (
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
