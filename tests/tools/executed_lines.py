"""A plugin of pytest: coverage of the loader, with each test as a context."""

import os

import pytest
from coverage import Coverage


class ExecutedLines:
    """Measure in this process; each test begins a context."""

    def __init__(self, file: str) -> None:
        self.coverage = Coverage(file, data_suffix=True, source=["loader"], messages=False)

    def pytest_sessionstart(self) -> None:
        self.coverage.start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.coverage.switch_context(nodeid)

    def pytest_runtest_logfinish(self) -> None:
        self.coverage.switch_context("")

    def pytest_sessionfinish(self) -> None:
        self.coverage.stop()
        self.coverage.save()


def pytest_configure(config: pytest.Config) -> None:
    """Measure where tests run: in each process of xdist, not in the one that deals tests out."""
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        config.pluginmanager.register(ExecutedLines(os.environ["CDR_TESTS_EXECUTED_LINES"]))
