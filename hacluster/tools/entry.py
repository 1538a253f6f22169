"""The program ``hacluster``. The daemon, which is at work for years, begins without what only commands need.

A ``run`` whose words are all known begins at once; everything else (help, faults, the other commands) is click's.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_DIRECTORIES: Final = {
    "-C": "config_dir",
    "--config-dir": "config_dir",
    "--state-dir": "state_dir",
    "--run-dir": "run_dir",
}
_FLAGS: Final = {"--one-process": "one_process", "--log-stderr": "log_stderr"}


@dataclass(frozen=True, slots=True)
class Plain:
    """The options of ``hacluster run``."""

    config_dir: str = "/etc/ha.d"
    state_dir: str = ""
    run_dir: str = ""
    one_process: bool = False
    log_stderr: bool = False


def plain(words: Sequence[str]) -> Plain | None:
    """What the words after ``run`` say; ``None`` when that is not for certain."""
    given: dict[str, str | bool] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, sign, value = word.partition("=")
        if word in _FLAGS:
            given[_FLAGS[word]] = True
        elif name.startswith("--") and name in _DIRECTORIES and sign:
            given[_DIRECTORIES[name]] = value
        elif word in _DIRECTORIES and rest and not rest[0].startswith("-"):
            given[_DIRECTORIES[word]] = rest.pop(0)
        else:
            return None
    return Plain(**given)  # type: ignore[arg-type]


def start(options: Plain) -> int:
    """Be the daemon; its exit status."""
    # asyncio does without, and so do we: a library less in each process.
    sys.modules.setdefault("ssl", None)  # type: ignore[arg-type]
    from hacluster.daemon.begin import begin  # noqa: PLC0415 - what does not begin does without
    from hacluster.daemon.launch import Places  # noqa: PLC0415

    places = Places(options.config_dir, options.state_dir, options.run_dir)
    return begin(places, one_process=options.one_process, log_stderr=options.log_stderr)


def script() -> None:
    """The console script."""
    options = plain(sys.argv[2:]) if sys.argv[1:2] == ["run"] else None
    if options is not None:
        sys.exit(start(options))
    from hacluster.tools.main import main  # noqa: PLC0415 - the daemon does without

    main()
