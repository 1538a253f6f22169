"""The convention of fence agents: parameters on standard input or as options, actions, meta-data, exit status.

Source: the fence agent API of ClusterLabs (``FenceAgentAPI.md``). ``status`` ends with 0 for on and 2 for off. A reboot
whose *off* is certain has succeeded, whether or not *on* did. An *off* is done when the device says that it is off, not
when it has taken the order.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NoReturn
from xml.sax.saxutils import escape, quoteattr

OK, FAILED, IS_OFF = 0, 1, 2
PLACES: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
OLD_NAMES: Final = {"ipaddr": "ip", "login": "username", "passwd": "password", "port": "plug", "option": "action"}


class FenceError(Exception):
    """An action cannot be done; the text says why, without secrets."""


@dataclass(frozen=True)
class Parameter:
    """One parameter: ``type`` is string, boolean, integer, second, or the words of a choice."""

    name: str
    text: str
    default: str = ""
    required: bool = False
    type: str = "string"
    choice: tuple[str, ...] = ()


COMMON: Final = (
    Parameter("action", "Fencing action", "reboot"),
    Parameter("plug", "The node on the device: outlet, name or number"),
    Parameter("nodename", "The node's name in the cluster"),
    Parameter("power_timeout", "Seconds within which the power has to have changed", "20", type="second"),
    Parameter("power_wait", "Seconds to wait after an order", "0", type="second"),
    Parameter("reboot_wait", "Seconds between off and on of a reboot", "1", type="second"),
    Parameter("verbose", "Say more on standard error", "0", type="boolean"),
)


class Agent:
    """What each agent says of itself and does. ``self.values`` has the parameters, defaults filled in."""

    name = "none"
    short = ""
    long = ""
    parameters: tuple[Parameter, ...] = ()
    actions: tuple[str, ...] = ("on", "off", "reboot", "status", "list", "monitor")
    needs_plug = True
    programs: tuple[str, ...] = ()
    automatic = on_target = False

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    # ---- what an agent does

    def set_power(self, plug: str, *, on: bool) -> None:
        """Give the order."""
        raise NotImplementedError

    def power(self, plug: str) -> bool | None:
        """Whether it is on; ``None`` when the device cannot tell."""
        raise NotImplementedError

    def plugs(self) -> dict[str, str]:
        """What the device has: plug and its alias."""
        return {}

    def monitor(self) -> None:
        """Whether the device answers."""
        self.plugs()

    def check(self) -> None:
        """Whether the parameters go together; needs no device."""

    # ---- what it can use

    def value(self, name: str) -> str:
        """A parameter."""
        return self.values.get(name, "")

    def number(self, name: str) -> float:
        """A parameter that is a number."""
        try:
            return float(self.value(name).rstrip("s") or 0)
        except ValueError:
            raise FenceError(f"{name} is {self.value(name)!r}, which is no number") from None

    def true(self, name: str) -> bool:
        """A parameter that is a boolean."""
        return self.value(name).lower() in ("1", "yes", "true", "on")

    def run(
        self, argv: Sequence[str], *, text: str = "", env: dict[str, str] | None = None, good: tuple[int, ...] = (0,)
    ) -> str:
        """The output of a program; :class:`FenceError` when it fails. Nothing secret belongs into ``argv``."""
        try:
            done = subprocess.run(
                argv,
                input=text,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=max(5.0, self.number("power_timeout")),
                env={"PATH": PLACES, "LANG": "C", **(env or {})},
                check=False,
            )
        except FileNotFoundError:
            raise FenceError(f"there is no {argv[0]} on this host") from None
        except subprocess.TimeoutExpired:
            raise FenceError(f"{argv[0]} did not answer in time") from None
        if done.returncode not in good:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise FenceError(f"{argv[0]} ended with {done.returncode}: {said[-1] if said else 'it said nothing'}")
        return done.stdout

    def say(self, text: str) -> None:
        """A line for the log."""
        sys.stderr.write(f"{self.name}: {text}\n")

    # ---- actions

    def all_parameters(self) -> tuple[Parameter, ...]:
        """Own ones first."""
        own = {parameter.name for parameter in self.parameters}
        return (*self.parameters, *(entry for entry in COMMON if entry.name not in own))

    def metadata(self) -> str:
        """The meta-data document."""
        lines = [
            '<?xml version="1.0"?>',
            f"<resource-agent name={quoteattr(self.name)} shortdesc={quoteattr(self.short)}>",
            f"<longdesc>{escape(self.long)}</longdesc>",
            "<vendor-url>https://www.clusterlabs.org/</vendor-url>",
            "<parameters>",
        ]
        for entry in self.all_parameters():
            kind = "select" if entry.choice else entry.type
            default = f" default={quoteattr(entry.default)}" if entry.default else ""
            required = int(entry.required and entry.name != "action")
            lines.append(f'<parameter name={quoteattr(entry.name)} unique="0" required="{required}">')
            lines.append(f'<getopt mixed="--{entry.name.replace("_", "-")}=[value]"/>')
            options = "".join(f"<option value={quoteattr(word)}/>" for word in entry.choice)
            lines.append(f'<content type="{kind}"{default}>{options}</content>')
            lines.append(f'<shortdesc lang="en">{escape(entry.text)}</shortdesc></parameter>')
        lines += ["</parameters>", "<actions>"]
        for action in (*self.actions, "metadata", "validate-all"):
            more = f' automatic="{int(self.automatic)}" on_target="{int(self.on_target)}"' if action == "on" else ""
            lines.append(f'<action name="{action}"{more}/>')
        return "\n".join([*lines, "</actions>", "</resource-agent>", ""])

    def validate(self) -> None:
        """The parameters, as far as they can be judged without the device."""
        for entry in self.all_parameters():
            value = self.value(entry.name)
            if entry.required and not value:
                raise FenceError(f"{entry.name} is required: {entry.text}")
            if entry.choice and value and value not in entry.choice:
                raise FenceError(f"{entry.name} is {value!r}, not one of {', '.join(entry.choice)}")
            if entry.type in ("integer", "second") and value:
                self.number(entry.name)
        self.check()

    def wait_for(self, plug: str, *, on: bool) -> None:
        """Until the device says so; one that cannot tell is believed."""
        until = time.monotonic() + self.number("power_timeout")
        time.sleep(self.number("power_wait"))
        while (found := self.power(plug)) is not None and found is not on:
            if time.monotonic() >= until:
                raise FenceError(f"{plug} is not {'on' if on else 'off'} after {self.value('power_timeout')} s")
            time.sleep(0.2)

    def switch(self, plug: str, *, on: bool) -> None:
        """Order it, and see that it is so."""
        if self.power(plug) is on:
            return
        self.set_power(plug, on=on)
        self.wait_for(plug, on=on)

    def reboot(self, plug: str) -> None:
        """Off for certain, then on if it goes."""
        self.set_power(plug, on=False)
        self.wait_for(plug, on=False)
        time.sleep(self.number("reboot_wait"))
        try:
            self.set_power(plug, on=True)
            self.wait_for(plug, on=True)
        except FenceError as error:
            self.say(f"{plug} is off, and could not be switched on again: {error}")

    def act(self, action: str) -> int:
        """Do an action; its exit status."""
        if action == "metadata":
            sys.stdout.write(self.metadata())
            return OK
        if action not in (*self.actions, "validate-all"):
            raise FenceError(f"there is no action {action!r}; there are {', '.join(self.actions)}")
        self.validate()
        for program in self.programs if action != "validate-all" else ():
            if not any(os.access(os.path.join(place, program), os.X_OK) for place in PLACES.split(":")):
                raise FenceError(f"there is no {program} on this host")
        plug = self.value("plug") or self.value("nodename")
        if action in ("on", "off", "reboot", "status") and self.needs_plug and not plug:
            raise FenceError("plug is required: which node is meant")
        return self._do(action, plug)

    def _do(self, action: str, plug: str) -> int:
        if action == "validate-all":
            return OK
        if action == "monitor":
            self.monitor()
        elif action == "list":
            sys.stdout.write("".join(f"{name},{alias}\n" for name, alias in self.plugs().items()))
        elif action == "status":
            found = self.power(plug)
            sys.stdout.write(f"Status: {'ON' if found else 'OFF' if found is False else 'UNKNOWN'}\n")
            return OK if found else IS_OFF if found is False else FAILED
        elif action == "reboot":
            self.reboot(plug)
        else:
            self.switch(plug, on=action == "on")
        return OK


def read_parameters(argv: Sequence[str], text: str) -> dict[str, str]:
    """``--name=value``, ``-o action``, or ``name=value`` lines; the present names of old ones."""
    found: dict[str, str] = {}
    words = list(argv)
    while words:
        word = words.pop(0)
        if word in ("-o", "-n", "-a"):
            name, value = {"-o": "action", "-n": "plug", "-a": "ip"}[word], words.pop(0) if words else ""
        elif word.startswith("--"):
            name, _, value = word[2:].partition("=")
        else:
            raise FenceError(f"{word!r} is no option")
        found[name.replace("-", "_")] = value
    for line in text.splitlines():
        name, sign, value = line.strip().partition("=")
        if sign and not name.startswith("#"):
            found[name.strip()] = value
    return {OLD_NAMES.get(name, name): value for name, value in found.items()}


def main(agent: Agent) -> NoReturn:
    """Run an agent as a program."""
    try:
        given = read_parameters(sys.argv[1:], sys.stdin.read() if len(sys.argv) < 2 else "")
        known = {entry.name: entry.default for entry in agent.all_parameters()}
        for name in sorted(set(given) - set(known)):
            agent.say(f"Parse error: Ignoring unknown option '{name}'")
        agent.values = {**known, **{name: value for name, value in given.items() if name in known}}
        code = agent.act(agent.value("action") or "reboot")
    except FenceError as error:
        agent.say(str(error))
        code = FAILED
    sys.exit(code)
