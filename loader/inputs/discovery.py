"""Which files a command's paths stand for: files, folders with all below them, globs, objects in object
storage, members of zip archives.
"""

import glob
import os
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from loader.errors import CdrError, FileError
from loader.inputs.naming import base_name
from loader.inputs.object_storage import find_objects, is_uri
from loader.inputs.opening import Archive, LocalFile, Source, ZipMember, as_text

PARTIAL_EXTENSIONS = frozenset({".part", ".partial", ".tmp", ".filepart", ".crdownload"})


@dataclass(frozen=True)
class Delivery:
    """One file to stage.

    `explicit` tells that the user named the file itself; `ignored` why it is passed over; `problem` why it
    fails.
    """

    source: Source
    explicit: bool = False
    ignored: str | None = None
    problem: str | None = None

    @property
    def file_name(self) -> str:
        """The base name without a compression suffix."""
        return as_text(base_name(self.source.name))


def discover(paths: tuple[str, ...]) -> list[Delivery]:
    """The deliveries the paths stand for, each once, in the order given and by name within a folder.

    Raises CdrError when a path does not exist, cannot be read, or a glob matches nothing.
    """
    found: dict[str, Delivery] = {}
    for path in paths:
        for delivery in _expand(path):
            key = delivery.source.location
            if key not in found or (delivery.explicit and not found[key].explicit):
                found[key] = delivery
    return list(found.values())


def _expand(text: str) -> Iterator[Delivery]:
    if is_uri(text):
        yield from _objects(text)
        return
    path = Path(text)
    if os.path.lexists(path):
        matches = [path]
    elif glob.has_magic(text):
        matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207
        if not matches:
            raise CdrError(f"no file matches {text}; check the pattern")
    else:
        raise CdrError(f"{text} does not exist; check the path")
    for match in matches:
        if not os.access(match, os.R_OK):
            raise CdrError(f"{match} cannot be read; check that it exists and its permissions")
        if match.is_dir():
            yield from _walk(match.resolve(), frozenset())
        else:
            yield from _file(LocalFile(match.parent.resolve() / match.name), explicit=True)


def _walk(folder: Path, above: frozenset[Path]) -> Iterator[Delivery]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        yield Delivery(
            LocalFile(folder), problem=f"the folder cannot be read ({error.strerror}); check its permissions"
        )
        return
    above = above | {folder}
    for entry in entries:
        if entry.is_dir():
            if entry.name.startswith("."):
                yield Delivery(LocalFile(entry), ignored="hidden folder")
            elif (target := entry.resolve()) not in above:
                yield from _walk(entry if target == entry else target, above)
        elif reason := _not_a_delivery(entry.name):
            yield Delivery(LocalFile(entry), ignored=reason)
        else:
            yield from _file(LocalFile(entry), explicit=False)


def _objects(uri: str) -> Iterator[Delivery]:
    for source, key in find_objects(uri):
        if key is None:
            yield from _file(source, explicit=True)
        elif reason := _not_a_delivery_at(PurePosixPath(key)):
            yield Delivery(source, ignored=reason)
        else:
            yield from _file(source, explicit=False)


def _file(source: Source, explicit: bool) -> Iterator[Delivery]:
    if not source.name.lower().endswith(".zip"):
        yield Delivery(source, explicit=explicit)
        return
    archive = Archive(source)
    try:
        members = archive.members()
    except FileError as error:
        yield Delivery(source, explicit=explicit, problem=str(error))
        return
    except (OSError, zipfile.BadZipFile) as error:
        problem = f"the zip archive cannot be read ({error}); ask for it again"
        yield Delivery(source, explicit=explicit, problem=problem)
        return
    times = Counter(info.filename for info in members)
    for info in {info.filename: info for info in members}.values():
        member = ZipMember(archive, info)
        if times[info.filename] > 1:
            problem = "the zip archive has several members of this name; unpack it"
            yield Delivery(member, problem=problem)
            continue
        yield Delivery(member, ignored=_not_a_delivery_at(PurePosixPath(info.filename)))


def _not_a_delivery_at(path: PurePosixPath) -> str | None:
    """Why a file is passed over by its name or one of its folders."""
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return "hidden file" if hidden else _not_a_delivery(path.name)


def _not_a_delivery(name: str) -> str | None:
    """Why a file found in a folder is passed over by its name: it is not there yet, or was never meant to be
    seen. Everything else is for its content to tell.
    """
    if name.startswith("."):
        return "hidden file"
    partial = PurePosixPath(name).suffix.lower() in PARTIAL_EXTENSIONS or name.endswith("~")
    return "half-written file by its name" if partial else None
