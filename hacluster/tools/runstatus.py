"""``hacluster check --run-status``: ask the scripts of haresources for their status, and say what that will mean.

A status does no harm, so scripts are tried as the hands would call them; nothing is started or stopped.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hacluster.base.report import Place, Report, Severity
from hacluster.client.hostfacts import node_name, own_agents
from hacluster.config.directory import Checked
from hacluster.config.resources import AgentClass, Group, ResourceWord
from hacluster.config.settings import HaclusterConfig
from hacluster.lrm.paths import heartbeat_candidates
from hacluster.lrm.status import EXIT_MEANINGS, Rule, read_status
from hacluster.lrm.surroundings import Surroundings
from hacluster.msg import lrm

MAX_OUTPUT: Final = 65_536
_WORDS: Final = {lrm.OcfCode.OK: "runs here", lrm.OcfCode.NOT_RUNNING: "does not run here"}
HINT: Final = "mend its status: 0 and a text with running, or 3 and not running"


def try_scripts(checked: Checked, directory: Path) -> tuple[Report, ...]:
    """A report for each script that haresources names: a notice, or a warning when its status cannot be relied on."""
    if checked.resources is None or checked.hacluster is None:
        return ()
    own = next((str(path) for path in own_agents()), "")
    host = Surroundings(node_name(directory), config_dir=str(directory.resolve()), own_agents=own)
    file = str(directory / "haresources")
    return tuple(
        _try(word, Place(file, group.line), checked.hacluster, host)
        for group, word in _scripts(checked.resources.groups)
    )


def _scripts(groups: tuple[Group, ...]) -> Iterator[tuple[Group, ResourceWord]]:
    seen: set[str] = set()
    for group in groups:
        for word in group.resources:
            if word.agent is AgentClass.HEARTBEAT and word.text not in seen:
                seen.add(word.text)
                yield group, word


def _try(word: ResourceWord, place: Place, config: HaclusterConfig, host: Surroundings) -> Report:
    spec = lrm.ResourceSpec(word.text, lrm.AgentClass.HEARTBEAT, "", word.name, word.arguments)
    program = next((path for path in heartbeat_candidates(spec, host) if os.access(path, os.X_OK)), None)
    if program is None:
        text = f"{word.text}: there is no script {word.name} on this host"
        return Report("status-not-tried", Severity.WARNING, text, place, "starting it here would fail")
    timeout_ms = config.timeout_ms(word.name, "status")
    try:
        code, said = _run([program, *word.arguments, "status"], host.environment(word.text), timeout_ms)
    except OSError as error:
        text = f"{word.text}: {program} could not be run: {error.strerror}"
        return Report("status-not-tried", Severity.WARNING, text, place, "is its first line an interpreter's?")
    if code is None:
        text = f"{word.text}: status did not finish in {timeout_ms / 1000:g} s"
        return Report("status-timed-out", Severity.WARNING, text, place, "see status_timeout of hacluster.cf")
    reading = read_status(said, code, Rule.EXIT if config.status_by_exit else Rule.TEXT)
    if reading.note or reading.reason:
        return Report(
            "status-contradicts", Severity.WARNING, f"{word.text}: {reading.note or reading.reason}", place, HINT
        )
    text = f"{word.text} {_WORDS[reading.rc]}: {program} exits with {code} ({EXIT_MEANINGS.get(code, 'no LSB status')})"
    return Report("status-tried", Severity.NOTICE, text, place)


def _run(argv: list[str], environment: dict[str, str], timeout_ms: int) -> tuple[int | None, str]:
    """Exit status (``None``: it did not end in time, and was killed with its children) and standard output."""
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(
            argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )
        code: int | None
        try:
            code = child.wait(timeout_ms / 1000)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            code = None
        output.seek(0)
        return code, output.read(MAX_OUTPUT).decode("utf-8", "replace")
