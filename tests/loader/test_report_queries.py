"""What each query of the page gives for a few rows of the marts, added up by hand; 2026-11-03 and 04 are the
days of the page, the two days before are compared with, and all others are left out.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import duckdb
import pytest

from loader.errors import CdrError
from loader.report.queries import Query, Result, Scope, run_all, scope_of

Rows = list[tuple[Any, ...]]
TABLES: dict[str, tuple[str, Rows]] = {
    "dim_applications": (
        "application_key varchar, application_name varchar",
        [("a1", "Rides"), ("a4", "Twin"), ("a5", "Twin")],
    ),
    "dim_countries": (
        "country_code varchar, country_name varchar",
        [("SE", "Sweden"), ("DE", "Germany")],
    ),
    "mart_feed_completeness": (
        "file_date date, call_type varchar, status varchar, records integer, rejected integer,"
        " unusable integer, conflicts integer",
        [
            ("2026-11-08", "sip", "present", 900, 900, 900, 900),
            ("2026-11-06", "sip", "missing", 0, 0, 0, 0),
            ("2026-11-05", "sip", "missing", 0, 0, 0, 0),
            ("2026-11-04", "sip", "missing", 0, 0, 0, 0),
            ("2026-11-04", "pstn", "missing", 0, 0, 0, 0),
            ("2026-11-04", "app", "covered", 5, 1, 0, 2),
            ("2026-11-03", "pstn", "missing", 0, 0, 0, 0),
            ("2026-11-03", "sip", "present", 10, 4, 3, 2),
            ("2026-11-03", "app", "empty", 1, 2, 6, 7),
            ("2026-11-02", "sip", "missing", 0, 0, 0, 0),
            ("2026-11-02", "app", "missing", 0, 0, 0, 0),
            ("2026-11-01", "sip", "present", 900, 900, 900, 900),
            ("2026-11-01", "app", "missing", 0, 0, 0, 0),
            ("2026-10-31", "sip", "missing", 0, 0, 0, 0),
        ],
    ),
    "mart_feed_findings": (
        "finding varchar, call_type varchar, files integer, calls integer, of_calls integer, share double,"
        " first_date date, last_date date",
        [
            ("mixed_days", "sip", 1, 3, 4, 0.75, "2026-11-05", "2026-11-07"),
            ("mixed_days", "app", 2, 1, 4, 0.25, "2026-10-01", "2026-11-03"),
            ("mixed_days", "old", 1, 3, 4, 0.75, "2026-10-01", "2026-11-02"),
            ("mixed_days", "new", 1, 3, 4, 0.75, "2026-11-06", "2026-11-07"),
        ],
    ),
    "mart_cost_daily": (
        "report_date date, call_type varchar, application_key varchar, destination_country varchar,"
        " currency varchar, calls integer, minutes integer, amount integer, amount_reporting integer,"
        " unconverted_calls integer, charged_amount integer, charged_seconds integer",
        [
            ("2026-10-31", "sip", "a1", "SE", "EUR", 999, 999, 999, 999, 9, 999, 999),
            ("2026-11-01", "sip", "a1", "SE", "EUR", 1, 2, 4, 4, 0, 4, 60),
            ("2026-11-01", "sip", "a3", "FI", "EUR", 1, 1, 1, 1, 0, 1, 60),
            ("2026-11-02", "app", "a2", "DE", "SEK", 2, 3, 10, 1, 4, 10, 60),
            ("2026-11-02", "app", "a2", "US", "USD", 1, 1, 9, 9, 0, 9, 60),
            ("2026-11-03", "sip", "a1", "SE", "EUR", 4, 5, 8, 8, 0, 8, 240),
            ("2026-11-03", "sip", "a1", "DE", "EUR", 8, 7, 3, 3, 5, 3, 60),
            ("2026-11-03", "app", None, None, "EUR", 1, 1, 1, 1, 0, 1, 60),
            ("2026-11-04", "app", "a2", "DE", "SEK", 16, 11, 50, 5, 0, 50, 600),
            ("2026-11-04", "app", "a2", "NO", "NOK", 32, 13, 7, None, 32, 7, 0),
            # Their charge is in no currency.
            ("2026-11-04", "sip", "a1", "SE", None, 64, 17, None, None, 0, None, 5),
            ("2026-11-04", "pstn", "a2", "DK", "DKK", 1, 1, 6, None, 1, 6, 60),
            ("2026-11-04", "pstn", "a2", "AU", "AUD", 1, 1, 6, None, 1, 6, 60),
            # Late calls: the day has no file of their kind.
            ("2026-11-04", "sip", "a1", "SE", "EUR", 2, 1, 2, 2, 0, 2, 60),
            ("2026-11-04", "app", "a5", "SE", "EUR", 3, 1, 1, 1, 0, 1, 30),
            ("2026-11-04", "app", "a4", "SE", "EUR", 2, 1, 1, 1, 0, 1, 30),
            ("2026-11-05", "sip", "a1", "SE", "EUR", 999, 999, 999, 999, 9, 999, 999),
        ],
    ),
    "mart_quality_daily": (
        "report_date date, call_type varchar, application_key varchar, bids integer, seizures integer,"
        " answers integer, timed_answers integer, talk_seconds integer, network_effective integer",
        [
            ("2026-10-31", "sip", "a1", 999, 999, 999, 999, 999, 999),
            ("2026-11-01", "sip", "a1", 20, 10, 4, 4, 40, 8),
            ("2026-11-01", "old", "a1", 5, 5, 1, 1, 1, 3),
            ("2026-11-02", "sip", "a1", 20, 10, 2, 0, 0, 9),
            ("2026-11-03", "sip", "a1", 50, 40, 10, 8, 400, 30),
            ("2026-11-03", "app", "a2", 30, 20, 5, 5, 50, 10),
            ("2026-11-04", "pstn", "a2", 7, 20, 4, 0, 0, 16),
            ("2026-11-04", "sip", "a2", 60, 40, 20, 16, 1200, 34),
            ("2026-11-04", "app", "a2", 9, 0, 0, 0, 0, 0),
            ("2026-11-05", "sip", "a1", 999, 999, 999, 999, 999, 999),
        ],
    ),
    "mart_failure_reasons_daily": (
        "report_date date, application_key varchar, outcome_side varchar, reason varchar, outcome varchar,"
        " is_answered boolean, calls integer",
        [
            ("2026-11-02", "a1", "far_end", "busy", "user_busy", False, 900),
            ("2026-11-03", "a1", "far_end", "none", "user_busy", False, 7),
            ("2026-11-03", "a1", "far_end", "busy", "user_busy", False, 5),
            ("2026-11-04", "a2", "far_end", "busy", "user_busy", False, 2),
            ("2026-11-04", "a2", "caller", "busy", "user_busy", False, 7),
            ("2026-11-04", "a2", "far_end", "busy", "barred", False, 7),
            ("2026-11-04", "a2", "far_end", None, "rejected", False, 8),
            ("2026-11-04", "a2", "far_end", "answered", "answered", True, 900),
            ("2026-11-05", "a1", "far_end", "busy", "user_busy", False, 900),
        ],
    ),
    "fact_calls": (
        "report_date date, application_key varchar, user_id varchar, currency varchar,"
        " duration_seconds integer, is_answered boolean, amount decimal(9, 2),"
        " amount_reporting decimal(9, 2)",
        [
            ("2026-11-02", "a1", "u9", "EUR", 60, True, 99, 99),
            ("2026-11-03", "a1", "u1", "EUR", 60, True, 2, 2),
            ("2026-11-03", "a1", "u1", "EUR", 30, False, 0, 0),
            ("2026-11-04", "a1", "u1", "SEK", 120, True, 10, 1),
            ("2026-11-04", "a1", "u1", "SEK", None, True, 5, 0.5),
            ("2026-11-03", "a1", "u2", "EUR", 60, True, None, None),
            ("2026-11-03", "a2", "u3", "NOK", 60, True, 7, None),
            ("2026-11-03", "a2", "u4", "EUR", 30, False, 1, 1),
            ("2026-11-03", "a2", "u0", "EUR", 60, True, 3.5, 3.5),
            ("2026-11-03", "a2", "u5", "NOK", 60, True, 7, None),
            ("2026-11-03", "a2", "u5", "DKK", 60, True, 7, None),
            ("2026-11-03", "a2", None, "EUR", 60, True, 99, 99),
            ("2026-11-03", "a2", "u9", None, 60, True, 99, 99),
            ("2026-11-05", "a1", "u9", "EUR", 60, True, 99, 99),
            *(("2027-01-01", "a1", f"v{number:02}", "EUR", 60, True, 9, number) for number in range(11)),
            ("2027-01-01", "a1", "v99", "NOK", 60, True, 9, None),
        ],
    ),
    "mart_rate_history": (
        "valid_from date, application_key varchar, call_type varchar, destination_country varchar,"
        " zone varchar, currency varchar, changed varchar, change_pct integer, rate_per_minute integer,"
        " previous_rate_per_minute integer, connection_fee integer, increment varchar",
        [
            ("2026-11-02", "a1", "sip", "SE", None, "EUR", "rate", 900, 2, 1, 0, "60/60"),
            ("2026-11-04", "a1", "sip", "DE", "mobile", "EUR", "rate", 20, 6, 5, 0, "60/60"),
            ("2026-11-03", "a1", "sip", "NO", None, "EUR", "increment", None, 6, 6, 0, "60/60"),
            ("2026-11-03", "a2", "sip", "SE", None, "EUR", "rate", -50, 1, 2, 3, "1/1"),
            ("2026-11-03", "a2", "sip", "FI", None, "EUR", None, 900, 1, 2, 3, "1/1"),
            ("2026-11-05", "a2", "sip", "SE", None, "EUR", "rate", 900, 2, 1, 0, "60/60"),
        ],
    ),
    "mart_traffic_hourly": (
        "hour timestamp, scope varchar, application_key varchar, erlangs double",
        [
            ("2026-11-01 09:00", "call_type", "a1", 1.0),
            ("2026-11-02 09:00", "call_type", "a1", 900.0),
            ("2026-11-03 10:00", "call_type", "a1", 1.0),
            ("2026-11-03 10:00", "call_type", "a2", 0.5),
            ("2026-11-03 10:00", "account", None, 1.5),
            ("2026-11-04 23:00", "call_type", "a2", 2.0),
            ("2026-11-04 09:00", "call_type", "a2", 3.0),
            ("2026-11-05 09:00", "call_type", "a1", 900.0),
            ("2026-11-08 10:00", "call_type", "a1", 3.0),
        ],
    ),
    "mart_busy_hour": (
        "date date, scope varchar, application_key varchar, busy_hour timestamp, erlangs double,"
        " lines_at_1pct integer, peak_concurrent_calls integer, peak_at timestamp, peak_occupied integer",
        [
            # The erlangs and the peak of the days from 2026-10-31 on.
            *(
                (day, "account", None, f"{day} 09:00", erlangs, 5, peak, f"{day} 10:00", 6)
                for day, erlangs, peak in (
                    ("2026-10-31", 99.0, 99),
                    ("2026-11-01", 2.0, 10),
                    ("2026-11-02", 1.0, 40),
                    ("2026-11-03", 2.5, 20),
                    ("2026-11-04", 1.5, 30),
                    ("2026-11-05", 3.0, 10),
                    ("2026-11-06", 4.0, 10),
                    ("2026-11-07", 5.0, 10),
                    ("2026-11-08", 3.0, 10),
                    ("2026-11-09", 1.0, 40),
                    ("2026-11-10", 1.5, 40),
                    ("2026-11-11", 99.0, 99),
                )
            ),
            ("2026-11-03", "application", "a1", "2026-11-03 08:00", 0.5, 2, 3, "2026-11-03 08:30", 4),
            ("2026-11-03", "application", "a2", "2026-11-03 08:00", 0.6, 2, 3, "2026-11-03 08:30", 4),
        ],
    ),
    "mart_signals": (
        "signal_date date, severity varchar, rule varchar, entity_type varchar, entity varchar,"
        " application_key varchar, observed integer, baseline integer, threshold integer, calls integer,"
        " amount_reporting integer",
        [
            ("2026-11-02", "critical", "spike", "user", "early", "a1", 1, 2, 3, 4, 5),
            ("2026-11-04", "info", "spike", "user", "a1", "a1", 1, 2, 3, 4, 5),
            ("2026-11-04", "warn", "spike", "application", "a1", "a1", 6, 7, 8, 9, 10),
            ("2026-11-03", "critical", "drop", "application", "a9", "a2", 1, 2, 3, 4, 5),
            ("2026-11-04", "critical", "spike", "application_country", "a1 > SE", "a1", 1, None, 3, 4, 5),
            ("2026-11-04", "critical", "drop", "application_country", "a9 > XX", "a2", 1, 2, 3, 4, 5),
            ("2026-11-05", "critical", "spike", "user", "late", "a1", 1, 2, 3, 4, 5),
            ("2026-11-08", "critical", "spike", "user", "Sunday", "a1", 1, 2, 3, 4, 5),
            ("2026-11-09", "critical", "spike", "user", "Monday", "a1", 1, 2, 3, 4, 5),
        ],
    ),
    "mart_signal_rules": (
        "rule varchar, status varchar, days_of_history integer, days_needed integer",
        [
            ("burst", "off", 5, 3),
            ("drop", "silent", 1, 7),
            ("alarm", "silent", 2, 7),
            ("spike", "ready", 9, 7),
            ("share", "short_history", 3, 7),
        ],
    ),
    "mart_overcharges": (
        "report_date date, application_key varchar, destination_country varchar, currency varchar,"
        " amount integer, expected_amount integer, overcharge integer",
        [
            ("2026-11-02", "a1", "SE", "EUR", 900, 1, 899),
            ("2026-11-03", "a1", "SE", "EUR", 5, 2, 3),
            ("2026-11-04", "a1", "SE", "EUR", 6, 2, 4),
            ("2026-11-04", "a1", "SE", "SEK", 9, 1, 8),
            ("2026-11-04", "a2", "NO", "EUR", 7, 0, 7),
            ("2026-11-04", None, None, "EUR", 3, 2, 1),
            ("2026-11-05", "a1", "SE", "EUR", 900, 1, 899),
        ],
    ),
    "mart_cost_exceptions": (
        "report_date date, application_key varchar, call_key varchar, rule varchar, currency varchar,"
        " amount integer, expected_amount integer",
        [
            ("2026-11-02", "a1", "k0", "expensive", "EUR", 900, 900),
            ("2026-11-03", "a1", "k1", "expensive", "EUR", 5, 1),
            ("2026-11-03", "a1", "k1", "credit", "EUR", 5, 2),
            ("2026-11-04", "a2", "k2", "expensive", "EUR", 5, 3),
            ("2026-11-04", "a2", "k3", "credit", "SEK", 9, None),
            ("2026-11-05", "a1", "k9", "expensive", "EUR", 900, 900),
        ],
    ),
    "mart_invoice_reconciliation": (
        "month date, scope varchar, application_key varchar, currency varchar, cdr_amount integer,"
        " invoice_amount integer, variance integer, variance_pct integer, verdict varchar",
        [
            ("2026-09-01", "account", None, "EUR", 9, 9, 0, 0, "matches"),
            ("2026-10-01", "account", None, "EUR", 8, 9, -1, -11, "differs"),
            ("2026-11-01", "application", "a1", "EUR", 4, None, None, None, None),
            ("2026-11-01", "application", "a2", "EUR", 3, None, None, None, None),
            ("2026-11-01", "account", None, "SEK", 5, 5, 0, 0, "matches"),
            ("2026-11-01", "account", None, "EUR", 7, 7, 0, 0, "matches"),
            ("2026-12-01", "account", None, "EUR", 9, 9, 0, 0, "matches"),
        ],
    ),
}
D1, D2, D3, D4 = (date(2026, 11, day) for day in (1, 2, 3, 4))
TWO_DAYS = Scope(D3, D4, reporting_currency="EUR")


@pytest.fixture(scope="module")
def marts() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as connection:
        fill(connection)
        yield connection


def fill(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("create schema marts")
    for name, (columns, rows) in TABLES.items():
        connection.execute(f"create table marts.{name} ({columns})")
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"insert into marts.{name} values ({marks})", rows)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute))


EXPECTED: dict[str, Rows] = {
    "headline": [
        (D1, 2, 3, 5, True),
        (D2, 3, 4, 10, False),
        (D3, 13, 13, 12, True),
        (D4, 121, 46, 9, True),
    ],
    # Seizures, ASR and NER, then those of the days before.
    "kinds": [
        ("sip", 80, 30 / 80, 64 / 80, 6 / 20, 17 / 20),
        ("app", 20, 5 / 20, 10 / 20, None, None),
        ("pstn", 20, 4 / 20, 16 / 20, None, None),
        ("old", 0, None, None, 1 / 5, 3 / 5),
    ],
    "busy_days": [
        (D1, at(D1, 9), 2.0, True),
        (D2, at(D2, 9), 1.0, False),
        (D3, at(D3, 9), 2.5, True),
        (D4, at(D4, 9), 1.5, True),
    ],
    "feed": [
        ("app", 6, 3, 6, 9, 0, 1, 1, 0, None),
        ("pstn", 0, 0, 0, 0, 0, 0, 0, 2, None),
        ("sip", 10, 4, 3, 2, 1, 0, 0, 1, D3),
    ],
    "missing_days": [(D3, "pstn"), (D4, "pstn"), (D4, "sip")],
    "missing_elsewhere": [("app", 2, D1, D2), ("sip", 4, date(2026, 10, 31), date(2026, 11, 6))],
    "feed_findings": [
        ("mixed_days", "app", 2, 1, 4, 0.25, date(2026, 10, 1), D3),
        ("mixed_days", "sip", 1, 3, 4, 0.75, date(2026, 11, 5), date(2026, 11, 7)),
    ],
    # Amount, that of the days before, spend, calls, minutes, calls that are not converted.
    "spend": [
        ("EUR", 16, 5, 16, 20, 16, 5),
        ("SEK", 50, 10, 5, 16, 11, 0),
        ("NOK", 7, None, None, 32, 13, 32),
        ("AUD", 6, None, None, 1, 1, 1),
        ("DKK", 6, None, None, 1, 1, 1),
    ],
    "spend_daily": [
        (D3, "app", 1, True),
        (D3, "sip", 11, True),
        (D4, "app", 7, True),
        (D4, "sip", 2, False),
    ],
    "quality": [(D3, 80, 15, 13, 450, 450 / 13, True), (D4, 76, 24, 16, 1200, 75.0, True)],
    "quality_by_kind": [
        (D3, "app", 30, 20, 5, 10, 5 / 20, 10 / 20, True),
        (D3, "sip", 50, 40, 10, 30, 10 / 40, 30 / 40, True),
        (D4, "app", 9, 0, 0, 0, None, None, True),
        (D4, "pstn", 7, 20, 4, 16, 4 / 20, 16 / 20, False),
        (D4, "sip", 60, 40, 20, 34, 20 / 40, 34 / 40, False),
    ],
    "failures": [
        ("far_end", "no reason", "rejected", 8),
        ("far_end", "busy", "barred", 7),
        ("caller", "busy", "user_busy", 7),
        ("far_end", "busy", "user_busy", 7),
        ("far_end", "none", "user_busy", 7),
    ],
    "applications": [
        ("Rides", 78, 30, 13, 4),
        ("a2", 50, 26, 5, 10),
        ("Twin", 2, 1, 1, None),
        ("Twin", 3, 1, 1, None),
        ("not known", 1, 1, 1, None),
    ],
    "destinations": [
        ("SE", "Sweden", 75, 25, 12, 4, 0),
        ("DE", "Germany", 24, 18, 8, 1, 5),
        (None, "not known", 1, 1, 1, None, 0),
        ("AU", "AU", 1, 1, None, None, 1),
        ("DK", "DK", 1, 1, None, None, 1),
        ("NO", "NO", 32, 13, None, None, 32),
    ],
    "effective_rates": [
        ("DE", "SEK", 5.0),
        ("SE", "EUR", 2.0),
        ("AU", "AUD", 6.0),
        ("DE", "EUR", 3.0),
        ("DK", "DKK", 6.0),
    ],
    # Calls, minutes, amount, spend, and the charge of a minute of what is charged and timed.
    "users": [
        ("u0", "EUR", 1, 1.0, 3.5, 3.5, 3.5),
        ("u1", "EUR", 2, 1.0, 2, 2, 2.0),
        ("u1", "SEK", 2, 2.0, 15, 1.5, 5.0),
        ("u4", "EUR", 1, 0.0, 1, 1, 2.0),
        ("u3", "NOK", 1, 1.0, 7, None, 7.0),
        ("u5", "DKK", 1, 1.0, 7, None, 7.0),
        ("u5", "NOK", 1, 1.0, 7, None, 7.0),
    ],
    "rate_changes": [
        (D3, "sip", "SE", None, "EUR", "rate", -50, 1, 2, 3, "1/1"),
        (D4, "sip", "DE", "mobile", "EUR", "rate", 20, 6, 5, 0, "60/60"),
        (D3, "sip", "NO", None, "EUR", "increment", None, 6, 6, 0, "60/60"),
    ],
    "traffic": [(2, 10, 1, 1.5), (3, 9, 1, 3.0), (3, 23, 1, 2.0)],
    "busy_hours": [
        (D3, at(D3, 9), 2.5, 5, 20, at(D3, 10), 6),
        (D4, at(D4, 9), 1.5, 5, 30, at(D4, 10), 6),
    ],
    "signals": [
        (D4, "critical", "drop", "a9 > XX", 1, 2, 3, 4, 5),
        (D4, "critical", "spike", "Rides > Sweden", 1, None, 3, 4, 5),
        (D3, "critical", "drop", "a9", 1, 2, 3, 4, 5),
        (D4, "warn", "spike", "Rides", 6, 7, 8, 9, 10),
        (D4, "info", "spike", "a1", 1, 2, 3, 4, 5),
    ],
    "signal_weeks": [("drop", D2, 2), ("spike", D2, 3)],
    "signal_rules": [
        ("alarm", "silent", 2, 7),
        ("drop", "silent", 1, 7),
        ("share", "short_history", 3, 7),
        ("burst", "off", 5, 3),
    ],
    "overcharges": [
        ("Rides", "Sweden", "SEK", 1, 9, 1, 8),
        ("Rides", "Sweden", "EUR", 2, 11, 4, 7),
        ("a2", "NO", "EUR", 1, 7, 0, 7),
        ("not known", "not known", "EUR", 1, 3, 2, 1),
    ],
    "exceptions": [("expensive", "EUR", 2, 10, 4), ("credit", "EUR", 1, 5, 2), ("credit", "SEK", 1, 9, None)],
    "exceptional_calls": [("EUR", 2, 10), ("SEK", 1, 9)],
    "invoices": [
        (D1, "account", None, "EUR", 7, 7, 0, 0, "matches"),
        (D1, "account", None, "SEK", 5, 5, 0, 0, "matches"),
        (D1, "application", "Rides", "EUR", 4, None, None, None, None),
        (D1, "application", "a2", "EUR", 3, None, None, None, None),
    ],
}


def test_figures_of_two_days_and_the_two_before(marts: duckdb.DuckDBPyConnection) -> None:
    found = run_all(marts, Scope(D3, D4, is_compared=True, reporting_currency="EUR"))
    assert {name: result.rows for name, result in found.items()} == EXPECTED


ADDED_UP = {
    "headline": (1, 2, 3),
    "kinds": (1,),
    "spend": (1, 2, 3, 4, 5, 6),
    "spend_daily": (2,),
    "quality": (1, 2, 3, 4),
    "quality_by_kind": (2, 3, 4, 5),
    "failures": (3,),
    "applications": (1, 2, 3, 4),
    "destinations": (2, 3, 4, 5, 6),
    "effective_rates": (),
    "users": (2, 3, 4, 5),
    "traffic": (3,),
    "overcharges": (3, 4, 5, 6),
}


def test_twice_the_rows_are_twice_the_amounts_and_the_same_ratios() -> None:
    with duckdb.connect(":memory:") as connection:
        fill(connection)
        for name in TABLES:
            if name in ("fact_calls", "mart_overcharges", "mart_traffic_hourly") or name.endswith("_daily"):
                connection.execute(f"insert into marts.{name} from marts.{name}")
        found = run_all(connection, Scope(D3, D4, is_compared=True, reporting_currency="EUR"))
    for name, added in ADDED_UP.items():
        assert found[name].rows == [
            tuple(2 * value if at in added and value is not None else value for at, value in enumerate(row))
            for row in EXPECTED[name]
        ], name


def test_ten_users_are_shown_those_of_no_known_spend_last(marts: duckdb.DuckDBPyConnection) -> None:
    found = run_all(marts, Scope(date(2027, 1, 1), date(2027, 1, 1)))
    assert [row[0] for row in found["users"].rows] == [f"v{number:02}" for number in range(10, 0, -1)]


def test_the_feed_of_eight_days(marts: duckdb.DuckDBPyConnection) -> None:
    found = run_all(marts, Scope(D1, date(2026, 11, 8)))
    assert found["feed"].rows[2] == ("sip", 1810, 1804, 1803, 1802, 3, 0, 0, 4, date(2026, 11, 8))


def test_what_is_not_compared_has_no_days_before(marts: duckdb.DuckDBPyConnection) -> None:
    found = run_all(marts, TWO_DAYS)
    assert found["headline"].rows == EXPECTED["headline"][2:]
    assert found["busy_days"].rows == EXPECTED["busy_days"][2:]
    assert found["kinds"].rows == [(*row[:4], None, None) for row in EXPECTED["kinds"][:3]]
    assert [row[2] for row in found["spend"].rows] == [None] * 5


def test_a_day_without_a_file_and_without_timed_answers(marts: duckdb.DuckDBPyConnection) -> None:
    found = run_all(marts, Scope(D2, D2))
    assert found["quality"].rows == [(D2, 20, 2, 0, 0, None, False)]
    assert found["traffic"].rows == []


def test_the_mean_of_an_hour_is_over_the_days_of_its_weekday_with_a_file(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    found = run_all(marts, Scope(D1, date(2026, 11, 8)))
    sunday = [row for row in found["traffic"].rows if row[0] == 7]
    assert sunday == [(7, 9, 2, 0.5), (7, 10, 2, 1.5)]
    assert {row[:3] for row in found["traffic"].rows} == {
        *((2, 10, 1), (3, 9, 1), (3, 23, 1), (7, 9, 2), (7, 10, 2)),
    }


def test_the_busiest_days_are_seven_and_that_of_the_first_greatest_peak(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    found = run_all(marts, Scope(D1, date(2026, 11, 10)))
    # Of the two days with 1.5 erlangs the first is the seventh.
    days = [(row[0].day, row[2], row[4]) for row in found["busy_hours"].rows]
    assert days == [
        *((7, 5.0, 10), (6, 4.0, 10), (5, 3.0, 10), (8, 3.0, 10)),
        *((3, 2.5, 20), (1, 2.0, 10), (4, 1.5, 30), (2, 1.0, 40)),
    ]


def test_weeks_begin_on_mondays_and_invoices_of_a_month_that_began_count(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    found = run_all(marts, Scope(date(2026, 10, 31), date(2026, 11, 9)))
    assert found["signal_weeks"].rows == [
        ("drop", D2, 2),
        ("spike", D2, 6),
        ("spike", date(2026, 11, 9), 1),
    ]
    assert [row[0].month for row in found["invoices"].rows] == [11, 11, 11, 11, 10]


def test_an_application_has_its_own_figures(marts: duckdb.DuckDBPyConnection) -> None:
    found = run_all(marts, Scope(D3, D4, "a1", "Rides", reporting_currency="EUR"))
    assert found["headline"].rows == [(D3, 12, 12, 11, True), (D4, 66, 18, 2, True)]
    assert found["kinds"].rows == [("sip", 40, 10 / 40, 30 / 40, None, None)]
    assert found["busy_days"].rows == [(D3, at(D3, 8), 0.5, True)]
    assert found["busy_hours"].rows == [(D3, at(D3, 8), 0.5, 2, 3, at(D3, 8, 30), 4)]
    assert found["spend"].rows == [("EUR", 13, None, 13, 14, 13, 5)]
    assert found["spend_daily"].rows == [(D3, "sip", 11, True), (D4, "sip", 2, False)]
    assert found["quality"].rows == [(D3, 50, 10, 8, 400, 50.0, True)]
    assert found["failures"].rows == [
        ("far_end", "none", "user_busy", 7),
        ("far_end", "busy", "user_busy", 5),
    ]
    assert found["applications"].rows == [("Rides", 78, 30, 13, None)]
    assert [row[0] for row in found["destinations"].rows] == ["SE", "DE"]
    assert [row[0] for row in found["users"].rows] == ["u1", "u1"]
    assert [row[2] for row in found["rate_changes"].rows] == ["DE", "NO"]
    assert found["traffic"].rows == [(2, 10, 1, 1.0)]
    assert [row[3] for row in found["signals"].rows] == ["Rides > Sweden", "Rides", "a1"]
    assert found["overcharges"].rows == EXPECTED["overcharges"][:2]
    assert found["exceptional_calls"].rows == [("EUR", 1, 5)]
    assert [row[2] for row in found["invoices"].rows] == ["Rides"]


def test_of_one_currency_nothing_is_converted(marts: duckdb.DuckDBPyConnection) -> None:
    found = run_all(marts, Scope(D3, D4, reporting_currency="EUR", only_currency="SEK"))
    assert found["headline"].rows == [(D3, 13, 13, None, True), (D4, 121, 46, 50, True)]
    assert found["spend"].rows == [("SEK", 50, None, 50, 16, 11, 0)]
    assert found["spend_daily"].rows == [(D4, "app", 50, True)]
    assert found["applications"].rows == [("a2", 16, 11, 50, None)]
    assert found["destinations"].rows == [("DE", "Germany", 16, 11, 50, None, 0)]
    assert found["users"].rows == [("u1", "SEK", 2, 2.0, 15, 15, 5.0)]
    assert found["spend"].query.caption == (
        "A row is a currency of charges; spend is in SEK, of charges in it alone; minutes are those of"
        " answered calls."
    )


TODAY = datetime.now(UTC).date()
DAY = timedelta(days=1)


def database(
    calls: list[date], complete: list[date] | None = None, files: dict[str, date] | None = None
) -> duckdb.DuckDBPyConnection:
    """Marts with calls on these days, these days complete, and the first file of these kinds."""
    connection = duckdb.connect(":memory:")
    connection.execute(
        "create schema marts;"
        "create table marts.dim_applications (application_key varchar, application_name varchar);"
        "insert into marts.dim_applications values ('a1', 'Rides'), ('a2', null);"
        "create table marts.mart_quality_daily (report_date date, application_key varchar);"
    )
    connection.executemany("insert into marts.mart_quality_daily values (?, 'a1')", [[day] for day in calls])
    if complete is not None:
        connection.execute("create table marts.mart_report_dates (report_date date, is_complete boolean)")
        for day in complete:
            connection.execute("insert into marts.mart_report_dates values (?, true)", [day])
            connection.execute("insert into marts.mart_report_dates values (?, false)", [day + 99 * DAY])
    if files is not None:
        connection.execute(
            "create table marts.mart_feed_completeness (file_date date, call_type varchar, files integer)"
        )
        for kind, day in files.items():
            connection.execute("insert into marts.mart_feed_completeness values (?, ?, 1)", [day, kind])
            connection.execute("insert into marts.mart_feed_completeness values (?, ?, 1)", [D4, kind])
    return connection


def error(connection: duckdb.DuckDBPyConnection, *arguments: Any) -> str:
    with pytest.raises(CdrError) as raised:
        scope_of(connection, *arguments)
    return str(raised.value)


def test_the_default_days_end_tomorrow_at_the_latest_and_are_thirty() -> None:
    tomorrow = TODAY + DAY
    days = [tomorrow, tomorrow + DAY, tomorrow - 29 * DAY, tomorrow - 30 * DAY]
    scope = scope_of(database(days), None, None)
    assert (scope.first, scope.last, scope.days) == (tomorrow - 29 * DAY, tomorrow, 30)
    assert scope.application_key is None
    assert scope.application == "all applications"
    # The newest complete day comes before newer calls, and days without calls before the first are left out.
    scope = scope_of(database([D2, D4], complete=[D3]), None, None)
    assert (scope.first, scope.last) == (D2, D3)
    scope = scope_of(database([D1, D4]), D3, D4)
    assert (scope.first, scope.last, scope.days, scope.previous_first) == (D3, D4, 2, D1)
    assert scope_of(database([D4]), D4, D4).days == 1


def test_days_without_calls_are_refused_with_those_that_have_some() -> None:
    connection = database([D2, D3])
    assert error(connection, D4, D4) == (
        "no calls from 2026-11-04 to 2026-11-04; calls are from 2026-11-02 to 2026-11-03"
    )
    assert error(connection, D1, D1, "Rides") == (
        "no calls of Rides from 2026-11-01 to 2026-11-01; calls are from 2026-11-02 to 2026-11-03"
    )
    assert error(connection, D2, D3, "A2") == (
        "no calls of a2 from 2026-11-02 to 2026-11-03; there are no calls at all"
    )
    assert error(connection, D3, D2) == "--from 2026-11-03 is after --to 2026-11-02; name an earlier day"
    assert error(connection, D2, D3, "Nobody") == (
        "there is no application Nobody; marts.dim_applications has keys and names"
    )
    # All calls are in the future.
    later = TODAY + 2 * DAY
    assert error(database([later + DAY, later]), None, None).endswith(f"; calls are from {later} to {later}")
    assert error(duckdb.connect(":memory:"), None, None) == (
        "the marts are not built yet; run `cdr build` first"
    )


def test_a_currency_is_one_that_charges_are_in() -> None:
    connection = database([D2, D3])
    assert error(connection, D2, D3, None, "EUR") == "no charge is in EUR; there are none"
    connection.execute(
        "create table marts.mart_cost_daily as select * from (values ('SEK', 10, 1), ('EUR', 2, 2),"
        " (null, 3, 3), ('EUR', 4, 4)) as t(currency, amount, amount_reporting)"
    )
    assert error(connection, D2, D3, None, "NOK") == "no charge is in NOK; there are EUR, SEK"
    scope = scope_of(connection, D2, D3, "Rides", "SEK")
    assert (scope.application_key, scope.application, scope.currency) == ("a1", "Rides", "SEK")
    connection.execute("delete from marts.mart_cost_daily where currency is null")
    assert scope_of(connection, D2, D3).currency == "EUR"


@pytest.mark.parametrize(
    ("complete", "begins", "is_compared"),
    [
        ([D1, D2, D3, D4], D1, True),
        ([D2, D3, D4], D1, False),
        ([D1, D2, D3], D1, False),
        # A kind that has its first file on the second day compared, and on the last.
        ([D1, D2, D3, D4], D2, False),
        ([D1, D2, D3, D4], D4, False),
    ],
)
def test_days_are_compared_where_all_are_complete_and_no_kind_begins_later(
    complete: list[date], begins: date, is_compared: bool
) -> None:
    files = {"sip": D1 - DAY, "app": begins}
    assert scope_of(database([D3], complete, files), D3, D4).is_compared == is_compared
    assert scope_of(database([D3], complete), D3, D4).is_compared == (len(complete) == 4)


def test_a_kind_that_begins_after_the_days_is_no_reason_not_to_compare() -> None:
    connection = database([D2], [D1, D2], {"sip": D1})
    connection.execute("insert into marts.mart_feed_completeness values (date '2026-11-03', 'app', 1)")
    assert scope_of(connection, D2, D2).is_compared


def test_a_stalled_feed_is_said_where_the_days_include_the_newest() -> None:
    connection = database([D2, D3], [D2, D3], {"sip": D1})
    connection.execute("delete from marts.mart_feed_completeness where file_date = date '2026-11-04'")
    days = (TODAY - D1).days - 1
    assert scope_of(connection, D3, D3).stalled == (
        f"nothing for {days} days: the newest file of any kind is of 2026-11-01; ask for what is missing"
    )
    assert scope_of(connection, D2, D2).stalled == ""


def test_the_size_of_a_table_names_what_is_left_out() -> None:
    query = Query("Title", "Caption", "select 1 from marts.a, marts.b, marts.a", 2)
    assert query.marts == ["a", "b"]
    for number, size in ((1, "1 row"), (2, "2 rows"), (3, "first 2 of 3 rows")):
        result = Result("name", query, query.sql, ("one",), [(each,) for each in range(number)])
        assert (result.size, len(result.shown)) == (size, min(number, 2))
    assert result.dicts() == [{"one": 0}, {"one": 1}, {"one": 2}]
