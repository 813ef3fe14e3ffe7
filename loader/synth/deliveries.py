"""Synthetic deliveries: files of call detail records of all four kinds, the same for the same arguments."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

from loader.synth import irregularities, planted
from loader.synth.calls import DEFAULT_END, CallBatch, Session, calls_of_kind, query


def synthesise(
    out: Path,
    days: int,
    calls_per_day: int,
    seed: int,
    warts: bool = False,
    end: date = DEFAULT_END,
    plants: bool = False,
) -> list[Path]:
    """Write a delivery of `days` days up to and including `end` into the folder `out`, created if missing.

    Returns the files in the order of staging: `cdr_<kind>_<day>.csv` for each of the
    four kinds and each day, oldest first. `calls_per_day` is the number of calls that end on each day, of
    all kinds together. The same arguments give the same bytes, whatever the number of processors.

    With `warts`, a small file for every irregularity of the feed follows: `irregularities.IRREGULARITIES`
    lists them. The clean files stay as they are.

    With `plants`, deliveries of known cases follow, with the rate card and invoices that they are judged by:
    see `loader.synth.planted`.

    Raises ValueError where there are no days or a negative number of calls, OSError where a file cannot be
    written.
    """
    if days < 1:
        raise ValueError(f"days is {days}, but a delivery has at least one day")
    if calls_per_day < 0:
        raise ValueError(f"calls_per_day is {calls_per_day}, but there are no negative numbers of calls")
    out.mkdir(parents=True, exist_ok=True)
    batches = [
        CallBatch(seed, kind, day, end, calls)
        for day in (end - timedelta(days=back) for back in range(days - 1, -1, -1))
        for kind, calls in calls_of_kind(calls_per_day, day).items()
    ]
    # Files are written in parallel, each by one thread; which one does not matter. Sorted by kind, since most
    # variables of a session depend on the kind.
    workers = os.cpu_count() or 1
    by_kind = sorted(batches, key=lambda batch: batch.kind)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        shares = [by_kind[at::workers] for at in range(workers)]
        for written in [pool.submit(_write_all, share, out) for share in shares]:
            written.result()
    paths = [out / _file_name(batch) for batch in batches]
    if plants:
        paths += planted.write(out, days, seed, end)
    if warts:
        paths += irregularities.write(out, days, seed, end)
    return paths


def _file_name(batch: CallBatch) -> str:
    return f"cdr_{batch.kind}_{batch.day.isoformat()}.csv"


def _write_all(batches: list[CallBatch], out: Path) -> None:
    """Write each batch as `cdr_<kind>_<day>.csv`."""
    import duckdb

    with Session() as session:
        for batch in batches:
            path = out / _file_name(batch)
            target = "'" + str(path).replace("'", "''") + "'"
            connection = session.prepared(batch)
            try:
                connection.execute(
                    f"copy ({query(batch.kind)}) to {target} (format csv, delimiter ';', header true)"
                )
            except duckdb.IOException as error:
                raise OSError(errno.EIO, str(error).partition("\n")[0], str(path)) from error
