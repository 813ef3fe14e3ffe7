"""Headers and columns."""

from loader.feeds import KINDS, OPTIONAL_COLUMN
from loader.synth.irregularities.irregularity import (
    APP_APP,
    PHONE_ORIGINATED,
    PHONE_TERMINATED,
    SIP_TERMINATED,
    CallPool,
    irregularity,
    text,
)


@irregularity(
    "warts/cdr_sip_terminated_{day}_no_header.csv",
    "No header; the name contains the kind.",
    "Every line is a record, the first too.",
    kind=SIP_TERMINATED,
    staged=6,
)
def _no_header(supply: CallPool) -> bytes:
    return text(supply.take(SIP_TERMINATED, 6), SIP_TERMINATED, header=False).encode()


@irregularity(
    "warts/{compact}_no_header.csv",
    "No header and a name without kind, but fifteen columns, which only phone_terminated has.",
    "Kind by the number of columns.",
    kind=PHONE_TERMINATED,
    staged=6,
)
def _no_header_unique_width(supply: CallPool) -> bytes:
    return text(supply.take(PHONE_TERMINATED, 6), PHONE_TERMINATED, header=False).encode()


@irregularity(
    "warts/{compact}_no_header_ten_columns.csv",
    "No header, a name without kind, and ten columns, which two kinds have.",
    "Fails: the loader does not guess between the two.",
    state="failed",
)
def _no_header_ambiguous(supply: CallPool) -> bytes:
    return text(supply.take(APP_APP, 6), APP_APP, header=False).encode()


@irregularity(
    "warts/cdr_phone_terminated_{day}_14_columns.csv",
    "Without ToCountryId, as before 2016-03-09.",
    "Staged with ToCountryId null; the country comes from the number.",
    kind=PHONE_TERMINATED,
    staged=6,
)
def _fourteen_columns(supply: CallPool) -> bytes:
    columns = [name for name in KINDS[PHONE_TERMINATED] if name != OPTIONAL_COLUMN]
    return text(supply.take(PHONE_TERMINATED, 6), PHONE_TERMINATED, columns=columns).encode()


@irregularity(
    "warts/cdr_phone_terminated_{day}_extra_column.csv",
    "A column that is not on the vendor's page.",
    "Kept as JSON in _extra, and reported.",
    kind=PHONE_TERMINATED,
    staged=6,
)
def _extra_column(supply: CallPool) -> bytes:
    columns = [*KINDS[PHONE_TERMINATED][:9], "Carrier", *KINDS[PHONE_TERMINATED][9:]]
    calls = [call | {"Carrier": 'North "A"; 2'} for call in supply.take(PHONE_TERMINATED, 6)]
    return text(calls, PHONE_TERMINATED, columns=columns).encode()


@irregularity(
    "warts/cdr_phone_terminated_{day}_header_spelling.csv",
    "Column names in another order and case, with blanks, some quoted.",
    "Columns by name.",
    kind=PHONE_TERMINATED,
    staged=6,
)
def _header_spelling(supply: CallPool) -> bytes:
    columns = list(reversed(KINDS[PHONE_TERMINATED]))
    header = ";".join(f'"{name.upper()}"' if name < "D" else f" {name.lower()} " for name in columns)
    calls = supply.take(PHONE_TERMINATED, 6)
    return (header + "\n" + text(calls, PHONE_TERMINATED, columns=columns, header=False)).encode()


@irregularity(
    "warts/cdr_phone_originated_{day}_missing_columns.csv",
    "A header that lacks Result and Duration.",
    "Fails whole, with the columns named.",
    state="failed",
)
def _missing_columns(supply: CallPool) -> bytes:
    columns = [name for name in KINDS[PHONE_ORIGINATED] if name not in ("Result", "Duration")]
    calls = supply.take(PHONE_ORIGINATED, 4)
    return text(calls, PHONE_ORIGINATED, columns=columns).encode()


@irregularity(
    "warts/cdr_app_app_{day}_commas.csv",
    "Commas instead of semicolons.",
    "Fails whole: the header matches no kind.",
    state="failed",
)
def _commas(supply: CallPool) -> bytes:
    return text(supply.take(APP_APP, 4), APP_APP).replace(";", ",").encode()


@irregularity(
    "warts/README.txt",
    "Text that is not a call detail record.",
    "Skipped in a folder; never staged.",
    state="ignored",
)
def _unrelated(supply: CallPool) -> bytes:
    return (
        f"Call records up to {supply.end.isoformat()}.\n\nAsk the billing department about them.\n".encode()
    )


@irregularity(
    "warts/cdr_app_app_{day}_on_its_way.csv.part",
    "A file that is still being copied.",
    "Skipped.",
    state="ignored",
)
def _partial(supply: CallPool) -> bytes:
    return text(supply.take(APP_APP, 4), APP_APP).encode()[:-40]
