"""Which files a command's paths stand for: files, folders with all below them, globs, members of zip
archives.
"""

import glob
import os
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from loader.errors import CdrError
from loader.inputs.naming import COMPRESSION_SUFFIXES, base_name

EXTENSIONS = frozenset({"", ".csv", ".txt", ".dat", ".cdr", ".tsv", ".log"})

PARTIAL_EXTENSIONS = frozenset({".part", ".partial", ".tmp", ".filepart", ".crdownload"})


@dataclass(frozen=True)
class Delivery:
    """One file to stage: `path` absolute, `member` its name inside a zip archive.

    `explicit` tells that the user named the file itself; `ignored` why it is passed over; `problem` why it
    fails.
    """

    path: Path
    member: str | None = None
    explicit: bool = False
    ignored: str | None = None
    problem: str | None = None

    @property
    def file_name(self) -> str:
        """The base name without a compression suffix."""
        return _text(base_name(PurePosixPath(self.member).name if self.member else self.path.name))

    @property
    def location(self) -> str:
        """The path for the manifest; a zip member's follows its archive's after `!`."""
        return _text(f"{self.path}!{self.member}" if self.member else str(self.path))

    @property
    def names(self) -> Iterator[str]:
        """The file's own name, then its folders from the nearest outwards."""
        if self.member:
            inner = PurePosixPath(self.member)
            yield inner.name
            yield from (folder.name for folder in inner.parents)
        yield self.path.name
        yield from (folder.name for folder in self.path.parents)


def discover(paths: tuple[str, ...]) -> list[Delivery]:
    """The deliveries the paths stand for, each once, in the order given and by name within a folder.

    Raises CdrError when a path does not exist, cannot be read, or a glob matches nothing.
    """
    found: dict[tuple[Path, str | None], Delivery] = {}
    for path in paths:
        for delivery in _expand(path):
            key = (delivery.path, delivery.member)
            if key not in found or (delivery.explicit and not found[key].explicit):
                found[key] = delivery
    return list(found.values())


def _expand(text: str) -> Iterator[Delivery]:
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
            yield from _file(match.parent.resolve() / match.name, explicit=True)


def _walk(folder: Path, above: frozenset[Path]) -> Iterator[Delivery]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        yield Delivery(folder, problem=f"the folder cannot be read ({error.strerror}); check its permissions")
        return
    above = above | {folder}
    for entry in entries:
        if entry.is_dir():
            if entry.name.startswith("."):
                yield Delivery(entry, ignored="hidden folder")
            elif (target := entry.resolve()) not in above:
                yield from _walk(entry if target == entry else target, above)
        elif reason := _not_a_delivery(entry.name):
            yield Delivery(entry, ignored=reason)
        else:
            yield from _file(entry, explicit=False)


def _file(path: Path, explicit: bool) -> Iterator[Delivery]:
    if not path.name.lower().endswith(".zip"):
        yield Delivery(path, explicit=explicit)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info.filename for info in archive.infolist() if not info.is_dir()]
    except (OSError, zipfile.BadZipFile) as error:
        yield Delivery(
            path, explicit=explicit, problem=f"the zip archive cannot be read ({error}); ask for it again"
        )
        return
    for member, times in Counter(members).items():
        if times > 1:
            yield Delivery(
                path, member, problem="the zip archive has several members of this name; unpack it"
            )
            continue
        parts = PurePosixPath(member).parts
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
        yield Delivery(path, member, ignored="hidden file" if hidden else _not_a_delivery(parts[-1]))


def _not_a_delivery(name: str) -> str | None:
    """Why a file found in a folder is not taken for a delivery."""
    if name.startswith("."):
        return "hidden file"
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in PARTIAL_EXTENSIONS:
        return "partial file"
    inner = PurePosixPath(base_name(name)).suffix.lower()
    # A name like 2026.11.22 or cdr.20261122 has no extension, only dots.
    if inner[1:].isdigit() or inner in EXTENSIONS or (suffix in COMPRESSION_SUFFIXES and inner == ""):
        return None
    return f"not a text file by its extension ({suffix})"


def _text(name: str) -> str:
    """A name with bytes that are no UTF-8 shown as `\\xNN`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
