"""A database as this version builds it from the example deliveries, for later versions to open:
tests/loader/databases/VERSION.duckdb.zst. `make release-database` runs it, once for each release.
"""

import tempfile
import tomllib
from pathlib import Path

import duckdb
import zstandard
from harness import REPOSITORY, Loader

DATABASES = REPOSITORY / "tests/loader/databases"


def main() -> None:
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    with tempfile.TemporaryDirectory() as folder:
        # The views inside name the database, so every copy has to be called so.
        loader = Loader(Path(folder) / "cdr.duckdb", REPOSITORY / "tests/loader/fixtures")
        loader("run", loader.inbox, "-q")
        neutral(loader.database)
        loader("compact", "-q")
        packed = zstandard.ZstdCompressor(level=19).compress(loader.database.read_bytes())
    target = DATABASES / f"{version}.duckdb.zst"
    target.write_bytes(packed)
    print(f"{target}: {len(packed) / 1024:,.0f} KiB")


def neutral(database: Path) -> None:
    """Replace the name of the deliveries' folder."""
    with duckdb.connect(database) as connection:
        connection.execute("update raw_sinch.files set path = '/srv/inbox/' || file_name")
        connection.execute("update raw_sinch.looks set path = '/srv/inbox/' || parse_filename(path)")


if __name__ == "__main__":
    main()
