"""Where the daemon of this host has its sockets and its state, for commands that were not told.

Reading hacluster.cf as the daemon does would cost a command more than everything else that it does, so the one line is
looked for by hand; a test holds that against the parser.
"""

from __future__ import annotations

import os
from typing import Final

from hacluster.client.greeting import DEFAULT_RUN_DIR

VARIABLE: Final = "HACLUSTER_RUN_DIR"
CONFIG_FILE: Final = "/etc/ha.d/hacluster.cf"
DEFAULT_STATE_DIR: Final = "/var/lib/heartbeat"
_LONGEST: Final = 1_048_576


def directory_in(text: str, directive: str) -> str | None:
    """What ``run_dir`` or ``state_dir`` of a hacluster.cf without faults names; ``None`` when it names none."""
    found: str | None = None
    for line in text.split("\n"):
        word, *values = line.partition("#")[0].replace(",", " ").split() or [""]
        if word == directive and values and values[-1].startswith("/"):
            found = values[-1]
    return found


def run_dir_in(text: str) -> str | None:
    """The directory that ``run_dir`` names."""
    return directory_in(text, "run_dir")


def run_dir(given: str = "", config_file: str = CONFIG_FILE) -> str:
    """``given``; else HACLUSTER_RUN_DIR of the environment, ``run_dir`` of hacluster.cf, the default."""
    return given or os.environ.get(VARIABLE) or directory_in(_text(config_file), "run_dir") or DEFAULT_RUN_DIR


def state_dir(config_file: str = CONFIG_FILE) -> str:
    """``state_dir`` of hacluster.cf, or the default."""
    return directory_in(_text(config_file), "state_dir") or DEFAULT_STATE_DIR


def _text(config_file: str) -> str:
    try:
        with open(config_file, encoding="utf-8", errors="surrogateescape") as file:
            return file.read(_LONGEST)
    except OSError:
        return ""
