"""Measure an object of 200 MB: `cdr stage s3://…` against downloading it and staging the file.

The server is moto's, in a process of its own on this machine. What is compared runs in turns, and the best of
the rounds counts. It prints the table of README.md; `--calls` and `--rounds` make it smaller.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import Bench, Cost, measured, row, synthetic

DOWNLOAD = """
import obstore, sys
from obstore.store import from_url
store = from_url("s3://bench", client_options={"allow_http": True})
with open(sys.argv[2], "wb") as out:
    for chunk in obstore.get(store, sys.argv[1]).stream():
        out.write(chunk)
"""
UPLOAD = """
import obstore, pathlib, sys
from obstore.store import from_url
store = from_url("s3://bench", client_options={"allow_http": True})
obstore.put(store, sys.argv[1], pathlib.Path(sys.argv[2]), use_multipart=False)
"""
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_REGION": "us-east-1",
    "AWS_ALLOW_HTTP": "true",
    "CDR_MACHINE_ROLE": "false",
}


@contextmanager
def server() -> Iterator[None]:
    """An S3 server with an empty bucket; the environment names it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    os.environ.update(CREDENTIALS, AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}")
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while socket.socket().connect_ex(("127.0.0.1", port)):
            time.sleep(0.1)
        script = (
            "import boto3, sys; boto3.client('s3', endpoint_url=sys.argv[1]).create_bucket(Bucket='bench')"
        )
        measured([sys.executable, "-c", script, os.environ["AWS_ENDPOINT_URL"]])
        yield
    finally:
        process.terminate()
        process.wait()


def both(first: Cost, second: Cost) -> Cost:
    """One after the other."""
    return Cost(
        first.seconds + second.seconds,
        first.processor + second.processor,
        max(first.memory, second.memory),
    )


def main() -> None:
    """Run the measurements and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--calls", type=int, default=1_000_000, help="records of the object (default: one million)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="the best of these rounds counts")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cdr-bench-") as temporary, server():
        bench = Bench(Path(temporary), chosen.rounds)
        plain = synthetic(bench.folder, chosen.calls)
        subprocess.run(["gzip", "-k", "-1", str(plain)], check=True)
        print(f"{chosen.calls:,} calls, {plain.stat().st_size / 1e6:,.0f} MB; best of {chosen.rounds}\n")
        print("| measured | seconds | ratio | processor seconds | ratio | memory MiB |")
        print("|---|---:|---:|---:|---:|---:|")
        for path in (plain, plain.with_name(f"{plain.name}.gz")):
            compare(bench, path)


def compare(bench: Bench, path: Path) -> None:
    """Print two rows for an object with that file's content."""
    measured([sys.executable, "-c", UPLOAD, path.name, str(path)])
    copy = bench.folder / "downloaded" / path.name
    copy.parent.mkdir(exist_ok=True)

    def download_and_stage() -> Cost:
        downloaded = measured([sys.executable, "-c", DOWNLOAD, path.name, str(copy)])
        return both(downloaded, bench.loader(copy))

    def stage() -> Cost:
        command = [sys.executable, "-m", "loader", "stage", f"s3://bench/{path.name}", "-q", "--database"]
        return measured([*command, str(bench.database())])

    apart, streamed = bench.compared(download_and_stage, stage)
    row(f"download, then `cdr stage`, {path.suffix} file", apart, apart)
    row("`cdr stage s3://…`, the same object", streamed, apart)


if __name__ == "__main__":
    main()
