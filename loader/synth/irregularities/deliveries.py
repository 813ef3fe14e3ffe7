"""Deliveries: versions, copies and names."""

import csv

from loader.feeds import KINDS
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
    "corrections/cdr_phone_originated_{day}.csv",
    "A corrected version of a clean file, under its name: the first amount changed, the last call replaced.",
    "Supersedes the clean file, whose records leave every table.",
    kind=PHONE_ORIGINATED,
    staged=None,
)
def _correction(supply: CallPool) -> bytes:
    # no field of a clean file has a line break
    lines = supply.clean_file(PHONE_ORIGINATED).splitlines(keepends=True)
    kept = [*lines[:1], *lines[1:-1]]
    if len(kept) > 1:
        fields = next(csv.reader([kept[1].decode()], delimiter=";"))
        first = dict(zip(KINDS[PHONE_ORIGINATED], fields, strict=True)) | {"Amount": "0.0333"}
        kept[1] = text([first], PHONE_ORIGINATED, header=False).encode()
    new = text(supply.take(PHONE_ORIGINATED, 1), PHONE_ORIGINATED, header=False)
    return b"".join(kept) + new.encode()


@irregularity(
    "late/cdr_app_app_{before_first}.csv",
    "A late file: the day before the delivery's first, staged after it.",
    "An older file_date; the day's other kinds are missing from the feed.",
    kind=APP_APP,
    staged=12,
)
def _late(supply: CallPool) -> bytes:
    return text(supply.calls(APP_APP, supply.before_first, 12, "late"), APP_APP).encode()


@irregularity(
    "warts/cdr_sip_terminated_{day}_copy.csv",
    "The content of a clean file under another name.",
    "Recorded as a duplicate and not staged, unless the file has no records.",
    kind=SIP_TERMINATED,
    state="duplicate",
)
def _copy(supply: CallPool) -> bytes:
    return supply.clean_file(SIP_TERMINATED)


@irregularity(
    "warts/{day}/cdr.csv",
    "A name without date or kind, in a folder named after the day.",
    "Kind by header, day by folder.",
    kind=PHONE_TERMINATED,
    staged=4,
)
def _dated_folder(supply: CallPool) -> bytes:
    return text(supply.take(PHONE_TERMINATED, 4), PHONE_TERMINATED).encode()


@irregularity(
    "warts/{day_before}/cdr.csv",
    "The same name in the folder of another day.",
    "Another delivery: supersedes nothing. Its records' days_late is -1, as they ended a day after it.",
    kind=PHONE_TERMINATED,
    staged=4,
)
def _other_dated_folder(supply: CallPool) -> bytes:
    return text(supply.take(PHONE_TERMINATED, 4), PHONE_TERMINATED).encode()


@irregularity(
    "warts/Phone-Originated.{compact}.CSV",
    "Kind, date and extension in another spelling in the name.",
    "Kind and day are detected.",
    kind=PHONE_ORIGINATED,
    staged=4,
)
def _compact_date(supply: CallPool) -> bytes:
    return text(supply.take(PHONE_ORIGINATED, 4), PHONE_ORIGINATED).encode()
