"""Reads deliveries and tells what they are, before anything is decided about them."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from loader.errors import FileError
from loader.inputs.content import Content, prepare
from loader.inputs.discovery import Delivery
from loader.inputs.naming import kind_in_name
from loader.parsing.layout import Layout, NoSignOfRecords, recognise
from loader.staging.options import Options

SKIPPED, IGNORED = "skipped", "ignored"


@dataclass
class Prepared:
    """A delivery as it was read: content and layout, or why there is none."""

    delivery: Delivery
    content: Content | None = None
    layout: Layout | None = None
    problem: str | None = None
    ignored: str | None = None

    def discard(self) -> None:
        """Removes the unpacked copy, if there is one."""
        if self.content:
            self.content.discard()


def prepare_all(deliveries: list[Delivery], options: Options, folder: Path) -> Iterator[Prepared]:
    """Reads and recognises the deliveries in order, the next one in a thread while the caller works on this
    one.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        following: Future[Prepared] | None = None
        try:
            for at, delivery in enumerate(deliveries):
                current = following or pool.submit(_prepare, delivery, options, folder)
                prepared = current.result()
                more = at + 1 < len(deliveries)
                following = pool.submit(_prepare, deliveries[at + 1], options, folder) if more else None
                yield prepared
        finally:
            if following and (content := following.result().content):
                content.discard()


def _prepare(delivery: Delivery, options: Options, folder: Path) -> Prepared:
    prepared = Prepared(delivery, problem=delivery.problem, ignored=delivery.ignored)
    if prepared.problem or prepared.ignored:
        return prepared
    try:
        prepared.content = prepare(delivery, options.encoding, folder)
        prepared.layout = recognise(prepared.content, options.kind, kind_in_name(delivery.file_name))
    except NoSignOfRecords as error:
        if delivery.explicit:
            prepared.problem = str(error)
        else:
            prepared.ignored = "no sign of call detail records"
    except (FileError, OSError) as error:
        prepared.problem = str(error)
    return prepared
