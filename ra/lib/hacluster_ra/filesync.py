"""filesync: files of a directory kept alike on other hosts, by rsync as soon as inotify tells of a change.

The whole tree is compared at the start and each full_interval; in between, the directories in which something changed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from hacluster_ra import background, ocf
from hacluster_ra.ocf import Action, Agent, Failure, Parameter, Values

LAG_WORTH_SAYING_S = 10.0


def pid_file(values: Values) -> str:
    """Where the process number is; beside it, ending in ``.status``, the state of every target."""
    return os.path.join(ocf.state_directory(), f"hacluster-filesync-{values.instance}.pid")


def _status_file(values: Values) -> str:
    return pid_file(values).removesuffix(".pid") + ".status"


def _check_source(value: str) -> str:
    if not value.startswith("/") or os.path.normpath(value) in {"/", "//"}:
        return f"source is {value!r}, an absolute path of a directory below / is needed"
    return ""


def _check_targets(value: str) -> str:
    bad = [word for word in value.split() if not (word.startswith("/") or ":" in word) or word.startswith("-")]
    if bad:
        return f"targets has {bad[0]!r}, which is neither HOST::MODULE, nor USER@HOST:PATH, nor an absolute path"
    words = [word.rstrip("/") for word in value.split()]
    return f"targets is {value!r}, one of them is there twice" if len(set(words)) < len(words) else ""


def validate(values: Values) -> None:
    """A target inside the source would be copied into itself."""
    source = os.path.normpath(values.text("source")) + "/"
    for target in values.text("targets").split():
        if target.startswith("/") and (os.path.normpath(target) + "/").startswith(source):
            raise Failure(ocf.ERR_CONFIGURED, f"targets has {target}, which is inside the source")


def command(values: Values, target: str) -> list[str]:
    """The words of rsync but for what is to be sent. Its options -a, without -r, are written out."""
    words = [values.text("rsync"), "--links", "--perms", "--times", "--group", "--owner", "--devices", "--specials"]
    # Two changes within a second that leave the size are two: times are compared to the nanosecond.
    words += ["--timeout=60", "--modify-window=-1"]
    if values.flag("delete"):
        words.append("--delete")
    words += [f"--exclude={pattern}" for pattern in values.text("exclude").split()]
    if values.text("password_file"):
        words.append(f"--password-file={values.text('password_file')}")
    # With a daemon's target rsync would take it for a daemon that is to be reached through the shell.
    if values.text("rsh") and "::" not in target and not target.startswith(("/", "rsync://")):
        words += ["-e", values.text("rsh")]
    words += values.text("options").split()
    return [*words, "--", values.text("source").rstrip("/") + "/", target.rstrip("/") + "/"]


def start(values: Values) -> int:
    """Returns when the tree is watched; the first copy goes on meanwhile."""
    path = pid_file(values)
    if background.is_alive(path):
        return ocf.OK
    source, program = values.text("source"), values.text("rsync")
    if not os.path.isdir(source):
        raise Failure(ocf.ERR_INSTALLED, f"there is no directory {source}")
    folders = os.environ.get("PATH", os.defpath).split(":")
    if not any(os.access(os.path.join(folder, program), os.X_OK) for folder in folders):
        raise Failure(ocf.ERR_INSTALLED, f"the program {program} is missing (Debian: apt install rsync)")
    background.begin(path, lambda: _prepare(values), "filesync")
    return ocf.OK


def _prepare(values: Values) -> Callable[[], None]:
    from hacluster_ra.filesync_plan import Target
    from hacluster_ra.filesyncer import Syncer

    quiet_s = values.number("delay") / 1000
    retry_s = values.number("retry_interval")
    names = values.text("targets").split()
    targets = [Target(name, quiet_s, retry_s, max(retry_s, 60.0)) for name in names]
    argv = {name: command(values, name) for name in names}
    full_s = float(values.number("full_interval")) or float("inf")
    syncer = Syncer(values.text("source"), targets, argv, _status_file(values), full_s=full_s)
    flush_s = values.number("flush_timeout")
    return lambda: syncer.work(flush_s)


def stop(values: Values) -> int:
    """What waits is sent first; returns when the process is gone."""
    code = background.end(pid_file(values), values, "filesync", kill_after_s=values.timeout_s)
    path = _status_file(values)
    if ocf.exists(path):
        os.unlink(path)
    return code


def monitor(values: Values) -> int:
    """It runs, its source is what it was, and no target lacks something for longer than max_lag."""
    if not background.is_alive(pid_file(values)):
        return ocf.NOT_RUNNING
    text = ocf.read_file(_status_file(values))
    if text is None:
        return ocf.OK  # it has just begun
    import json

    state = json.loads(text)
    if state["fault"]:
        raise Failure(ocf.ERR_GENERIC, f"{state['fault']}: nothing is sent, it could be empty by mistake")
    if state["watch"]:
        ocf.say(f"filesync: {state['watch']}; until then all is compared once a minute")
    limit = values.number("max_lag")
    late: list[str] = []
    for one in state["targets"]:
        lag = 0.0 if one["since"] is None else time.monotonic() - one["since"]
        words = f"{one['target']} is {lag:.0f} s behind" + (f": {one['error']}" if one["error"] else "")
        if limit and lag > limit:
            late.append(words)
        elif lag > LAG_WORTH_SAYING_S:
            ocf.say(f"filesync: {words}")
    if late:
        raise Failure(ocf.ERR_GENERIC, "; ".join(late))
    return ocf.OK


AGENT = Agent(
    "filesync",
    "Files of a directory kept alike on other hosts",
    "Copies a directory to one or several targets by rsync, first as a whole, then whatever changes as soon as inotify "
    "tells of it. Changes that come together are gathered; what is deleted is deleted there; a target that cannot be "
    "reached gets everything later, and holds no other up. The copies are behind by a moment always: this is for the "
    "content of web servers, not for data that must not be lost.",
    (
        Parameter(
            "source",
            "Directory to copy",
            "An absolute path. If it is a mount, put the resource after it: when the directory becomes another one, "
            "nothing is sent any more, and the monitor fails.",
            required=True,
            group="source",
            check=_check_source,
        ),
        Parameter(
            "targets",
            "Where to",
            "Targets of rsync with spaces between: HOST::MODULE[/PATH] of an rsync daemon, USER@HOST:PATH over ssh, or "
            "an absolute path.",
            required=True,
            check=_check_targets,
        ),
        Parameter(
            "delete",
            "Delete there what was deleted here",
            "Whether a target loses what the source does not have. Without it copies only grow.",
            kind="boolean",
            default="true",
        ),
        Parameter("exclude", "What is left out", "Patterns of rsync's --exclude with spaces between, such as *.swp."),
        Parameter(
            "delay",
            "Quiet time in milliseconds",
            "A change is sent when for so long no other has come, after ten times that in any case.",
            kind="integer",
            default="500",
        ),
        Parameter(
            "retry_interval",
            "First wait after a failure in seconds",
            "It doubles with each failure that follows, up to a minute.",
            kind="integer",
            default="2",
        ),
        Parameter(
            "full_interval",
            "Seconds between comparisons of everything",
            "Mends what was changed on a target. 0: only at the start.",
            kind="integer",
            default="3600",
        ),
        Parameter(
            "max_lag",
            "Longest lag in seconds",
            "The monitor fails when a target has lacked something for longer. 0: it only says so.",
            kind="integer",
            default="0",
        ),
        Parameter(
            "flush_timeout",
            "Longest time for what waits at the stop, in seconds",
            "A stop sends what has not been sent yet, for so long. Keep it well below the stop's time limit.",
            kind="integer",
            default="10",
        ),
        Parameter(
            "password_file",
            "Password for rsync daemons",
            "A file of mode 600 with one line.",
            check=ocf.absolute("password_file"),
        ),
        Parameter(
            "rsh",
            "Remote shell",
            "How USER@HOST:PATH is reached. It must never ask: ssh -o BatchMode=yes.",
            default="ssh -o BatchMode=yes -o ConnectTimeout=10",
        ),
        Parameter("options", "More options of rsync", "With spaces between, such as --bwlimit=10m --hard-links."),
        Parameter("rsync", "The program", "Name or path of rsync.", default="rsync"),
    ),
    (
        Action("start", start, 20),
        Action("stop", stop, 40),
        Action("monitor", monitor, 20, depth=0, interval="20s"),
    ),
    validate=validate,
)

USAGE = "DIRECTORY TARGET..."


def from_haresources(arguments: Sequence[str]) -> tuple[dict[str, str], str]:
    """``filesync::DIRECTORY::TARGET…``; haresources splits HOST::MODULE, which is put together again.

    A word that is neither an absolute path nor has a ``:`` or ``/`` is the host of the module that follows it.
    """
    found, wrong = {}, "" if len(arguments) > 1 else "a directory and a target are needed"
    if arguments and arguments[0]:
        found["source"] = arguments[0]
    targets: list[str] = []
    rest = list(arguments[1:])
    while rest:
        word = rest.pop(0)
        if not word.startswith("/") and ":" not in word and rest:
            word = f"{word}::{rest.pop(0)}"
        targets.append(word)
    if targets:
        found["targets"] = " ".join(targets)
    return found, wrong
