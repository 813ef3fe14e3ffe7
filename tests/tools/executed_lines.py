"""A plugin of pytest: the lines of the loader that each test executes, by coverage with tests as contexts,
its seconds, whether it starts processes, whose lines are not seen, and whether it uses the database `built`.
"""

import json
import os
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from coverage import Coverage


class ExecutedLines:
    """Measure in this process; each test begins a context."""

    def __init__(self, file: str) -> None:
        self.coverage = Coverage(file, data_suffix=True, source=["loader"], messages=False)
        self.file = Path(file).with_name(f"tests.{os.getpid()}.json")
        self.test = ""
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.starting: set[str] = set()
        self.built: list[str] = []
        sys.addaudithook(self.note_process)

    def note_process(self, event: str, _: object) -> None:
        if event == "subprocess.Popen":
            self.starting.add(self.test)

    def pytest_sessionstart(self) -> None:
        self.coverage.start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.test = nodeid
        self.coverage.switch_context(nodeid)

    def pytest_runtest_setup(self, item: pytest.Function) -> None:
        if "built" in item.fixturenames:
            self.built.append(item.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration

    def pytest_runtest_logfinish(self) -> None:
        self.test = ""
        self.coverage.switch_context("")

    def pytest_sessionfinish(self) -> None:
        self.coverage.stop()
        self.coverage.save()
        found = {"seconds": self.seconds, "starting": sorted(self.starting - {""}), "built": self.built}
        self.file.write_text(json.dumps(found))


def pytest_configure(config: pytest.Config) -> None:
    """Measure where tests run: in each process of xdist, not in the one that deals tests out."""
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        config.pluginmanager.register(ExecutedLines(os.environ["CDR_TESTS_EXECUTED_LINES"]))
