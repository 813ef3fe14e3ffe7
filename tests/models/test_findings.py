"""A build's messages about what its tests found: values, fields and files by name, with what to do."""

import re
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from builders import header, record
from harness import Loader

from loader.database.connection import opened
from loader.database.feed import feed_findings
from loader.synth import synthesise

KIND = "phone_terminated"


def delivery(*calls: dict[str, str]) -> str:
    """A file of calls that are all right but for what is given."""
    usual = {"Reason": "CALLERHANGUP", "Amount": "0.5", "Currency": "EUR"}
    lines = [record(KIND, f"c{number}", **(usual | call)) for number, call in enumerate(calls)]
    return "\n".join([header(KIND), *lines]) + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for all tests, so that dbt keeps what it has parsed."""
    return tmp_path_factory.mktemp("findings")


@pytest.fixture
def project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Loader:
    monkeypatch.setenv("DBT_TARGET_PATH", str(folder / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(folder / "logs"))
    loader = Loader(folder / "cdr.duckdb", folder / "inbox")
    loader.database.unlink(missing_ok=True)
    shutil.rmtree(loader.inbox, ignore_errors=True)
    loader.inbox.mkdir()
    monkeypatch.chdir(loader.inbox)
    return loader


@pytest.fixture
def log(folder: Path, project: Loader, monkeypatch: pytest.MonkeyPatch) -> Path:
    """dbt's log, with every query."""
    monkeypatch.setenv("DBT_LOG_LEVEL_FILE", "debug")
    return folder / "logs" / "dbt.log"


def build(project: Loader, code: int, select: tuple[str, ...] = ("+mart_feed_invalid_fields",)) -> str:
    """Return what the build prints."""
    options = ("--indirect-selection", "cautious", "--exclude-resource-type", "unit_test")
    return project("build", "--select", *select, *options, code=code).stdout


def test_values_and_fields_are_named(project: Loader, log: Path) -> None:
    calls = [
        *({}, {}, {}),
        *({"Result": "ANSWERD"}, {"Result": "anna@example.com"}, {"Reason": "46701234567"}),
        *({"Reason": "Anna Ek"}, {"Currency": "+46705556677"}, {"Amount": "0,75"}),
    ]
    # Countries: two known ones, in any case, and three that are none; the prefix decides theirs.
    for call, country in zip(calls, ["SE", "se", "uk", "GBR", "46701234567"], strict=False):
        call |= {"ToCountryId": country, "To": "+46701234567"}
    project.write("cdr_phone_terminated_2026-11-22.csv", delivery(*calls))
    project.stage(".")
    select = (
        "+mart_feed_invalid_fields",
        "+mart_cost_daily",
        "warn_unconverted_amounts",
        "warn_unknown_countries",
    )
    printed = build(project, code=0, select=select)
    of_a_country = "stg_sinch__phone_terminated, to_country_id: "
    assert f"{of_a_country}UK (1 record): no country of seeds/countries.csv" in printed
    assert f"{of_a_country}GBR (1 record)" in printed
    assert f"{of_a_country}99999999999 (1 record)" in printed
    assert printed.count(of_a_country) == 3
    countries = "select destination_country, count(*) from marts.fact_calls group by all order by 1"
    assert project.query(countries) == [("SE", 5), (None, 4)]
    results = re.search(r"stg_sinch__phone_terminated, result: (.*): not in the vendor's list", printed)
    assert results is not None
    assert set(results[1].split(", ")) == {"ANSWERD (1 record)", "aaaa@aaaaaaa.aaa (1 record)"}
    reasons = re.search(r"stg_sinch__phone_terminated, reason: (.*): not in the vendor's list", printed)
    assert reasons is not None
    assert set(reasons[1].split(", ")) == {"99999999999 (1 record)", "aaaa aa (1 record)"}
    assert "1 charges in +99999999999 from 2026-11-22" in printed
    assert "seeds/outcome_map.csv" in printed
    written = printed + log.read_text()
    for value in ("46701234567", "46705556677", "Anna", "anna"):
        assert value not in written
    assert (
        "cdr_phone_terminated_2026-11-22.csv: amount could not be read in 1 of 9 records"
        " (first on line 10, it looks like 9,99)"
    ) in printed
    assert project.query("select * from marts.mart_feed_invalid_fields") != []


def test_money_that_a_losing_record_carried_is_reported(project: Loader) -> None:
    """A forked call: answered and charged, then cancelled in the next day's file."""
    project.write(
        "cdr_phone_terminated_2026-11-22.csv", delivery({"Amount": "0.0840", "Duration": "125"}, {}, {})
    )
    lost = {"Result": "NOANSWER", "Reason": "CANCEL", "Amount": "", "Duration": "0"}
    changed = {"Amount": "0.25"}
    project.write("cdr_phone_terminated_2026-11-23.csv", delivery(lost, changed))
    project.stage(".")
    printed = build(project, code=0, select=("+fact_calls", "warn_conflicts_that_lose_money"))
    assert "1 record was answered or charged, and the newer one of its call, which counts, is not" in printed
    assert ": 0.084000 EUR; see marts.call_conflicts" in printed


def test_only_days_that_can_be_are_missing(project: Loader) -> None:
    """A mistyped year, and a version date in a name, which covers no gap."""
    for day, name in (
        ("2026-11-20", "cdr_phone_terminated_202611200000.csv"),
        ("2026-11-22", "v20150101_phone_terminated_2026-11-22.csv"),
        ("2026-11-23", "cdr_phone_terminated_2062-11-23.csv"),
    ):
        project.write(name, delivery({"CallId": day, "CallTime": f"{day}T10:00:00Z"}))
    project.stage(".")
    printed = build(
        project, code=0, select=("+mart_feed_completeness", "warn_future_files", "warn_missing_files")
    )
    assert "file 2 (phone_terminated) is of 2062-11-23, in the future, so it counts for no day" in printed
    assert re.findall(r"no file of \w+ for ([-0-9]+)", printed) == ["2026-11-21"]
    completeness = "select file_date::varchar, status from marts.mart_feed_completeness order by file_date"
    assert project.query(completeness) == [
        ("2026-11-20", "present"),
        ("2026-11-21", "missing"),
        ("2026-11-22", "present"),
    ]
    assert project.query("select count(*) from marts.fact_calls") == [(3,)]
    # The remedy that the warning names ends it.
    advised = re.search(r"stage an empty file (\S+) if none is due", printed)
    assert advised
    project.write(advised[1], "")
    assert [file["state"] for file in project.stage(advised[1])] == ["current"]
    printed = build(project, code=0, select=("+mart_feed_completeness", "warn_missing_files"))
    assert "no file of" not in printed
    assert ("2026-11-21", "empty") in project.query(completeness)


def test_two_calls_of_one_id_are_reported(project: Loader) -> None:
    """Another time or other parties: a second call. Money is summed by currency, never across."""
    first = [{"Amount": f"0.{number}", "From": "46700000001", "To": "+46701234567"} for number in range(1, 7)]
    first[1] |= {"Currency": "USD"}
    second = [call | {"Amount": "9"} for call in first]
    second[0] |= {"CallTime": "2026-11-23T10:00:00Z"}
    second[1] |= {"To": "+46707654321"}
    second[2] |= {"From": "private"}
    # The same call: another amount, or the same number in another spelling. Another one, without money.
    second[4] |= {"From": "Bo <+46700000001>", "To": "46701234567"}
    first[5] |= {"Amount": "0"}
    second[5] |= {"CallTime": "2026-11-23T10:00:00Z"}
    project.write("cdr_phone_terminated_2026-11-22.csv", delivery(*first))
    project.write("cdr_phone_terminated_2026-11-23.csv", delivery(*second))
    project.stage(".")
    printed = build(project, code=0, select=("+fact_calls", "warn_conflicts_that_lose_money"))
    assert "two calls of one CallId: 0.400000 EUR of 2 older records are in no mart" in printed
    assert "two calls of one CallId: 0.200000 USD of 1 older records are in no mart" in printed
    assert printed.count("two calls of one CallId") == 2
    assert "answered or charged" not in printed


def feed(project: Loader, today: date) -> dict[str, str]:
    """The sentences about the feed, by their errors, after a build of what they need."""
    project.stage(".")
    chosen = ("--select", "+mart_feed_findings", "--exclude-resource-type", "test")
    project("build", *chosen, "--exclude-resource-type", "unit_test")
    with opened(project.database, "read") as connection:
        return {found.finding: found.sentence for found in feed_findings(connection, today)}


def test_each_error_of_a_feed_has_a_sentence(project: Loader) -> None:
    def plant(kind: str, day: int, *calls: tuple[int, str, int], **values: str) -> None:
        """Calls by day of November 2026, time and duration."""
        lines = [
            record(kind, f"{day}-{at}", CallTime=f"2026-11-{of:02}T{time}Z", Duration=str(seconds), **values)
            for at, (of, time, seconds) in enumerate(calls)
        ]
        project.write(f"cdr_{kind}_2026-11-{day:02}.csv", "\n".join([header(kind), *lines]) + "\n")

    # Of each four app-app calls one goes on over midnight: it ends, and is written, on the next day.
    for day in range(20, 23):
        plant("app_app", day, *[(day - 1, "23:59:00", 120)] * 4, *[(day, "10:00:00", 60)] * 12)
        if day < 22:
            feed(project, date(2026, 11, day + 1))
    for day in range(10, 23):
        plant("phone_originated", day, *[(day, "10:00:00", 60)] * 3)
    plant("phone_originated", 19, *[(18, "10:00:00", 60)] * 3)
    plant("phone_originated", 20, *[(21, "10:00:00", 60)] * 3)
    plant("phone_originated", 21, *[(day, "10:00:00", 60) for day in (19, 20, 20, 21, 21, 21)])
    plant("phone_originated", 22, *[(22, "10:00:00", 7)] * 3, Result="NOANSWER")
    plant("sip_terminated", 12, *[(12, "10:00:00", 60)] * 3)
    assert feed(project, date(2026, 12, 1)) == {
        "feed_stalled": "nothing for 8 days: the newest file of any kind is of 2026-11-22;"
        " ask for what is missing",
        "kind_stalled": "stalled, while other kinds came: sip_terminated (nothing for 10 days,"
        " from 2026-11-13 on); ask for it",
        "names_a_day_late": "names a day late in 1 file (phone_originated; 2026-11-19):"
        " 100 % of their calls ended on the day before; set CDR_NAME_DATE=generated?"
        " (what is staged: `cdr withdraw`, then stage it again)",
        "names_a_day_early": "names a day early in 1 file (phone_originated; 2026-11-20):"
        " 100 % of their calls ended on the day after; is CDR_NAME_DATE=generated set where it is not so?"
        " Otherwise `cdr withdraw`, then stage with --file-date",
        "mixed_days": "days mixed in 1 file (phone_originated; 2026-11-21): 50 % of their calls ended on"
        " another day than the file's; is its day by another time zone, or does it hold several days?",
        "unanswered_with_duration": "unanswered calls with a duration in 1 file (phone_originated;"
        " 2026-11-22): 100 % of the unanswered; ask whether Duration is talk time before you trust minutes",
        "newest_day_open": "2026-11-22 is still open: of a day's calls usually come later 25 % of app_app",
    }
    # A replaced file and a file of its own day end what they can end.
    project("withdraw", "cdr_phone_originated_2026-11-19.csv", "-q")
    plant("sip_terminated", 22, *[(22, "11:00:00", 60)] * 3)
    left = feed(project, date(2026, 11, 23))
    assert {"feed_stalled", "kind_stalled", "names_a_day_late"}.isdisjoint(left)
    assert len(left) == 4
    share = "select usually_later_share from marts.mart_feed_completeness where file_date = '2026-11-22'"
    assert project.query(f"{share} and call_type = 'app_app'") == [(0.25,)]
    early = "select sum(early_calls)::bigint from marts.mart_feed_completeness"
    assert project.query(early) == [(3,)]


def test_a_clean_feed_has_none(project: Loader) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    synthesise(project.inbox, days=60, calls_per_day=40, seed=2, end=yesterday)
    assert feed(project, yesterday + timedelta(days=1)) == {}
    late = "select sum(late_calls)::bigint, sum(early_calls)::bigint from marts.mart_feed_completeness"
    assert project.query(late)[0][0] > 0


def test_a_file_with_decimal_commas_fails_the_build(project: Loader) -> None:
    project.write("cdr_phone_terminated_2026-11-22.csv", delivery({"Amount": "0,75"}, {"Amount": "1,5"}, {}))
    project.stage(".")
    printed = build(project, code=1)
    message = "amount could not be read in 2 of 3 records (first on line 2, it looks like 9,99)"
    assert f"{message}; ask for the file again, or take it out with `cdr withdraw`" in printed


def test_what_a_file_name_holds_reaches_no_terminal_and_no_log(project: Loader, log: Path) -> None:
    name = "\x1b]0;owned\x07\u202ecdr_phone_terminated_2026-11-22.csv"
    project.write(name, delivery({}, {"Amount": "0,75"}, {}))
    project.stage(".")
    printed = build(project, code=0)
    assert "\\x1b]0;owned\\x07\\u202ecdr_phone_terminated_2026-11-22.csv: amount could not be read" in printed
    written = printed + log.read_text()
    assert not re.search("[\x00-\x08\x0e-\x1a\x1c-\x1f\u202e]|\x1b[^[]", written)
