"""Every number of the page is what Python computes from the calls and files, not what the query beside it
gives: five weeks of several currencies, every third day without files.
"""

import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from harness import Loader
from marts_by_rows import groups, lines_needed, ratio, total
from pages import Page, written

from loader.report.page import _cell
from loader.report.words import outcome_in_words, shortened_ids

Row = dict[str, Any]
# Two days with files, and a day without, whose calls are late ones; twelve times.
PERIOD, TIMES = 3, 12
FIRST, LAST = date(2026, 10, 19), date(2026, 11, 22)
GAP = "2026-11-20"
LATE = f"report_date - n * {PERIOD} * interval 1 day - interval 1 day as report_date"
# The marts by what moves with the days.
MOVED = {
    "marts.fact_calls": [
        *("report_date", "call_date", "file_date"),
        *("called_at", "called_at_local", "answered_at", "ended_at"),
    ],
    "marts.mart_cost_daily": ["report_date"],
    "marts.mart_quality_daily": ["report_date"],
    "marts.mart_failure_reasons_daily": ["report_date"],
    "marts.mart_cost_exceptions": ["report_date", "called_at"],
    "marts.mart_signals": ["signal_date"],
    "marts.mart_traffic_hourly": ["hour", "peak_at"],
    "marts.mart_busy_hour": ["date", "busy_hour", "peak_at"],
    "raw_sinch.files": ["file_date"],
}


@pytest.fixture(scope="module")
def month(built: Loader, tmp_path_factory: pytest.TempPathFactory) -> Loader:
    """The two days of the synthetic deliveries, moved to every third day of five weeks."""
    loader = Loader(tmp_path_factory.mktemp("month") / "cdr.duckdb", built.inbox)
    shutil.copyfile(built.database, loader.database)
    for table, columns in MOVED.items():
        key = ", call_key || '-' || n as call_key" if table.endswith(("fact_calls", "exceptions")) else ""
        moved = ", ".join(f"{name} - n * {PERIOD} * interval 1 day as {name}" for name in columns)
        loader.execute(
            f"insert into {table} by name"
            f" (select * exclude (n) replace ({moved}{key}) from {table}, range(1, {TIMES}) as t(n))"
        )
    for table in list(MOVED)[:4]:
        key = ", call_key || '-late-' || n as call_key" if table.endswith("fact_calls") else ""
        loader.execute(
            f"insert into {table} by name"
            f" (select * exclude (n) replace ({LATE}{key}) from {table}, range({TIMES}) as t(n)"
            " where report_date = date '2026-11-21' and call_type = 'phone_terminated')"
        )
    loader.execute(
        "delete from marts.mart_feed_completeness where file_date <> date '2026-11-22';"
        "insert into marts.mart_feed_completeness by name"
        " (select * exclude (n) replace (file_date - cast(n as integer) as file_date, "
        f" case when n % {PERIOD} = 2 then 'missing' else 'present' end as status,"
        f" case when n % {PERIOD} = 2 then 0 else records end as records)"
        f" from marts.mart_feed_completeness, range(1, {PERIOD * TIMES - 1}) as t(n));"
        "delete from marts.mart_report_dates where report_date <> date '2026-11-22';"
        "insert into marts.mart_report_dates by name"
        " (select * exclude (n) replace (report_date - cast(n as integer) as report_date,"
        f" n % {PERIOD} <> 2 as is_complete)"
        f" from marts.mart_report_dates, range(1, {PERIOD * TIMES - 1}) as t(n))"
    )
    return loader


@pytest.fixture
def copy(month: Loader, tmp_path: Path) -> Loader:
    """A copy that a test may change."""
    shutil.copyfile(month.database, tmp_path / "cdr.duckdb")
    return Loader(tmp_path / "cdr.duckdb", month.inbox)


def rows_of(loader: Loader, query: str) -> list[Row]:
    with duckdb.connect(loader.database, read_only=True) as connection:
        cursor = connection.execute(query)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


class Facts:
    """The page of a loader, and the calls and files that its numbers are to be computed from."""

    def __init__(self, loader: Loader, *arguments: object) -> None:
        self.page = Page(text := written(loader, *arguments))
        self.size = len(text.encode())
        found = re.search(r"<h1>Calls from (\S+) to (\S+)</h1>", text)
        assert found is not None
        self.first, self.last = (date.fromisoformat(day) for day in found.groups())
        self.all_calls = rows_of(loader, "select * from marts.fact_calls")
        self.names = loader.query("select application_key, application_name from marts.dim_applications")
        self.calls = [call for call in self.all_calls if self.first <= call["report_date"] <= self.last]
        self.files = rows_of(
            loader, "select kind, file_date, records, rejected from raw_sinch.files where state = 'current'"
        )
        self.delivered = {(file["file_date"], file["kind"]) for file in self.files}
        self.days = {day for day, _ in self.delivered}

    def same(self, name: str, expected: Iterable[Iterable[Any]]) -> None:
        """Require these rows of a table in any order, formatted as on the page."""
        header, *rows = self.page.tables[name]
        texts = [
            [_cell(value, column) for value, column in zip(row, header, strict=True)] for row in expected
        ]
        assert sorted(rows) == sorted(texts)

    def money(self) -> list[Row]:
        return [call for call in self.calls if call["currency"] is not None]


@pytest.fixture(scope="module")
def facts(month: Loader) -> Facts:
    return Facts(month, "--from", FIRST)


def minutes(calls: list[Row]) -> float:
    return float(total(call["duration_seconds"] for call in calls if call["is_answered"]) or 0) / 60


def test_the_data_is_what_the_tests_are_for(facts: Facts) -> None:
    days = [facts.first + timedelta(days=day) for day in range((facts.last - facts.first).days + 1)]
    assert Counter(day.strftime("%A") for day in days)["Monday"] == 5
    assert len({call["currency"] for call in facts.money()}) >= 3
    assert (facts.first, facts.last) == (FIRST, LAST)
    assert any(call["report_date"] not in facts.days for call in facts.calls)


def test_five_weeks_are_a_small_page(facts: Facts) -> None:
    """Its size follows the days: tables and charts have a greatest number of rows."""
    assert facts.size < 400_000


def test_spend(facts: Facts) -> None:
    by_currency = groups(facts.money(), "currency")
    table = [
        (
            currency,
            amount,
            None,
            total(call["amount_reporting"] for call in calls),
            len(calls),
            minutes(calls),
            sum(call["amount"] is not None and call["amount_reporting"] is None for call in calls),
        )
        for (currency,), calls in by_currency.items()
        if (amount := total(call["amount"] for call in calls)) is not None
    ]
    facts.same("spend", table)
    headline = total(call["amount_reporting"] for call in facts.calls)
    assert facts.page.sentences["spend"].startswith(f"EUR {headline:,.2f} in all, converted. ")
    # Not compared: a day of the span has no file.
    assert "Changes are against" not in facts.page.sentences["spend"]
    days = {
        key: (amount, key in facts.delivered)
        for key, calls in groups(facts.calls, "report_date", "call_type").items()
        if (amount := total(call["amount_reporting"] for call in calls)) is not None
    }
    facts.same("spend_daily", [(*key, *values) for key, values in days.items()])
    assert sum(facts.page.drawn("spend").values()) == pytest.approx(float(headline), abs=0.005 * len(days))
    assert "Hollow: days without a file" in facts.page.sentences["spend"]


def figures(facts: Facts, first: date, last: date) -> list[float]:
    """Spend, calls, minutes, ASR and NER of the kind with most seizures, and the busiest hour's erlangs."""
    calls = [call for call in facts.all_calls if first <= call["report_date"] <= last]
    seized = [call for call in facts.calls if call["is_seizure"]]
    ((kind, _), *_) = Counter(call["call_type"] for call in seized).most_common()
    of_kind = [call for call in calls if call["is_seizure"] and call["call_type"] == kind]
    return [
        float(total(call["amount_reporting"] for call in calls)),
        len(calls),
        minutes(calls),
        sum(call["is_answered"] for call in of_kind) / len(of_kind),
        sum(call["is_network_effective"] for call in of_kind) / len(of_kind),
        max(erlangs_of(facts, first, last).values()),
    ]


def test_headline(facts: Facts) -> None:
    spend, calls, talk, asr, ner, erlangs = figures(facts, facts.first, facts.last)
    # Not compared: a day has no file.
    assert facts.page.tiles == [
        ["Spend, EUR", f"{spend:,.2f}"],
        ["Calls", f"{calls:,}"],
        ["Minutes", f"{talk:,.0f}"],
        ["ASR", f"{100 * asr:.1f} %"],
        ["NER", f"{100 * ner:.1f} %"],
        ["Busy-hour erlangs", f"{erlangs:,.1f}"],
    ]
    assert facts.page.sentences["headline"].startswith("No changes are shown: of these days or of the 35")
    table = [
        (day, len(of_it), minutes(of_it), total(c["amount_reporting"] for c in of_it), day in facts.days)
        for (day,), of_it in groups(facts.calls, "report_date").items()
    ]
    facts.same("headline", table)


def test_applications(facts: Facts) -> None:
    names = dict(facts.names)
    table = []
    for (key,), calls in groups(facts.calls, "application_key").items():
        amount = total(call["amount_reporting"] for call in calls)
        if amount is not None:
            table.append((names.get(key) or key or "not known", len(calls), minutes(calls), amount, None))
    table.sort(key=lambda row: (-row[3], row[0]))
    facts.same("applications", table[:15])
    assert len(table) >= 3
    headline = sum(row[3] for row in table)
    sentence = facts.page.sentences["applications"]
    name, _, talk, most, _ = table[0]
    assert sentence.startswith(f"EUR {headline:,.2f} in all; most by {shortened_ids(name)}: EUR {most:,.2f} ")
    assert f" for {talk:,.0f} minutes" in sentence
    drawn = facts.page.drawn("applications")
    assert drawn[shortened_ids(name)] == pytest.approx(float(most), abs=0.005)
    assert sum(drawn.values()) == pytest.approx(float(headline), abs=0.1)


def test_a_page_of_one_currency_converts_nothing(copy: Loader) -> None:
    facts = Facts(copy, "--currency", "USD")
    spend = total(call["amount"] for call in facts.calls if call["currency"] == "USD")
    assert facts.page.tiles[0][:2] == ["Spend, USD", f"{spend:,.2f}"]
    assert facts.page.tiles[1][1] == f"{len(facts.calls):,}"
    assert facts.page.sentences["spend"].startswith(f"USD {spend:,.2f}.")
    assert [row["currency"] for row in facts.page.rows("spend")] == ["USD"]
    for section in ("spend", "applications", "destinations"):
        drawn = facts.page.drawn(section)
        # A mark has two digits, and there are about seventy.
        assert sum(drawn.values()) == pytest.approx(float(spend), abs=0.005 * len(drawn))
    for sentence in facts.page.sentences.values():
        assert "converted" not in sentence
        assert "EUR" not in sentence
    message = copy.error("report", copy.database.parent / "x.html", "--currency", "NOK")
    assert message.startswith("cdr: no charge is in NOK; there are ")


def test_quality(facts: Facts) -> None:
    def counts(calls: list[Row], *columns: str) -> list[int]:
        return [sum(bool(call[column]) for call in calls) for column in columns]

    table = []
    for key, calls in groups(facts.calls, "report_date", "call_type").items():
        seized, answered, effective = counts(calls, "is_seizure", "is_answered", "is_network_effective")
        shares = ratio(answered, seized), ratio(effective, seized)
        table.append((*key, len(calls), seized, answered, effective, *shares, key in facts.delivered))
    facts.same("quality_by_kind", table)
    for (kind,), calls in groups(facts.calls, "call_type").items():
        seized, answered = counts(calls, "is_seizure", "is_answered")
        sentence = f"{kind} {len(calls):,} calls, {answered:,} answered: ASR {100 * answered / seized:.1f} %"
        assert sentence in facts.page.sentences["quality"]


def test_length(facts: Facts) -> None:
    table = []
    for (day,), calls in groups(facts.calls, "report_date").items():
        timed = [
            c["duration_seconds"] for c in calls if c["is_answered"] and c["duration_seconds"] is not None
        ]
        answers = sum(call["is_answered"] for call in calls)
        aloc = ratio(sum(timed), len(timed))
        table.append((day, len(calls), answers, len(timed), sum(timed), aloc, day in facts.days))
    facts.same("quality", table)
    whole = [(row[5], row[0]) for row in table if row[6] and row[5] is not None]
    longest, day = min(whole, key=lambda row: (-row[0], row[1]))
    assert f"highest on {day}: {longest:,.0f} s;" in facts.page.sentences["length"]
    aloc = sum(row[4] for row in table) / sum(row[3] for row in table)
    assert facts.page.sentences["length"].startswith(f"ALOC was {aloc:,.0f} s;")


def test_failures(facts: Facts) -> None:
    failed = [call for call in facts.calls if not call["is_answered"]]
    outcomes = Counter((call["outcome"], call["outcome_side"]) for call in failed)
    ((outcome, side), most), *_ = sorted(outcomes.items(), key=lambda item: (-item[1], item[0]))
    reasons = groups(failed, "outcome_side", lambda call: call["reason"] or "no reason", "outcome")
    ranked = sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0][1], item[0][2], item[0][0]))
    facts.same("failures", [(*key, len(calls)) for key, calls in ranked[:12]])
    sentence = facts.page.sentences["failures"]
    words = outcome_in_words(outcome, side)
    assert sentence == f"{len(failed):,} calls without an answer, most often: {words}, {most:,}."
    drawn = facts.page.drawn("failures")
    assert drawn[words] == most
    assert sum(drawn.values()) == len(failed)


def test_destinations(copy: Loader) -> None:
    """Calls to nowhere and in a currency without a rate are most of the money."""
    for table in ("fact_calls", "mart_cost_daily"):
        copy.execute(
            f"update marts.{table} set destination_country = null"
            " where destination_country = (select destination_country from marts.mart_cost_daily"
            " group by 1 order by sum(amount_reporting) desc nulls last limit 1)"
        )
    facts = Facts(copy)
    names = dict(copy.query("select country_code, country_name from marts.dim_countries"))
    table = []
    for (country,), calls in groups(facts.calls, "destination_country").items():
        amount = total(call["amount_reporting"] for call in calls)
        lost = sum(call["amount"] is not None and call["amount_reporting"] is None for call in calls)
        if amount is not None or lost:
            name = names.get(country) or country or "not known"
            table.append((country, name, len(calls), minutes(calls), amount, None, lost))
    table.sort(key=lambda row: (row[4] is None, -(row[4] or 0), row[0] or ""))
    facts.same("destinations", table[:15])
    charged = [row for row in table if row[4] is not None]
    headline = sum(row[4] for row in charged)
    sentence = facts.page.sentences["destinations"]
    assert sentence.startswith(f"EUR {headline:,.2f} in all; ")
    known = next(row for row in charged if row[0] is not None)
    assert f"most to {known[1]}: EUR {known[4]:,.2f} for {known[3]:,.0f} minutes;" in sentence
    (unknown,) = (row[4] for row in charged if row[0] is None)
    assert f"the country of EUR {unknown:,.2f} is not known" in sentence
    drawn = facts.page.drawn("destinations")
    assert drawn["not known"] == pytest.approx(float(unknown), abs=0.005)
    assert sum(drawn.values()) == pytest.approx(float(headline), abs=0.1)
    rates = []
    for (country, currency), calls in groups(facts.money(), "destination_country", "currency").items():
        charged_calls = [call for call in calls if call["amount"] and call["amount"] > 0]
        timed = [call for call in charged_calls if call["duration_seconds"] is not None]
        seconds = sum(call["duration_seconds"] for call in timed)
        if country is not None and seconds > 0:
            rates.append((seconds, country, currency, ratio(60 * sum(c["amount"] for c in timed), seconds)))
    rates.sort(key=lambda row: (-row[0], *row[1:3]))
    facts.same("effective_rates", [row[1:] for row in rates[:15]])
    changes = [
        row
        for row in rows_of(copy, "select valid_from, changed from marts.mart_rate_history")
        if row["changed"] and facts.first <= row["valid_from"] <= facts.last
    ]
    assert f"; {len(changes)} rate change" in sentence


def test_calls_in_a_currency_without_a_rate_are_counted(copy: Loader) -> None:
    copy.execute(
        "update marts.mart_cost_daily set amount_reporting = null, unconverted_calls = calls"
        " where currency = 'SEK'"
    )
    facts = Facts(copy)
    calls = sum(call["currency"] == "SEK" for call in facts.calls)
    for section in ("spend", "destinations"):
        assert f" {calls:,} calls in a currency without a rate: not in" in facts.page.sentences[section]
    headline = total(c["amount_reporting"] for c in facts.calls if c["currency"] != "SEK")
    assert facts.page.sentences["spend"].startswith(f"EUR {headline:,.2f} in all")


def test_users_are_ranked_in_one_currency(facts: Facts) -> None:
    spend = defaultdict(list)
    charged = [call for call in facts.money() if call["user_id"] is not None]
    for (user, currency), calls in groups(charged, "user_id", "currency").items():
        amount = total(call["amount"] for call in calls)
        if amount is not None:
            timed = [
                c for c in calls if c["amount"] and c["amount"] > 0 and c["duration_seconds"] is not None
            ]
            rate = ratio(60 * sum(c["amount"] for c in timed), sum(c["duration_seconds"] for c in timed))
            converted = total(call["amount_reporting"] for call in calls)
            spend[user].append((user, currency, len(calls), minutes(calls), amount, converted, rate))
    ranked = sorted(spend, key=lambda user: (-sum(row[5] or 0 for row in spend[user]), user))[:10]
    facts.same("users", [row for user in ranked for row in spend[user]])
    assert facts.page.rows("users")[0]["user_id"] == ranked[0]
    most = sum(row[5] or 0 for row in spend[ranked[0]])
    assert facts.page.sentences["users"].startswith(f"{ranked[0]} spent most: EUR {most:,.2f}, as ")


def test_a_smaller_number_of_a_dearer_currency_spends_more(copy: Loader) -> None:
    two = copy.query(
        "select user_id from marts.fact_calls where user_id is not null"
        " group by 1 order by count(*), 1 limit 2"
    )
    for (user,), currency, amount, converted in zip(
        two, ("SEK", "USD"), (99000, 98000), (9000, 90000), strict=True
    ):
        copy.execute(
            f"update marts.fact_calls set amount = {amount}, amount_reporting = {converted},"
            f" currency = '{currency}' where user_id = '{user}'"
        )
    sentence = Page(written(copy)).sentences["users"]
    assert sentence.startswith(f"{two[1][0]} spent most: EUR ")


def intervals(facts: Facts) -> list[tuple[datetime, datetime]]:
    found = []
    for call in facts.all_calls:
        # Late calls are planted in the marts by report date alone.
        if call["is_answered"] and call["duration_seconds"] and "-late-" not in call["call_key"]:
            by_answer = call["interval_basis"] == "answer_time"
            opened = call["answered_at"] if by_answer else call["called_at"]
            found.append((opened, opened + timedelta(seconds=int(call["duration_seconds"]))))
    return found


def erlangs_of(facts: Facts, first: date, last: date) -> dict[datetime, float]:
    """The erlangs of the hours between two days."""
    hour = timedelta(hours=1)
    erlangs: dict[datetime, float] = defaultdict(float)
    for opened, closed in intervals(facts):
        start = opened.replace(minute=0, second=0, microsecond=0)
        while start < closed:
            erlangs[start] += (min(closed, start + hour) - max(opened, start)) / hour
            start += hour
    return {start: load for start, load in erlangs.items() if first <= start.date() <= last}


def test_traffic(facts: Facts) -> None:
    within = erlangs_of(facts, facts.first, facts.last)
    top = max(within.values())
    begin = min(start for start, load in within.items() if load == top)
    sentence = facts.page.sentences["traffic"]
    assert sentence.startswith(f"The busiest hour began {begin:%Y-%m-%d %H:%M} UTC: {top:,.1f} erlangs, ")
    assert f"asks for {lines_needed(top)} line" in sentence
    # A call that ends does so before another begins; a peak is of a day within the span.
    moments = sorted(moment for opened, closed in intervals(facts) for moment in ((opened, 1), (closed, -1)))
    running, peak = 0, (0, moments[0][0])
    for at, change in moments:
        running += change
        if facts.first <= at.date() <= facts.last and running > peak[0]:
            peak = (running, at)
    assert f"up to {peak[0]:,} call" in sentence
    assert f"at once ({peak[1]:%Y-%m-%d %H:%M})." in sentence
    days = [day for day in facts.days if facts.first <= day <= facts.last]
    mean: dict[tuple[int, int], float] = defaultdict(float)
    weekdays = Counter(day.isoweekday() for day in days)
    for start, load in within.items():
        if start.date() in facts.days:
            mean[start.isoweekday(), start.hour] += load / weekdays[start.isoweekday()]
    shown = {(int(row["weekday"]), int(row["hour_of_day"])): row for row in facts.page.rows("traffic")}
    assert set(mean) <= set(shown)
    for (weekday, at), row in shown.items():
        assert int(row["days"]) == weekdays[weekday]
        assert float(row["erlangs"].replace(",", "")) == pytest.approx(mean[weekday, at], abs=0.0051)
    assert set(weekdays.values()) == {3, 4}
    # The scale ends with the darkest cell, to two digits.
    scale = facts.page.legends["traffic"]
    assert len(scale) == 6
    assert scale[0].startswith("0.00 to ")
    assert scale[-1].endswith(f" to {max(mean.values()):,.2f} erlangs")


def test_the_greatest_peak_may_be_of_a_quiet_day(copy: Loader) -> None:
    copy.execute(
        "update marts.mart_busy_hour set peak_concurrent_calls = 777, erlangs = 0.001,"
        " peak_at = timestamp '2026-11-09 03:04:05' where scope = 'account' and date = '2026-11-09'"
    )
    assert (
        "up to 777 calls in conversation at once (2026-11-09 03:04)"
        in Page(written(copy)).sentences["traffic"]
    )


def test_signals_are_counted_beyond_the_table(copy: Loader) -> None:
    copy.execute(
        "insert into marts.mart_signals by name (select rule, day as signal_date, 'user' as entity_type,"
        " 'user-' || i as entity, case when i < 2 then 'critical' else 'warn' end as severity,"
        " i as observed, i as threshold, 3 as calls, day as first_at, day as last_at"
        " from (values ('spend_spike'), ('new_destination')) as rules(rule), range(20) as t(i),"
        " (values (date '2026-11-09'), (date '2026-11-17'), (date '2026-10-01')) as days(day))"
    )
    facts = Facts(copy)
    signals = [
        row
        for row in rows_of(copy, "select * from marts.mart_signals")
        if facts.first <= row["signal_date"] <= facts.last
    ]
    critical = sum(row["severity"] == "critical" for row in signals)
    assert (len(signals), critical) == (80, 8)
    assert facts.page.sentences["signals"].startswith(f"{critical} critical signal")
    assert f" among {len(signals):,}; the 40 most severe are shown." in facts.page.sentences["signals"]
    assert len(facts.page.rows("signals")) == 40
    assert f"Signals (first 40 of {len(signals):,} rows)" in facts.page.folds
    weeks = Counter(
        (s["rule"], s["signal_date"] - timedelta(days=s["signal_date"].weekday())) for s in signals
    )
    facts.same("signal_weeks", [(*key, number) for key, number in weeks.items()])


def test_overcharges_are_summed_by_currency(copy: Loader) -> None:
    copy.execute("delete from marts.mart_overcharges")
    assert "overcharges" in Page(written(copy)).sentences
    copy.execute(
        "insert into marts.mart_overcharges by name (select call_key, call_type, application_key, currency,"
        " destination_country, '60/60' as increment, amount, amount - 0.5 as expected_amount,"
        " 0.5 as overcharge, 0 as rate_per_minute, report_date, called_at"
        " from marts.fact_calls where amount > 0.01 and currency in ('EUR', 'USD'))"
    )
    facts = Facts(copy)
    calls = [
        call
        for call in facts.calls
        if call["amount"] and call["amount"] > Decimal("0.01") and call["currency"] in ("EUR", "USD")
    ]
    sentence = facts.page.sentences["overcharges"]
    assert sentence.startswith(f"{len(calls):,} calls cost more than by the rate card: ")
    for currency in ("EUR", "USD"):
        money = sum(call["currency"] == currency for call in calls) * 0.5
        assert f"{currency} {money:,.2f}" in sentence.split(" too much;")[0]
    shown = facts.page.rows("overcharges")
    most = max(
        Counter((c["application_key"], c["destination_country"], c["currency"]) for c in calls).values()
    )
    assert shown[0]["calls"] == f"{most:,}"
    assert shown[0]["overcharge"] == f"{most * 0.5:,.2f}"
    assert {row["application"] for row in shown} & {name for _, name in facts.names}


def test_exceptions_count_calls_once(copy: Loader) -> None:
    for rule, condition in (("credit", "amount > 0.01"), ("expensive", "currency = 'EUR'")):
        copy.execute(
            "insert into marts.mart_cost_exceptions by name (select call_key, call_id, call_type, currency,"
            f" '{rule}' as rule, 'why' as detail, amount, amount / 2 as expected_amount,"
            " report_date, called_at"
            f" from marts.fact_calls where {condition})"
        )
    facts = Facts(copy)
    rows = [
        row
        for row in rows_of(copy, "select * from marts.mart_cost_exceptions")
        if facts.first <= row["report_date"] <= facts.last
    ]
    table = [
        (*key, len(of_it), total(r["amount"] for r in of_it), total(r["expected_amount"] for r in of_it))
        for key, of_it in groups(rows, "rule", "currency").items()
    ]
    facts.same("exceptions", table)
    calls = {call["call_key"]: call for call in facts.calls}
    exceptional = [calls[key] for key in {row["call_key"] for row in rows}]
    assert len(exceptional) < len(rows)
    by_currency = groups(exceptional, "currency").items()
    facts.same("exceptional_calls", [(*k, len(c), total(one["amount"] for one in c)) for k, c in by_currency])
    rule, most = max(Counter(row["rule"] for row in rows).items(), key=lambda item: item[1])
    expected = f"{len(exceptional):,} calls with a cost that a rule questions, most by {rule}: {most:,}."
    assert facts.page.sentences["exceptions"] == expected


def test_invoices(built: Loader, tmp_path: Path) -> None:
    shutil.copyfile(built.database, tmp_path / "cdr.duckdb")
    loader = Loader(tmp_path / "cdr.duckdb", built.inbox)
    facts = Facts(loader)
    amounts = {
        currency: amount
        for (currency,), calls in groups(facts.all_calls, "currency").items()
        if (amount := total(call["amount"] for call in calls)) is not None
    }
    rows = facts.page.rows("invoices")
    account = {row["currency"]: row["cdr_amount"] for row in rows if row["scope"] == "account"}
    assert account == {currency: f"{amount:,.2f}" for currency, amount in amounts.items()}
    assert facts.page.sentences["invoices"].startswith("No invoices are given;")
    loader.execute(
        "insert into marts.mart_invoice_reconciliation by name"
        " (select * exclude (n) replace ('application' as scope, 'app-' || n as application_key,"
        " 5 as invoice_amount, case when n < 4 then 'matches'"
        " when n < 9 then 'incomplete_feed' else 'differs' end as verdict)"
        " from marts.mart_invoice_reconciliation, range(30) as t(n) where currency = 'EUR')"
    )
    page = Page(written(loader))
    expected = "Of 30 invoiced amounts 4 match the records, 21 differ, 5 lack files, 0 have no amount"
    assert page.sentences["invoices"].startswith(expected)
    assert len(page.rows("invoices")) == 24
    assert "Amounts of the records and of invoices (first 24 of 33 rows)" in page.folds


def test_feed(facts: Facts) -> None:
    span = [facts.first + timedelta(days=day) for day in range((facts.last - facts.first).days + 1)]
    kinds = {kind for _, kind in facts.delivered}
    missing = [(day, kind) for day in span for kind in kinds if (day, kind) not in facts.delivered]
    missing.sort()
    assert len(missing) == 44
    facts.same("missing_days", missing[:40])
    assert "Missing files (first 40 of 44 rows)" in facts.page.folds
    days = ", ".join(f"{day} ({kind})" for day, kind in missing[:5])
    assert facts.page.sentences["feed"].startswith(f"44 files missing: {days} and 39 more.")
    for row in facts.page.rows("feed"):
        of_kind = [f for f in facts.files if f["kind"] == row["call_type"] and f["file_date"] in span]
        assert row["records"] == f"{sum(file['records'] for file in of_kind):,}"
        assert int(row["days_missing"]) == sum(kind == row["call_type"] for _, kind in missing)


def test_files_missing_outside_the_days_are_named(copy: Loader) -> None:
    sentence = Page(written(copy, "--from", "2026-11-21")).sentences["feed"]
    assert sentence.startswith(
        "In these days no file is missing. Missing before and after these days: 44 files."
    )
    assert "Complete" not in sentence


def test_late_calls_of_days_without_files_rule_nothing(copy: Loader) -> None:
    copy.execute(
        "update marts.mart_quality_daily set talk_seconds = 99999999"
        f" where report_date = '{GAP}' and answers > 0"
    )
    page = Page(text := written(copy))
    assert f"highest on {GAP}" not in page.sentences["length"]
    assert "Hollow: days without a file" in page.sentences["length"]
    assert 'fill-opacity="0"' in text


@pytest.mark.parametrize(
    ("first", "change", "is_compared"),
    [
        ("2026-11-22", None, True),
        # A kind that begins within the days before: its spend would be a rise.
        (
            "2026-11-22",
            "delete from marts.mart_feed_completeness"
            " where call_type = 'app_app' and file_date < '2026-11-22'",
            False,
        ),
        ("2026-11-21", None, False),
    ],
)
def test_days_are_compared_where_both_have_their_files(
    copy: Loader, first: str, change: str | None, is_compared: bool
) -> None:
    if change:
        copy.execute(change)
    facts = Facts(copy, "--from", first)
    days = (facts.last - facts.first).days + 1
    assert ("Changes are against the 1 day before." in facts.page.sentences["spend"]) == is_compared
    if is_compared:
        before = [
            call
            for call in facts.all_calls
            if facts.first - timedelta(days=days) <= call["report_date"] < facts.first
        ]
        for row in facts.page.rows("spend"):
            amount = total(call["amount"] for call in before if call["currency"] == row["currency"])
            assert row["previous_amount"] == _cell(amount)
        day = timedelta(days=days)
        now = figures(facts, facts.first, facts.last)
        then = figures(facts, facts.first - day, facts.last - day)
        changes = [f"{100 * (new - old) / old:+.1f} %" for new, old in zip(now, then, strict=True)]
        changes[3:5] = [f"{100 * (now[at] - then[at]):+.1f} points" for at in (3, 4)]
        assert [tile[2] for tile in facts.page.tiles] == changes
    else:
        assert {len(tile) for tile in facts.page.tiles} == {2}
