import fcntl
import gc
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

import pytest
from dbt_internals import SHARED_PARSES
from harness import Loader, Once
from hypothesis import settings

# The same examples every time, so that a red test is about the change; `make soak` draws new ones.
settings.register_profile("fixed", derandomize=True)
# No test reads dbt's log, and writing it takes a tenth of a build.
os.environ.setdefault("DBT_LOG_LEVEL_FILE", "none")
# Writing manifest.json and run_results.json takes two seconds of a build; tests that read them ask for them.
os.environ.setdefault("DBT_WRITE_JSON", "false")
# Searching dbt's parsed project for garbage takes another tenth.
gc.set_threshold(100_000, 50, 1000)


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of shared parses; processes of xdist inherit it."""
    if SHARED_PARSES not in os.environ:
        os.environ[SHARED_PARSES] = mkdtemp(prefix="cdr-tests-")
        config.add_cleanup(lambda: shutil.rmtree(os.environ.pop(SHARED_PARSES), ignore_errors=True))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest test first: it has all unit tests of the project and takes a minute."""
    items.sort(key=lambda item: not item.name.endswith("every_variable_at_another_value"))


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
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Fill a folder that all test processes share: the first fills it, the others wait."""
    root = tmp_path_factory.getbasetemp()
    if "CDR_TESTS_ONCE" in os.environ:
        # `make mutants` fills it for many runs.
        root = Path(os.environ["CDR_TESTS_ONCE"])
    elif "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent

    def filled(name: str, fill: Callable[[Path], object]) -> Path:
        folder = root / f"once_{name}"
        done = folder / "done"
        with (root / f"once_{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                done.touch()
        return folder

    return filled


@pytest.fixture(scope="session")
def built(once: Once) -> Loader:
    """A database with two days of synthetic deliveries, built by the daily job without data tests, which
    test_end_to_end.py runs; tests change copies of it.
    """
    from loader.builds.fingerprint import remember
    from loader.paths import project_root
    from loader.synth import synthesise

    def fill(folder: Path) -> None:
        synthesise(folder / "inbox", days=2, calls_per_day=60, seed=5)
        loader = Loader(folder / "cdr.duckdb", folder / "inbox")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DBT_RESOURCE_TYPES", "model seed")
            loader("run", loader.inbox, "-q")
        # The variable is among what the build remembers; without it the tables are the same.
        remember(loader.database, project_root())

    folder = once("built", fill)
    return Loader(folder / "cdr.duckdb", folder / "inbox")


@pytest.fixture
def copy(built: Loader, tmp_path: Path) -> Loader:
    """A copy of it that a test may change."""
    shutil.copyfile(built.database, tmp_path / "cdr.duckdb")
    return Loader(tmp_path / "cdr.duckdb", built.inbox)
