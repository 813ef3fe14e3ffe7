"""Discovery: the files that a command's paths name, by folders, globs, object storage and zip archives."""

import glob
import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from loader.errors import CdrError, FileError
from loader.inputs.naming import base_name
from loader.inputs.object_storage import is_uri
from loader.inputs.opening import Archive, LocalFile, Source, ZipMember, as_text
from loader.inputs.remote_files import find_objects
from loader.inputs.signatures import NotText, check_members, is_text

# Archives detected by name, before they are opened, so that their members are ordered with the deliveries.
_NAMED_ZIP = re.compile(r"\.zip(?![a-z])", re.IGNORECASE)

PARTIAL_EXTENSIONS = frozenset({".part", ".partial", ".tmp", ".filepart", ".crdownload"})


@dataclass(frozen=True)
class Delivery:
    """One file to stage.

    `explicit`: the user named the file itself; `ignored`: why it is ignored; `problem`: why it fails;
    `packed`: it is in an archive; `named`: the user named the archive.
    """

    source: Source
    explicit: bool = False
    ignored: str | None = None
    problem: str | None = None
    packed: bool = False
    named: bool = False

    @property
    def file_name(self) -> str:
        """The base name without a compression suffix."""
        return as_text(base_name(self.source.name))

    @property
    def is_named(self) -> bool:
        """Whether the user named it or its archive."""
        return self.explicit or self.named


def discover(paths: tuple[str, ...]) -> list[Delivery]:
    """Return the deliveries that the paths name, each once, in the order given and by name within a folder.

    Raises CdrError when a path does not exist, cannot be read, or a glob matches nothing.
    """
    found: dict[str, Delivery] = {}
    # Each folder is walked once, however many links lead to it.
    walked: set[tuple[int, int]] = set()
    for path in paths:
        for delivery in _expand(path, walked):
            key = delivery.source.location
            if key not in found or (delivery.is_named and not found[key].is_named):
                found[key] = delivery
    return list(found.values())


def _expand(text: str, walked: set[tuple[int, int]]) -> Iterator[Delivery]:
    if is_uri(text):
        yield from _objects(text)
        return
    path = Path(text)
    if os.path.lexists(path):
        matches = [path]
    elif glob.has_magic(text):
        matches = [Path(match) for match in sorted(_matching(path.parts))]
        if not matches:
            raise CdrError(f"no file matches {text}; check the pattern")
    else:
        raise CdrError(f"{text} does not exist; check the path")
    for match in matches:
        if not os.access(match, os.R_OK):
            raise CdrError(f"{match} cannot be read; check that it exists and its permissions")
        if match.is_dir():
            yield from _walk(match.resolve(), walked)
        else:
            yield from _file(LocalFile(match.parent.resolve() / match.name), explicit=True)


def _matching(parts: tuple[str, ...]) -> set[str]:
    """Return the paths that match a pattern; `**` walks each folder once, however many links lead to it."""
    if "**" not in parts:
        return set(glob.glob(str(Path(*parts))))  # noqa: PTH207
    at = parts.index("**")
    found: set[str] = set()
    waiting = [Path(match) for match in _matching(parts[:at])] if at else [Path()]
    walked: set[tuple[int, int]] = set()
    while waiting:
        folder = waiting.pop()
        if not folder.is_dir() or (identity := _identity(folder)) in walked:
            continue
        walked.add(identity)
        inside = (*(glob.escape(part) for part in folder.parts), *(parts[at + 1 :] or ("*",)))
        found |= _matching(inside)
        with suppress(OSError):
            waiting += [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    return found


def _walk(top: Path, walked: set[tuple[int, int]]) -> Iterator[Delivery]:
    """Yield all files below a folder, in the order of names; without recursion, since folders may be nested
    deeper than calls.
    """
    stack: list[Iterator[Path | Delivery]] = [iter([top])]
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
        elif isinstance(entry, Delivery):
            yield entry
        elif entry is not top and entry.name.startswith(".") and entry.is_dir():
            yield Delivery(LocalFile(entry), ignored="hidden folder")
        elif entry.is_dir():
            if (identity := _identity(entry)) not in walked:
                walked.add(identity)
                # Only the last part can be a link; resolving the whole path would cost its depth.
                stack.append(_entries(entry.resolve() if entry.is_symlink() else entry))
        elif reason := _not_a_delivery(entry.name):
            yield Delivery(LocalFile(entry), ignored=reason)
        else:
            yield from _file(LocalFile(entry), explicit=False)


def _identity(folder: Path) -> tuple[int, int]:
    """Return the identity of a folder, the same for all its names."""
    seen = folder.stat()
    return seen.st_dev, seen.st_ino


def _entries(folder: Path) -> Iterator[Path | Delivery]:
    try:
        yield from sorted(folder.iterdir())
    except OSError as error:
        yield Delivery(
            LocalFile(folder), problem=f"the folder cannot be read ({error.strerror}); check its permissions"
        )


def _objects(uri: str) -> Iterator[Delivery]:
    for source, key in find_objects(uri):
        if key is None:
            yield from _file(source, explicit=True)
        elif reason := _not_a_delivery_at(PurePosixPath(key)):
            yield Delivery(source, ignored=reason)
        else:
            yield from _file(source, explicit=False)


def _file(source: Source, explicit: bool) -> Iterator[Delivery]:
    delivery = Delivery(source, explicit=explicit)
    if not _NAMED_ZIP.search(source.name):
        yield delivery
        return
    try:
        yield from [delivery] if is_text(Archive(source).head()) else members_of(delivery)
    except NotText as error:
        yield (
            replace(delivery, problem=str(error))
            if explicit
            else replace(delivery, ignored=f"looks like {error.what}")
        )
    except FileError as error:
        yield replace(delivery, problem=str(error))
    except OSError as error:
        yield replace(delivery, problem=f"the zip archive cannot be read ({error.strerror or error})")


def members_of(delivery: Delivery) -> list[Delivery]:
    """Return the files in an archive. Raises OSError or FileError if it cannot be read, NotText if it is a
    document.
    """
    if delivery.packed:
        raise FileError("it is a zip archive inside an archive; unpack it first")
    archive = Archive(delivery.source)
    members = archive.members()
    if not members:
        raise FileError("the zip archive is empty; ask for it again")
    check_members([info.filename for info in members])
    times = Counter(info.filename for info in members)
    # An archive of one file counts as that file.
    explicit = delivery.explicit and len(members) == 1
    return [
        replace(_member(ZipMember(archive, info), explicit, times[info.filename]), named=delivery.explicit)
        for info in {info.filename: info for info in members}.values()
    ]


def _member(member: ZipMember, explicit: bool, times: int) -> Delivery:
    if times > 1:
        problem = "the zip archive has several members of this name; unpack it"
        return Delivery(member, problem=problem, packed=True)
    ignored = None if explicit else _not_a_delivery_at(member.path)
    return Delivery(member, explicit, ignored, packed=True)


def _not_a_delivery_at(path: PurePosixPath) -> str | None:
    """Return why a file is ignored by its name or one of its folders."""
    parts = (part for part in path.parts if part != "..")
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return "hidden file" if hidden else _not_a_delivery(path.name)


def _not_a_delivery(name: str) -> str | None:
    """Return why a file found in a folder is ignored by its name: it is hidden or half-written. Of all other
    files the content decides.
    """
    if name.startswith("."):
        return "hidden file"
    partial = PurePosixPath(name).suffix.lower() in PARTIAL_EXTENSIONS or name.endswith("~")
    return "half-written file by its name" if partial else None
