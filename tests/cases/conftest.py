"""``--rewrite``: put what the commands say now into the transcripts. Read the difference before you commit it."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite", action="store_true", help="rewrite the transcripts of tests/cases")
