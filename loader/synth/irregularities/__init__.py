"""Irregular deliveries: every way in which files are known to differ from clean ones, a small file for each.

They are added to a clean synthetic delivery, whose files stay as they are. An `Irregularity` describes each:
the file, what is wrong with it, and what staging must make of it. The expectations assume that files are
staged in the order that `write` returns, which is that of their names.
"""

from datetime import date
from pathlib import Path

from loader.synth.irregularities import (
    compression,
    deliveries,
    encodings,
    headers,
    quoting,
    repetitions,
    values,
)
from loader.synth.irregularities.irregularity import CallPool, Irregularity, registered

__all__ = ["IRREGULARITIES", "Irregularity", "write"]

# All take calls from one pool: the order determines what a file contains.
_ORDER = [
    part.__name__ for part in (deliveries, headers, encodings, quoting, compression, values, repetitions)
]
IRREGULARITIES = sorted(registered, key=lambda one: _ORDER.index(one.make.__module__))


def write(out: Path, days: int, seed: int, end: date) -> list[Path]:
    """Add the irregular files to the clean delivery in `out` and return them in the order of staging."""
    supply = CallPool(out, days, seed, end)
    for irregularity in IRREGULARITIES:
        path = out / irregularity.path(days, end)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(irregularity.make(supply))
    return sorted(out / irregularity.path(days, end) for irregularity in IRREGULARITIES)
