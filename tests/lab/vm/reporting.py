"""A plug-in of pytest for the run inside a machine: each report becomes a line of JSON on a serial line."""

import json
import os

import pytest

from tests.lab.vm.guest import port

LINE = "reports"
_config: list[pytest.Config] = []
_file: list[int] = []


def pytest_configure(config: pytest.Config) -> None:
    _config.append(config)
    _file.append(os.open(port(LINE), os.O_WRONLY))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    config = _config[0]
    data = config.hook.pytest_report_to_serializable(config=config, report=report)
    line = json.dumps(data).encode() + b"\n"
    while line:
        line = line[os.write(_file[0], line) :]
