"""Synthetic deliveries: deterministic, complete, and what they claim to be."""

import csv
import hashlib
import re
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from loader import synth
from loader.feeds import KINDS
from loader.staging.options import Options
from loader.staging.stage import find_deliveries, stage
from loader.synth import irregularities
from loader.synth.traffic import (
    APPLICATIONS,
    CURRENCIES,
    DESTINATIONS,
    INBOUND_RATES,
    STORIES,
    destinations_on,
)

END = date(2026, 11, 22)
DAYS = 8
CALLS = 3000
SEED = 11

Record = dict[str, str]

# The lists of the vendor's page "Call Detail Records".
RESULTS = {
    "phone_terminated": {"ANSWERED", "BUSY", "NOANSWER", "FAILED"},
    "phone_originated": {"ANSWERED", "NOANSWER", "FAILED"},
    "app_app": {"ANSWERED", "BUSY", "NOANSWER", "FAILED"},
    "sip_terminated": {"ANSWERED", "BUSY", "NOANSWER", "FAILED"},
}
REASONS = {
    "phone_terminated": {
        *("N/A", "TIMEOUT", "CALLERHANGUP", "CALLEEHANGUP", "BLOCKED"),
        *("MANAGERHANGUP", "NOCREDITPARTNER", "GENERALERROR", "CANCEL"),
    },
    "phone_originated": {"N/A", "CANCEL", "CALLERHANGUP", "CALLEEHANGUP", "NOCREDITPARTNER", "GENERALERROR"},
    "app_app": {"N/A", "TIMEOUT", "HANGUP", "CANCEL"},
}


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return synth.synthesise(tmp_path_factory.mktemp("delivery"), DAYS, CALLS, SEED, end=END)


@pytest.fixture(scope="module")
def records(delivery: list[Path]) -> dict[tuple[str, date], list[Record]]:
    """The records of each file by kind and day."""
    return {kind_and_day(path): read(path) for path in delivery}


def kind_and_day(path: Path) -> tuple[str, date]:
    named = re.fullmatch(r"cdr_([a-z_]+)_(\d{4}-\d\d-\d\d)\.csv", path.name)
    assert named, path.name
    return named[1], date.fromisoformat(named[2])


def read(path: Path) -> list[Record]:
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines, delimiter=";", strict=True))
    kind, _ = kind_and_day(path)
    assert rows[0] == list(KINDS[kind])
    assert {len(row) for row in rows} == {len(rows[0])}
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def of_kind(records: dict[tuple[str, date], list[Record]], kind: str) -> list[tuple[date, Record]]:
    return [(day, record) for (k, day), group in records.items() if k == kind for record in group]


def moment(text: str) -> datetime:
    """A UTC moment; the seventh digit of a fraction is cut off."""
    assert text.endswith("Z")
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).astimezone(UTC)


def digests(paths: list[Path]) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_a_file_for_every_kind_and_day_oldest_first(delivery: list[Path]) -> None:
    days = [END - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    assert [kind_and_day(path) for path in delivery] == [(kind, day) for day in days for kind in KINDS]


def test_the_same_arguments_give_the_same_bytes(delivery: list[Path], tmp_path: Path) -> None:
    again = synth.synthesise(tmp_path / "new" / "folder", DAYS, CALLS, SEED, end=END)
    assert digests(again) == digests(delivery)


def test_the_number_of_processors_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many = synth.synthesise(tmp_path / "many", 2, 500, 3)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    one = synth.synthesise(tmp_path / "one", 2, 500, 3)
    assert digests(one) == digests(many)


def test_the_bytes_stay_the_same_between_releases(tmp_path: Path) -> None:
    """Documentation and benchmarks quote numbers of these data: change them together, and knowingly."""
    paths = synth.synthesise(tmp_path, 2, 200, 7, end=END)
    together = hashlib.sha256("".join(digests(paths)[path.name] for path in paths).encode())
    assert together.hexdigest() == "7cc2dbc85185f3295af68e336d675724ae016ded9f764b967c1f71d4c1b1972d"


def test_another_seed_gives_other_calls(
    records: dict[tuple[str, date], list[Record]], tmp_path: Path
) -> None:
    ids = {record["CallId"] for group in records.values() for record in group}
    for path in synth.synthesise(tmp_path, 1, CALLS, SEED + 1, end=END):
        assert not ids & {record["CallId"] for record in read(path)}


@pytest.mark.parametrize("calls", [0, 1, 7, 1001])
def test_exactly_so_many_calls_a_day(tmp_path: Path, calls: int) -> None:
    paths = synth.synthesise(tmp_path, 2, calls, SEED, end=END)
    per_day: Counter[date] = Counter()
    for path in paths:
        per_day[kind_and_day(path)[1]] += len(read(path))
    assert set(per_day.values()) == {calls}


def test_counts_and_unique_ids(records: dict[tuple[str, date], list[Record]]) -> None:
    ids = [record["CallId"] for group in records.values() for record in group]
    assert len(ids) == DAYS * CALLS == len(set(ids))
    for (kind, day), group in records.items():
        assert len(group) == synth.calls_of_kind(CALLS, day)[kind]


def test_a_folder_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / f"cdr_app_app_{END}.csv").mkdir()
    with pytest.raises(OSError, match=f"cdr_app_app_{END}.csv"):
        synth.synthesise(tmp_path, 1, 10, SEED, end=END)


def test_impossible_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="days is 0"):
        synth.synthesise(tmp_path / "none", 0, 10, SEED)
    with pytest.raises(ValueError, match="calls_per_day is -1"):
        synth.synthesise(tmp_path / "none", 1, -1, SEED)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_only_values_of_the_vendor_page(records: dict[tuple[str, date], list[Record]], kind: str) -> None:
    group = [record for _, record in of_kind(records, kind)]
    assert {record["Result"] for record in group} == RESULTS[kind]
    if kind in REASONS:
        assert {record["Reason"] for record in group} <= REASONS[kind]
    else:
        assert {"Normal Clearing", "User Busy", "No Answer"} <= {record["Reason"] for record in group}


@pytest.mark.parametrize("kind", KINDS)
def test_calls_end_on_the_day_of_their_file(records: dict[tuple[str, date], list[Record]], kind: str) -> None:
    crossed, late = 0, 0
    for day, record in of_kind(records, kind):
        start = moment(record.get("AnswerTime") or record["CallTime"])
        ended = start + timedelta(seconds=int(record["Duration"] or 0))
        crossed += start.date() < ended.date()
        if kind == "app_app" and ended.date() < day:
            late += 1
            assert ended.date() >= day - timedelta(days=2)
        else:
            assert ended.date() == day
    assert crossed > 0 or kind != "phone_terminated"
    assert (late > 0) == (kind == "app_app")


def test_answered_calls_and_only_those_talk(records: dict[tuple[str, date], list[Record]]) -> None:
    for (kind, _), group in records.items():
        for record in group:
            answered = record["Result"] == "ANSWERED"
            if answered:
                assert 1 <= int(record["Duration"]) <= 14_400
            else:
                assert record["Duration"] in ("", "0")
            if kind == "phone_terminated":
                assert bool(record["AnswerTime"]) == answered
                if answered:
                    assert moment(record["CallTime"]) < moment(record["AnswerTime"])


def test_outbound_amounts_are_increments_times_price(records: dict[tuple[str, date], list[Record]]) -> None:
    currencies = {application.guid: application.currency for application in APPLICATIONS}
    free = 0
    for day, record in of_kind(records, "phone_terminated"):
        amount = Decimal(record["Amount"])
        assert re.fullmatch(r"\d+\.\d{4}", record["Amount"])
        assert record["Currency"] == currencies[record["ApplicationKey"]]
        place = next(p for p in destinations_on(day, END) if p.country == record["ToCountryId"])
        if record["Result"] != "ANSWERED":
            assert amount == 0
        elif amount == 0:
            free += 1
            assert record["To"].endswith("0" * place.digits)
        else:
            steps = max(0, -(-(int(record["Duration"]) - place.first) // place.following))
            billed = place.first + steps * place.following
            assert amount * 10_000 * 60 == place.rate_in(record["Currency"]) * billed
    assert 0 < free < 0.01 * DAYS * CALLS
    assert set(currencies.values()) == set(CURRENCIES)


def test_inbound_amounts_are_started_minutes(records: dict[tuple[str, date], list[Record]]) -> None:
    for _, record in of_kind(records, "phone_originated"):
        minutes = -(-int(record["Duration"]) // 60)
        assert Decimal(record["Amount"]) * 10_000 == minutes * INBOUND_RATES[record["Currency"]]


def test_numbers_follow_the_numbering_plan_of_their_country(
    records: dict[tuple[str, date], list[Record]],
) -> None:
    places = {place.country: place for place in DESTINATIONS}
    plus: Counter[bool] = Counter()
    for _, record in of_kind(records, "phone_terminated"):
        place = places[record["ToCountryId"]]
        number = record["To"].removeprefix("+")
        plus[number != record["To"]] += 1
        starts = tuple(place.calling_code + prefix for prefix in place.prefixes)
        assert number.startswith(starts)
        assert number.isdigit()
        assert 8 <= len(number) <= 15
        assert len(number) in {len(start) + place.digits for start in starts}
    assert min(plus.values()) > 0
    assert len({record["ToCountryId"] for _, record in of_kind(records, "phone_terminated")}) > 20


def test_callers_and_custom_come_in_every_form(records: dict[tuple[str, date], list[Record]]) -> None:
    callers = {record["From"] for _, record in of_kind(records, "phone_originated")}
    assert {"", "private", "anonymous"} <= callers
    assert any(re.fullmatch(r"Reception <\+\d+>", caller) for caller in callers)
    assert any(caller.isdigit() for caller in callers)
    senders = {application.sender for application in APPLICATIONS}
    assert senders <= {record["From"] for _, record in of_kind(records, "phone_terminated")}
    custom = [record["Custom"] for group in records.values() for record in group]
    assert 0.05 < sum(text.startswith("{") for text in custom) / len(custom) < 0.15
    assert '{"campaign":"spring"}' in custom


def test_quotes_are_doubled_in_the_file(delivery: list[Path]) -> None:
    assert ';"{""campaign"":""spring""}";' in delivery[0].read_text(encoding="utf-8")


def test_traffic_follows_the_day_and_the_week(records: dict[tuple[str, date], list[Record]]) -> None:
    hours: Counter[int] = Counter()
    by_weekend: dict[bool, Counter[str]] = defaultdict(Counter)
    for day, record in of_kind(records, "phone_terminated"):
        hours[moment(record["CallTime"]).hour] += 1
        by_weekend[day.weekday() >= 5][record["ApplicationKey"]] += 1
    assert hours[10] > 5 * hours[3] > 0
    clinic = next(application.guid for application in APPLICATIONS if application.name == "Clinic Online")
    share = {weekend: found[clinic] / found.total() for weekend, found in by_weekend.items()}
    assert share[False] > 1.5 * share[True]


def test_nigeria_answers_badly(records: dict[tuple[str, date], list[Record]]) -> None:
    answered: dict[bool, Counter[bool]] = defaultdict(Counter)
    for _, record in of_kind(records, "phone_terminated"):
        answered[record["ToCountryId"] == "NG"][record["Result"] == "ANSWERED"] += 1
    ratio = {nigeria: found[True] / found.total() for nigeria, found in answered.items()}
    assert ratio[True] < 0.35 < 0.55 < ratio[False]


def test_the_stories_are_in_the_data(records: dict[tuple[str, date], list[Record]]) -> None:
    spend: dict[date, Decimal] = defaultdict(Decimal)
    short: Counter[date] = Counter()
    new: Counter[date] = Counter()
    for day, record in of_kind(records, "phone_terminated"):
        if record["UserId"] == "u0007":
            spend[day] += Decimal(record["Amount"])
        short[day] += record["ToCountryId"] == "GB" and 1 <= int(record["Duration"]) <= 6
        new[day] += record["ToCountryId"] == "NZ"
    days = {story.name: END - timedelta(days=story.days_before_end) for story in reversed(STORIES)}
    before = max(amount for day, amount in spend.items() if day < END - timedelta(days=1))
    assert spend[days["spend_spike"]] > 10 * before
    assert short[days["short_call_burst"]] > 5 * short[END]
    assert {day for day, calls in new.items() if calls} == {days["new_destination"]}


def test_a_small_lot_is_the_same_as_its_file(
    delivery: list[Path], records: dict[tuple[str, date], list[Record]]
) -> None:
    for kind in KINDS:
        lot = synth.CallBatch(SEED, kind, END, END, synth.calls_of_kind(CALLS, END)[kind])
        header, rows = synth.records(lot)
        assert header == list(KINDS[kind])
        assert rows == [list(record.values()) for record in records[kind, END]]


@pytest.fixture(scope="module")
def irregular(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    """A delivery of two days with its irregular files, and its files in the order of staging."""
    folder = tmp_path_factory.mktemp("irregular")
    return folder, synth.synthesise(folder, 2, 300, SEED, warts=True, end=END)


def test_warts_leave_the_clean_files_as_they_are(irregular: tuple[Path, list[Path]], tmp_path: Path) -> None:
    _, paths = irregular
    clean = synth.synthesise(tmp_path, 2, 300, SEED, end=END)
    assert digests(paths[: len(clean)]) == digests(clean)
    assert len(paths) == len(clean) + len(irregularities.IRREGULARITIES)


def test_warts_are_deterministic(irregular: tuple[Path, list[Path]], tmp_path: Path) -> None:
    folder, paths = irregular
    again = synth.synthesise(tmp_path, 2, 300, SEED, warts=True, end=END)
    for one, other in zip(paths, again, strict=True):
        assert one.relative_to(folder) == other.relative_to(tmp_path)
        assert one.read_bytes() == other.read_bytes(), one


def test_every_file_has_its_wart(irregular: tuple[Path, list[Path]]) -> None:
    folder, paths = irregular
    described = {folder / wart.path(2, END) for wart in irregularities.IRREGULARITIES}
    written = {path for path in folder.rglob("*") if path.is_file()}
    assert len(described) == len(irregularities.IRREGULARITIES)
    assert described <= written == set(paths)
    assert len({wart.name for wart in irregularities.IRREGULARITIES}) == len(irregularities.IRREGULARITIES)


def test_each_wart_is_staged_as_documented(irregular: tuple[Path, list[Path]], tmp_path: Path) -> None:
    folder, _ = irregular
    database = tmp_path / "cdr.duckdb"
    stage(find_deliveries((str(folder),), Options()), database, Options(), lambda *_: None)
    found: dict[Path, list[tuple[str | None, str, int, int]]] = defaultdict(list)
    with duckdb.connect(database, read_only=True) as connection:
        for path, *outcome in connection.execute(
            "select split_part(path, '!', 1), kind, state, staged, rejected from raw_sinch.files"
        ).fetchall():
            found[Path(path)].append(tuple(outcome))
    day, clean = END.isoformat(), synth.calls_of_kind(300, END)
    assert found.pop(folder.resolve() / f"cdr_phone_originated_{day}.csv")[0][1] == "superseded"
    for wart in irregularities.IRREGULARITIES:
        entries = found.pop(folder.resolve() / wart.path(2, END), [])
        assert {state for _, state, _, _ in entries} == ({wart.state} - {"ignored"}), wart
        assert {kind for kind, *_ in entries} <= {wart.kind}, wart
        expected = clean["phone_originated"] if wart.staged is None else wart.staged
        assert sum(staged for _, _, staged, _ in entries) == expected, wart
        assert sum(rejected for *_, rejected in entries) == wart.rejected, wart
    assert {state for entries in found.values() for _, state, _, _ in entries} == {"current"}
