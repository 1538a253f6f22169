"""The frame of an OCF agent (Resource Agent API 1.1): parameters, meta-data, actions, exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence

OK = 0
ERR_GENERIC = 1
ERR_ARGS = 2
ERR_UNIMPLEMENTED = 3
ERR_PERM = 4
ERR_INSTALLED = 5
ERR_CONFIGURED = 6
NOT_RUNNING = 7
RUNNING_PROMOTED = 8
FAILED_PROMOTED = 9

SIGKILL, SIGTERM = 9, 15

TRUE_WORDS = ("1", "yes", "true", "on", "y", "t", "ja")
FALSE_WORDS = ("0", "no", "false", "off", "n", "f")
COMMON_ACTIONS = ("meta-data", "validate-all")
LOOKING_ACTIONS = ("monitor", "stop", "demote")
"""They tell or end what is there, whatever else is wrong: a parameter is judged only when they read it."""

AGENT_VERSION = "1.0"
MAX_DIGITS = 9
MAX_RECORD = 8192


class Failure(Exception):  # noqa: N818 - the standard's word for it
    """An action that did not succeed: the exit code, and the reason that a person shall read."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Unfinished(Failure):
    """A monitor's finding: it is there, but not as configured, and a start would bring that about."""

    def __init__(self, reason: str) -> None:
        super().__init__(ERR_GENERIC, reason)


class Parameter:
    """One parameter of an agent; ``kind`` is string, integer, boolean or select (then with ``options``).

    ``check`` says what else is wrong with a value; ``older`` is another name of it that managers' files may hold;
    ``words`` are values that a boolean takes besides yes and no.
    """

    __slots__ = (
        *("check", "default", "group", "kind", "long", "name", "older", "options", "reloadable", "required", "short"),
        "words",
    )

    def __init__(
        self,
        name: str,
        short: str,
        long: str,
        *,
        kind: str = "string",
        default: str | None = None,
        required: bool = False,
        group: str = "",
        reloadable: bool = False,
        options: Sequence[str] = (),
        words: Sequence[str] = (),
        older: str = "",
        check: Callable[[str], str] | None = None,
    ) -> None:
        self.name, self.short, self.long = name, short, long
        self.words, self.older, self.check = words, older, check
        self.kind, self.default, self.required = kind, default, required
        self.group, self.reloadable, self.options = group, reloadable, options

    def fault(self, value: str) -> str:
        """What is wrong with a value; empty when nothing is."""
        if self.kind == "integer" and not (value.isascii() and value.isdecimal()):
            return f"{self.name} is {value!r}, a whole number is needed"
        if self.kind == "integer" and len(value) > MAX_DIGITS:
            return f"{self.name} is {value!r}, which is too much"
        if self.kind == "boolean" and value.lower() not in (*TRUE_WORDS, *FALSE_WORDS, *self.words):
            words = " or ".join((*self.words, "yes", "no"))
            return f"{self.name} is {value!r}, {words} is needed"
        if self.kind == "select" and value not in self.options:
            return f"{self.name} is {value!r}, one of {', '.join(self.options)} is needed"
        if self.required and not value:
            return f"the parameter {self.name} is required"
        return self.check(value) if self.check is not None and value else ""


class Values:
    """The parameters of this call, defaults filled in; every access is by a declared name.

    Reading a value that cannot be used raises :class:`Failure`. So an action looks at what it needs and at nothing
    else: a stop is not kept from its work by a parameter that only a start reads. ``faults`` has all of them.
    """

    def __init__(self, parameters: Sequence[Parameter], environment: Mapping[str, str]) -> None:
        self.environment = environment
        self._given: dict[str, str] = {}
        self._faults: dict[str, str] = {}
        for parameter in parameters:
            value = environment.get("OCF_RESKEY_" + parameter.name, "")
            if not value and parameter.older:
                value = environment.get("OCF_RESKEY_" + parameter.older, "")
            self._given[parameter.name] = value = value or parameter.default or ""
            fault = parameter.fault(value)
            if fault:
                self._faults[parameter.name] = fault

    @property
    def faults(self) -> list[str]:
        """What is wrong, a sentence a parameter."""
        return list(self._faults.values())

    def text(self, name: str) -> str:
        """A string or select; empty when not given."""
        if name in self._faults:
            raise Failure(ERR_CONFIGURED, self._faults[name])
        return self._given[name]

    def number(self, name: str) -> int:
        """An integer."""
        return int(self.text(name))

    def flag(self, name: str) -> bool:
        """A boolean; words of its own count as yes."""
        return self.text(name).lower() not in FALSE_WORDS

    def meta(self, name: str, default: str = "") -> str:
        """A meta attribute that the manager passes, such as ``timeout`` (milliseconds)."""
        return self.environment.get("OCF_RESKEY_CRM_meta_" + name.replace("-", "_"), default)

    @property
    def depth(self) -> int:
        """OCF_CHECK_LEVEL: how thorough a monitor is to be."""
        level = self.environment.get("OCF_CHECK_LEVEL", "0")
        return int(level) if level.isdecimal() else 0

    @property
    def instance(self) -> str:
        """The resource's id as part of a file's name."""
        return file_name(self.environment.get("OCF_RESOURCE_INSTANCE", "default"))

    @property
    def timeout_s(self) -> float:
        """How long this action may take, in seconds; 20 when the manager does not say."""
        text = self.meta("timeout", "20000")
        return int(text) / 1000 if text.isdecimal() and int(text) > 0 else 20.0


class Action:
    """An action with its advised time-out in seconds; the handler gives an exit code or raises :class:`Failure`."""

    __slots__ = ("attributes", "handler", "name", "timeout")

    def __init__(self, name: str, handler: Callable[[Values], int], timeout: int, **attributes: object) -> None:
        self.name, self.handler, self.timeout = name, handler, timeout
        self.attributes = {key.replace("_", "-"): str(value) for key, value in attributes.items()}


class Agent:
    """All that there is to know of one type of resource.

    ``validate`` raises :class:`Failure` for parameters that are good by themselves and do not fit together.
    """

    def __init__(
        self,
        name: str,
        short: str,
        long: str,
        parameters: Sequence[Parameter],
        actions: Sequence[Action],
        *,
        validate: Callable[[Values], None],
    ) -> None:
        self.name, self.short, self.long = name, short, long
        self.parameters, self.actions, self.validate = parameters, actions, validate

    def handler(self, action: str) -> Callable[[Values], int] | None:
        """The handler of an action; ``status`` is the older name of ``monitor``."""
        wanted = "monitor" if action == "status" else action
        return next((a.handler for a in self.actions if a.name == wanted), None)

    def perform(self, action: str, environment: Mapping[str, str]) -> int:
        """Check the parameters and do the action; what only looks or ends judges what it reads (see Values)."""
        values = Values(self.parameters, environment)
        wanted = "monitor" if action == "status" else action
        if wanted not in LOOKING_ACTIONS:
            if values.faults:
                raise Failure(ERR_CONFIGURED, "; ".join(values.faults))
            self.validate(values)
        if action == "validate-all":
            return OK
        handler = self.handler(action)
        if handler is None:
            raise Failure(ERR_UNIMPLEMENTED, f"{self.name} has no action {action}")
        return handler(values)

    def usage(self) -> str:
        """The one-line help."""
        names = dict.fromkeys([*(a.name for a in self.actions), *COMMON_ACTIONS, "usage"])
        return f"usage: {self.name} {{{'|'.join(names)}}}\n"


def state_directory() -> str:
    """Where agents keep what must not survive a boot (HA_RSCTMP); made when it is missing."""
    path = records()
    os.makedirs(path, mode=0o755, exist_ok=True)
    return path


def records() -> str:
    """The same directory for one who only looks."""
    return os.environ.get("HA_RSCTMP") or "/run/resource-agents"


def file_name(text: str) -> str:
    """A text as part of a file's name: everything but letters, digits and ``.-_`` becomes ``_``."""
    return "".join(c if c.isascii() and (c.isalnum() or c in ".-_") else "_" for c in text)


def record_path(kind: str, name: str) -> str:
    """Where an agent notes what it made for ``name``, so that it knows it again; see :func:`state_directory`."""
    return os.path.join(records(), f"hacluster-{kind}-{file_name(name)}.made")


def read_record(path: str) -> str:
    """What was noted; empty when nothing was, or when something else is there (a directory, a FIFO, bytes)."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        text = os.read(file, MAX_RECORD).decode("utf-8", "surrogateescape")
    except OSError:
        return ""
    finally:
        os.close(file)
    return text.rstrip("\n") if text.endswith("\n") else ""


def write_record(path: str, text: str) -> None:
    """Note what was made. Without the note the resource works all the same, so a full disk is only said."""
    try:
        state_directory()
        replace_file(path, text)
    except OSError as error:
        say(f"{path} cannot be written: {error.strerror}")


def remove_record(path: str) -> None:
    """Forget a note; one that cannot be removed is recognised as stale later."""
    try:
        os.unlink(path)
    except OSError:
        return


def absolute(name: str) -> Callable[[str], str]:
    """A check for :class:`Parameter`: the value is a path from the root."""
    return lambda value: "" if value.startswith("/") else f"{name} is {value!r}, an absolute path is needed"


def replace_file(path: str, text: str) -> None:
    """Write a file whole or not at all."""
    new = f"{path}.{os.getpid()}"
    with open(new, "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(new, path)


def read_file(path: str) -> str | None:
    """The text of a file; ``None`` when there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return None


def exists(path: str) -> bool:
    """Whether there is such a file; OSError when that cannot be told."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def say(text: str) -> None:
    """One line for the manager's log."""
    sys.stderr.write(text + "\n")


def reason(text: str) -> None:
    """The reason of a failure, in the form that a manager shows to people: one line."""
    line = "; ".join(part.strip() for part in text.splitlines() if part.strip())
    say(os.environ.get("OCF_EXIT_REASON_PREFIX", "ocf-exit-reason:") + line)


def guarded(action: Callable[[], int]) -> int:
    """Run an action; whatever goes wrong becomes an exit code and one line, never a traceback."""
    try:
        return action()
    except Failure as failure:
        reason(failure.reason)
        return failure.code
    except PermissionError as error:
        reason(f"not permitted: {error}")
        return ERR_PERM
    except (OSError, ValueError) as error:
        reason(str(error))
        return ERR_GENERIC


def program(agent: Agent) -> None:
    """The main program of an OCF agent: ``NAME ACTION``, all else in the environment."""
    if len(sys.argv) != 2:
        sys.stderr.write(agent.usage())
        raise SystemExit(ERR_ARGS)
    action = sys.argv[1]
    if action == "meta-data":
        from hacluster_ra.metadata import meta_data

        sys.stdout.write(meta_data(agent))
        raise SystemExit(OK)
    if action in ("usage", "help"):
        sys.stdout.write(agent.usage())
        raise SystemExit(OK)
    if action != "validate-all" and agent.handler(action) is None:
        sys.stderr.write(agent.usage())
        reason(f"{agent.name} has no action {action}")
        raise SystemExit(ERR_UNIMPLEMENTED)
    os.chdir("/")
    raise SystemExit(guarded(lambda: agent.perform(action, os.environ)))
