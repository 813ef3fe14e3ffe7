"""The seeds of countries and types of numbers against libphonenumber, which most of their rows come from."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import number_ranges
import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberType

# Islands that have a code in libphonenumber, and none in ISO 3166-1.
PARTS = {"AC": "SH", "TA": "SH"}
# Prefixes whose country the seed has from elsewhere: libphonenumber counts Western Sahara to Morocco, the
# Antarctic bases and Macquarie Island to Norfolk Island, a range of the Isle of Man to the mainland.
OWN_COUNTRIES = ("2125288", "2125289", "6721", "447924")
TYPES = {
    PhoneNumberType.FIXED_LINE: "fixed",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_or_mobile",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.PREMIUM_RATE: "premium",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "uan",
    PhoneNumberType.VOICEMAIL: "voicemail",
}

RANGES = {row["prefix"]: row for row in number_ranges.rows_of(number_ranges.RANGES)}
CODES = {row["prefix"]: row for row in number_ranges.rows_of(number_ranges.SEEDS / "calling_codes.csv")}


def alternatives(operator: Any, argument: Any) -> list[tuple[int, Any]]:
    """What a part of a pattern may be, each with the count of its texts."""
    if operator is ops.BRANCH:
        return [(size(branch), branch) for branch in argument[1]]
    least, most, repeated = argument
    return [(size(repeated) ** times, list(repeated) * times) for times in range(least, most + 1)]


def size(parsed: Any) -> int:
    """How many texts match a pattern."""
    count = 1
    for operator, argument in parsed:
        if operator is ops.IN:
            count *= len(list(number_ranges.digits_of(argument)))
        elif operator is ops.SUBPATTERN:
            count *= size(argument[-1])
        elif operator is not ops.LITERAL:
            count *= sum(part for part, _ in alternatives(operator, argument))
    return count


def text_of(parsed: Any, chance: random.Random) -> str:
    """One of the texts that match, each as likely as the others."""
    text = ""
    for operator, argument in parsed:
        if operator is ops.LITERAL:
            text += chr(argument)
        elif operator is ops.IN:
            text += chance.choice(list(number_ranges.digits_of(argument)))
        elif operator is ops.SUBPATTERN:
            text += text_of(argument[-1], chance)
        else:
            counts, parts = zip(*alternatives(operator, argument), strict=True)
            text += text_of(chance.choices(parts, counts)[0], chance)
    return text


def valid_numbers(of_each: int) -> Iterator[tuple[str, str, str]]:
    """Digits, country and type of numbers of every country and type, as libphonenumber reads them."""
    chance = random.Random(38)
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        for region in regions:
            if region == number_ranges.REGION_CODE_FOR_NON_GEO_ENTITY:
                continue
            metadata = PhoneMetadata.metadata_for_region(region)
            for attribute in number_ranges.TYPES.values():
                described = getattr(metadata, attribute)
                if not number_ranges.has_numbers(described):
                    continue
                pattern = parser.parse(described.national_number_pattern)
                for digits in {text_of(pattern, chance) for _ in range(of_each)}:
                    number = phonenumbers.parse(f"+{code}{digits}")
                    country = phonenumbers.region_code_for_number(number)
                    kind = TYPES.get(phonenumbers.number_type(number))
                    lengths = CODES[str(code)]["lengths"].split() if str(code) in CODES else []
                    if country and kind and str(len(f"{code}{digits}")) in lengths:
                        yield f"{code}{digits}", country, kind


def longest(digits: str, rows: dict[str, dict[str, str]], column: str) -> str | None:
    """The value of the longest prefix, of at most seven digits as in the models."""
    return next((rows[digits[:n]][column] for n in range(7, 0, -1) if digits[:n] in rows), None)


def test_the_seed_is_what_make_ranges_writes() -> None:
    assert number_ranges.text() == number_ranges.RANGES.read_text(encoding="utf-8"), "run `make ranges`"


def test_nothing_is_below_the_rows_of_other_sources() -> None:
    own = {prefix for prefix, row in RANGES.items() if row["source"] != number_ranges.SOURCE}
    assert {"870", "881", "882", "883", "979", "44843", "44870"} <= own
    assert not [prefix for prefix in RANGES if any(prefix[:n] in own for n in range(1, len(prefix)))]


def test_countries_and_types_are_those_of_libphonenumber() -> None:
    """Most that is lost begins like numbers of another length: of those, premium is never guessed."""
    counts, right = Counter[str](), Counter[str]()
    countries = [0, 0]
    premium_is_wrong = []
    for digits, country, kind in valid_numbers(80):
        if not digits.startswith(OWN_COUNTRIES):
            countries[longest(digits, CODES, "country_code") == PARTS.get(country, country)] += 1
        found = longest(digits, RANGES, "number_type")
        counts[kind] += 1
        right[kind] += found == kind
        if found == "premium" != kind:
            premium_is_wrong.append(digits)
    assert counts.total() > 80_000
    assert countries[True] >= 0.999 * sum(countries), countries
    assert right.total() >= 0.985 * counts.total(), (counts, right)
    assert not premium_is_wrong
    assert right["premium"] >= 0.93 * counts["premium"]
    print(f"{counts.total()} numbers, {countries}, {right.total() / counts.total():.4f}, {counts}, {right}")
