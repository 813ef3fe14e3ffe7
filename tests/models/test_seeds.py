"""The seeds, read as plain CSV: complete, consistent with each other, right about known facts."""

from __future__ import annotations

import csv
import re
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from loader.synth import APPLICATIONS
from loader.synth.traffic import DESTINATIONS

SEEDS = Path(__file__).resolve().parents[2] / "seeds"

HEADERS = {
    "outcome_map": "result,reason,outcome,is_contradictory",
    "outcomes": "outcome,outcome_side,is_seizure,is_answered,is_network_effective,is_abandoned,description",
    "sip_reasons": "kind,reason,answered_outcome,no_answer_outcome,failed_outcome,source",
    "countries": "country_code,country_name,region,time_zone",
    "calling_codes": "prefix,country_code,lengths,description",
    "number_ranges": "prefix,number_type,description,source",
    "time_zones": "prefix,time_zone,description",
    "signal_rules": "rule,setting,value,description",
    "currencies": "currency_code,currency_name,minor_units",
    "fx_rates": "rate_date,from_currency,to_currency,rate",
    "applications": "application_key,application_name,description",
}
KEYS = {
    "outcome_map": ("result", "reason"),
    "outcomes": ("outcome",),
    "sip_reasons": ("kind", "reason"),
    "countries": ("country_code",),
    "calling_codes": ("prefix",),
    "number_ranges": ("prefix",),
    "time_zones": ("prefix",),
    "signal_rules": ("rule", "setting"),
    "currencies": ("currency_code",),
    "fx_rates": ("rate_date", "from_currency", "to_currency"),
    "applications": ("application_key",),
}

# What a Result and a Reason mean, written down apart from the seed: one line a reason, one column a result.
# `!` marks a pair that contradicts itself, `.` a pair without a row of its own.
OUTCOME_GRID = """
reason          ANSWERED                   BUSY             NOANSWER                 FAILED
N/A             completed_unknown_release  user_busy        ring_no_answer           network_failure
TIMEOUT         cut_max_duration           user_busy        ring_no_answer           network_failure
CALLERHANGUP    completed                  user_busy        caller_abandoned         failed_contradictory!
CALLEEHANGUP    completed                  user_busy        rejected                 failed_contradictory!
HANGUP          completed                  user_busy        unanswered_hangup        failed_contradictory!
MANAGERHANGUP   ended_by_application       user_busy        cancelled_by_application failed_contradictory!
CANCEL          answered_contradictory!    user_busy        caller_abandoned         failed_contradictory!
BLOCKED         answered_contradictory!    policy_blocked!  policy_blocked!          policy_blocked
NOCREDITPARTNER cut_no_credit              no_credit!       no_credit!               no_credit
GENERALERROR    dropped_error              network_failure! network_failure!         network_failure
*               answered_other             user_busy        ring_no_answer           failed_other
"""
ANY_RESULT = {
    "CONGESTION": "network_failure",
    "USERNOTFOUND": "invalid_destination",
    "CALLBACKERROR": "application_error",
    "INVALIDSVAMLACTION": "application_error",
    "CLIENTNETWORK": "access_failure",
    "*": "unclassified",
}
# What SIP statuses (bare) and causes of Q.850 (behind q) mean for a call that is not answered, for a failed
# one where that differs, and for an answered one.
SIP_GRID = """
200 q16                                unanswered_hangup                   completed
q31                                    unanswered_hangup                   completed_unknown_release
486 600 q17                            user_busy                           answered_other
480 q18 q19 q20                        ring_no_answer                      answered_other
408                                    ring_no_answer/network_failure      dropped_error
487                                    caller_abandoned                    answered_other
603 607 q21                            rejected                            answered_other
404 410 484 485 604 q1 q22 q28         invalid_destination                 answered_other
402 403 608 q50 q55 q57                barred                              answered_other
401 407                                access_failure                      answered_other
400 415 488 606 500-599                network_failure                     dropped_error
q3 q27 q29 q34 q38 q41 q42 q44 q47     network_failure                     dropped_error
q58 q63 q65 q69 q79 q88 q95-101        network_failure                     dropped_error
q102 q111 q127                         network_failure                     dropped_error
"""
# side, then seizure, answered, network-effective, abandoned
OUTCOMES = {
    "completed": "customer 1110",
    "completed_unknown_release": "unknown 1110",
    "ended_by_application": "application 1110",
    "cut_max_duration": "application 1110",
    "cut_no_credit": "commercial 1110",
    "dropped_error": "network 1110",
    "answered_contradictory": "unknown 1110",
    "answered_other": "unknown 1110",
    "user_busy": "called_party 1010",
    "ring_no_answer": "called_party 1010",
    "rejected": "called_party 1010",
    "unanswered_hangup": "unknown 1011",
    "caller_abandoned": "calling_party 1011",
    "cancelled_by_application": "application 1011",
    "policy_blocked": "commercial 0000",
    "no_credit": "commercial 0000",
    "network_failure": "network 1000",
    "failed_contradictory": "unknown 1000",
    "failed_other": "unknown 1000",
    "invalid_destination": "called_party 1000",
    "application_error": "application 0000",
    "barred": "called_party 1000",
    "access_failure": "network 1000",
    "unclassified": "unknown 1000",
}


def rows(seed: str) -> list[dict[str, str]]:
    with (SEEDS / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.fixture(scope="module")
def prefixes() -> dict[str, str]:
    """Those that are a country's."""
    return {row["prefix"]: row["country_code"] for row in rows("calling_codes") if row["country_code"]}


def country_of(number: str, prefixes: dict[str, str]) -> str | None:
    """The country of the longest prefix that begins the number."""
    digits = re.sub(r"\D", "", number)
    return next((prefixes[digits[:n]] for n in range(len(digits), 0, -1) if digits[:n] in prefixes), None)


def expected_outcome_map() -> dict[tuple[str, str], tuple[str, bool]]:
    header, *lines = (line.split() for line in OUTCOME_GRID.split("\n") if line)
    expected = {
        (result, reason): (outcome.rstrip("!"), outcome.endswith("!"))
        for reason, *outcomes in lines
        for result, outcome in zip(header[1:], outcomes, strict=True)
    }
    return expected | {("*", reason): (outcome, False) for reason, outcome in ANY_RESULT.items()}


def expected_sip_reasons() -> dict[tuple[str, str], tuple[str, str, str]]:
    expected = {}
    for line in filter(None, SIP_GRID.split("\n")):
        *codes, unanswered, answered = line.split()
        no_answer, _, failed = unanswered.partition("/")
        for code in codes:
            kind = "q850" if code.startswith("q") else "sip"
            first, _, last = code.removeprefix("q").partition("-")
            for number in range(int(first), int(last or first) + 1):
                expected[kind, str(number)] = (answered, no_answer, failed or no_answer)
    return expected


# --- every seed


@pytest.mark.parametrize("seed", HEADERS)
def test_is_well_formed(seed: str) -> None:
    raw = (SEEDS / f"{seed}.csv").read_bytes()
    assert raw.decode("utf-8").split("\n", 1)[0] == HEADERS[seed]
    assert b"\r" not in raw
    assert raw.endswith(b"\n")
    for row in rows(seed):
        assert None not in row, f"too many fields: {row}"
        assert None not in row.values(), f"too few fields: {row}"
        assert all(value == value.strip() for value in row.values()), row


@pytest.mark.parametrize("seed", KEYS)
def test_keys_are_present_and_unique(seed: str) -> None:
    keys = Counter(tuple(row[column] for column in KEYS[seed]) for row in rows(seed))
    assert keys
    assert [key for key, count in keys.items() if count > 1] == []
    assert all(all(key) for key in keys)


def test_only_the_optional_columns_have_empty_fields() -> None:
    empty = {
        (seed, column)
        for seed in HEADERS
        for row in rows(seed)
        for column, value in row.items()
        if value == ""
    }
    assert empty <= {
        ("currencies", "minor_units"),
        ("applications", "description"),
        ("calling_codes", "country_code"),
        ("countries", "time_zone"),
        ("calling_codes", "lengths"),
    }


def test_every_seed_file_is_known_and_described() -> None:
    assert {path.stem for path in SEEDS.glob("*.csv")} >= set(HEADERS)
    described = re.findall(r"^  - name: (\w+)$", (SEEDS / "_seeds.yml").read_text("utf-8"), re.MULTILINE)
    assert sorted(described) == sorted(path.stem for path in SEEDS.glob("*.csv"))


@pytest.mark.parametrize(
    ("seed", "column", "other", "key"),
    [
        ("outcome_map", "outcome", "outcomes", "outcome"),
        ("sip_reasons", "answered_outcome", "outcomes", "outcome"),
        ("sip_reasons", "no_answer_outcome", "outcomes", "outcome"),
        ("sip_reasons", "failed_outcome", "outcomes", "outcome"),
        ("calling_codes", "country_code", "countries", "country_code"),
        ("fx_rates", "from_currency", "currencies", "currency_code"),
        ("fx_rates", "to_currency", "currencies", "currency_code"),
    ],
)
def test_references_resolve(seed: str, column: str, other: str, key: str) -> None:
    optional = {""} if (seed, column) == ("calling_codes", "country_code") else set()
    assert {row[column] for row in rows(seed)} <= {row[key] for row in rows(other)} | optional


# --- outcomes


def test_outcome_map_is_the_documented_table() -> None:
    actual = {
        (row["result"], row["reason"]): (row["outcome"], row["is_contradictory"] == "true")
        for row in rows("outcome_map")
    }
    assert actual == expected_outcome_map()


def test_outcomes_have_the_documented_meaning() -> None:
    flags = ("is_seizure", "is_answered", "is_network_effective", "is_abandoned")
    actual = {
        row["outcome"]: f"{row['outcome_side']} " + "".join(str(int(row[flag] == "true")) for flag in flags)
        for row in rows("outcomes")
    }
    assert actual == OUTCOMES
    named = {row["outcome"] for row in rows("outcome_map")}
    named |= {row[column] for row in rows("sip_reasons") for column in row if column.endswith("_outcome")}
    assert named == set(OUTCOMES)


def test_codes_of_sip_reasons_are_the_documented_table() -> None:
    actual = {
        (row["kind"], row["reason"]): sip_outcomes(row)
        for row in rows("sip_reasons")
        if row["kind"] != "phrase"
    }
    assert actual == expected_sip_reasons()


def test_phrases_of_sip_reasons_mean_what_their_code_means() -> None:
    codes = expected_sip_reasons()
    phrases = {row["reason"]: row for row in rows("sip_reasons") if row["kind"] == "phrase"}
    for phrase, row in phrases.items():
        assert phrase == " ".join(phrase.upper().replace("_", " ").split()), "written as they are looked up"
        kind, code = re.fullmatch(r".*(SIP|[Cc]ause) (\d+)", row["source"]).groups()  # type: ignore[union-attr]
        assert sip_outcomes(row) == codes["sip" if kind == "SIP" else "q850", code], phrase
    assert {
        "NORMAL CLEARING",
        "NORMAL CALL CLEARING",
        "USER BUSY",
        "NO ANSWER",
        "BUSY HERE",
    } <= phrases.keys()


def sip_outcomes(row: dict[str, str]) -> tuple[str, str, str]:
    return row["answered_outcome"], row["no_answer_outcome"], row["failed_outcome"]


def test_booleans_are_written_as_true_and_false() -> None:
    values = {row["is_contradictory"] for row in rows("outcome_map")}
    values |= {value for row in rows("outcomes") for column, value in row.items() if column.startswith("is_")}
    assert values == {"true", "false"}


def test_the_result_alone_decides_whether_a_call_was_answered() -> None:
    answered = {row["outcome"] for row in rows("outcomes") if row["is_answered"] == "true"}
    for row in rows("outcome_map"):
        assert (row["outcome"] in answered) == (row["result"] == "ANSWERED"), row
    for row in rows("sip_reasons"):
        assert [outcome in answered for outcome in sip_outcomes(row)] == [True, False, False], row


# --- countries and calling codes


def test_countries_are_those_of_iso_3166_and_kosovo() -> None:
    codes = {row["country_code"] for row in rows("countries")}
    assert len(codes - {"XK"}) == 249
    assert "XK" in codes
    assert all(re.fullmatch("[A-Z]{2}", code) for code in codes)
    assert {"NA", "NO", "SS", "BQ", "CW", "SX", "TL", "AX"} <= codes
    assert codes.isdisjoint({"AN", "CS", "YU", "TP", "UK", "EU", "AC", "TA"})


def test_every_country_has_a_calling_code_but_those_that_have_none(prefixes: dict[str, str]) -> None:
    without = {row["country_code"] for row in rows("countries")} - set(prefixes.values())
    # Uninhabited, or numbered with a neighbour in blocks that no short prefix separates.
    assert without == {"BL", "BV", "GS", "HM", "MF", "PN", "TF", "UM"}


def test_prefixes_are_digits(prefixes: dict[str, str]) -> None:
    assert all(re.fullmatch("[1-9][0-9]{0,6}", prefix) for prefix in prefixes)


def test_country_codes_of_the_plan_are_complete(prefixes: dict[str, str]) -> None:
    """The country codes of a world zone are those that the ITU has assigned; longer prefixes refine them."""
    by_zone = {
        "2": "20 27 211 212 213 216 218 220-269 290 291 297-299",
        "3": "30-34 36 39 350-359 370-383 385-387 389",
        "4": "40 41 43-49 420 421 423",
        "5": "51-58 500-509 590-599",
        "6": "60-66 670 672-683 685-692",
        "8": "81 82 84 86 850 852 853 855 856 880 886",
        "9": "90-95 98 960-968 970-977 992-996 998",
    }
    expected = {"1", "7"}
    for codes in by_zone.values():
        for part in codes.split():
            first, _, last = part.partition("-")
            expected |= {str(code) for code in range(int(first), int(last or first) + 1)}
    expected -= {"259", "384"}  # never assigned, or given back
    assert expected <= set(prefixes)
    longer = set(prefixes) - expected
    assert all(any(prefix.startswith(code) for code in expected) for prefix in longer)


@pytest.mark.parametrize("code", ["800", "808", "870", "878", "881", "882", "883", "888", "979"])
def test_codes_of_no_country_have_none(code: str, prefixes: dict[str, str]) -> None:
    assert country_of(f"+{code} 123 456 789", prefixes) is None


def test_codes_of_no_country_are_assigned() -> None:
    codes = {row["prefix"] for row in rows("calling_codes") if not row["country_code"]}
    assert codes == {"800", "808", "870", "878", "881", "882", "883", "979"}


@pytest.mark.parametrize(
    ("prefix", "lengths"),
    [
        ("1", {11}),
        ("1204", {11}),
        ("212", {12}),
        ("33", {11}),
        ("44", {9, 11, 12}),
        ("441481", {9, 11, 12}),
        ("46", {8, 9, 10, 11, 12, 14}),
        ("979", {12}),
    ],
)
def test_lengths_are_those_of_the_calling_code(prefix: str, lengths: set[int]) -> None:
    (found,) = (row["lengths"] for row in rows("calling_codes") if row["prefix"] == prefix)
    assert {int(length) for length in found.split()} == lengths


def test_lengths_are_of_numbers_in_international_form() -> None:
    """At most 15 digits; every prefix has those of the code that begins it."""
    codes = {row["prefix"]: row["lengths"] for row in rows("calling_codes")}
    for prefix, lengths in codes.items():
        assert all(4 < int(length) <= 15 for length in lengths.split()), prefix
        shorter = [prefix[:n] for n in range(1, len(prefix)) if prefix[:n] in codes]
        assert {codes[code] for code in shorter} <= {lengths}, prefix
    assert [code for code, lengths in codes.items() if not lengths] == ["379"]


def test_area_codes_of_canada(prefixes: dict[str, str]) -> None:
    canada = {prefix[1:] for prefix, country in prefixes.items() if country == "CA"}
    geographic = """
        204 226 236 249 250 257 263 273 289 306 343 354 365 367 368 382 403 416 418 428 431 437 438 450 468
        474 506 514 519 548 579 581 584 587 604 613 639 647 672 683 705 709 742 753 778 780 782 807 819 825
        867 873 879 902 905 942
    """
    assert canada == set(geographic.split()) | {"600", "622", "633", "644", "655", "677", "688"}


def test_area_codes_of_the_islands(prefixes: dict[str, str]) -> None:
    islands = {p[1:]: c for p, c in prefixes.items() if p[0] == "1" and c not in ("US", "CA")}
    expected = """
        AG 268, AI 264, AS 684, BB 246, BM 441, BS 242, DM 767, DO 809 829 849, GD 473, GU 671, JM 658 876,
        KN 869, KY 345, LC 758, MP 670, MS 664, PR 787 939, SX 721, TC 649, TT 868, VC 784, VG 284, VI 340
    """
    pairs = (entry.split() for entry in expected.split(","))
    assert islands == {code: country for country, *codes in pairs for code in codes}


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+1 212 664 7665", "US"),
        ("+1 808 555 0100", "US"),
        ("+1 416 967 1111", "CA"),
        ("+1 942 555 0100", "CA"),
        ("+1 809 555 0100", "DO"),
        ("+1 849 555 0100", "DO"),
        ("+1 876 555 0100", "JM"),
        ("+1 658 555 0100", "JM"),
        ("+1 787 555 0100", "PR"),
        ("+1 340 555 0100", "VI"),
        ("+7 495 123 4567", "RU"),
        ("+7 926 123 4567", "RU"),
        ("+7 701 123 4567", "KZ"),
        ("+7 727 123 4567", "KZ"),
        ("+20 2 1234 5678", "EG"),
        ("+211 912 345 678", "SS"),
        ("+212 522 123456", "MA"),
        ("+212 5288 12345", "EH"),
        ("+246 370 1234", "IO"),
        ("+247 62889", "SH"),
        ("+262 262 123456", "RE"),
        ("+262 269 612345", "YT"),
        ("+262 639 123456", "YT"),
        ("+262 9398 12345", "YT"),
        ("+264 61 123 4567", "NA"),
        ("+290 8123", "SH"),
        ("+358 18 12345", "AX"),
        ("+358 9 1234 5678", "FI"),
        ("+379 1234", "VA"),
        ("+383 38 123 456", "XK"),
        ("+39 06 698 12345", "VA"),
        ("+39 06 6812 3456", "IT"),
        ("+39 0549 88 1234", "SM"),
        ("+44 20 7946 0958", "GB"),
        ("+44 7700 900123", "GB"),
        ("+44 7911 023456", "GB"),
        ("+44 1481 256789", "GG"),
        ("+44 7781 123456", "GG"),
        ("+44 1534 456789", "JE"),
        ("+44 7797 712345", "JE"),
        ("+44 1624 756789", "IM"),
        ("+44 7624 123456", "IM"),
        ("+46 70 123 45 67", "SE"),
        ("+47 40 61 23 45", "NO"),
        ("+47 79 02 12 34", "SJ"),
        ("+599 7 151234", "BQ"),
        ("+599 3 181234", "BQ"),
        ("+599 9 435 1234", "CW"),
        ("+590 590 20 12 34", "GP"),
        ("+61 2 9374 4000", "AU"),
        ("+61 8 9162 1234", "CC"),
        ("+61 8 9164 1234", "CX"),
        ("+672 1 06 123", "AQ"),
        ("+672 3 22 123", "NF"),
        ("+850 2 123 4567", "KP"),
        ("+852 2123 4567", "HK"),
        ("+886 2 1234 5678", "TW"),
        ("+998 71 123 4567", "UZ"),
        ("+999 123 456", None),
        ("+210 123 456", None),
    ],
)
def test_country_of_a_number(number: str, country: str | None, prefixes: dict[str, str]) -> None:
    assert country_of(number, prefixes) == country


# --- number ranges


def test_number_ranges_are_digits_below_an_assigned_code(prefixes: dict[str, str]) -> None:
    of_no_country = {"800", "808", "870", "878", "881", "882", "883", "979"}
    ranges = {row["prefix"] for row in rows("number_ranges")}
    assert all(re.fullmatch("[1-9][0-9]{1,6}", prefix) for prefix in ranges)
    assert of_no_country <= ranges
    assert all(country_of(prefix, prefixes) for prefix in ranges - of_no_country)


@pytest.mark.parametrize(
    ("number", "number_type"),
    [
        ("+800 1234 5678", "toll_free"),
        ("+808 1234 5678", "shared_cost"),
        ("+870 773 111 222", "satellite"),
        ("+881 6 3141 5926", "satellite"),
        ("+883 5100 0123 4567", "international_network"),
        ("+979 1 2345 6789", "premium"),
        ("+1 844 555 0100", "toll_free"),
        ("+1 900 555 0100", "premium"),
        ("+1 212 664 7665", "fixed_or_mobile"),
        ("+44 7911 123456", "mobile"),
        ("+44 7000 123456", "personal"),
        ("+44 7600 123456", "pager"),
        ("+44 7624 123456", "mobile"),
        ("+44 909 123 4567", "premium"),
        ("+44 20 7946 0958", "fixed"),
        ("+49 1512 3456789", "mobile"),
        ("+49 900 1 234567", "premium"),
        ("+33 6 12 34 56 78", "mobile"),
        ("+46 20 123 456", "toll_free"),
        ("+46 8 123 456 78", "fixed"),
        ("+44 3 0012 34567", "uan"),
        ("+44 4 0012 34567", None),
        ("+44 870 123 4567", "shared_cost"),
        ("+56 9 1234 5678", "mobile"),
        ("+81 120 123 456", "toll_free"),
        ("+62 800 123 4567", "toll_free"),
        # Premium numbers begin like these, and are longer.
        ("+353 1 590 1234", "fixed"),
        ("+60 16 006 1234", "mobile"),
        # So do voicemail numbers.
        ("+39 331 012 3456", "mobile"),
        ("+49 151 13 123456", "mobile"),
    ],
)
def test_type_of_a_number(number: str, number_type: str | None) -> None:
    types = {row["prefix"]: row["number_type"] for row in rows("number_ranges")}
    assert country_of(number, types) == number_type


# --- time zones


def test_time_zones_are_those_of_the_engine() -> None:
    found = {row["time_zone"] for seed in ("countries", "time_zones") for row in rows(seed)}
    known = duckdb.sql("select name from pg_timezone_names()").fetchall()
    assert found <= {name for (name,) in known} | {""}


def test_a_prefix_has_a_zone_only_where_its_country_has_several(prefixes: dict[str, str]) -> None:
    several = {row["country_code"] for row in rows("countries") if not row["time_zone"]}
    found = {row["prefix"] for row in rows("time_zones")}
    assert {country_of(prefix, prefixes) for prefix in found} == {"BR", "CA", "CN", "RU", "UA", "US"}
    assert {"BR", "CA", "CN", "RU", "UA", "US", "AU", "ES", "MX", "PT", "AQ"} <= several
    assert len(several) == 28


@pytest.mark.parametrize(
    ("number", "zone"),
    [
        ("+1 212 664 7665", "America/New_York"),
        ("+1 310 555 0100", "America/Los_Angeles"),
        ("+1 602 555 0100", "America/Phoenix"),
        ("+1 808 555 0100", "Pacific/Honolulu"),
        # In two zones: Florida, Idaho, Ontario, Saskatchewan. With new rules in 2026: Vancouver.
        ("+1 850 555 0100", ""),
        ("+1 986 555 0100", ""),
        ("+1 807 555 0100", ""),
        ("+1 474 555 0100", ""),
        ("+1 604 555 0100", ""),
        ("+1 800 555 0100", ""),
        ("+1 416 967 1111", "America/Toronto"),
        ("+1 787 555 0100", "America/Puerto_Rico"),
        ("+7 495 123 4567", "Europe/Moscow"),
        ("+7 845 212 3456", "Europe/Saratov"),
        ("+7 423 212 3456", "Asia/Vladivostok"),
        ("+7 926 123 4567", ""),
        ("+7 701 123 4567", "Asia/Almaty"),
        ("+55 11 91234 5678", "America/Sao_Paulo"),
        ("+55 92 91234 5678", "America/Manaus"),
        ("+55 97 91234 5678", ""),
        ("+34 612 345 678", ""),
        ("+380 44 123 4567", "Europe/Kyiv"),
        ("+46 8 123 456 78", "Europe/Stockholm"),
        ("+49 30 123456", "Europe/Berlin"),
        ("+54 11 1234 5678", "America/Argentina/Buenos_Aires"),
    ],
)
def test_zone_of_a_number(number: str, zone: str, prefixes: dict[str, str]) -> None:
    zones = {row["prefix"]: row["time_zone"] for row in rows("time_zones")}
    of_countries = {row["country_code"]: row["time_zone"] for row in rows("countries")}
    assert (country_of(number, zones) or of_countries[country_of(number, prefixes) or ""]) == zone


# --- money


def test_currencies_are_the_active_ones() -> None:
    units = {row["currency_code"]: row["minor_units"] for row in rows("currencies")}
    assert len(units) == 178
    assert all(re.fullmatch("[A-Z]{3}", code) for code in units)
    assert all(units[code] == "2" for code in ("EUR", "USD", "GBP", "SEK", "XCG", "ZWG", "SLE", "VED"))
    by_units = {unit: {code for code in units if units[code] == unit} for unit in ("0", "3", "4")}
    zero = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
    assert by_units["0"] == set(zero.split())
    assert by_units["3"] == {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}
    assert by_units["4"] == {"CLF", "UYW"}
    assert all(unit or code.startswith("X") for code, unit in units.items())
    withdrawn = "ANG BGN BYR CUC DEM HRK LTL LVL MRO SLL STD VEF ZMK ZWL"
    assert set(withdrawn.split()).isdisjoint(units)


def test_example_rates_cover_every_weekday_for_every_currency() -> None:
    rates = {(date.fromisoformat(row["rate_date"]), row["from_currency"]) for row in rows("fx_rates")}
    assert {row["to_currency"] for row in rows("fx_rates")} == {"EUR"}
    currencies = {currency for _, currency in rates}
    assert {"USD", "GBP", "SEK"} <= currencies
    first, last = date(2026, 10, 1), date(2026, 12, 31)
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    weekdays = [day for day in days if day.weekday() < 5]
    assert rates == {(day, currency) for day in weekdays for currency in currencies}


def test_rates_fit_their_type() -> None:
    for row in rows("fx_rates"):
        assert re.fullmatch(r"\d{1,10}\.\d{1,8}", row["rate"]), row
        assert Decimal(row["rate"]) > 0
        assert row["from_currency"] != row["to_currency"]


# --- applications


def test_application_keys_are_dashed_lower_case_guids() -> None:
    guid = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    assert all(re.fullmatch(guid, row["application_key"]) for row in rows("applications"))


# --- the synthetic deliveries are the example that the seeds must cover


def test_applications_are_those_of_the_synthetic_deliveries() -> None:
    named = {row["application_key"]: row["application_name"] for row in rows("applications")}
    assert named == {application[0]: application[1] for application in APPLICATIONS}


def test_synthetic_destinations_are_recognised_by_their_numbers(prefixes: dict[str, str]) -> None:
    for destination in DESTINATIONS:
        for prefix in destination.prefixes:
            number = destination.calling_code + prefix + "0" * destination.digits
            assert country_of(number, prefixes) == destination.country, number
