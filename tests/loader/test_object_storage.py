"""Deliveries from object storage, against an S3 server on this machine."""

import gzip
import io
import logging
import socket
import sys
import threading
import uuid
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import boto3
import obstore
import pytest
import zstandard
from builders import delivery
from harness import Loader
from moto.server import ThreadedMotoServer

from loader.inputs import object_storage

SECRET = "never-to-be-told"
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
        self.seen.append(record.getMessage().split('"')[1].replace("\x1b[0m", ""))


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


@pytest.fixture
def store(server: tuple[int, _Requests], monkeypatch: pytest.MonkeyPatch) -> Store:
    port, requests = server
    endpoint = f"http://127.0.0.1:{port}"
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    return Store(client, f"bucket-{uuid.uuid4().hex}", requests.seen)


def states(files: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(file["file_name"], file["state"]) for file in files]


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


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


def test_what_is_known_is_not_read_again(cdr: Loader, store: Store) -> None:
    store.put("a/sip_2026-11-20.csv", delivery("a"))
    known = store.put("a/sip_2026-11-21.csv", delivery("b"))
    cdr.stage(store.uri("a"))
    rows = cdr.query(
        "select uri, etag, r.size, r.sha256 = f.sha256, r.last_modified <= r.seen_at"
        " from raw_sinch.remote_objects r join raw_sinch.files f using (file_id) where uri = path"
        " order by uri"
    )
    head = store.client.head_object(Bucket=store.name, Key="a/sip_2026-11-21.csv")
    assert rows[1] == (known, head["ETag"], head["ContentLength"], True, True)
    assert len(rows) == 2
    assert cdr.query("select count(*) from raw_sinch.looks") == [(0,)]
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
    assert cdr.query("select count(*) from raw_sinch.remote_objects") == [(3,)]
    cdr.stage(store.uri("a"), "--again")
    assert len(store.read()) == 3


def test_more_objects_than_a_page_lists(cdr: Loader, store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda at: store.put(f"many/sip_{at:04}.csv", delivery(f"call-{at}")), range(1050)))
    files = cdr.stage(store.uri("many/"))
    assert [state for _, state in states(files)] == ["current"] * 1050
    assert cdr.query('select count(distinct "CallId") from raw_sinch.sip_terminated') == [(1050,)]
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
        ("failed", "it changed while it was read; it is taken the next time"),
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


def test_one_object_is_named_listed_and_withdrawn_by_its_uri(cdr: Loader, store: Store) -> None:
    uri = store.put("in/notes", delivery("a"))
    store.put("in/notes/below.csv", delivery("b"))
    assert states(cdr.stage(uri)) == [("notes", "current")]
    assert [file["path"] for file in cdr.json("files", "--file", uri)["files"]] == [uri]
    cdr("withdraw", uri)
    assert states(cdr.stage(uri)) == [("notes", "skipped")]
    cdr("withdraw", "--undo", uri)
    assert cdr.states() == [(1, "notes", "current")]


def test_an_object_that_two_uris_stand_for_is_staged_once(cdr: Loader, store: Store) -> None:
    uri = store.put("in/sip.csv", delivery("a"))
    assert states(cdr.stage(store.uri("in/"), uri)) == [("sip.csv", "current")]


class Cutter:
    """Stands before the server and cuts its first answers: after so many bytes, or after their headers."""

    def __init__(self, port: int, cuts: int, after: int) -> None:
        self.cuts, self.after, self.port = cuts, after, port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.own_port = self.listener.getsockname()[1]
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
                    if self.cuts and not self.after:
                        data = data[: data.index(b"\r\n\r\n") + 4]
                    passed += len(data)
                    client.sendall(data)
                    if self.cuts and passed > self.after:
                        self.cuts -= 1
                        client.shutdown(socket.SHUT_RDWR)
                        return
            except OSError:
                return

    def _send(self, client: socket.socket, upstream: socket.socket) -> None:
        try:
            while data := client.recv(65536):
                upstream.sendall(data)
        except OSError:
            return


@pytest.mark.parametrize(("cuts", "state"), [(2, "current"), (1000, "failed")])
def test_a_connection_that_breaks_off_is_taken_up(
    cdr: Loader,
    store: Store,
    server: tuple[int, _Requests],
    monkeypatch: pytest.MonkeyPatch,
    cuts: int,
    state: str,
) -> None:
    content = delivery(*(f"call-{at}" for at in range(40_000)))
    uri = store.put("sip.csv", content)
    cutter = Cutter(server[0], cuts, after=600_000 if state == "current" else 0)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{cutter.own_port}")
    (file,) = cdr.stage(uri, code=0 if state == "current" else 2)
    assert file["state"] == state
    if state == "current":
        assert cutter.cuts == 0
        assert file["staged"] == 40_000
    else:
        assert file["message"] == (
            f"the connection broke off at byte 0 of {len(content):,}, after 3 retries; "
            "it is tried again the next time"
        )
    cutter.listener.close()


def test_what_cannot_be_read_is_told_in_one_line(
    cdr: Loader, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(object_storage._RETRY["backoff"], "max_backoff", timedelta(milliseconds=100))  # type: ignore[arg-type]
    told = [
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
    assert told == [
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
    told.append(cdr.error("stage", store.uri("in/")))
    assert told[-1].endswith(
        "the store cannot be reached, after 3 retries; check the endpoint and try again later"
    )
    monkeypatch.setenv("AWS_ALLOW_HTTP", "false")
    told.append(cdr.error("stage", store.uri("in/")))
    assert told[-1].endswith("set AWS_ALLOW_HTTP=true")
    assert not [line for line in told if SECRET in line or KEY_ID in line]
    assert not cdr.database.exists()


def test_an_object_that_may_not_be_read_fails_and_tells_no_credentials(
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


def test_without_the_package_the_command_says_how_to_install_it(
    cdr: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    assert cdr.error("stage", "s3://bucket/in/") == (
        "cdr: s3://bucket: object storage is read by an optional package; "
        "install it: pip install 'cdr-tables[cloud]'"
    )
