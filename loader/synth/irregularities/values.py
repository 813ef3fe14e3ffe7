"""Values: results, numbers, times, keys and callers."""

from loader.synth.irregularities.irregularity import (
    APP_APP,
    PHONE_ORIGINATED,
    PHONE_TERMINATED,
    CallPool,
    irregularity,
    text,
    with_changes,
)


@irregularity(
    "warts/cdr_phone_terminated_{day}_new_values.csv",
    "Results and reasons that are not on the vendor's page, and values in lower case and with blanks.",
    "Staged and in the marts: CONGESTION is network_failure, USERNOTFOUND invalid_destination, CALLBACKERROR "
    "application_error, CLIENTNETWORK access_failure, Result DENIED unclassified. Enumeration tests warn.",
    kind=PHONE_TERMINATED,
    staged=7,
)
def _new_values(supply: CallPool) -> bytes:
    calls = with_changes(
        supply.take(PHONE_TERMINATED, 7, "NOANSWER", "FAILED", "BUSY"),
        {"Result": "FAILED", "Reason": "CONGESTION"},
        {"Result": "FAILED", "Reason": "USERNOTFOUND"},
        {"Result": "FAILED", "Reason": "CALLBACKERROR"},
        {"Result": "NOANSWER", "Reason": "CLIENTNETWORK"},
        {"Result": "DENIED", "Reason": "N/A"},
        {"Result": "", "Reason": ""},
        {"Result": "NoAnswer", "Reason": " timeout "},
    )
    return text(calls, PHONE_TERMINATED).encode()


@irregularity(
    "warts/cdr_phone_terminated_{day}_invalid_values.csv",
    "Values that are not numbers or times.",
    "Staged; null and named in invalid_fields. The three records without a CallId or a readable CallTime are "
    "unusable: in rejected_records, not in fact_calls.",
    kind=PHONE_TERMINATED,
    staged=12,
)
def _invalid_values(supply: CallPool) -> bytes:
    calls = with_changes(
        supply.take(PHONE_TERMINATED, 12, "ANSWERED"),
        {"Duration": "12.5"},
        {"Duration": "-5"},
        {"Duration": "1e3"},
        {"Duration": "00:01:30"},
        {"Amount": "1,25"},
        {"Amount": "0.1234567"},
        {"Amount": "free"},
        {"UserSpaceId": "unknown"},
        {"AnswerTime": "2026-11-22T25:00:00Z"},
        {"CallTime": "yesterday"},
        {"CallTime": ""},
        {"CallId": ""},
    )
    return text(calls, PHONE_TERMINATED).encode()


@irregularity(
    "warts/cdr_phone_terminated_{day}_money.csv",
    "A credit, a missing currency and one in lower case, six decimals, a plus sign, a charge without answer "
    "or talk, an answer without charge, and a talk beyond the four hours' cap.",
    "Staged and in the marts; mart_cost_exceptions lists all but the spellings of amount and currency.",
    kind=PHONE_TERMINATED,
    staged=9,
)
def _money(supply: CallPool) -> bytes:
    answered = supply.take(PHONE_TERMINATED, 8, "ANSWERED")
    calls = with_changes(
        answered + supply.take(PHONE_TERMINATED, 1, "NOANSWER"),
        {"Amount": "-0.0420"},
        {"Amount": "0.0420", "Currency": ""},
        {"Amount": "0.0420", "Currency": answered[2]["Currency"].lower()},
        {"Amount": "0.042042"},
        {"Amount": "+0.0420"},
        {"Duration": "0", "Amount": "0.0420"},
        {"Duration": "61", "Amount": "0"},
        {"Duration": "14401"},
        {"Amount": "0.0420"},
    )
    return text(calls, PHONE_TERMINATED).encode()


@irregularity(
    "warts/cdr_phone_terminated_{day}_times.csv",
    "Times in every form: offsets, seven digits, a blank for the T, no Z; AnswerTime of the year 1.",
    "All are UTC moments, cut to microseconds; the year 1 is null.",
    kind=PHONE_TERMINATED,
    staged=7,
)
def _times(supply: CallPool) -> bytes:
    day = supply.end.isoformat()
    # each of the answered calls was made at 10:00:00 and answered a few seconds later
    forms = [
        (f"{day}T12:00:00+02:00", f"{day}T12:00:07+02:00"),
        (f"{day}T05:30:00.5-04:30", f"{day}T10:00:07.5Z"),
        (f"{day}T10:00:00.2729234Z", f"{day}T10:00:08.9999999Z"),
        (f"{day} 10:00:00", f"{day} 10:00:09.250"),
        (f"{day}T10:00:00.123", f"{day}T10:00:06.123"),
    ]
    unanswered = supply.take(PHONE_TERMINATED, 2, "NOANSWER")
    calls = with_changes(
        supply.take(PHONE_TERMINATED, 5, "ANSWERED") + unanswered,
        *({"CallTime": called, "AnswerTime": answered} for called, answered in forms),
        {"AnswerTime": "0001-01-01T00:00:00Z"},
        {"AnswerTime": "0001-01-01T00:00:00"},
    )
    return text(calls, PHONE_TERMINATED).encode()


@irregularity(
    "warts/cdr_app_app_{day}_application_keys.csv",
    "The application's key in upper case, without dashes, both; and a key that is not a GUID.",
    "One application in all but the last.",
    kind=APP_APP,
    staged=5,
)
def _application_keys(supply: CallPool) -> bytes:
    calls = supply.take(APP_APP, 5)
    key = calls[0]["ApplicationKey"]
    keys = [key, key.upper(), key.replace("-", ""), key.replace("-", "").upper(), "test-key"]
    return text(with_changes(calls, *({"ApplicationKey": form} for form in keys)), APP_APP).encode()


@irregularity(
    "warts/cdr_phone_originated_{day}_callers.csv",
    "Callers that are not numbers, and numbers in other forms.",
    "Only the names with a number in brackets and the number with a plus have an E.164 form.",
    kind=PHONE_ORIGINATED,
    staged=7,
)
def _callers(supply: CallPool) -> bytes:
    callers = ["", "private", "Anonymous", "Bjorn <+4612341234>", "+46 12-34 12 34", "+4612341234", "1177"]
    changes = ({"From": caller} for caller in callers)
    return text(with_changes(supply.take(PHONE_ORIGINATED, 7), *changes), PHONE_ORIGINATED).encode()
