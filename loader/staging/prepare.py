"""Orders deliveries, reads them and detects what they are, before anything is decided about them."""

from collections import defaultdict, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from loader.database.manifest import File, State, name_key
from loader.errors import FileError
from loader.inputs.content import Content, prepare
from loader.inputs.discovery import Delivery, members_of
from loader.inputs.naming import Days, days_in_names, kind_in_name
from loader.inputs.opening import Fingerprint
from loader.inputs.signatures import NotText, ZipArchive
from loader.parsing.layout import Layout, NoRecords, NoSignOfRecords, detect_layout
from loader.staging.looks import Looks
from loader.staging.options import Options
from loader.staging.succession import Records
from loader.staging.versioning import Versions, decide


class PassedOver(StrEnum):
    """The state of a delivery that gets no row in the manifest."""

    SKIPPED = "skipped"
    IGNORED = "ignored"


@dataclass(frozen=True)
class Ready:
    """A delivery that can be loaded; `file` is its row before its records are read."""

    file: File
    content: Content
    layout: Layout | NoRecords

    def discard(self) -> None:
        """Remove the private copy, if there is one."""
        self.content.discard()


@dataclass(frozen=True)
class Failed:
    """A delivery that cannot be loaded."""

    file: File
    problem: str

    def discard(self) -> None:
        """Do nothing: it has no copy."""


@dataclass(frozen=True)
class Ignored:
    """A file that shows no sign of being a delivery."""

    file: File
    reason: str

    def discard(self) -> None:
        """Do nothing: it has no copy."""


@dataclass(frozen=True)
class Unchanged:
    """A delivery that has not changed since the last look at its path."""

    file: File
    file_id: int
    seen: Fingerprint

    def discard(self) -> None:
        """Do nothing: it has no copy."""


@dataclass(frozen=True)
class Unpacked:
    """An archive: its members are the deliveries."""

    members: list[Delivery]

    def discard(self) -> None:
        """Do nothing: it has no copy."""


Prepared = Ready | Failed | Ignored | Unchanged


@dataclass(frozen=True)
class Preparation:
    """How to read deliveries, and what earlier ones left."""

    options: Options
    folder: Path
    versions: Versions
    looks: Looks
    records: Records


def prepare_all(deliveries: list[Delivery], preparation: Preparation) -> Iterator[Prepared]:
    """Prepare the deliveries in order: while the caller works on one, a thread prepares the next, or the next
    two if they are not on this machine's disk.
    """
    rest = deque(deliveries)
    with ThreadPoolExecutor(max_workers=2) as pool:
        following: deque[Future[Prepared | Unpacked]] = deque()
        try:
            while rest or following:
                if not following:
                    following.append(pool.submit(prepare_one, rest.popleft(), preparation))
                prepared = following.popleft().result()
                while rest and len(following) < (1 if rest[0].source.local_path else 2):
                    following.append(pool.submit(prepare_one, rest.popleft(), preparation))
                if isinstance(prepared, Unpacked):
                    yield from prepare_all(prepared.members, preparation)
                else:
                    yield prepared
        finally:
            for one in following:
                one.result().discard()


def prepare_one(delivery: Delivery, preparation: Preparation) -> Prepared | Unpacked:
    """Read one delivery and detect its kind, columns and day."""
    source, options = delivery.source, preparation.options
    file = File(0, delivery.file_name, source.location)
    if delivery.ignored:
        return Ignored(file, delivery.ignored)
    days = days_in_names(source.names(), options.generated_names)
    if options.file_date:
        file.file_date = options.file_date
    elif days:
        file.file_date, file.covers_from = days.last, days.first
    if delivery.problem:
        return Failed(file, delivery.problem)
    named_kind = kind_in_name(delivery.file_name)
    # Ignored for its content, unless the user, an option or the name declares it a delivery.
    may_be_ignored = not delivery.explicit and options.kind is None and named_kind is None
    nothing = File(0, file.file_name, file.path)
    try:
        if (unchanged := _unchanged(delivery, file, preparation)) is not None:
            return unchanged
        try:
            content = prepare(source, options.encoding, preparation.folder)
        except ZipArchive:
            return Unpacked(in_order(members_of(delivery), options))
    except NotText as error:
        if may_be_ignored and not error.may_hold_records:
            return Ignored(nothing, f"looks like {error.what}")
        return Failed(file, str(error))
    except (FileError, OSError) as error:
        return Failed(file, str(error))
    file.sha256, file.bytes = content.sha256, content.size
    try:
        layout = detect_layout(content, options.kind, named_kind)
    except (FileError, OSError) as error:
        content.discard()
        if isinstance(error, NoSignOfRecords) and may_be_ignored and not content.promised:
            return Ignored(nothing, "no sign of call detail records")
        return Failed(file, str(error))
    known_here = preparation.versions.at_path(file.path) is not None
    if isinstance(layout, NoRecords) and may_be_ignored and not known_here:
        content.discard()
        return Ignored(nothing, "the file is empty, and its kind is unknown")
    file.kind, file.header, file.message = layout.kind, layout.header, layout.message
    return Ready(file, content, layout)


def is_unchanged(delivery: Delivery, preparation: Preparation) -> bool:
    """Whether the delivery's path holds what it held at the last look; not where it cannot be read."""
    try:
        nothing = File(0, delivery.file_name, delivery.source.location)
        return _unchanged(delivery, nothing, preparation) is not None
    except OSError:
        return False


def _unchanged(delivery: Delivery, file: File, preparation: Preparation) -> Unchanged | None:
    """Return the delivery as unchanged if its path holds what it held at the last look; otherwise None."""
    look, versions = preparation.looks.at(delivery.source.location), preparation.versions
    if look is None or preparation.options.again or look.options != preparation.options.reading:
        return None
    known = versions.get(look.file_id)
    if known is None or known.state == State.FAILED or not look.is_settled:
        return None
    if known.state == State.DUPLICATE:
        # Its original may have been withdrawn since.
        decision = decide(versions.of_content(known.sha256), known, has_records=True, delivered_again=False)
        if decision.existing is None:
            return None
    seen = delivery.source.fingerprint()
    return Unchanged(file, look.file_id, seen) if look.is_of(seen) else None


def in_order(deliveries: list[Delivery], options: Options) -> list[Delivery]:
    """Order deliveries as found, but several contents of one delivery by modification time."""
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
