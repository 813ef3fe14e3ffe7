"""Where an export goes: a folder, or a prefix in object storage. A file appears whole or not at all."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Protocol

from loader.database.workspace import Workspace
from loader.errors import CdrError
from loader.inputs.object_storage import (
    Bucket,
    bucket_of,
    is_uri,
    list_names,
    remove_objects,
    translate_errors,
    write_object,
)

# Engines pass over names that start with an underscore.
_UNFINISHED = re.compile(r"_unfinished_[0-9a-f]{16}_")


class Destination(Protocol):
    """A place for files, each by its path in it."""

    @property
    def writes_to(self) -> Path:
        """The folder on this machine that files are written into."""
        ...

    def names(self, expected: str) -> set[str]:
        """The files in it.

        Raises CdrError when there are files, but none of the expected name.
        """
        ...

    def written(self, name: str) -> AbstractContextManager[Path]:
        """A path to write a file to, which is put in its place at the end."""
        ...

    def remove(self, names: set[str]) -> None:
        """Remove files."""
        ...


@dataclass(frozen=True)
class Folder:
    """A folder on disk, created where it is missing."""

    path: Path

    @property
    def writes_to(self) -> Path:
        """The folder itself."""
        return self.path

    def names(self, expected: str) -> set[str]:
        """The files in it, without what an interrupted export left, which is removed."""
        self.path.mkdir(parents=True, exist_ok=True)
        if any(self.path.iterdir()) and not (self.path / expected).exists():
            raise _no_export(str(self.path), "folder")
        found = set()
        for file in self.path.rglob("*"):
            if _UNFINISHED.match(file.name):
                file.unlink()
            elif file.is_file():
                found.add(file.relative_to(self.path).as_posix())
        return found

    @contextmanager
    def written(self, name: str) -> Iterator[Path]:
        """A path beside the file's own; it is renamed."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"_unfinished_{token_hex(8)}_{path.name}")
        unfinished.touch(mode=0o600, exist_ok=False)
        yield unfinished
        unfinished.replace(path)

    def remove(self, names: set[str]) -> None:
        """Remove files, and folders that become empty."""
        for name in names:
            path = self.path / name
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()


@dataclass(frozen=True)
class Prefix:
    """A prefix in object storage; files are written in a private folder first."""

    uri: str
    bucket: Bucket
    prefix: str
    scratch: Path

    @property
    def writes_to(self) -> Path:
        """The private folder."""
        return self.scratch

    def names(self, expected: str) -> set[str]:
        """The objects below it."""
        self.scratch.mkdir(mode=0o700)
        with translate_errors(self.uri):
            found = set(list_names(self.bucket, self.prefix))
        if found and expected not in found:
            raise _no_export(self.uri, "prefix")
        return found

    @contextmanager
    def written(self, name: str) -> Iterator[Path]:
        """A path in the private folder; it is uploaded."""
        path = self.scratch / Path(name).name
        yield path
        with translate_errors(self.uri):
            write_object(self.bucket, self._key(name), path)
        path.unlink()

    def remove(self, names: set[str]) -> None:
        """Remove objects."""
        if names:
            with translate_errors(self.uri):
                remove_objects(self.bucket, [self._key(name) for name in sorted(names)])

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name


def destination(place: str, workspace: Workspace) -> Destination:
    """The destination of a path or URI. Files for object storage are written in the workspace first."""
    if not is_uri(place):
        return Folder(Path(place).resolve())
    bucket, prefix = bucket_of(place)
    return Prefix(place, bucket, prefix.strip("/"), workspace.folder / "export")


def _no_export(place: str, kind: str) -> CdrError:
    return CdrError(f"{place} is not empty and not an export; name an empty or new {kind}")
