import shutil
from pathlib import Path

import pytest
from harness import Loader
from hypothesis import settings

# The same examples every time, so that a red test is about the change; `make soak` draws new ones.
settings.register_profile("fixed", derandomize=True)


@pytest.fixture
def cdr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loader:
    """A loader on a database of its own, run from an empty inbox."""
    for name in ("CDR_DATABASE", "CDR_NAME_DATE", "CDR_PROJECT_DIR", "CDR_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    monkeypatch.chdir(inbox)
    return Loader(tmp_path / "cdr.duckdb", inbox)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Loader:
    """A database with two days of synthetic deliveries, built by the daily job; tests change copies of it."""
    from loader.synth import synthesise

    folder = tmp_path_factory.mktemp("built")
    loader = Loader(folder / "cdr.duckdb", folder / "inbox")
    synthesise(loader.inbox, days=2, calls_per_day=60, seed=5)
    loader("run", loader.inbox, "-q")
    return loader


@pytest.fixture
def copy(built: Loader, tmp_path: Path) -> Loader:
    """A copy of it that a test may change."""
    shutil.copyfile(built.database, tmp_path / "cdr.duckdb")
    return Loader(tmp_path / "cdr.duckdb", built.inbox)
