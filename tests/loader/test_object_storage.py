"""Deliveries from object storage, against an S3 server on this machine."""

import base64
import gzip
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import obstore
import pytest
import zstandard
from builders import delivery, zipped
from harness import Loader, environment
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

from loader.inputs import object_storage

SECRET = "never-to-be-shown"
KEY_ID = "KEYIDNEVERTOLD"


class Store:
    """A bucket of its own on the server."""

    def __init__(self, client: Any, name: str, requests: list[str]) -> None:
        self.client, self.name, self.requests = client, name, requests
        client.create_bucket(Bucket=name)

    def put(self, key: str, body: bytes | str) -> str:
        body = body.encode() if isinstance(body, str) else body
        self.client.put_object(Bucket=self.name, Key=key, Body=body)
        return self.uri(key)

    def uri(self, key: str = "") -> str:
        return f"s3://{self.name}/{key}"

    def read(self) -> list[str]:
        """What was downloaded since the last time."""
        read = [line for line in self.requests if line.startswith(f"GET /{self.name}/")]
        self.requests.clear()
        return read


class _Requests(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage().split('"')[1]
        # The server writes in colours.
        self.seen.append(re.sub(r"\x1b\[[\d;]*m", "", line))


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[int, _Requests]]:
    log = logging.getLogger("werkzeug")
    requests = _Requests()
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(requests)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=True)
    moto.start()
    yield moto.get_host_and_port()[1], requests
    moto.stop()
    log.removeHandler(requests)
    log.propagate = True


def google(endpoint: str) -> str:
    """A key that signs nothing."""
    nothing = {"client_email": "", "private_key": SECRET, "private_key_id": ""}
    return json.dumps({"gcs_base_url": endpoint, "disable_oauth": True, **nothing})


@pytest.fixture(autouse=True)
def settings(server: tuple[int, _Requests], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every provider is on this machine and has credentials: without any, the machine's role is asked for
    some over the network.
    """
    endpoint = f"http://127.0.0.1:{server[0]}"
    for name, value in {
        "CDR_MACHINE_ROLE": "false",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "GOOGLE_SERVICE_ACCOUNT_KEY": google(endpoint),
        "AZURE_STORAGE_ENDPOINT": endpoint,
        "AZURE_STORAGE_ACCOUNT_NAME": "account",
        "AZURE_STORAGE_ACCOUNT_KEY": base64.b64encode(SECRET.encode()).decode(),
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def store(server: tuple[int, _Requests]) -> Store:
    port, requests = server
    endpoint = f"http://127.0.0.1:{port}"
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    return Store(client, f"bucket-{uuid.uuid4().hex}", requests.seen)


def states(files: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(file["file_name"], file["state"]) for file in files]


def test_a_prefix_is_staged_like_a_folder(cdr: Loader, store: Store) -> None:
    store.put("in/", b"")
    store.put("in/2026-11-20/", b"")
    store.put("in/empty/", b"")
    store.put("in/2026-11-20/sip.csv", delivery("a"))
    store.put("in/2026-11-21/sip.csv.gz", gzip.compress(delivery("b").encode()))
    store.put("in/2026-11-22/sip.csv.zst", zstandard.compress(delivery("c").encode()))
    store.put("in/2026-11-23/sip ü%20.csv", delivery("d"))
    store.put("in/.hidden/sip.csv", delivery("e"))
    store.put("in/sip.csv.part", delivery("f"))
    store.put("in/notes.txt", "nothing")
    store.put("inbox-of-others/sip.csv", delivery("g"))
    planned = cdr.stage(store.uri("in/"), "--dry-run")
    assert not cdr.database.exists()
    store.read()
    files = cdr.stage(store.uri("in/"))
    assert states(files) == states(planned)
    assert [
        (file["path"].removeprefix(store.uri("in/")), file["state"], file["file_date"]) for file in files
    ] == [
        (".hidden/sip.csv", "ignored", None),
        ("2026-11-20/sip.csv", "current", "2026-11-20"),
        ("2026-11-21/sip.csv.gz", "current", "2026-11-21"),
        ("2026-11-22/sip.csv.zst", "current", "2026-11-22"),
        ("2026-11-23/sip ü%20.csv", "current", "2026-11-23"),
        ("notes.txt", "ignored", None),
        ("sip.csv.part", "ignored", None),
    ]
    assert len(store.read()) == 5
    assert [call for _, call in cdr.records(columns='"CallId"')] == ["a", "b", "c", "d"]
    cdr("verify", "-q")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("in/*/sip.csv", ["in/21/sip.csv", "in/22/sip.csv"]),
        ("in/2[0-1]/*.csv", ["in/21/a.csv", "in/21/sip.csv"]),
        # A folder that matches stands for all below it, but for what is hidden there.
        ("in/*2", ["in/22/deep/x.csv", "in/22/sip.csv"]),
        ("in/**/x.csv", ["in/22/deep/x.csv", "in/x.csv"]),
        ("**", ["in/21/a.csv", "in/21/sip.csv", "in/22/deep/x.csv", "in/22/sip.csv", "in/x.csv"]),
        ("in/22/.[h]*/*", ["in/22/.hidden/y.csv"]),
        # A key that reads like a pattern is that object.
        ("in/[x].csv", ["in/[x].csv"]),
    ],
)
def test_patterns(cdr: Loader, store: Store, pattern: str, found: list[str]) -> None:
    keys = ["21/a.csv", "21/sip.csv", "22/.hidden/y.csv", "22/deep/x.csv", "22/sip.csv", "x.csv"]
    for key in keys:
        store.put(f"in/{key}", delivery(key))
    if pattern in found:
        store.put(pattern, delivery("brackets"))
    files = cdr.stage(store.uri(pattern), "--dry-run")
    staged = [file["path"].removeprefix(store.uri()) for file in files if file["state"] != "ignored"]
    assert sorted(staged) == found
    assert cdr.error("stage", store.uri("in/*.txt")).endswith(
        "/in/*.txt: no object matches; check the pattern"
    )


def test_what_is_known_is_not_read_again(cdr: Loader, store: Store) -> None:
    store.put("a/sip_2026-11-20.csv", delivery("a"))
    known = store.put("a/sip_2026-11-21.csv", delivery("b"))
    cdr.stage(store.uri("a"))
    rows = cdr.query(
        "select path, version, l.size, make_timestamp_ns(modified) <= seen_at"
        " from raw_sinch.looks l join raw_sinch.files f using (file_id, path) order by path"
    )
    head = store.client.head_object(Bucket=store.name, Key="a/sip_2026-11-21.csv")
    assert rows[1] == (known, head["ETag"], head["ContentLength"], True)
    assert len(rows) == 2
    store.read()
    assert {state for _, state in states(cdr.stage(store.uri("a")))} == {"skipped"}
    assert {state for _, state in states(cdr.stage(store.uri("a"), "--dry-run"))} == {"skipped"}
    assert store.read() == []
    # One that comes late and sorts first; one written again with the same content; one corrected.
    store.put("a/sip_2026-11-19.csv", delivery("late"))
    store.put("a/sip_2026-11-20.csv", delivery("a"))
    store.put("a/sip_2026-11-21.csv", delivery("b", "c"))
    assert states(cdr.stage(store.uri("a"))) == [
        ("sip_2026-11-19.csv", "current"),
        ("sip_2026-11-20.csv", "skipped"),
        ("sip_2026-11-21.csv", "current"),
    ]
    assert len(store.read()) == 2
    assert cdr.query("select state from raw_sinch.files where path = ? order by file_id", known) == [
        ("superseded",),
        ("current",),
    ]
    assert cdr.query("select count(*) from raw_sinch.looks") == [(3,)]
    cdr.stage(store.uri("a"), "--again")
    assert len(store.read()) == 3


def test_two_thousand_objects(cdr: Loader, store: Store) -> None:
    for at in range(2000):
        # Straight into the server, which is a part of this process.
        content = delivery(f"call-{at}").encode()
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(store.name, f"many/sip_{at:04}.csv", content)
    store.requests.clear()
    files = cdr.stage(store.uri("many/"))
    # A page has a thousand.
    assert sum("list-type=2" in line for line in store.requests) == 2
    assert [state for _, state in states(files)] == ["current"] * 2000
    assert cdr.query('select count(*), count(distinct "CallId") from raw_sinch.sip_terminated') == [
        (2000, 2000)
    ]
    store.read()
    assert {state for _, state in states(cdr.stage(store.uri("many/")))} == {"skipped"}
    assert store.read() == []


def test_an_object_that_changes_under_way_fails_alone(
    cdr: Loader, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("in/sip_2026-11-20.csv", delivery("a"))
    store.put("in/sip_2026-11-21.csv", delivery("b"))
    store.put("in/sip_2026-11-22.csv", delivery("c"))
    original = obstore.get

    def get(bucket: Any, key: str, **options: Any) -> Any:
        if key.endswith("21.csv"):
            store.put(key, delivery("x"))
        if key.endswith("22.csv"):
            store.client.delete_object(Bucket=store.name, Key=key)
        return original(bucket, key, **options)

    with monkeypatch.context() as patched:
        patched.setattr(obstore, "get", get)
        files = cdr.stage(store.uri("in/"), code=1)
    assert [(file["state"], file["message"]) for file in files] == [
        ("current", ""),
        ("failed", "it changed while it was read; the next run stages it"),
        ("failed", "it was removed while it was read; deliver it again if it is needed"),
    ]
    assert [state for _, state in states(cdr.stage(store.uri("in/")))] == ["skipped", "current"]
    assert cdr.records(columns='"CallId"') == [(2, "a"), (2, "x")]


def test_members_of_archives(cdr: Loader, store: Store) -> None:
    members = {f"2026-11-{day}/sip.csv": delivery(f"call-{day}").encode() for day in (20, 21)}
    uri = store.put("in/days.zip", zipped(members))
    store.put("in/bad.zip", b"no archive at all")
    files = cdr.stage(store.uri("in/"), code=1)
    assert [(file["path"].removeprefix(store.uri()), file["state"]) for file in files] == [
        ("in/bad.zip", "failed"),
        ("in/days.zip!2026-11-20/sip.csv", "current"),
        ("in/days.zip!2026-11-21/sip.csv", "current"),
    ]
    assert states(cdr.stage(uri)) == [("sip.csv", "skipped")] * 2
    store.put("in/days.zip", zipped({**members, "2026-11-21/sip.csv": delivery("new").encode()}))
    assert states(cdr.stage(uri)) == [("sip.csv", "skipped"), ("sip.csv", "current")]
    uri = store.put(
        "other/20261123", zipped({"a.csv": delivery("a").encode(), "b.csv": delivery("b").encode()})
    )
    assert states(cdr.stage(uri)) == [("a.csv", "current"), ("b.csv", "current")]
    assert states(cdr.stage(uri)) == [("a.csv", "skipped"), ("b.csv", "skipped")]


def test_one_object_is_named_listed_and_withdrawn_by_its_uri(cdr: Loader, store: Store) -> None:
    uri = store.put("in/notes", delivery("a"))
    store.put("in/notes/below.csv", delivery("b"))
    assert states(cdr.stage(uri)) == [("notes", "current")]
    assert [file["path"] for file in cdr.json("files", "--file", uri)["files"]] == [uri]
    cdr("withdraw", uri)
    assert states(cdr.stage(uri)) == [("notes", "skipped")]
    cdr("withdraw", "--undo", uri)
    assert cdr.states() == [(1, "notes", "current")]


def test_an_object_named_by_two_uris_is_staged_once(cdr: Loader, store: Store) -> None:
    uri = store.put("in/sip.csv", delivery("a"))
    assert states(cdr.stage(store.uri("in/"), uri)) == [("sip.csv", "current")]


class Proxy:
    """Stands before the server. `relay` is given a piece of an answer and how many bytes of it went before,
    and returns what to send on; None cuts the connection.
    """

    def __init__(self, port: int, relay: Callable[[bytes, int], bytes | None]) -> None:
        self.port, self.relay = port, relay
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self.port)) as upstream:
            threading.Thread(target=self._send, args=(client, upstream), daemon=True).start()
            passed = 0
            try:
                while data := upstream.recv(65536):
                    if (out := self.relay(data, passed)) is None:
                        client.shutdown(socket.SHUT_RDWR)
                        return
                    client.sendall(out)
                    passed += len(data)
            except OSError:
                return

    def _send(self, client: socket.socket, upstream: socket.socket) -> None:
        try:
            while data := client.recv(65536):
                upstream.sendall(data)
        except OSError:
            return


@pytest.fixture
def proxy(
    server: tuple[int, _Requests], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Callable[[bytes, int], bytes | None]], None]]:
    """Put a proxy before the server."""
    made: list[Proxy] = []

    def before(relay: Callable[[bytes, int], bytes | None]) -> None:
        made.append(Proxy(server[0], relay))
        monkeypatch.setenv("AWS_ENDPOINT_URL", made[-1].url)

    yield before
    for one in made:
        one.listener.close()


def big(calls: int = 40_000) -> str:
    return delivery(*(f"call-{at}" for at in range(calls)))


def test_a_connection_that_breaks_off_is_taken_up(cdr: Loader, store: Store, proxy: Any) -> None:
    uri = store.put("sip.csv", big())
    cuts = [600_000, 600_000]

    def relay(data: bytes, passed: int) -> bytes | None:
        if cuts and passed > cuts[-1]:
            cuts.pop()
            return None
        return data

    proxy(relay)
    (file,) = cdr.stage(uri)
    assert (file["state"], file["staged"], cuts) == ("current", 40_000, [])
    # The second and the third answer are no more than the rest.
    assert len(store.read()) == 3


def test_a_connection_that_breaks_off_each_time(cdr: Loader, store: Store, proxy: Any) -> None:
    content = big()
    uri = store.put("sip.csv", content)

    def relay(data: bytes, passed: int) -> bytes | None:
        return None if passed else data[: data.index(b"\r\n\r\n") + 4]

    proxy(relay)
    (file,) = cdr.stage(uri, code=2)
    assert (file["state"], file["message"]) == (
        "failed",
        f"the connection broke off at byte 0 of {len(content):,}, after 3 retries; "
        "the next run tries it again",
    )


def test_a_slow_store_is_waited_for_and_a_silent_one_asked_again(
    cdr: Loader, store: Store, proxy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = store.put("sip.csv", big())
    monkeypatch.setitem(object_storage._CLIENT, "read_timeout", "0.5 seconds")
    silent = [600_000]

    def relay(data: bytes, passed: int) -> bytes | None:
        if silent and passed > silent[0]:
            silent.clear()
            time.sleep(2)
        # Longer, all in all, than nothing may arrive.
        time.sleep(0.03)
        return data

    proxy(relay)
    (file,) = cdr.stage(uri)
    assert (file["state"], file["staged"], silent) == ("current", 40_000, [])


def test_a_killed_loader_loses_nothing_and_stages_nothing_twice(
    cdr: Loader, store: Store, proxy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct = os.environ["AWS_ENDPOINT_URL"]
    for at in range(8):
        text = delivery(*(f"call-{at}-{n}" for n in range(5_000)))
        store.put(f"in/sip_2026-11-{at + 1:02}.csv", text)
    held, seen = threading.Event(), [0]

    def relay(data: bytes, passed: int) -> bytes | None:
        seen[0] += len(data)
        if seen[0] > 5 * len(text):
            held.set()
            time.sleep(20)
        return data

    proxy(relay)
    command = cdr.command("stage", store.uri("in/"), "-q")
    process = subprocess.Popen(command, env=environment(), start_new_session=True)
    assert held.wait(30)
    # What has arrived by now is on its way into the database.
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    whole = cdr.query("select path, staged from raw_sinch.files where state = 'current'")
    assert 0 < len(whole) < 8
    assert {staged for _, staged in whole} == {5_000}
    # What is known of an object was written with its file.
    assert cdr.query("select count(*) from raw_sinch.looks anti join raw_sinch.files using (file_id)") == [
        (0,)
    ]
    monkeypatch.setenv("AWS_ENDPOINT_URL", direct)
    store.read()
    files = cdr.stage(store.uri("in/"))
    assert [state for _, state in states(files)].count("skipped") == len(whole)
    assert len(store.read()) == 8 - len(whole)
    assert cdr.query('select count(*), count(distinct "CallId") from raw_sinch.sip_terminated') == [
        (40_000, 40_000)
    ]
    cdr("verify", "-q")
    assert sorted(path.name for path in cdr.database.parent.iterdir()) == ["cdr.duckdb", "inbox"]


@pytest.mark.soak
def test_two_hundred_megabytes_in_bounded_memory(cdr: Loader, store: Store) -> None:
    """The server's memory is this process's own; the loader's is not."""
    calls = 2_500_000
    text = delivery(*(f"call-{at:07}-{'x' * 24}" for at in range(calls)))
    assert len(text) > 200e6
    uri = store.put("sip.csv", text)
    gzipped = store.put("sip_2026-11-21.csv.gz", gzip.compress(text.replace("call-", "kall-").encode(), 1))
    # Of the program alone: getrusage of a new process begins with its parent's memory.
    program = (
        "import re, sys\n"
        "from click.testing import CliRunner\n"
        "from loader.cli.main import main\n"
        "result = CliRunner().invoke(main, sys.argv[1:])\n"
        "assert result.exit_code == 0, result.output\n"
        "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
    )
    for one in (uri, gzipped):
        command = [sys.executable, "-c", program, *cdr.command("stage", one)[3:]]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
        assert int(done.stdout) < 1 << 20
    assert cdr.query('select count(*), count(distinct "CallId") from raw_sinch.sip_terminated') == [
        (2 * calls, 2 * calls)
    ]


@contextmanager
def answering(answer: Callable[[BaseHTTPRequestHandler], tuple[int, str]]) -> Iterator[str]:
    """A server that gives one answer to whatever is asked; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body = answer(self)
            self.send_response(status)
            for name, value in {
                "Content-Length": str(len(body.encode())),
                "ETag": '"1"',
                "Last-Modified": "Sun, 22 Nov 2026 10:00:00 GMT",
            }.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body.encode())

        do_HEAD = do_PUT = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


GOOGLE = """<ListBucketResult><Contents><Key>in/sip_2026-11-20.csv</Key><Size>{size}</Size><ETag>"1"</ETag>
<LastModified>2026-11-22T10:00:00.000Z</LastModified></Contents></ListBucketResult>"""
AZURE = """<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs><Blob>
<Name>in/sip_2026-11-20.csv</Name><Properties><Last-Modified>Sun, 22 Nov 2026 10:00:00 GMT</Last-Modified>
<Etag>"1"</Etag><Content-Length>{size}</Content-Length><Content-Type>text/csv</Content-Type></Properties>
</Blob></Blobs><NextMarker/></EnumerationResults>"""


@pytest.mark.parametrize(("uri", "listing"), [("gs://bucket/in/", GOOGLE), ("az://bucket/in/", AZURE)])
def test_other_stores(cdr: Loader, monkeypatch: pytest.MonkeyPatch, uri: str, listing: str) -> None:
    """Servers that know just enough."""
    text = delivery("a")

    def answer(asked: BaseHTTPRequestHandler) -> tuple[int, str]:
        is_listing = "prefix=in" in asked.path
        return 200, listing.format(size=len(text)) if is_listing else text

    with answering(answer) as address:
        monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", f"{address}/account")
        monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", google(address))
        assert states(cdr.stage(uri)) == [("sip_2026-11-20.csv", "current")]
        assert states(cdr.stage(uri)) == [("sip_2026-11-20.csv", "skipped")]
    assert cdr.query("select path, version from raw_sinch.looks") == [(f"{uri}sip_2026-11-20.csv", '"1"')]


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "access is denied (401); check the credentials in the environment and their rights"),
        (403, "access is denied (403); check the credentials in the environment and their rights"),
        (301, "the store refuses the request; check bucket, region (AWS_REGION) and endpoint"),
        (500, "the store answers 500, after 3 retries; check the endpoint and try again later"),
    ],
)
def test_a_servers_text_is_not_repeated(
    cdr: Loader, monkeypatch: pytest.MonkeyPatch, status: int, message: str
) -> None:
    asked: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, str]:
        asked.append(request.path)
        return status, f"<Error><AWSAccessKeyId>{KEY_ID}</AWSAccessKeyId>{SECRET}</Error>"

    monkeypatch.setenv("CDR_DEBUG", "1")
    cdr.write("sip.csv", delivery("a"))
    cdr.stage("sip.csv")
    with answering(answer) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        for command in ("stage", "export"):
            began = time.monotonic()
            assert cdr.error(command, "s3://bucket/in/") == f"cdr: s3://bucket/in/: {message}"
            assert time.monotonic() - began < 10
        assert len(asked) == (8 if status == 500 else 2)


def test_without_credentials_no_role_is_asked_where_that_is_forbidden(
    cdr: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "GOOGLE_SERVICE_ACCOUNT_KEY", "AZURE_STORAGE_ACCOUNT_KEY"):
        monkeypatch.delenv(name)
    for scheme in ("s3", "gs", "az"):
        assert cdr.error("stage", f"{scheme}://bucket/in/") == (
            f"cdr: {scheme}://bucket: no credentials are found; "
            "set the provider's variables in the environment, as AWS_ACCESS_KEY_ID"
        )


def test_what_cannot_be_read_is_reported_in_one_line(
    cdr: Loader, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(object_storage._RETRY["backoff"], "max_backoff", timedelta(milliseconds=100))  # type: ignore[arg-type]
    message = [
        cdr.error("stage", uri)
        for uri in (
            "s3://no-such-bucket/in/",
            store.uri("nothing/"),
            "s3://",
            f"s3://{KEY_ID}:{SECRET}@bucket/in/",
            f"az://container/in?sig={SECRET}",
            "https://host/bucket/in/",
        )
    ]
    assert message == [
        "cdr: s3://no-such-bucket/in/: there is no such bucket; check its name and the endpoint",
        f"cdr: {store.uri('nothing/')}: there is no object of this name, nor any below it; "
        "check bucket and prefix",
        "cdr: s3:// names no bucket; give it as s3://bucket/prefix/",
        "cdr: a s3:// address has neither `@` before its first slash nor `?`; give s3://bucket/prefix/ "
        "and leave credentials to the environment",
        "cdr: a az:// address has neither `@` before its first slash nor `?`; give az://bucket/prefix/ "
        "and leave credentials to the environment",
        "cdr: https://host/bucket/in/ is none of s3://, gs://, az://; name an endpoint of your own in the "
        "environment, as AWS_ENDPOINT_URL",
    ]
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    message.append(cdr.error("stage", store.uri("in/")))
    assert message[-1].endswith(
        "the store cannot be reached, after 3 retries; check the endpoint and try again later"
    )
    monkeypatch.setenv("AWS_ALLOW_HTTP", "false")
    message.append(cdr.error("stage", store.uri("in/")))
    assert message[-1].endswith("set AWS_ALLOW_HTTP=true")
    assert not [line for line in message if SECRET in line or KEY_ID in line]
    assert not cdr.database.exists()


def test_an_object_that_may_not_be_read_fails_and_shows_no_credentials(
    cdr: Loader, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from obstore.exceptions import PermissionDeniedError

    def denied(*_: object, **__: object) -> None:
        raise PermissionDeniedError(f"status code: 403 Forbidden: <AWSAccessKeyId>{KEY_ID}{SECRET}")

    store.put("in/sip.csv", delivery("a"))
    with monkeypatch.context() as patched:
        patched.setattr(obstore, "get", denied)
        (file,) = cdr.stage(store.uri("in/"), code=2)
        assert file["message"] == (
            "it cannot be read: access is denied (403); "
            "check the credentials in the environment and their rights"
        )
        patched.setattr(obstore, "list", denied)
        assert cdr.error("stage", store.uri("in/")).endswith("in the environment and their rights")
    assert SECRET.encode() not in cdr.database.read_bytes()
    assert states(cdr.stage(store.uri("in/"))) == [("sip.csv", "current")]


def test_without_the_package_the_command_names_the_remedy(
    cdr: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    assert cdr.error("stage", "s3://bucket/in/") == (
        "cdr: s3://bucket: object storage is read by an optional package; "
        "install it: pip install 'cdr-tables[cloud]'"
    )


# --- export -------------------------------------------------------------------------------------------------


def lake(store: Store, prefix: str, folder: Path) -> dict[str, bytes]:
    """The export, downloaded: by its name."""
    found = store.client.list_objects_v2(Bucket=store.name, Prefix=prefix).get("Contents", [])
    for one in found:
        path = folder / one["Key"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(store.client.get_object(Bucket=store.name, Key=one["Key"])["Body"].read())
    return {one["Key"].removeprefix(prefix): one["ETag"] for one in found}


def test_export_into_a_bucket_is_that_into_a_folder(cdr: Loader, store: Store, tmp_path: Path) -> None:
    for day in (20, 21):
        cdr.write(f"sip_2026-11-{day}.csv", delivery(f"call-{day}") + "bad;\n")
    cdr.stage(".", code=1)
    uri = store.uri("lake/sinch/")
    assert cdr.json("export", uri) == {
        "written": 2, "kept": 0, "removed": 0, "folder": uri, "exit_code": 0,
    }  # fmt: skip
    cdr("export", "local", "-q")
    first = lake(store, "lake/sinch/", tmp_path / "first")
    local = cdr.inbox / "local"
    names = {path.relative_to(local).as_posix() for path in local.rglob("*") if path.is_file()}
    assert set(first) == names
    for name in names:
        assert (tmp_path / "first/lake/sinch" / name).read_bytes() == (local / name).read_bytes()
    # Records that are new, then what is current, then records that are not any more.
    cdr.write("sip_2026-11-22.csv", delivery("call-22"))
    cdr.stage("sip_2026-11-22.csv")
    cdr("withdraw", "sip_2026-11-20.csv", "-q")
    store.requests.clear()
    assert cdr("export", uri).stdout == f"1 file written, 1 unchanged, 1 removed in {uri}\n"
    written = [line.split("?")[0] for line in store.requests if line.startswith(("PUT", "POST", "DELETE"))]
    ends = (
        "file_date=2026-11-22",
        "/files/files.parquet",
        "rejected_records.parquet",
        store.name,
        "_export.json",
    )
    assert len(written) == len(ends)
    assert all(end in line for end, line in zip(ends, written, strict=True))
    second = lake(store, "lake/sinch/", tmp_path / "second")
    assert {name for name in first if "/file_date=" in name and name not in second} == {
        name for name in first if "2026-11-20" in name
    }
    assert [path.name for path in cdr.database.parent.glob(".*")] == []


def test_an_export_that_breaks_off_is_taken_up(
    cdr: Loader, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (20, 21):
        cdr.write(f"sip_2026-11-{day}.csv", delivery(f"call-{day}"))
    cdr.stage(".")
    put, puts = obstore.put, []

    def failing(bucket: Any, key: str, *rest: Any, **options: Any) -> Any:
        puts.append(key)
        if len(puts) == 3:
            raise obstore.exceptions.GenericError(f"status code: 500: {SECRET}")
        return put(bucket, key, *rest, **options)

    with monkeypatch.context() as patched:
        patched.setattr(obstore, "put", failing)
        assert cdr.error("export", store.uri("lake")) == (
            f"cdr: {store.uri('lake')}: the store answers 500, after 3 retries; "
            "check the endpoint and try again later"
        )
    done = cdr.json("export", store.uri("lake"))
    assert (done["written"], done["kept"]) == (1, 1)
    store.put("other/notes.txt", "nothing")
    assert cdr.error("export", store.uri("other/")).endswith(
        "is not empty and not an export; name an empty or new prefix"
    )
