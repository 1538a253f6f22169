"""Other configurations that run along with ours (``execute``): each is a daemon of its own, told by its command."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Sequence
from typing import Final

from hacluster.base.report import Severity
from hacluster.ldirectord.logs import Log

LIMIT_S: Final = 60.0


class Children:
    """Runs ``ldirectord CONFIGURATION COMMAND``; ``program`` is how this command was called."""

    def __init__(self, program: Sequence[str], log: Log) -> None:
        self._program = tuple(program)
        self._log = log

    def run(self, command: str, configurations: Sequence[str]) -> None:
        """Tell each; nothing waits for them."""
        for configuration in configurations:
            threading.Thread(target=self.tell, args=(configuration, command), daemon=True).start()

    def follow(self, before: Sequence[str], after: Sequence[str]) -> None:
        """After a reload: those that are gone stop, those that stay reload or start, the new ones start."""
        self.run("stop", [one for one in before if one not in after])
        for configuration in after:
            known = configuration in before
            work = self._reload_or_start if known else self.tell
            arguments = (configuration,) if known else (configuration, "start")
            threading.Thread(target=work, args=arguments, daemon=True).start()

    def _reload_or_start(self, configuration: str) -> None:
        if self.tell(configuration, "reload") != 0:
            self.tell(configuration, "start")

    def tell(self, configuration: str, command: str) -> int:
        """The exit status of one command; 127 when it could not be run."""
        words = [*self._program, configuration, command]
        status = 127
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            status = subprocess.run(words, timeout=LIMIT_S, stdin=subprocess.DEVNULL, check=False).returncode
        if status != 0:
            self._log.write(Severity.WARNING, f"ldirectord {configuration} {command} ended with {status}")
        return status
