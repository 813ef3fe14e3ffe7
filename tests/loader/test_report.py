"""The report: one page, its numbers those of the marts, whatever the values, for every reader and browser."""

import csv
import importlib.util
import json
import re
import shutil
import subprocess
from datetime import date
from pathlib import Path

import duckdb
import pytest
from harness import REPOSITORY, Loader
from pages import Page, written

from loader.report.page import _add_mean, _cell
from loader.report.words import OUTCOMES, SIGNALS

SCREENSHOTS = REPOSITORY / "target" / "screenshots"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""
HOSTILE = '<script>alert(1)</script> & "quotes" \u202eright-to-left ' + "long " * 60


def test_one_page_that_asks_for_nothing(copy: Loader) -> None:
    text = written(copy)
    assert len(text) < 500_000
    page = Page(text)
    assert [asked for asked in page.asked if not asked.startswith("#")] == []
    assert page.scripts == 0
    assert re.findall(r"url\(|@import", text) == []
    assert "<h1>" in text
    assert '<html lang="en">' in text


def test_numbers_are_those_of_the_marts(copy: Loader) -> None:
    page = Page(written(copy))
    header, *rows = page.tables["spend"]
    assert header[:2] == ["currency", "amount"]
    expected = copy.query(
        "select currency, sum(amount) from marts.mart_cost_daily where currency is not null group by 1"
    )
    assert {row[0]: row[1] for row in rows} == {currency: f"{amount:,.2f}" for currency, amount in expected}
    days = page.tables["quality_by_kind"]
    bids = copy.query(
        "select call_type, sum(bids)::bigint from marts.mart_quality_daily"
        " group by report_date, call_type order by report_date, call_type"
    )
    assert [(row[1], row[2]) for row in days[1:]] == [(kind, f"{number:,}") for kind, number in bids]
    # Every table is what the query that is shown with it gives.
    for query, shown in page.queries:
        with duckdb.connect(copy.database, read_only=True) as connection:
            cursor = connection.execute(query)
            columns = [column[0] for column in cursor.description or ()]
            rows = [[_cell(v, c) for v, c in zip(r, columns, strict=True)] for r in cursor.fetchall()]
        assert shown == ([columns, *rows] if rows else []), query
    assert len(page.queries) >= 15


def make_hostile(loader: Loader) -> None:
    """Put such a value into a table, a sentence and a chart."""
    loader.execute(
        "update marts.fact_calls set amount = 1000000, amount_reporting = 1000000, currency = 'EUR', "
        f"user_id = '{HOSTILE}' where user_id = (select min(user_id) from marts.fact_calls)"
    )
    loader.execute(
        f"update marts.mart_failure_reasons_daily set calls = 1000000, reason = '{HOSTILE}' where outcome = "
        "(select min(outcome) from marts.mart_failure_reasons_daily where not is_answered)"
    )
    loader.execute(f"update marts.dim_applications set application_name = '{HOSTILE}'")


def test_hostile_values_are_text(copy: Loader) -> None:
    make_hostile(copy)
    text = written(copy)
    assert Page(text).scripts == 0
    assert text.count("&lt;script&gt;alert(1)") >= 4
    assert not re.search(r"<script>alert", text)


def test_the_mean_is_of_seven_days() -> None:
    rows = [
        {"report_date": date(2026, 11, day), "answers": answers, "seizures": 10}
        for day, answers in ((1, 9), (2, 1), (8, 3), (20, 5))
    ]
    _add_mean(rows, "asr", "answers", "seizures")
    assert [row["asr_mean"] for row in rows] == [0.9, 0.5, 0.2, 0.5]


def test_a_span_and_an_application(copy: Loader) -> None:
    text = written(copy, "--from", "2026-11-22", "--to", "2026-11-22", "--application", "City Rides")
    assert "from 2026-11-22 to 2026-11-22" in text
    assert "City Rides" in text
    assert "is after" in copy.error("report", "x.html", "--from", "2026-11-23", "--to", "2026-11-22")
    assert "there is no application Nobody" in copy.error("report", "x.html", "--application", "Nobody")


def test_without_calls_there_is_no_page(copy: Loader, tmp_path: Path) -> None:
    page = tmp_path / "none.html"
    (days,) = copy.query("select min(report_date), max(report_date) from marts.mart_quality_daily")
    of_them = "calls are from {} to {}".format(*days)
    message = copy.error("report", page, "--from", "2020-01-01", "--to", "2020-01-02")
    assert message == f"cdr: no calls from 2020-01-01 to 2020-01-02; {of_them}"
    copy.execute(
        "delete from marts.mart_quality_daily where report_date > (select min(report_date)"
        " from marts.mart_quality_daily) and application_key = (select application_key from"
        " marts.dim_applications where application_name = 'City Rides')"
    )
    message = copy.error("report", page, "--from", days[1], "--application", "City Rides")
    assert "no calls of City Rides from" in message
    copy.execute("delete from marts.mart_quality_daily")
    assert copy.error("report", page).endswith("; there are no calls at all")
    assert not page.exists()


def test_the_default_days_are_those_with_calls(copy: Loader) -> None:
    ((first, last),) = copy.query(
        "select min(report_date), (select max(report_date) from marts.mart_report_dates where is_complete)"
        " from marts.mart_quality_daily"
    )
    assert f"<h1>Calls from {first} to {last}</h1>" in written(copy)
    assert f"<title>Calls {first} to {last}</title>" in written(copy)


def plant_signal(
    loader: Loader,
    rule: str,
    entity_type: str,
    entity: str,
    *,
    severity: str = "warn",
    observed: float = 1,
    baseline: float | str = "null",
    threshold: float = 1,
) -> None:
    loader.execute(
        f"insert into marts.mart_signals by name (select '{rule}' as rule, '{entity_type}' as entity_type,"
        f" '{entity}' as entity, '{severity}' as severity, {observed} as observed, 3 as calls,"
        f" {threshold} as threshold, {baseline} as baseline, day as signal_date, day as first_at,"
        " day as last_at from (values (date '2026-11-22')) as days(day))"
    )


def test_columns_of_numbers_are_aligned_where_the_first_is_null(copy: Loader) -> None:
    plant_signal(copy, "spend_spike", "user", "ann", severity="critical")
    plant_signal(copy, "spend_spike", "user", "bob", baseline="5.0")
    page = Page(written(copy))
    header, first, *_ = page.tables["signals"]
    at = header.index("baseline")
    assert first[at] == "–"
    assert page.numeric["signals"][at]
    assert not page.numeric["signals"][header.index("entity")]


def test_tables_have_different_labels(copy: Loader) -> None:
    text = written(copy)
    folds = [fold for fold in Page(text).folds if fold != "Query"]
    assert len(set(folds)) == len(folds) >= 15
    labels = re.findall(r'role="region" aria-label="(.*?)"', text)
    assert len(set(labels)) == len(labels) >= 10


def test_a_page_of_few_calls_reads_well(copy: Loader) -> None:
    page = written(copy, "--from", "2026-11-22")
    assert "Changes are against the 1 days before" not in page  # not for check_words
    # Marts of calls that cost nothing, without a signal.
    for mart in ("mart_cost_daily", "fact_calls"):
        copy.execute(f"update marts.{mart} set amount = null, amount_reporting = null, currency = null")
    for mart in ("mart_signals", "mart_cost_exceptions", "mart_invoice_reconciliation"):
        copy.execute(f"delete from marts.{mart}")
    text = written(copy)
    for message in ("charged calls", "spend by user", "signals", "cost exceptions", "invoices or amounts"):
        assert f"No {message} in these days." in text
    folded = "signals, overcharges by the rate card, cost exceptions and invoices (none given)"
    assert f"Nothing found in {folded}" in text
    assert "<svg" in text


def test_the_page_ends_with_the_newest_complete_day(copy: Loader) -> None:
    (newest, before), *_ = copy.query(
        "select max(report_date), max(report_date) - 1 from marts.mart_report_dates where is_complete"
    )
    copy.execute(
        "insert into marts.mart_quality_daily by name"
        " (select * replace (date '2062-07-15' as report_date) from marts.mart_quality_daily limit 1)"
    )
    assert f"to {newest}</h1>" in written(copy)
    compared = "Changes are against the 1 day before"
    assert compared in written(copy, "--from", newest)
    # One ASR over all kinds would mean nothing.
    assert re.search(r"sip_terminated [\d,]+ calls, [\d,]+ answered: ASR [\d.]+ %", written(copy))
    copy.execute(f"update marts.mart_report_dates set is_complete = false where report_date = '{before}'")
    text = written(copy, "--from", newest)
    assert compared not in text
    assert not re.search(r"\([+-][\d.]+ %\)", text)
    copy.execute(f"update marts.mart_report_dates set is_complete = report_date = '{before}'")
    assert f"to {before}</h1>" in written(copy)
    copy.execute("drop table marts.mart_report_dates")
    assert f"to {newest}</h1>" in written(copy)


def test_rules_that_are_silent_are_named(copy: Loader) -> None:
    silent = [
        rule
        for (rule,) in copy.query(
            "select rule from marts.mart_signal_rules where status = 'silent' order by 1"
        )
    ]
    assert {"new_destination", "spend_spike"} <= set(silent)
    history = dict(copy.query("select rule, days_of_history from marts.mart_signal_rules"))
    copy.execute("update marts.mart_signal_rules set status = 'off' where rule = 'wangiri_like'")
    sentence = Page(written(copy)).sentences["rules"]
    needs = dict(copy.query("select rule, days_needed from marts.mart_signal_rules"))
    waiting = "; ".join(f"{rule} needs {needs[rule]} days of history, has {history[rule]}" for rule in silent)
    assert f"Can't fire yet: {waiting}." in sentence
    assert sentence.endswith("Switched off in the seed signal_rules: wangiri_like.")
    copy.execute("update marts.mart_signal_rules set status = 'ready'")
    assert "rules" not in Page(written(copy)).sentences


def test_errors_of_the_feed_are_in_the_page(copy: Loader) -> None:
    def message(*arguments: object) -> str:
        found = re.search(
            r'<section id="feed".*?<p dir="auto">(.*?)</p>', written(copy, *arguments), re.DOTALL
        )
        assert found is not None
        return found[1]

    stalled = "Nothing for "
    assert stalled in message()
    assert stalled not in message("--to", "2026-11-21")
    copy.execute("update raw_sinch.files set file_date = current_date - 1 where file_id = 1")
    assert message() == "Complete: every kind has a file for every day since its first."
    copy.execute(
        "insert into marts.mart_feed_findings values"
        " ('names_a_day_late', 'app_app', 1, 3, 4, 0.75, date '2026-11-22', date '2026-11-22')"
    )
    sentence = (
        "Names a day late in 1 file (app_app; 2026-11-22): 75 % of their calls ended on the day before;"
    )
    assert sentence in message()
    copy.execute(
        "update marts.mart_feed_findings set first_date = date '2026-11-20', last_date = date '2026-11-20'"
    )
    assert "Names a day late" not in message("--from", "2026-11-21")
    copy.execute("drop table marts.mart_feed_findings")
    assert "Names a day late" not in message()


def test_signals_say_what_was_seen_and_what_is_usual(copy: Loader) -> None:
    ((key,),) = copy.query(
        "select application_key from marts.dim_applications order by application_name limit 1"
    )
    ((name,),) = copy.query(
        f"select application_name from marts.dim_applications where application_key = '{key}'"
    )
    user, guid = "0123456789abcdef" * 4, "0a1b2c3d-0000-4000-8000-00000000000a"
    plant_signal(copy, "irsf_like", "user", user, severity="critical", observed=340, threshold=120)
    drop = {"observed": 0.45, "baseline": 0.81, "threshold": 0.6}
    plant_signal(copy, "answer_ratio_drop", "application_country", f"{key} > SE", **drop)
    spike = {"observed": 1250, "baseline": 10.5, "threshold": 52.5}
    plant_signal(copy, "spend_spike", "application", guid, severity="info", **spike)
    page = Page(text := written(copy))
    assert page.items["signals"] == [
        "2026-11-22, critical: 01234567… – 340 minutes to one destination within an hour; limit 120"
        " (irsf_like).",
        f"2026-11-22, warn: {name} > Sweden – 45.0 % of the calls were answered; usually 81.0 %, limit 60.0 %"
        " (answer_ratio_drop).",
        "2026-11-22, info: 0a1b2c3d… – spent EUR 1,250.00; usually EUR 10.50, limit EUR 52.50 (spend_spike).",
    ]
    assert [row["entity"] for row in page.rows("signals")] == ["01234567…", f"{name} > Sweden", "0a1b2c3d…"]
    assert f'title="{user}"' in text


def test_every_rule_and_every_failure_has_words() -> None:
    def column(seed: str, name: str, **where: str) -> set[str]:
        with (REPOSITORY / "seeds" / f"{seed}.csv").open() as file:
            rows = list(csv.DictReader(file))
        return {row[name] for row in rows if all(row[key] == value for key, value in where.items())}

    assert set(SIGNALS) == column("signal_rules", "rule")
    assert set(OUTCOMES) == column("outcomes", "outcome", is_answered="false")
    assert len(set(OUTCOMES.values())) == len(OUTCOMES)


def test_captions_name_all_marts(copy: Loader) -> None:
    text = written(copy)
    caption = (
        "the mean of its days with a file. From marts.mart_feed_completeness and marts.mart_traffic_hourly."
    )
    assert caption in text


def test_marts_that_are_not_built_are_named(copy: Loader, tmp_path: Path) -> None:
    copy.execute("drop table marts.mart_traffic_hourly")
    copy.execute("drop table marts.mart_busy_hour")
    assert "mart_traffic_hourly is not built" in written(copy)


needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="no Chromium is installed here; CI installs one")


def browse(page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *options]
    return subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120)


@needs_chromium
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(copy: Loader, tmp_path: Path, theme: str) -> None:
    found = importlib.util.find_spec("axe_core_python")
    assert found is not None
    assert found.origin is not None
    axe = (Path(found.origin).parent / "axe.min.js").read_text()
    run = (
        "axe.run().then(result => { document.body.innerHTML = '<pre>' + "
        "JSON.stringify(result.violations.map(rule => rule.id)) + '</pre>'; });"
    )
    for number in range(8):
        plant_signal(copy, "spend_spike", "user", f"u{number}", baseline=5)
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", written(copy))
    # What is folded is looked at, too.
    text = text.replace("<details", "<details open")
    if theme == "dark":
        text = text.replace("@media (prefers-color-scheme: dark)", "@media all")
    page = tmp_path / "axe.html"
    page.write_text(text.replace("</body>", f"<script>{axe}</script><script>{run}</script></body>"))
    result = browse(page, "--virtual-time-budget=60000", "--dump-dom")
    assert re.findall(r"<pre>(.*?)</pre>", result.stdout) == ["[]"]


@needs_chromium
@pytest.mark.parametrize(
    ("name", "size"), [("light", "1000,3000"), ("dark", "1000,3000"), ("phone", "390,4000")]
)
def test_no_error_in_the_console_and_a_picture_to_look_at(copy: Loader, name: str, size: str) -> None:
    text = written(copy)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    picture = SCREENSHOTS / f"report_{name}.png"
    page = copy.database.parent / "report.html"
    if name == "dark":
        page.write_text(text.replace("@media (prefers-color-scheme: dark)", "@media all"))
    result = browse(
        page, f"--window-size={size}", f"--screenshot={picture}", "--enable-logging=stderr", "--v=0"
    )
    # A request that the page's policy refuses is an error, too.
    assert "CONSOLE" not in result.stderr
    assert picture.stat().st_size > 10_000


MEASURED = """<script>
addEventListener("load", () => {
  const tables = [...document.querySelectorAll("table")];
  document.title = JSON.stringify({
    width: document.documentElement.scrollWidth,
    widest: Math.max(...tables.map((table) => table.getBoundingClientRect().right)),
    hidden: tables.filter((table) => !table.getBoundingClientRect().height).length,
    tips: document.querySelectorAll("path title").length,
    cut: [...document.querySelectorAll(".scroll")]
      .filter((box) => box.scrollWidth > box.clientWidth + 1).length,
  });
});
</script></body>"""


def measured(text: str, folder: Path, width: int) -> dict[str, int]:
    """What a browser makes of a page so wide: a window of its own is never narrower than 500 pixels."""
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    (folder / "inner.html").write_text(text.replace("</body>", MEASURED))
    frame = folder / "frame.html"
    frame.write_text(
        f'<iframe src="inner.html" width="{width}" height="800" onload="setTimeout(() => document.title ='
        ' this.contentDocument.title, 500)"></iframe>'
    )
    result = browse(frame, "--allow-file-access-from-files", "--virtual-time-budget=5000", "--dump-dom")
    (title,) = re.findall(r"<title>(.*?)</title>", result.stdout)
    found = json.loads(title)
    assert isinstance(found, dict)
    return found


@needs_chromium
def test_nothing_is_wider_than_a_phone_and_nothing_is_cut_on_paper(copy: Loader, tmp_path: Path) -> None:
    make_hostile(copy)
    plant_signal(copy, "answer_ratio_drop", "caller_callee", f"{'0123456789abcdef' * 4} > {'f00d' * 16}")
    text = written(copy)
    # All tables are open, and no column is beyond the edge.
    assert measured(text.replace("<details", "<details open"), tmp_path, 1280)["cut"] == 0
    phone = measured(text, tmp_path, 390)
    assert phone["width"] <= 390
    assert phone["tips"] > 100
    # A4 between margins of a centimetre; everything is open, and no table reaches out of the page.
    on_paper = text.replace("@media print", "@media all").replace("(max-width: 600px)", "not all")
    paper = measured(on_paper, tmp_path, 718)
    assert paper["width"] <= 718
    assert paper["widest"] <= 718
    assert paper["hidden"] == 0
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    printed = SCREENSHOTS / "report.pdf"
    browse(copy.database.parent / "report.html", f"--print-to-pdf={printed}", "--no-pdf-header-footer")
    assert len(re.findall(rb"/Type ?/Page\b", printed.read_bytes())) >= 4
