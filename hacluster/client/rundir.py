"""Where the daemon of this host has its sockets, for commands that were not told.

Reading hacluster.cf as the daemon does would cost a command more than everything else that it does, so the one line is
looked for by hand; a test holds that against the parser.
"""

from __future__ import annotations

import os
from typing import Final

from hacluster.client.greeting import DEFAULT_RUN_DIR

VARIABLE: Final = "HACLUSTER_RUN_DIR"
CONFIG_FILE: Final = "/etc/ha.d/hacluster.cf"
_LONGEST: Final = 1_048_576


def run_dir_in(text: str) -> str | None:
    """The directory that ``run_dir`` of a hacluster.cf without faults names; ``None`` when it names none."""
    found: str | None = None
    for line in text.split("\n"):
        directive, *values = line.partition("#")[0].replace(",", " ").split() or [""]
        if directive == "run_dir" and values and values[-1].startswith("/"):
            found = values[-1]
    return found


def run_dir(given: str = "", config_file: str = CONFIG_FILE) -> str:
    """``given``; else HACLUSTER_RUN_DIR of the environment, ``run_dir`` of hacluster.cf, the default."""
    known = given or os.environ.get(VARIABLE)
    if known:
        return known
    try:
        with open(config_file, encoding="utf-8", errors="surrogateescape") as file:
            return run_dir_in(file.read(_LONGEST)) or DEFAULT_RUN_DIR
    except OSError:
        return DEFAULT_RUN_DIR
