"""The order in which deliveries are staged."""

from collections import defaultdict

from loader.database.manifest import name_key
from loader.inputs.discovery import Delivery
from loader.inputs.naming import Days, days_in_names
from loader.staging.options import Options


def in_order(deliveries: list[Delivery], options: Options) -> list[Delivery]:
    """In the order found, but of several contents of one delivery the last modified comes last."""
    places: dict[tuple[str, Days | None], list[int]] = defaultdict(list)
    for at, delivery in enumerate(deliveries):
        if not (delivery.ignored or delivery.problem):
            names = () if options.file_date else delivery.source.names()
            days = days_in_names(names, options.generated_names)
            places[name_key(delivery.file_name), days].append(at)
    ordered = list(deliveries)
    for group in places.values():
        if len(group) > 1:
            by_time = sorted((deliveries[at] for at in group), key=_modified)
            for at, delivery in zip(group, by_time, strict=True):
                ordered[at] = delivery
    return ordered


def _modified(delivery: Delivery) -> int:
    try:
        return delivery.source.fingerprint().modified
    except OSError:
        return 0
