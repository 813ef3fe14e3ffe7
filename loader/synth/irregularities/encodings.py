"""Encodings, line ends, and files that break off."""

from loader.feeds import KINDS
from loader.synth.irregularities.irregularity import (
    APP_APP,
    PHONE_ORIGINATED,
    PHONE_TERMINATED,
    SIP_TERMINATED,
    CallPool,
    irregularity,
    raw,
    text,
)


@irregularity(
    "warts/cdr_phone_terminated_{day}_bom.csv",
    "UTF-8 with a byte order mark.",
    "The mark is not part of the first column's name.",
    kind=PHONE_TERMINATED,
    staged=6,
)
def _bom(supply: CallPool) -> bytes:
    return text(supply.take(PHONE_TERMINATED, 6), PHONE_TERMINATED).encode("utf-8-sig")


@irregularity(
    "warts/cdr_app_app_{day}_utf16.csv",
    "UTF-16 with a byte order mark; a Custom has letters of other scripts and an emoji.",
    "The same text as in UTF-8.",
    kind=APP_APP,
    staged=4,
)
def _utf16(supply: CallPool) -> bytes:
    first, *others = supply.take(APP_APP, 4)
    calls = [first | {"Custom": "återuppringning Ж 呼 📞"}, *others]
    return b"\xff\xfe" + text(calls, APP_APP).encode("utf-16-le")


@irregularity(
    "warts/cdr_phone_originated_{day}_crlf.csv",
    "Lines that end in CR LF.",
    "No CR in the last column.",
    kind=PHONE_ORIGINATED,
    staged=6,
)
def _crlf(supply: CallPool) -> bytes:
    return text(supply.take(PHONE_ORIGINATED, 6), PHONE_ORIGINATED, end="\r\n").encode()


@irregularity(
    "warts/cdr_sip_terminated_{day}_mixed_line_ends.csv",
    "Some lines end in LF, some in CR LF; a bare CR inside a field.",
    "Both end lines; the bare CR ends none and is kept.",
    kind=SIP_TERMINATED,
    staged=6,
)
def _mixed_line_ends(supply: CallPool) -> bytes:
    lines = [";".join(KINDS[SIP_TERMINATED])]
    lines += [raw(call, SIP_TERMINATED, Custom="plain") for call in supply.take(SIP_TERMINATED, 6)]
    lines[3] = lines[3].replace("plain", "two\rparts")
    return "".join(line + ("\r\n" if number % 2 else "\n") for number, line in enumerate(lines)).encode()


@irregularity(
    "warts/cdr_app_app_{day}_bytes.csv",
    "One record with a NUL, one with bytes that are not UTF-8.",
    "Both are rejected, not the file.",
    kind=APP_APP,
    staged=4,
    rejected=2,
)
def _bytes(supply: CallPool) -> bytes:
    calls = [call | {"Custom": ""} for call in supply.take(APP_APP, 6)]
    calls[1]["Custom"], calls[3]["Custom"] = "NUL", "LATIN"
    content = text(calls, APP_APP).encode()
    return content.replace(b";NUL;", b";a\x00b;").replace(b";LATIN;", "Kö".encode("latin-1").join([b";"] * 2))


@irregularity(
    "warts/cdr_app_app_{day}_empty.csv",
    "No bytes.",
    "A valid file without records.",
    kind=APP_APP,
)
def _empty(supply: CallPool) -> bytes:  # noqa: ARG001
    return b""


@irregularity(
    "warts/cdr_phone_originated_{day}_header_only.csv",
    "A header and nothing else.",
    "A valid file without records.",
    kind=PHONE_ORIGINATED,
)
def _header_only(supply: CallPool) -> bytes:  # noqa: ARG001
    return text([], PHONE_ORIGINATED).encode()


@irregularity(
    "warts/cdr_phone_originated_{day}_blank_lines.csv",
    "Blank lines between the records and at the end.",
    "They are not records; the line numbers count them.",
    kind=PHONE_ORIGINATED,
    staged=6,
)
def _blank_lines(supply: CallPool) -> bytes:
    lines = text(supply.take(PHONE_ORIGINATED, 6), PHONE_ORIGINATED).splitlines(keepends=True)
    return "".join([*lines[:2], "\n", *lines[2:4], "\n", "\r\n", *lines[4:], "\n", "\n"]).encode()


@irregularity(
    "warts/cdr_sip_terminated_{day}_no_last_line_end.csv",
    "The last line has no line end.",
    "A record like the others.",
    kind=SIP_TERMINATED,
    staged=6,
)
def _no_last_line_end(supply: CallPool) -> bytes:
    return text(supply.take(SIP_TERMINATED, 6), SIP_TERMINATED).encode().removesuffix(b"\n")


@irregularity(
    "warts/cdr_phone_terminated_{day}_cut_off.csv",
    "The last line breaks off in the middle.",
    "That line is rejected: it has too few fields.",
    kind=PHONE_TERMINATED,
    staged=5,
    rejected=1,
)
def _cut_off(supply: CallPool) -> bytes:
    content = text(supply.take(PHONE_TERMINATED, 6), PHONE_TERMINATED).encode()
    *complete, last = content.splitlines(keepends=True)
    return b"".join(complete) + last[: len(last) // 3]
