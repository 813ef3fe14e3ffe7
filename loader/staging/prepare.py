"""Reads deliveries and tells what they are, before anything is decided about them."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from loader.database.manifest import File
from loader.errors import FileError
from loader.inputs.content import Content, prepare
from loader.inputs.discovery import Delivery
from loader.inputs.naming import date_in_names, kind_in_name
from loader.parsing.layout import Layout, NoRecords, NoSignOfRecords, detect_layout
from loader.staging.options import Options


class PassedOver(StrEnum):
    """What staging says of a delivery that gets no row in the manifest."""

    SKIPPED = "skipped"
    IGNORED = "ignored"


@dataclass(frozen=True)
class Ready:
    """A delivery that can be loaded; `file` is what is known of it before its records are read."""

    file: File
    content: Content
    layout: Layout | NoRecords

    def discard(self) -> None:
        """Removes the private copy, if there is one."""
        self.content.discard()


@dataclass(frozen=True)
class Failed:
    """A delivery that cannot be loaded."""

    file: File
    problem: str

    def discard(self) -> None:
        """Nothing is left of it."""


@dataclass(frozen=True)
class Ignored:
    """No delivery, for all that is known."""

    file: File
    reason: str

    def discard(self) -> None:
        """Nothing is left of it."""


Prepared = Ready | Failed | Ignored


def prepare_all(deliveries: list[Delivery], options: Options, folder: Path) -> Iterator[Prepared]:
    """Reads and recognises the deliveries in order, the next one in a thread while the caller works on this
    one.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        following: Future[Prepared] | None = None
        try:
            for at, delivery in enumerate(deliveries):
                current = following or pool.submit(prepare_one, delivery, options, folder)
                prepared = current.result()
                more = at + 1 < len(deliveries)
                following = pool.submit(prepare_one, deliveries[at + 1], options, folder) if more else None
                yield prepared
        finally:
            if following:
                following.result().discard()


def prepare_one(delivery: Delivery, options: Options, folder: Path) -> Prepared:
    """Reads one delivery and tells what it is."""
    source = delivery.source
    file = File(0, delivery.file_name, source.location)
    if delivery.ignored:
        return Ignored(file, delivery.ignored)
    file.file_date = options.file_date or date_in_names(source.names(), options.generated_names)
    if delivery.problem:
        return Failed(file, delivery.problem)
    try:
        content = prepare(source, options.encoding, folder)
    except (FileError, OSError) as error:
        return Failed(file, str(error))
    file.sha256, file.bytes = content.sha256, content.size
    try:
        layout = detect_layout(content, options.kind, kind_in_name(delivery.file_name))
    except (FileError, OSError) as error:
        content.discard()
        if isinstance(error, NoSignOfRecords) and not delivery.explicit:
            return Ignored(File(0, file.file_name, file.path), "no sign of call detail records")
        return Failed(file, str(error))
    file.kind, file.header, file.message = layout.kind, layout.header, layout.message
    return Ready(file, content, layout)
