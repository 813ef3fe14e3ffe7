"""The rows of seeds/number_ranges.csv that come from libphonenumber's metadata; `make ranges` writes them.

Rows of other sources stay, and nothing is written below their prefixes. libphonenumber describes the national
numbers of a country and a type by a pattern without loops. An automaton runs all patterns of a calling code
side by side, so that the numbers which begin with a prefix are counted exactly, by country, type and length.
From the counts come the fewest prefixes of at most seven digits, where the longest decides: a row must be
worth `WORTH` of the numbers of one country and type.
"""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata
from phonenumbers.phonenumberutil import REGION_CODE_FOR_NON_GEO_ENTITY

SEEDS = Path(__file__).resolve().parents[2] / "seeds"
RANGES = SEEDS / "number_ranges.csv"
SOURCE = "libphonenumber"
COLUMNS = ("prefix", "number_type", "description", "source")

DEPTH = 7
WORTH = 3e-4
# Each country and type counts once, each length of its numbers alike: long service numbers outnumber phones.
WEIGHTS = {"mobile": 3.0, "fixed": 3.0, "fixed_or_mobile": 3.0, "premium": 10.0, "voicemail": 0.1}
# Types that are given only where all numbers of a prefix have them: a false premium number is an accusation,
# and a voicemail's number is that of a mobile with more digits.
CERTAIN = ("premium", "voicemail")
# The order in which libphonenumber asks for a number's type, fixed and mobile after them.
SERVICES = {
    "premium": "premium_rate",
    "toll_free": "toll_free",
    "shared_cost": "shared_cost",
    "voip": "voip",
    "personal": "personal_number",
    "pager": "pager",
    "uan": "uan",
    "voicemail": "voicemail",
}
TYPES = SERVICES | {"fixed": "fixed_line", "mobile": "mobile"}
GENERAL = "general"

Kind = tuple[str, str, int]  # country, number type, length of the national number
Row = dict[str, str]
States = frozenset[int]
ACCEPTED = -1
UNKNOWN = ""


class Automaton:
    """Steps by a digit from a state to others; patterns are compiled from their end."""

    def __init__(self) -> None:
        self.steps: list[tuple[frozenset[str], States]] = []

    def compiled(self, pattern: str) -> States:
        """The states at the start of a pattern."""
        return self._before(parser.parse(pattern), frozenset([ACCEPTED]))

    def after(self, states: States, digit: str) -> States:
        """The states that a digit leads to."""
        found = (self.steps[state] for state in states if state != ACCEPTED)
        return frozenset().union(*(targets for digits, targets in found if digit in digits))

    def _before(self, parsed: Any, following: States) -> States:
        for operator, argument in reversed(list(parsed)):
            following = self._before_one(operator, argument, following)
        return following

    def _before_one(self, operator: Any, argument: Any, following: States) -> States:
        if operator is ops.LITERAL:
            return self._step(chr(argument), following)
        if operator is ops.IN:
            return self._step("".join(digits_of(argument)), following)
        if operator is ops.SUBPATTERN:
            return self._before(argument[-1], following)
        if operator is ops.BRANCH:
            return frozenset().union(*(self._before(branch, following) for branch in argument[1]))
        if operator is ops.MAX_REPEAT and argument[1] != ops.MAXREPEAT:
            least, most, repeated = argument
            states = following
            for _ in range(most - least):
                states = following | self._before(repeated, states)
            for _ in range(least):
                states = self._before(repeated, states)
            return states
        raise ValueError(f"not part of a pattern of numbers: {operator} {argument}")

    def _step(self, digits: str, following: States) -> States:
        self.steps.append((frozenset(digits), following))
        return frozenset([len(self.steps) - 1])


def digits_of(parsed: Any) -> Iterator[str]:
    """The digits of a parsed set of characters."""
    for operator, argument in parsed:
        if operator is ops.LITERAL:
            yield chr(argument)
        elif operator is ops.RANGE:
            yield from map(chr, range(argument[0], argument[1] + 1))
        elif operator is ops.CATEGORY and argument is ops.CATEGORY_DIGIT:
            yield from "0123456789"
        else:
            raise ValueError(f"not a set of digits: {operator} {argument}")


def has_numbers(described: Any) -> bool:
    """Whether there are numbers of what libphonenumber describes."""
    return bool(described and described.national_number_pattern and described.possible_length != (-1,))


@dataclass
class Region:
    """What libphonenumber has of one country of a calling code."""

    country: str
    same_patterns: bool
    places: dict[str, int] = field(default_factory=dict)
    lengths: dict[str, tuple[int, ...]] = field(default_factory=dict)
    leading: int | None = None

    def number_type(self, accepted: tuple[bool, ...], length: int) -> str | None:
        """The type of a number of that length which these patterns accept; None if it is not valid."""

        def fits(kind: str) -> bool:
            if kind not in self.places or not accepted[self.places[kind]]:
                return False
            return not self.lengths[kind] or length in self.lengths[kind]

        if not fits(GENERAL):
            return None
        for kind in SERVICES:
            if fits(kind):
                return kind
        if fits("fixed"):
            return "fixed_or_mobile" if self.same_patterns or fits("mobile") else "fixed"
        return "mobile" if fits("mobile") and not self.same_patterns else None


@dataclass
class Node:
    """A prefix, the numbers that begin with it by country and type, and the number that it is itself."""

    prefix: str
    numbers: Counter[Kind]
    itself: Kind | None = None
    longer: "list[Node]" = field(default_factory=list)


class Plan:
    """The numbers of one calling code."""

    def __init__(self, code: int) -> None:
        self.code = str(code)
        self.automaton = Automaton()
        self.regions: list[Region] = []
        starts: list[States] = []

        def start(pattern: str) -> int:
            starts.append(self.automaton.compiled(pattern))
            return len(starts) - 1

        for name in COUNTRY_CODE_TO_REGION_CODE[code]:
            metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, name)
            region = Region(name, bool(metadata.same_mobile_and_fixed_line_pattern))
            for kind, attribute in {GENERAL: "general_desc", **TYPES}.items():
                described = getattr(metadata, attribute)
                if has_numbers(described):
                    region.lengths[kind] = tuple(described.possible_length)
                    region.places[kind] = start(described.national_number_pattern)
            if metadata.leading_digits:
                region.leading = start(metadata.leading_digits)
            self.regions.append(region)
        self.leading = {region.leading for region in self.regions}
        self._counts: dict[tuple[tuple[States, ...], int], Counter[Kind]] = {}
        self.tree = self._node("", tuple(starts))

    def _kind(self, states: tuple[States, ...], length: int) -> Kind | None:
        """Country and type of the number that led to these states."""
        accepted = tuple(ACCEPTED in state for state in states)
        for region in self.regions:
            leads = region.leading is not None and accepted[region.leading]
            if region.leading is None or leads:
                kind = region.number_type(accepted, length)
                if kind or leads:
                    return (region.country, kind, length) if kind else None
        return None

    def _after(self, states: tuple[States, ...]) -> Iterator[tuple[str, tuple[States, ...]]]:
        for digit in "0123456789":
            following = tuple(
                state if place in self.leading and ACCEPTED in state else self.automaton.after(state, digit)
                for place, state in enumerate(states)
            )
            if any(state for place, state in enumerate(following) if place not in self.leading):
                yield digit, following

    def _numbers(self, states: tuple[States, ...], length: int) -> Counter[Kind]:
        """How many numbers of each country and type begin with the digits that led to these states."""
        if (states, length) not in self._counts:
            kind = self._kind(states, length)
            numbers = Counter([kind] if kind else [])
            for _, following in self._after(states):
                numbers.update(self._numbers(following, length + 1))
            self._counts[states, length] = numbers
        return self._counts[states, length]

    def _node(self, digits: str, states: tuple[States, ...]) -> Node:
        node = Node(self.code + digits, self._numbers(states, len(digits)), self._kind(states, len(digits)))
        if not digits or (len(node.prefix) < DEPTH and len({kind[1] for kind in node.numbers}) > 1):
            node.longer = [self._node(digits + digit, following) for digit, following in self._after(states)]
        return node


class Cover:
    """The fewest prefixes that name the types of a tree's numbers where the longest prefix decides."""

    def __init__(self, tree: Node, taken: frozenset[str]) -> None:
        self.taken = taken
        lengths = Counter(kind[:2] for kind in tree.numbers)
        self.loss_of = {
            kind: WEIGHTS.get(kind[1], 1.0) / (lengths[kind[:2]] * count)
            for kind, count in tree.numbers.items()
        }
        # Of each prefix: what is lost by the type that it inherits; the best type of its own, and its loss.
        self.losses: dict[str, dict[str, float]] = {}
        self.own: dict[str, tuple[str, float]] = {}
        # A calling code has no type by itself: what is not assigned has none.
        self.rows: dict[str, str] = {}
        for longer in tree.longer:
            self._weigh(longer)
            self.rows.update(self._chosen(longer, UNKNOWN))

    def _lost(self, numbers: Counter[Kind]) -> dict[str, float]:
        """What is lost by each type that all these numbers may be given."""
        of_types: defaultdict[str, float] = defaultdict(float)
        for kind, count in numbers.items():
            of_types[kind[1]] += count * self.loss_of[kind]
        whole = sum(of_types.values())
        losses = {UNKNOWN: whole} | {number_type: whole - part for number_type, part in of_types.items()}
        return losses | {t: 0.0 if set(of_types) <= {t} else inf for t in CERTAIN}

    def _weigh(self, node: Node) -> dict[str, float]:
        """The least that is lost below a prefix, by the type that it inherits."""
        if node.prefix in self.taken:
            losses = {UNKNOWN: 0.0}
        elif node.longer:
            parts = [self._weigh(longer) for longer in node.longer]
            parts.append(self._lost(Counter([node.itself] if node.itself else [])))
            types = {number_type for part in parts for number_type in part}
            losses = {t: sum(part.get(t, part[UNKNOWN]) for part in parts) for t in types}
        else:
            losses = self._lost(node.numbers)
        least, own = min(((loss, t) for t, loss in losses.items() if t != UNKNOWN), default=(inf, UNKNOWN))
        self.losses[node.prefix] = losses
        self.own[node.prefix] = own, least + WORTH
        return {t: min(loss, least + WORTH) for t, loss in losses.items()}

    def _chosen(self, node: Node, inherited: str) -> Iterator[tuple[str, str]]:
        losses = self.losses[node.prefix]
        own, loss = self.own[node.prefix]
        # Of equals the longer prefix, which claims no numbers that are not assigned.
        if loss < losses.get(inherited, losses[UNKNOWN]) - 1e-12:
            yield node.prefix, own
            inherited = own
        if node.prefix not in self.taken:
            for longer in node.longer:
                yield from self._chosen(longer, inherited)


def rows_of(seed: Path) -> list[Row]:
    """The rows of a seed."""
    with seed.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def made_of(own: list[Row]) -> list[Row]:
    """The rows as they are to be: these of other sources and, outside of their prefixes, libphonenumber's."""
    names = {row["country_code"]: row["country_name"] for row in rows_of(SEEDS / "countries.csv")}
    countries = {row["prefix"]: row["country_code"] for row in rows_of(SEEDS / "calling_codes.csv")}
    taken = frozenset(row["prefix"] for row in own)
    rows = list(own)
    for code, regions in COUNTRY_CODE_TO_REGION_CODE.items():
        if regions == (REGION_CODE_FOR_NON_GEO_ENTITY,):
            continue
        for prefix, number_type in Cover(Plan(code).tree, taken).rows.items():
            country = next(countries[prefix[:n]] for n in range(DEPTH, 0, -1) if prefix[:n] in countries)
            rows.append(dict(zip(COLUMNS, (prefix, number_type, names[country], SOURCE), strict=True)))
    return sorted(rows, key=lambda row: row["prefix"])


def text() -> str:
    """The seed as it is to be."""
    written = io.StringIO()
    writer = csv.DictWriter(written, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(made_of([row for row in rows_of(RANGES) if row["source"] != SOURCE]))
    return written.getvalue()


if __name__ == "__main__":
    RANGES.write_text(text(), encoding="utf-8", newline="")
