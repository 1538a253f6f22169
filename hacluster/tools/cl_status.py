"""``cl_status``: what the cluster looks like from this node. Texts and exit statuses are those of Heartbeat 3.0.6.

cl_status(1), and what the original prints in reality, found out by running both (tests/interop/test_tools.py): an
option that a sub-command does not know is an error, but not to ``hbstatus``; words that are too many are not looked at;
nobody is told of wrong words before it is clear that the cluster software runs. Long options are ours.
"""

from __future__ import annotations

import getopt
import signal
import string
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from hacluster.base.errors import HaError
from hacluster.client.errors import NotPermittedError, NotRunningError, RefusedError, TimedOutError
from hacluster.client.greeting import greet
from hacluster.tools.statuswords import (
    FAILURE,
    NO_CONNECTION,
    OK,
    PARAMETER_ERROR,
    RUNNING,
    STOPPED,
    TIMEOUT,
    UNKNOWN_ERROR,
    FailedError,
    error_lines,
    plain,
)
from hacluster.tools.words import FORMATS, Words, complain, end, rendered

if TYPE_CHECKING:
    from hacluster.tools.statusanswers import Answer

ALARM_S: Final = 5
"""The original never runs longer."""

HELP: Final = """\
Usage: cl_status <sub-command> [<options>] [<parameters>]

Sub-commands:
  hbstatus [-v]                         whether the cluster software runs on this node; -v: and all about it
  listnodes [-n|-p] [-v]                the nodes: all, normal ones, ping nodes; -v: with state and links
  nodestatus <node>                     init, up, active, dead or ping
  nodetype <node>                       normal or ping
  nodeweight <node>                     weight for quorum
  nodesite <node>                       site for quorum
  listhblinks [-v] <node>               the links to a node; -v: with their state
  hblinkstatus <node> <link>            up or dead
  clientstatus <node> <client> [<ms>]   online, offline, join or leave
  rscstatus [-v]                        what this node holds: none, local, foreign, all, transition; -v: each group
                                        here, and what is not as it should be; exit 1 if something held does not run
  hbparameter -p <name>                 a value of ha.cf

Options: -m for people instead of scripts, --output-as text|json|xml, --run-dir <dir>
Exit status: 0 fine, 1 failure, 11 wrong parameter, 12 no answer in time, 13 unknown error"""

NOT_ENOUGH: Final = "Not enough parameters."
NO_ENOUGH: Final = "No enough parameter."


@dataclass(frozen=True, slots=True)
class SubCommand:
    """The letters of a sub-command's options, how many words it needs, and what it says without them."""

    options: str = "m"
    words: int = 0
    missing: str = NO_ENOUGH


SUB_COMMANDS: Final[Mapping[str, SubCommand]] = MappingProxyType(
    {
        "hbstatus": SubCommand("mv"),
        "listnodes": SubCommand("mnpv"),
        "nodestatus": SubCommand(words=1, missing=NOT_ENOUGH),
        "nodetype": SubCommand(words=1),
        "nodeweight": SubCommand(words=1, missing=NOT_ENOUGH),
        "nodesite": SubCommand(words=1, missing=NOT_ENOUGH),
        "listhblinks": SubCommand("mv", words=1),
        "hblinkstatus": SubCommand(words=2),
        "clientstatus": SubCommand(words=2),
        "rscstatus": SubCommand("mv"),
        "hbparameter": SubCommand("mp:"),
        "parameter": SubCommand("mp:"),
    }
)

_LONG: Final = ("help", "output-as=", "run-dir=")
_LETTERS: Final = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class _Line:
    """A command line; ``faults`` are its wrong options in words, told when it is clear that the software runs."""

    name: str
    words: Words
    faults: tuple[str, ...]

    @property
    def only_whether_it_runs(self) -> bool:
        """Whether this is what scripts ask all the time: ``hbstatus`` and no more."""
        return self.name == "hbstatus" and "-v" not in self.words.flags and self.words.output_as == "text"


def _read(argv: Sequence[str]) -> _Line:
    """Take a command line apart. :class:`FailedError` when it has no sub-command that is known."""
    try:
        before, rest = getopt.getopt(list(argv), "h", list(_LONG))
    except getopt.GetoptError as error:
        wrong = f"-{error.opt}" if len(error.opt) == 1 else f"--{error.opt}"
        raise FailedError(PARAMETER_ERROR, error_lines(f"{wrong}: invalid sub-command.")) from None
    if not rest or any(option in {"-h", "--help"} for option, _ in before):
        return _Line("", Words((), frozenset()), ())
    name, *after = rest
    command = SUB_COMMANDS.get(name)
    if command is None:
        raise FailedError(PARAMETER_ERROR, error_lines(f"{name}: invalid sub-command."))
    letters = _LETTERS.replace("p", "p:") if "p:" in command.options else _LETTERS
    faults: list[str] = []
    try:
        found, plain = getopt.gnu_getopt(after, letters, list(_LONG))
    except getopt.GetoptError as error:
        how = "option requires an argument" if error.opt == "p" else "invalid option"
        found, plain = [], []
        faults.append(f"{name}: {how} -- '{error.opt or '-'}'")
    if any(option in {"-h", "--help"} for option, _ in found):
        return _Line("", Words((), frozenset()), ())
    known = {f"-{letter}" for letter in command.options}
    shorts = [option for option, _ in found if not option.startswith("--")]
    faults += [f"{name}: invalid option -- '{option[1:]}'" for option in shorts if option not in known]
    values = {option: value for option, value in (*before, *found) if value}
    if values.get("--output-as", "text") not in FORMATS:
        raise FailedError(PARAMETER_ERROR, f"cl_status: --output-as is one of {', '.join(FORMATS)}")
    return _Line(name, Words(tuple(plain), frozenset(shorts), values), tuple(faults))


def main(argv: Sequence[str]) -> int:
    """Run ``cl_status`` with these arguments; the answer is its exit status."""
    try:
        line = _read(argv)
    except FailedError as error:
        complain(str(error))
        return error.code
    if not line.name:
        print(HELP)
        return OK
    try:
        if line.only_whether_it_runs:
            greet(line.words.run_dir, "cl_status", ALARM_S)
            for fault in line.faults:
                complain(fault)
            print(RUNNING)
            return OK
        answer = _answer(line)
    except HaError as error:
        return _failed(line, error)
    words = line.words
    text = answer.human if "-m" in words.flags else answer.text
    shown = rendered(words.output_as, f"cl_status {line.name}", text, {**answer.data, "exit": answer.code})
    if shown or line.name == "nodesite":
        print(shown)
    return answer.code


def _answer(line: _Line) -> Answer:
    # Only who asks for more than whether it runs pays for the messages and their codec.
    from hacluster.client.cluster import Cluster  # noqa: PLC0415
    from hacluster.tools.statusanswers import ANSWERS  # noqa: PLC0415

    command = SUB_COMMANDS[line.name]
    with Cluster(line.words.run_dir, name="cl_status", timeout_s=ALARM_S) as cluster:
        cluster.version()
        for fault in line.faults:
            complain(fault)
        if line.faults and line.name != "hbstatus":
            raise FailedError(PARAMETER_ERROR, "")
        if len(line.words.plain) < command.words:
            raise FailedError(PARAMETER_ERROR, command.missing)
        return ANSWERS[line.name](cluster, line.words)


def _failed(line: _Line, error: HaError) -> int:
    if isinstance(error, NotRunningError) and line.name == "hbstatus":
        for fault in line.faults:
            complain(fault)
        text = f"{STOPPED}\n({NO_CONNECTION})" if "-v" in line.words.flags else STOPPED
        print(rendered(line.words.output_as, "cl_status hbstatus", text, {"running": False, "exit": FAILURE}))
        return FAILURE
    code, text, reason = _told(error)
    if line.words.output_as != "text":
        print(rendered(line.words.output_as, f"cl_status {line.name}", "", {"reason": reason, "exit": code}))
    elif text:
        complain(text)
    return code


def _told(error: HaError) -> tuple[int, str, str]:
    """The exit status of a failure, what is said of it in words, and the reason without ornament."""
    reason = str(error)
    match error:
        case NotRunningError():
            return FAILURE, error_lines("Cannot signon with heartbeat", f"REASON: {NO_CONNECTION}"), reason
        case NotPermittedError():
            return FAILURE, error_lines("Cannot signon with heartbeat", f"REASON: {reason}"), reason
        case FailedError(code=code):
            return code, reason, plain(reason)
        case TimedOutError():
            return TIMEOUT, f"cl_status: {reason}", reason
        case RefusedError():
            return FAILURE, f"cl_status: {reason}", reason
    return UNKNOWN_ERROR, f"cl_status: {reason}", reason


def script() -> None:
    """The entry point of the command."""

    def out_of_time(*_: object) -> None:
        complain("cl_status: no answer from the cluster software")
        sys.exit(TIMEOUT)

    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(ALARM_S)
    end(lambda: main(sys.argv[1:]))
