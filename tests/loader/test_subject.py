"""`cdr subject`: one person's records are found, written out as delivered, and redacted for good."""

import csv
import os
from pathlib import Path

import pytest
from builders import header, record
from harness import Loader
from warehouse import Warehouse, assert_equal

from loader.operations.subject import Subject

NUMBER, USER = "+46701112233", "subject-user-1"
KIND = "phone_terminated"
MONEY = """
    select
        report_date, call_type, application_key, currency,
        sum(calls), sum(answers), sum(minutes), sum(amount)
    from marts.mart_cost_daily group by all order by all
"""
PLACES = "select call_id, origin_country, destination_country, number_type from marts.fact_calls order by 1"


def deliveries() -> dict[str, str]:
    """Two days with the person as caller, callee and user, in Custom alone, in a reject, and in a conflict of
    two records that differ in nothing but who was called.
    """
    usual = {"Reason": "CALLERHANGUP", "Amount": "1.5", "Currency": "EUR", "To": "+4790000003"}
    theirs = [
        record(KIND, "caller", **usual | {"From": "46701112233", "UserId": USER, "Custom": "x"}),
        record(KIND, "callee", **usual | {"From": "+4790000004", "To": f"sip:{NUMBER}@example.com"}),
        record(KIND, "mention", **usual | {"From": "+46700000002", "Custom": f'{{"by":"{NUMBER}"}}'}),
        record(KIND, "other", **usual | {"From": "+46700000002", "Custom": "y"}),
        record(KIND, "twice", **usual | {"From": NUMBER, "To": "+4790000005"}),
    ]
    rejected = f"too;few;{NUMBER}"
    again = record(KIND, "twice", **usual | {"From": NUMBER, "To": "+4790000006"})
    return {
        "cdr_phone_terminated_2026-11-20.csv": "\n".join([header(KIND), *theirs, rejected, ""]),
        "cdr_phone_terminated_2026-11-21.csv": "\n".join([header(KIND), again, ""]),
    }


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("+46 70-111 22 33", "46701112233"),
        ("0046701112233", "46701112233"),
        ("anna", None),
        ("12", None),
        ("anna.1985", None),
    ],
)
def test_a_subject_is_a_number_or_a_user_id(text: str, digits: str | None) -> None:
    assert Subject(text).digits == digits


def test_a_person_is_redacted_for_good(cdr: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBT_RESOURCE_TYPES", "model seed")
    monkeypatch.setenv("DBT_WRITE_JSON", "true")
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    monkeypatch.setenv("CDR_DATABASE", os.devnull)
    for name, text in deliveries().items():
        cdr.write(name, text)
    cdr.stage(".", code=1)
    cdr("build", "-q", "-s", "path:seeds", "+mart_cost_daily", "+call_conflicts")
    # Seeds stay as they are.
    monkeypatch.setenv("DBT_RESOURCE_TYPES", "model")
    money, places = cdr.query(MONEY), cdr.query(PLACES)
    conflicts = "select file_id, line, call_key, amount, winner_amount from marts.call_conflicts"
    lost = cdr.query(conflicts)
    assert len(lost) == 1

    # As delivered, with file and line.
    out = tmp_path / "theirs.csv"
    document = cdr.json("subject", NUMBER, "--out", out)
    assert (document["records"], document["mentions"], document["rejects"]) == (4, 1, 1)
    assert out.stat().st_mode & 0o077 == 0
    with out.open(newline="") as written:
        rows = list(csv.DictReader(written, delimiter=";"))
    assert [(row["file_id"], row["line"], row["CallId"]) for row in rows] == [
        *(("1", "2", "caller"), ("1", "3", "callee"), ("1", "4", "mention"), ("1", "6", "twice")),
        *(("1", "7", ""), ("2", "2", "twice")),
    ]
    assert rows[1]["To"] == f"sip:{NUMBER}@example.com"
    assert rows[4]["raw"] == f"too;few;{NUMBER}"
    assert "exists already" in cdr.error("subject", NUMBER, "--out", out)
    assert cdr.json("subject", USER)["records"] == 1

    erased = cdr.json("subject", NUMBER, "--erase", "--yes")
    assert erased["proof"] == {"left": 0, "old_blocks": 0, "build_passed": True}
    held = cdr.database.read_bytes()
    traces = b"".join(path.read_bytes() for path in tmp_path.glob("[lt]*/**/*") if path.is_file())
    for marker in (b"46701112233", USER.encode()):
        assert marker not in held + traces
    # The parties of other calls, and all that names nobody, are as they were.
    assert cdr.query(
        'select "From", "Custom" from raw_sinch.phone_terminated where "CallId" = \'other\''
    ) == [("+46700000002", "y")]
    mention = 'select "From", "Custom" from raw_sinch.phone_terminated where "CallId" = \'mention\''
    assert cdr.query(mention) == [("+46700000002", "****")]
    assert cdr.query(MONEY) == money
    assert cdr.query(PLACES) == places
    assert cdr.query(conflicts) == lost
    assert all(
        message.startswith("redacted on ") for (message,) in cdr.query("select message from raw_sinch.files")
    )
    cdr("verify", "-q")
    with monkeypatch.context() as seeds_alone:
        seeds_alone.setenv("DBT_RESOURCE_TYPES", "seed")
        cdr("subject", NUMBER, "--erase", "--yes", "-q")
    project = Warehouse(cdr, tmp_path / "target")
    monkeypatch.delenv("DBT_RESOURCE_TYPES")
    schemas = ("staging", "marts")
    assert_equal(project.tables(*schemas), project.tables_of_full_refresh(*schemas))

    # The same content under another day is redacted again; what others send is not.
    cdr("withdraw", "1", "-q")
    staged = cdr.stage("cdr_phone_terminated_2026-11-20.csv", "--file-date", "2026-11-25", code=1)
    assert staged[0]["state"] == "current"
    assert staged[0]["message"].startswith("redacted on ")
    assert cdr.json("subject", NUMBER) | {"exit_code": 0} == {
        "records": 0,
        "mentions": 0,
        "rejects": 0,
        "out": None,
        "proof": None,
        "exit_code": 0,
    }
    assert cdr.query(
        "select count(*) from raw_sinch.phone_terminated where _file_id = 3 and \"From\" = '****'"
    ) == [(3,)]


def test_the_key_of_redactions_is_kept_or_asked_for(cdr: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    from loader.database.connection import opened
    from loader.database.redactions import redaction_key
    from loader.errors import CdrError

    cdr.write("cdr_phone_terminated_2026-11-20.csv", next(iter(deliveries().values())))
    cdr.stage(".", code=1)
    monkeypatch.setenv("CDR_SUBJECT_KEY", "a key of our own")
    with opened(cdr.database, "write") as connection:
        assert redaction_key(connection) == "a key of our own"
        assert redaction_key(connection) == "a key of our own"
        assert connection.execute("select key from raw_sinch.redaction_keys").fetchall() == [(None,)]
        monkeypatch.setenv("CDR_SUBJECT_KEY", "another")
        with pytest.raises(CdrError, match="CDR_SUBJECT_KEY is not the key"):
            redaction_key(connection)
        monkeypatch.delenv("CDR_SUBJECT_KEY")
        with pytest.raises(CdrError, match="CDR_SUBJECT_KEY is not the key"):
            redaction_key(connection)
