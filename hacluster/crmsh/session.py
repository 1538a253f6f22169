"""One run of the shell: whose CIB it is about, what was said on the command line, and the copy that is worked on."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import sys
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hacluster.base.results import Fault
from hacluster.cib.markup import read_markup
from hacluster.client.agents import providers_of
from hacluster.client.cibsource import open_source
from hacluster.crmsh.level import Level, Refused
from hacluster.crmsh.preferences import Preferences
from hacluster.crmsh.voice import Voice

if TYPE_CHECKING:
    from hacluster.cib.document import XML
    from hacluster.client.cibsource import CibSource
    from hacluster.crmsh.metadata import Agents
    from hacluster.crmsh.workspace import Workspace


@dataclass(slots=True)
class Switches:
    """What the command line says. ``plan``: how a plan is told instead of a change: text or json."""

    force: bool = False
    echo: bool = False
    wait: bool = False
    no: bool = False
    debug: bool = False
    batch: bool = False
    interactive: bool = False
    display: str = ""
    plan: str = ""
    history: str = "live"
    scripts: str = ""


@dataclass(slots=True)
class Session:
    """What the levels work with. ``path``: the levels that one stands in, the root not among them."""

    environment: MutableMapping[str, str]
    preferences: Preferences
    switches: Switches = field(default_factory=Switches)
    voice: Voice = field(default_factory=Voice)
    path: list[Level] = field(default_factory=list)
    status: int = 0
    """An exit status of its own, which a verb asked for: 2 when a plan says that something changes."""
    template: str = ""
    """The configuration made of templates that is being filled in."""
    memory: dict[str, Any] = field(default_factory=dict)
    """What verbs keep for those that follow: what was collected from other nodes."""
    _source: CibSource | None = None
    _work: Workspace | None = None
    _agents: Agents | None = None

    @classmethod
    def begin(cls, switches: Switches, environment: MutableMapping[str, str] | None = None) -> Session:
        """A session of this process."""
        environment = os.environ if environment is None else environment
        preferences = Preferences(environment)
        session = cls(environment, preferences, switches)
        style = switches.display or preferences.get("color.style")
        session.voice.color = style == "color-always" or (
            style == "color" and sys.stdout.isatty() and not switches.echo
        )
        return session

    @property
    def force(self) -> bool:
        """Whether what needs force is done."""
        return self.switches.force or self.preferences.truth("core.force")

    # the CIB --------------------------------------------------------------------------------------------------------

    @property
    def shadow(self) -> str:
        """The shadow that is worked on; "": none."""
        return self.environment.get("CIB_shadow", "")

    @property
    def place(self) -> str:
        """What is worked on, as the prompt has it."""
        if self.shadow:
            return self.shadow
        file = self.environment.get("CIB_file", "")
        return os.path.basename(file) if file else "live"

    @property
    def source(self) -> CibSource:
        """The CIB that is worked on."""
        if self._source is None:
            user = self.preferences.get("core.user") or None
            self._source = open_source(user, environment=self.environment)
        return self._source

    def read(self) -> XML:
        """The CIB as it is now."""
        forget = getattr(self.source, "forget", None)
        if forget is not None:
            forget()
        return self.source.read()

    @property
    def work(self) -> Workspace:
        """The copy that is worked on."""
        if self._work is None:
            from hacluster.crmsh.workspace import Workspace  # noqa: PLC0415  only what works on the CIB pays for it

            self._work = Workspace(self.read(), providers_of)
        return self._work

    def glimpse(self) -> XML:
        """The configuration to look at, not to be changed: the copy that is worked on, or what is read for it alone.

        Neither the status, which may be ten times as large, nor the schema is looked at: completion must be quick.
        """
        if self._work is not None:
            return self._work.root
        known = self.memory.get("glimpse")
        if known is None:
            known = self.memory["glimpse"] = self._seen()
        return known

    def _seen(self) -> XML:
        from hacluster.client.cibsource import shadow_path  # noqa: PLC0415
        from hacluster.client.live import LiveCluster  # noqa: PLC0415

        file = self.environment.get("CIB_file", "")
        if self.shadow:
            file = str(shadow_path(self.shadow, self.environment))
        root = None
        if file:
            data = Path(file).read_bytes()
            start, end = data.find(b"<configuration"), data.find(b"</configuration>")
            if 0 <= start < end:
                root = read_markup(data[start : end + len(b"</configuration>")])
        elif isinstance(self.source, LiveCluster):
            root = self.source.read(bare=True).find("configuration")
        return self.work.root if root is None else root

    @property
    def editing(self) -> bool:
        """Whether there are changes that were not committed."""
        return self._work is not None and self._work.changed

    def renew(self) -> None:
        """Forget the copy; the next one is of the CIB as it will be then."""
        self._work = None
        self._source = None
        self.memory.pop("glimpse", None)

    @property
    def agents(self) -> Agents:
        """What agents say of themselves."""
        if self._agents is None:
            from hacluster.crmsh.metadata import Agents  # noqa: PLC0415  reads XML and hashes

            self._agents = Agents(self.outside)
        return self._agents

    def node(self) -> str:
        """This node's name."""
        from hacluster.tools.crm_attribute import local_node  # noqa: PLC0415

        try:
            return local_node()
        except Fault:
            return os.uname().nodename

    def nodes(self) -> list[str]:
        """The names of all nodes of the CIB."""
        return [str(one.get("uname") or one.get("id")) for one in self.read().iterfind("configuration/nodes/node")]

    # asking and calling ---------------------------------------------------------------------------------------------

    def ask(self, question: str) -> bool:
        """Yes or no. With force it is yes; where nobody can be asked, no."""
        if self.force:
            self.voice.info(f"{question} [YES]")
            return True
        if self.switches.no or not self.switches.interactive or not sys.stdin.isatty():
            return False
        shown = question.removesuffix("?")
        while True:
            try:
                answer = input(f"{shown} (y/n)? ").strip().lower()
            except EOFError:
                return False
            if answer[:1] in {"y", "n"}:
                return answer[0] == "y"

    def outside(self, text: str) -> None:
        """Something outside the shell is called; told when lines are told."""
        if self.switches.echo:
            self.voice.flush()
            sys.stdout.write(f".EXT {text}\n")
            sys.stdout.flush()

    def tool(self, line: str) -> int:
        """Call a tool with a command line; its exit status."""
        from hacluster.crmsh.toolbox import call  # noqa: PLC0415  not every command calls one

        self.outside(line)
        self.voice.flush()
        try:
            return call(shlex.split(line.replace(">/dev/null </dev/null ", "")))
        finally:
            self.voice.flush()

    def silent_tool(self, line: str) -> int:
        """The same without its output; what it says of a fault is told."""
        with contextlib.redirect_stdout(io.StringIO()):
            return self.tool_unsaid(line)

    def tool_unsaid(self, line: str) -> int:
        """Call a tool without telling so."""
        from hacluster.crmsh.toolbox import call  # noqa: PLC0415

        return call(shlex.split(line))

    def answer(self, line: str, *, told: bool = True) -> tuple[int, str]:
        """Call a tool; its exit status and its output."""
        if told:
            self.outside(line)
        caught = io.StringIO()
        with contextlib.redirect_stdout(caught):
            status = self.tool_unsaid(line)
        return status, caught.getvalue()

    @contextlib.contextmanager
    def unnumbered(self) -> Iterator[None]:
        """A text is read whose own lines count, not those of the batch."""
        before, self.voice.line = self.voice.line, None
        try:
            yield
        finally:
            self.voice.line = None if self.switches.echo else before


def name_of(word: str) -> str:
    """A name that may be handed on; raises :class:`Refused` for what would be something else to a tool."""
    if not word or any(sign in word for sign in "'\"\\`$;&|<>\n") or word.startswith("-"):
        raise Refused(f"{word!r} is no name")
    return word
