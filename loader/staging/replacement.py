"""Whether the deliveries of one look would replace most of what is in the tables by less: another data set in
the same database, probably, not corrections.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date

from loader.inputs.discovery import Delivery
from loader.inputs.naming import days_in_names
from loader.staging.prepare import Preparation, is_unchanged
from loader.staging.versioning import Change

# On so many days corrections may be smaller than what they replace.
_DAYS = 3


@dataclass(frozen=True)
class Replacement:
    """Days on which more than half of the current files would be superseded by fewer than half of their
    calls: the files that would be superseded, and their records, with those whose calls would stay.
    """

    days: list[date]
    superseded: int
    records: int
    kept: int


def suspects(deliveries: list[Delivery], preparation: Preparation) -> list[Delivery]:
    """Return the changed deliveries with names of current files; none if these are not most of more than
    three days. Only they must be read to know what the deliveries would replace.
    """
    options, versions = preparation.options, preparation.versions
    found: list[Delivery] = []
    by_day: dict[date, set[int]] = defaultdict(set)
    undated = 0
    for delivery in deliveries:
        if (
            delivery.ignored
            or delivery.problem
            or not (known := versions.current_of_name(delivery.file_name))
        ):
            continue
        named = days_in_names(delivery.source.names(), options.generated_names)
        day = options.file_date or (named.last if named else None)
        rivals = {one.file_id for one in known if day in (None, one.file_date)}
        if not rivals or is_unchanged(delivery, preparation):
            continue
        found.append(delivery)
        if day is None:
            undated += 1
        else:
            by_day[day] |= rivals
    current = versions.current_by_day()
    days = sum(len(rivals) * 2 > current[day] for day, rivals in by_day.items())
    return found if days + undated > _DAYS else []


def of_most_days(changes: list[Change], current: Counter[date]) -> Replacement | None:
    """Return what the changes replace if that is most of more than three days, by less than half of it;
    otherwise None.
    """
    superseded, records, lacking = Counter[date](), Counter[date](), Counter[date]()
    for change in changes:
        for file in change.superseded:
            if file.file_date:
                records[file.file_date] += file.staged
                superseded[file.file_date] += 1
        if change.file.file_date:
            lacking[change.file.file_date] += change.lacking
    days = sorted(
        day
        for day, files in superseded.items()
        if files * 2 > current[day] and lacking[day] * 2 > records[day]
    )
    if len(days) <= _DAYS:
        return None
    replaced = sum(records[day] for day in days)
    return Replacement(
        days, sum(superseded[day] for day in days), replaced, replaced - sum(lacking[day] for day in days)
    )
