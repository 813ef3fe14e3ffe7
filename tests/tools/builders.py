"""Well-formed headers, records and deliveries."""

import io
import zipfile

from loader.feeds import KINDS


def header(kind: str = "sip_terminated") -> str:
    return ";".join(KINDS[kind])


def record(kind: str = "sip_terminated", call_id: str = "call-1", **values: str) -> str:
    """A plain record; values by vendor's column name."""
    fields = {
        "CallId": call_id,
        "UserSpaceId": "1",
        "CallTime": "2026-11-22T10:00:00Z",
        "Result": "ANSWERED",
        "Reason": "N/A",
        "Duration": "60",
        **values,
    }
    return ";".join(fields.get(name, "") for name in KINDS[kind])


def delivery(*call_ids: str, kind: str = "sip_terminated") -> str:
    """A well-formed file with a record per call."""
    return "".join(line + "\n" for line in [header(kind), *(record(kind, call_id) for call_id in call_ids)])


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip archive, its members by name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()
