"""Quoted fields, and records of another width."""

from loader.feeds import KINDS
from loader.synth.irregularities.irregularity import (
    PHONE_ORIGINATED,
    PHONE_TERMINATED,
    SIP_TERMINATED,
    CallPool,
    irregularity,
    raw,
    text,
    with_changes,
)


@irregularity(
    "warts/cdr_phone_originated_{day}_quoted.csv",
    "Quoted fields with delimiters, doubled quotes, and line breaks of both kinds.",
    "Kept character for character without the quotes that enclose them.",
    kind=PHONE_ORIGINATED,
    staged=5,
)
def _quoted(supply: CallPool) -> bytes:
    values = [
        "a;b;c",
        'she said "yes"',  # not for check_words
        'line 1\nline 2;\n"line 3"',
        "line 1\r\nline 2",
        '{"a":"x;y","b":[1,2]}',
    ]
    calls = with_changes(supply.take(PHONE_ORIGINATED, 5), *({"Custom": value} for value in values))
    return text(calls, PHONE_ORIGINATED).encode()


@irregularity(
    "warts/cdr_phone_terminated_{day}_raw_json.csv",
    "JSON that is not quoted, and a quote inside an unquoted field.",
    "Kept character for character.",
    kind=PHONE_TERMINATED,
    staged=4,
)
def _raw_json(supply: CallPool) -> bytes:
    values = ['{"foo":"x"}', '{"a":[1,2],"b":""}', 'size 5"', '{"open":"']
    calls = supply.take(PHONE_TERMINATED, 4)
    lines = [raw(call, PHONE_TERMINATED, Custom=value) for call, value in zip(calls, values, strict=True)]
    return "\n".join([";".join(KINDS[PHONE_TERMINATED]), *lines, ""]).encode()


@irregularity(
    "warts/cdr_phone_terminated_{day}_unbalanced_quote.csv",
    "A field opens with a quote that is never closed.",
    "Costs the line it starts on, not the rest of the file.",
    kind=PHONE_TERMINATED,
    staged=5,
    rejected=1,
)
def _unbalanced_quote(supply: CallPool) -> bytes:
    calls = [call | {"Custom": ""} for call in supply.take(PHONE_TERMINATED, 6)]
    lines = [raw(call, PHONE_TERMINATED, Custom='"{open' if n == 2 else "") for n, call in enumerate(calls)]
    return "\n".join([";".join(KINDS[PHONE_TERMINATED]), *lines, ""]).encode()


@irregularity(
    "warts/cdr_sip_terminated_{day}_widths.csv",
    "Records with a field too few, two too many, an empty one too many, and a line of one word.",
    "All four are rejected.",
    kind=SIP_TERMINATED,
    staged=4,
    rejected=4,
)
def _widths(supply: CallPool) -> bytes:
    calls = supply.take(SIP_TERMINATED, 7)
    lines = [raw(call, SIP_TERMINATED, Custom="") for call in calls]
    lines[1] = lines[1].rpartition(";")[0]
    lines[3] += ";more;still more"
    lines[5] += ";"
    lines.append("END")
    return "\n".join([";".join(KINDS[SIP_TERMINATED]), *lines, ""]).encode()


@irregularity(
    "warts/cdr_sip_terminated_{day}_endpoints.csv",
    "SIP endpoints that hold the delimiter, in quotes, and one with a name.",
    "Kept whole.",
    kind=SIP_TERMINATED,
    staged=4,
)
def _sip_endpoints(supply: CallPool) -> bytes:
    calls = with_changes(
        supply.take(SIP_TERMINATED, 4),
        {"To": "sip:46708000000@sip.example.com:5061;transport=tls"},
        {"To": "sip:desk@sip.example.com;user=phone;transport=tcp"},
        {"From": '"Front desk" <sip:+46708000000@sip.example.com>'},
        {"From": "sips:46708000000@sip.example.com;lr"},
    )
    return text(calls, SIP_TERMINATED).encode()
