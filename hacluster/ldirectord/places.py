"""Where a running ldirectord keeps its pid file and its status socket."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

RUN_FOLDER: Final = "/var/run"
RUN_VARIABLE: Final = "LDIRECTORD_RUN"
"""An environment variable that names another folder; the commands of one daemon must agree on it."""


def run_file(name: str, suffix: str) -> Path:
    """``/var/run/ldirectord.NAME.SUFFIX``; NAME is the configuration's file name, or ``ldirectord`` for the default."""
    return _folder() / f"ldirectord.{name}.{suffix}"


def run_files(suffix: str) -> list[Path]:
    """The files of all daemons."""
    return sorted(_folder().glob(f"ldirectord.*.{suffix}"))


def _folder() -> Path:
    return Path(os.environ.get(RUN_VARIABLE) or RUN_FOLDER)
