from pathlib import Path

import pytest
from harness import Loader


@pytest.fixture
def cdr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loader:
    """A loader on a database of its own, run from an empty inbox."""
    for name in ("CDR_DATABASE", "CDR_NAME_DATE", "CDR_PROJECT_DIR", "CDR_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    monkeypatch.chdir(inbox)
    return Loader(tmp_path / "cdr.duckdb", inbox)
