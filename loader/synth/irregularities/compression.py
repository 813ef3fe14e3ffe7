"""Compressed files and archives."""

import gzip
import io
import zipfile

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
    "warts/cdr_app_app_{day}_gzip.csv.gz",
    "Compressed with gzip, in two members.",
    "Staged as the file inside.",
    kind=APP_APP,
    staged=6,
)
def _gzip(supply: CallPool) -> bytes:
    content = text(supply.take(APP_APP, 6), APP_APP).encode()
    return gzip.compress(content[:200], mtime=0) + gzip.compress(content[200:], mtime=0)


@irregularity(
    "warts/cdr_app_app_{day}_gzip_copy.csv.gz",
    "A clean file's content, compressed, under another name.",
    "A duplicate, since contents are compared. Not staged, unless the file has no records.",
    kind=APP_APP,
    state="duplicate",
)
def _gzip_copy(supply: CallPool) -> bytes:
    return gzip.compress(supply.clean_file(APP_APP), mtime=0)


@irregularity(
    "warts/cdr_phone_terminated_{day}_truncated.csv.gz",
    "A gzip file that breaks off.",
    "Fails whole.",
    state="failed",
)
def _gzip_truncated(supply: CallPool) -> bytes:
    content = gzip.compress(text(supply.take(PHONE_TERMINATED, 20), PHONE_TERMINATED).encode(), mtime=0)
    return content[: len(content) * 2 // 3]


@irregularity(
    "warts/cdr_phone_originated_{day}_zstd.csv.zst",
    "Compressed with Zstandard.",
    "Staged as the file inside.",
    kind=PHONE_ORIGINATED,
    staged=6,
)
def _zstd(supply: CallPool) -> bytes:
    import zstandard

    return zstandard.compress(text(supply.take(PHONE_ORIGINATED, 6), PHONE_ORIGINATED).encode())


@irregularity(
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
            content = text(supply.take(SIP_TERMINATED, number), SIP_TERMINATED)
            archive.writestr(member, content, compress_type=zipfile.ZIP_DEFLATED)
    return target.getvalue()
