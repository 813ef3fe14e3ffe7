"""Irregular deliveries: every way in which files are known to differ from clean ones, a small file for each.

They come on top of a clean synthetic delivery, whose files they leave as they are. An `Irregularity`
describes each: the file, what is wrong with it, and what has to become of it, for tests and people. The
expectations assume that files are staged in the order that `write` returns, that of their names.
"""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from loader.feeds import KINDS, OPTIONAL_COLUMN
from loader.synth.calls import DEFAULT_END, CallBatch, records

__all__ = ["IRREGULARITIES", "Irregularity", "write"]

Record = dict[str, str]

PHONE_TERMINATED, PHONE_ORIGINATED, APP_APP, SIP_TERMINATED = KINDS

# Enough for all irregularities of a kind together.
_POOL_CALLS = 400


class CallPool:
    """What irregular files are made from: fresh calls of the delivery's last day, and its clean files."""

    def __init__(self, out: Path, days: int, seed: int, end: date) -> None:
        self.end = end
        self.before_first = end - timedelta(days=days)
        self._out = out
        self._seed = seed
        self._pools: dict[str, list[Record]] = {}

    def take(self, kind: str, number: int, *results: str) -> list[Record]:
        """The next calls of a kind that none has taken yet; with one of the results, if any are named."""
        if kind not in self._pools:
            self._pools[kind] = self.calls(kind, self.end, _POOL_CALLS, "warts")
        pool = self._pools[kind]
        taken = [record for record in pool if not results or record["Result"] in results][:number]
        self._pools[kind] = [record for record in pool if record not in taken]
        return taken

    def calls(self, kind: str, day: date, number: int, lot: str) -> list[Record]:
        """Calls that end on a day and are in no clean file."""
        header, rows = records(CallBatch(self._seed, kind, day, self.end, number, lot))
        return [dict(zip(header, row, strict=True)) for row in rows]

    def clean_file(self, kind: str) -> bytes:
        """The content of the last day's clean file of a kind."""
        return (self._out / f"cdr_{kind}_{self.end.isoformat()}.csv").read_bytes()


Make = Callable[[CallPool], bytes]


@dataclass(frozen=True)
class Irregularity:
    """One irregular file and what has to become of it.

    `state` is its state in the manifest once all files are staged, or `ignored` for a file that is passed
    over in a folder. `staged` (None: as many as in the clean file) and `rejected` count its records; a blank
    line is none. `effect` tells the rest, also beyond staging.
    """

    name: str
    file: str  # relative to the delivery's folder, with the dates open: see `path`
    kind: str | None
    what: str
    effect: str
    state: str
    staged: int | None
    rejected: int
    make: Make = field(repr=False, compare=False)

    def path(self, days: int, end: date = DEFAULT_END) -> Path:
        """The file in a delivery of so many days, relative to its folder."""
        return Path(
            self.file.format(
                day=end.isoformat(),
                compact=f"{end:%Y%m%d}",
                day_before=(end - timedelta(days=1)).isoformat(),
                before_first=(end - timedelta(days=days)).isoformat(),
            )
        )


IRREGULARITIES: list[Irregularity] = []


def write(out: Path, days: int, seed: int, end: date) -> list[Path]:
    """Adds the irregular files to the clean delivery in `out`; returns them in the order of staging."""
    supply = CallPool(out, days, seed, end)
    for irregularity in IRREGULARITIES:
        path = out / irregularity.path(days, end)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(irregularity.make(supply))
    return sorted(out / irregularity.path(days, end) for irregularity in IRREGULARITIES)


def _irregularity(
    file: str,
    what: str,
    effect: str,
    *,
    kind: str | None = None,
    state: str = "current",
    staged: int | None = 0,
    rejected: int = 0,
) -> Callable[[Make], Make]:
    """Registers the function below as the maker of a file; its name is the irregularity's."""

    def register(make: Make) -> Make:
        name = make.__name__.strip("_")
        IRREGULARITIES.append(Irregularity(name, file, kind, what, effect, state, staged, rejected, make))
        return make

    return register


def _text(
    calls: Iterable[Record], kind: str, *, header: bool = True, columns: Iterable[str] = (), end: str = "\n"
) -> str:
    """Records as RFC 4180 text; `columns` instead of the kind's own."""
    names = list(columns) or list(KINDS[kind])
    target = io.StringIO()
    writer = csv.writer(target, delimiter=";", lineterminator=end)
    if header:
        writer.writerow(names)
    writer.writerows([call.get(name, "") for name in names] for call in calls)
    return target.getvalue()


def _raw(call: Record, kind: str, **fields: str) -> str:
    """A record's line, unquoted whatever it holds, with some fields replaced."""
    return ";".join((call | fields)[name] for name in KINDS[kind])


def _with(calls: list[Record], *changes: Record) -> list[Record]:
    """Each call with its changes."""
    return [call | change for call, change in zip(calls, changes, strict=True)]


# Deliveries: versions, copies, names


@_irregularity(
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
        kept[1] = _text([first], PHONE_ORIGINATED, header=False).encode()
    new = _text(supply.take(PHONE_ORIGINATED, 1), PHONE_ORIGINATED, header=False)
    return b"".join(kept) + new.encode()


@_irregularity(
    "late/cdr_app_app_{before_first}.csv",
    "A late file: the day before the delivery's first, staged after it.",
    "An older file_date; the day's other kinds are missing from the feed.",
    kind=APP_APP,
    staged=12,
)
def _late(supply: CallPool) -> bytes:
    return _text(supply.calls(APP_APP, supply.before_first, 12, "late"), APP_APP).encode()


@_irregularity(
    "warts/cdr_sip_terminated_{day}_copy.csv",
    "The content of a clean file under another name.",
    "Recorded as a duplicate and not staged, unless the file has no records.",
    kind=SIP_TERMINATED,
    state="duplicate",
)
def _copy(supply: CallPool) -> bytes:
    return supply.clean_file(SIP_TERMINATED)


@_irregularity(
    "warts/{day}/cdr.csv",
    "A name without date or kind, in a folder named after the day.",
    "Kind by header, day by folder.",
    kind=PHONE_TERMINATED,
    staged=4,
)
def _dated_folder(supply: CallPool) -> bytes:
    return _text(supply.take(PHONE_TERMINATED, 4), PHONE_TERMINATED).encode()


@_irregularity(
    "warts/{day_before}/cdr.csv",
    "The same name in the folder of another day.",
    "Another delivery: supersedes nothing. Its records' days_late is -1, as they ended a day after it.",
    kind=PHONE_TERMINATED,
    staged=4,
)
def _other_dated_folder(supply: CallPool) -> bytes:
    return _text(supply.take(PHONE_TERMINATED, 4), PHONE_TERMINATED).encode()


@_irregularity(
    "warts/Phone-Originated.{compact}.CSV",
    "Another manner of writing kind, date and extension in the name.",
    "The same kind and day as ever.",
    kind=PHONE_ORIGINATED,
    staged=4,
)
def _compact_date(supply: CallPool) -> bytes:
    return _text(supply.take(PHONE_ORIGINATED, 4), PHONE_ORIGINATED).encode()


# Headers and columns


@_irregularity(
    "warts/cdr_sip_terminated_{day}_no_header.csv",
    "No header; the name says the kind.",
    "Every line is a record, the first too.",
    kind=SIP_TERMINATED,
    staged=6,
)
def _no_header(supply: CallPool) -> bytes:
    return _text(supply.take(SIP_TERMINATED, 6), SIP_TERMINATED, header=False).encode()


@_irregularity(
    "warts/{compact}_no_header.csv",
    "No header and a name without kind, but fifteen columns, which only phone_terminated has.",
    "Kind by the number of columns.",
    kind=PHONE_TERMINATED,
    staged=6,
)
def _no_header_unique_width(supply: CallPool) -> bytes:
    return _text(supply.take(PHONE_TERMINATED, 6), PHONE_TERMINATED, header=False).encode()


@_irregularity(
    "warts/{compact}_no_header_ten_columns.csv",
    "No header, a name without kind, and ten columns, which two kinds have.",
    "Fails: the two are never guessed between.",
    state="failed",
)
def _no_header_ambiguous(supply: CallPool) -> bytes:
    return _text(supply.take(APP_APP, 6), APP_APP, header=False).encode()


@_irregularity(
    "warts/cdr_phone_terminated_{day}_14_columns.csv",
    "Without ToCountryId, as before 2016-03-09.",
    "Staged with ToCountryId null; the country comes from the number.",
    kind=PHONE_TERMINATED,
    staged=6,
)
def _fourteen_columns(supply: CallPool) -> bytes:
    columns = [name for name in KINDS[PHONE_TERMINATED] if name != OPTIONAL_COLUMN]
    return _text(supply.take(PHONE_TERMINATED, 6), PHONE_TERMINATED, columns=columns).encode()


@_irregularity(
    "warts/cdr_phone_terminated_{day}_extra_column.csv",
    "A column that the vendor's page does not know.",
    "Kept as JSON in _extra, and reported.",
    kind=PHONE_TERMINATED,
    staged=6,
)
def _extra_column(supply: CallPool) -> bytes:
    columns = [*KINDS[PHONE_TERMINATED][:9], "Carrier", *KINDS[PHONE_TERMINATED][9:]]
    calls = [call | {"Carrier": 'North "A"; 2'} for call in supply.take(PHONE_TERMINATED, 6)]
    return _text(calls, PHONE_TERMINATED, columns=columns).encode()


@_irregularity(
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
    return (header + "\n" + _text(calls, PHONE_TERMINATED, columns=columns, header=False)).encode()


@_irregularity(
    "warts/cdr_phone_originated_{day}_missing_columns.csv",
    "A header that lacks Result and Duration.",
    "Fails whole, with the columns named.",
    state="failed",
)
def _missing_columns(supply: CallPool) -> bytes:
    columns = [name for name in KINDS[PHONE_ORIGINATED] if name not in ("Result", "Duration")]
    calls = supply.take(PHONE_ORIGINATED, 4)
    return _text(calls, PHONE_ORIGINATED, columns=columns).encode()


@_irregularity(
    "warts/cdr_app_app_{day}_commas.csv",
    "Commas instead of semicolons.",
    "Fails whole: the header is of no known kind.",
    state="failed",
)
def _commas(supply: CallPool) -> bytes:
    return _text(supply.take(APP_APP, 4), APP_APP).replace(";", ",").encode()


@_irregularity(
    "warts/README.txt",
    "Text that is no call detail record.",
    "Passed over in a folder; never staged.",
    state="ignored",
)
def _unrelated(supply: CallPool) -> bytes:
    return (
        f"Call records up to {supply.end.isoformat()}.\n\nAsk the billing department about them.\n".encode()
    )


@_irregularity(
    "warts/cdr_app_app_{day}_on_its_way.csv.part",
    "A file that is still being copied.",
    "Passed over.",
    state="ignored",
)
def _partial(supply: CallPool) -> bytes:
    return _text(supply.take(APP_APP, 4), APP_APP).encode()[:-40]


# Encodings and line ends


@_irregularity(
    "warts/cdr_phone_terminated_{day}_bom.csv",
    "UTF-8 with a byte order mark.",
    "The mark is no part of the first column's name.",
    kind=PHONE_TERMINATED,
    staged=6,
)
def _bom(supply: CallPool) -> bytes:
    return _text(supply.take(PHONE_TERMINATED, 6), PHONE_TERMINATED).encode("utf-8-sig")


@_irregularity(
    "warts/cdr_app_app_{day}_utf16.csv",
    "UTF-16 with a byte order mark; a Custom has letters of other scripts and an emoji.",
    "The same text as in UTF-8.",
    kind=APP_APP,
    staged=4,
)
def _utf16(supply: CallPool) -> bytes:
    first, *others = supply.take(APP_APP, 4)
    text = _text([first | {"Custom": "återuppringning Ж 呼 📞"}, *others], APP_APP)
    return b"\xff\xfe" + text.encode("utf-16-le")


@_irregularity(
    "warts/cdr_phone_originated_{day}_crlf.csv",
    "Lines that end in CR LF.",
    "No CR in the last column.",
    kind=PHONE_ORIGINATED,
    staged=6,
)
def _crlf(supply: CallPool) -> bytes:
    return _text(supply.take(PHONE_ORIGINATED, 6), PHONE_ORIGINATED, end="\r\n").encode()


@_irregularity(
    "warts/cdr_sip_terminated_{day}_mixed_line_ends.csv",
    "Some lines end in LF, some in CR LF; a bare CR inside a field.",
    "Both end lines; the bare CR ends none and is kept.",
    kind=SIP_TERMINATED,
    staged=6,
)
def _mixed_line_ends(supply: CallPool) -> bytes:
    lines = [";".join(KINDS[SIP_TERMINATED])]
    lines += [_raw(call, SIP_TERMINATED, Custom="plain") for call in supply.take(SIP_TERMINATED, 6)]
    lines[3] = lines[3].replace("plain", "two\rparts")
    return "".join(line + ("\r\n" if number % 2 else "\n") for number, line in enumerate(lines)).encode()


@_irregularity(
    "warts/cdr_app_app_{day}_bytes.csv",
    "One record with a NUL, one with bytes that are no UTF-8.",
    "Both are rejected, not the file.",
    kind=APP_APP,
    staged=4,
    rejected=2,
)
def _bytes(supply: CallPool) -> bytes:
    calls = [call | {"Custom": ""} for call in supply.take(APP_APP, 6)]
    calls[1]["Custom"], calls[3]["Custom"] = "NUL", "LATIN"
    content = _text(calls, APP_APP).encode()
    return content.replace(b";NUL;", b";a\x00b;").replace(b";LATIN;", "Kö".encode("latin-1").join([b";"] * 2))


@_irregularity(
    "warts/cdr_app_app_{day}_empty.csv",
    "No byte at all.",
    "A valid file without records.",
    kind=APP_APP,
)
def _empty(supply: CallPool) -> bytes:  # noqa: ARG001
    return b""


@_irregularity(
    "warts/cdr_phone_originated_{day}_header_only.csv",
    "A header and nothing else.",
    "A valid file without records.",
    kind=PHONE_ORIGINATED,
)
def _header_only(supply: CallPool) -> bytes:  # noqa: ARG001
    return _text([], PHONE_ORIGINATED).encode()


@_irregularity(
    "warts/cdr_phone_originated_{day}_blank_lines.csv",
    "Blank lines between the records and at the end.",
    "No records; the line numbers count them.",
    kind=PHONE_ORIGINATED,
    staged=6,
)
def _blank_lines(supply: CallPool) -> bytes:
    lines = _text(supply.take(PHONE_ORIGINATED, 6), PHONE_ORIGINATED).splitlines(keepends=True)
    return "".join([*lines[:2], "\n", *lines[2:4], "\n", "\r\n", *lines[4:], "\n", "\n"]).encode()


@_irregularity(
    "warts/cdr_sip_terminated_{day}_no_last_line_end.csv",
    "The last line has no line end.",
    "A record like the others.",
    kind=SIP_TERMINATED,
    staged=6,
)
def _no_last_line_end(supply: CallPool) -> bytes:
    return _text(supply.take(SIP_TERMINATED, 6), SIP_TERMINATED).encode().removesuffix(b"\n")


@_irregularity(
    "warts/cdr_phone_terminated_{day}_cut_off.csv",
    "The last line breaks off in the middle.",
    "That line is rejected for its too few fields.",
    kind=PHONE_TERMINATED,
    staged=5,
    rejected=1,
)
def _cut_off(supply: CallPool) -> bytes:
    content = _text(supply.take(PHONE_TERMINATED, 6), PHONE_TERMINATED).encode()
    *complete, last = content.splitlines(keepends=True)
    return b"".join(complete) + last[: len(last) // 3]


# Quoting and widths


@_irregularity(
    "warts/cdr_phone_originated_{day}_quoted.csv",
    "Quoted fields with delimiters, doubled quotes, and line breaks of both kinds.",
    "Kept character for character without the quotes that enclose them.",
    kind=PHONE_ORIGINATED,
    staged=5,
)
def _quoted(supply: CallPool) -> bytes:
    values = [
        "a;b;c",
        'she said "yes"',
        'line 1\nline 2;\n"line 3"',
        "line 1\r\nline 2",
        '{"a":"x;y","b":[1,2]}',
    ]
    calls = _with(supply.take(PHONE_ORIGINATED, 5), *({"Custom": value} for value in values))
    return _text(calls, PHONE_ORIGINATED).encode()


@_irregularity(
    "warts/cdr_phone_terminated_{day}_raw_json.csv",
    "JSON that is not quoted, and a quote inside an unquoted field.",
    "Kept character for character.",
    kind=PHONE_TERMINATED,
    staged=4,
)
def _raw_json(supply: CallPool) -> bytes:
    values = ['{"foo":"x"}', '{"a":[1,2],"b":""}', 'size 5"', '{"open":"']
    calls = supply.take(PHONE_TERMINATED, 4)
    lines = [_raw(call, PHONE_TERMINATED, Custom=value) for call, value in zip(calls, values, strict=True)]
    return "\n".join([";".join(KINDS[PHONE_TERMINATED]), *lines, ""]).encode()


@_irregularity(
    "warts/cdr_phone_terminated_{day}_unbalanced_quote.csv",
    "A field opens with a quote that is never closed.",
    "Costs the line it starts on, not the rest of the file.",
    kind=PHONE_TERMINATED,
    staged=5,
    rejected=1,
)
def _unbalanced_quote(supply: CallPool) -> bytes:
    calls = [call | {"Custom": ""} for call in supply.take(PHONE_TERMINATED, 6)]
    lines = [_raw(call, PHONE_TERMINATED, Custom='"{open' if n == 2 else "") for n, call in enumerate(calls)]
    return "\n".join([";".join(KINDS[PHONE_TERMINATED]), *lines, ""]).encode()


@_irregularity(
    "warts/cdr_sip_terminated_{day}_widths.csv",
    "Records with a field too few, two too many, an empty one too many, and a line of one word.",
    "All four are rejected.",
    kind=SIP_TERMINATED,
    staged=4,
    rejected=4,
)
def _widths(supply: CallPool) -> bytes:
    calls = supply.take(SIP_TERMINATED, 7)
    lines = [_raw(call, SIP_TERMINATED, Custom="") for call in calls]
    lines[1] = lines[1].rpartition(";")[0]
    lines[3] += ";more;still more"
    lines[5] += ";"
    lines.append("END")
    return "\n".join([";".join(KINDS[SIP_TERMINATED]), *lines, ""]).encode()


@_irregularity(
    "warts/cdr_sip_terminated_{day}_endpoints.csv",
    "SIP endpoints that hold the delimiter, in quotes, and one with a name.",
    "Kept whole.",
    kind=SIP_TERMINATED,
    staged=4,
)
def _sip_endpoints(supply: CallPool) -> bytes:
    calls = _with(
        supply.take(SIP_TERMINATED, 4),
        {"To": "sip:46708000000@sip.example.com:5061;transport=tls"},
        {"To": "sip:desk@sip.example.com;user=phone;transport=tcp"},
        {"From": '"Front desk" <sip:+46708000000@sip.example.com>'},
        {"From": "sips:46708000000@sip.example.com;lr"},
    )
    return _text(calls, SIP_TERMINATED).encode()


# Compression


@_irregularity(
    "warts/cdr_app_app_{day}_gzip.csv.gz",
    "Compressed with gzip, in two members.",
    "Like the file inside.",
    kind=APP_APP,
    staged=6,
)
def _gzip(supply: CallPool) -> bytes:
    content = _text(supply.take(APP_APP, 6), APP_APP).encode()
    return gzip.compress(content[:200], mtime=0) + gzip.compress(content[200:], mtime=0)


@_irregularity(
    "warts/cdr_app_app_{day}_gzip_copy.csv.gz",
    "A clean file's content, compressed, under another name.",
    "A duplicate: it is the content that counts. Not staged, unless the file has no records.",
    kind=APP_APP,
    state="duplicate",
)
def _gzip_copy(supply: CallPool) -> bytes:
    return gzip.compress(supply.clean_file(APP_APP), mtime=0)


@_irregularity(
    "warts/cdr_phone_terminated_{day}_truncated.csv.gz",
    "A gzip file that breaks off.",
    "Fails whole.",
    state="failed",
)
def _gzip_truncated(supply: CallPool) -> bytes:
    content = gzip.compress(_text(supply.take(PHONE_TERMINATED, 20), PHONE_TERMINATED).encode(), mtime=0)
    return content[: len(content) * 2 // 3]


@_irregularity(
    "warts/cdr_phone_originated_{day}_zstd.csv.zst",
    "Compressed with Zstandard.",
    "Like the file inside.",
    kind=PHONE_ORIGINATED,
    staged=6,
)
def _zstd(supply: CallPool) -> bytes:
    import zstandard

    return zstandard.compress(_text(supply.take(PHONE_ORIGINATED, 6), PHONE_ORIGINATED).encode())


@_irregularity(
    "warts/deliveries.zip",
    "A zip archive of two deliveries of one kind, one of them in a folder.",
    "Each member is a file of the manifest; the numbers are those of both.",
    kind=SIP_TERMINATED,
    staged=7,
)
def _zip(supply: CallPool) -> bytes:
    day = supply.end.isoformat()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, number in ((f"cdr_sip_terminated_{day}_a.csv", 4), (f"{day}/sip_b.csv", 3)):
            member = zipfile.ZipInfo(name)  # its time stamp is constant
            member.create_system = 3
            content = _text(supply.take(SIP_TERMINATED, number), SIP_TERMINATED)
            archive.writestr(member, content, compress_type=zipfile.ZIP_DEFLATED)
    return target.getvalue()


# Values


@_irregularity(
    "warts/cdr_phone_terminated_{day}_new_values.csv",
    "Results and reasons that are not on the vendor's page, and values in lower case and with blanks.",
    "Staged and in the marts: CONGESTION is network_failure, USERNOTFOUND invalid_destination, CALLBACKERROR "
    "application_error, CLIENTNETWORK access_failure, Result DENIED unclassified. Enumeration tests warn.",
    kind=PHONE_TERMINATED,
    staged=7,
)
def _new_values(supply: CallPool) -> bytes:
    calls = _with(
        supply.take(PHONE_TERMINATED, 7, "NOANSWER", "FAILED", "BUSY"),
        {"Result": "FAILED", "Reason": "CONGESTION"},
        {"Result": "FAILED", "Reason": "USERNOTFOUND"},
        {"Result": "FAILED", "Reason": "CALLBACKERROR"},
        {"Result": "NOANSWER", "Reason": "CLIENTNETWORK"},
        {"Result": "DENIED", "Reason": "N/A"},
        {"Result": "", "Reason": ""},
        {"Result": "NoAnswer", "Reason": " timeout "},
    )
    return _text(calls, PHONE_TERMINATED).encode()


@_irregularity(
    "warts/cdr_phone_terminated_{day}_invalid_values.csv",
    "Values that are no numbers or times.",
    "Staged; null and named in invalid_fields. The three records without a CallId or a readable CallTime are "
    "unusable: in rejected_records, not in fact_calls.",
    kind=PHONE_TERMINATED,
    staged=12,
)
def _invalid_values(supply: CallPool) -> bytes:
    calls = _with(
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
    return _text(calls, PHONE_TERMINATED).encode()


@_irregularity(
    "warts/cdr_phone_terminated_{day}_money.csv",
    "A credit, a missing currency and one in lower case, six decimals, a plus sign, a charge without answer "
    "or talk, an answer without charge, and a talk beyond the four hours' cap.",
    "Staged and in the marts; mart_cost_exceptions tells of all but the spellings of amount and currency.",
    kind=PHONE_TERMINATED,
    staged=9,
)
def _money(supply: CallPool) -> bytes:
    answered = supply.take(PHONE_TERMINATED, 8, "ANSWERED")
    calls = _with(
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
    return _text(calls, PHONE_TERMINATED).encode()


@_irregularity(
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
    calls = _with(
        supply.take(PHONE_TERMINATED, 5, "ANSWERED") + unanswered,
        *({"CallTime": called, "AnswerTime": answered} for called, answered in forms),
        {"AnswerTime": "0001-01-01T00:00:00Z"},
        {"AnswerTime": "0001-01-01T00:00:00"},
    )
    return _text(calls, PHONE_TERMINATED).encode()


@_irregularity(
    "warts/cdr_app_app_{day}_application_keys.csv",
    "The application's key in upper case, without dashes, both; and a key that is no GUID.",
    "One application in all but the last.",
    kind=APP_APP,
    staged=5,
)
def _application_keys(supply: CallPool) -> bytes:
    calls = supply.take(APP_APP, 5)
    key = calls[0]["ApplicationKey"]
    keys = [key, key.upper(), key.replace("-", ""), key.replace("-", "").upper(), "test-key"]
    return _text(_with(calls, *({"ApplicationKey": form} for form in keys)), APP_APP).encode()


@_irregularity(
    "warts/cdr_phone_originated_{day}_callers.csv",
    "Callers that are no numbers, and numbers in other forms.",
    "Only the names with a number in brackets and the number with a plus have an E.164 form.",
    kind=PHONE_ORIGINATED,
    staged=7,
)
def _callers(supply: CallPool) -> bytes:
    callers = ["", "private", "Anonymous", "Bjorn <+4612341234>", "+46 12-34 12 34", "+4612341234", "1177"]
    changes = ({"From": caller} for caller in callers)
    return _text(_with(supply.take(PHONE_ORIGINATED, 7), *changes), PHONE_ORIGINATED).encode()


# Repetitions


@_irregularity(
    "warts/cdr_phone_originated_{day}_repeated.csv",
    "One record twice, and three different ones with one CallId.",
    "Five records make two calls: one exact duplicate, two conflicts. The last line wins.",
    kind=PHONE_ORIGINATED,
    staged=5,
)
def _repeated(supply: CallPool) -> bytes:
    twice, changed = supply.take(PHONE_ORIGINATED, 2, "ANSWERED")
    versions = [changed, changed | {"Amount": "0.0001"}, changed | {"Amount": "0.0002", "Reason": "N/A"}]
    return _text([twice, *versions, twice], PHONE_ORIGINATED).encode()


@_irregularity(
    "warts/cdr_phone_terminated_{day}_two_kinds.csv",
    "Calls whose CallId is also in the next file, of another kind.",
    "Two legs: a row in each kind.",
    kind=PHONE_TERMINATED,
    staged=3,
)
def _two_kinds(supply: CallPool) -> bytes:
    return _text(supply.calls(PHONE_TERMINATED, supply.end, 3, "two kinds"), PHONE_TERMINATED).encode()


@_irregularity(
    "warts/cdr_sip_terminated_{day}_two_kinds.csv",
    "The other legs of the calls in the file before.",
    "Two legs: a row in each kind.",
    kind=SIP_TERMINATED,
    staged=3,
)
def _two_kinds_sip(supply: CallPool) -> bytes:
    first_legs = supply.calls(PHONE_TERMINATED, supply.end, 3, "two kinds")
    calls = _with(supply.take(SIP_TERMINATED, 3), *({"CallId": leg["CallId"]} for leg in first_legs))
    return _text(calls, SIP_TERMINATED).encode()


@_irregularity(
    "warts/cdr_phone_terminated_{day}_repeated_across_files.csv",
    "The records of the file with two kinds again: two unchanged, one with another amount; and a new call.",
    "Two exact duplicates and a conflict, which this file loses: it is staged before the other.",
    kind=PHONE_TERMINATED,
    staged=4,
)
def _repeated_across_files(supply: CallPool) -> bytes:
    first, *others = supply.calls(PHONE_TERMINATED, supply.end, 3, "two kinds")
    calls = [first | {"Amount": "0.0001"}, *others, *supply.take(PHONE_TERMINATED, 1)]
    return _text(calls, PHONE_TERMINATED).encode()
