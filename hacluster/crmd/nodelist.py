"""Nodes that were added to the running cluster, or taken out of it (hb_addnode, hb_delnode): the DC makes it so.

The order goes to the heartbeat of every node, and each crmd remembers it until configuration and voters are as it
wants, so that it is carried out whoever leads then. An added node is a node of the configuration at once, and gets a
vote when it is a member: before, it would only be missed. One that was taken out loses its vote first (by steps that
are safe, which cibd knows), then its place in configuration and status. Both are written again after a while if they
were refused, since nobody hears of that.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

from lxml import etree

from hacluster.base.effects import MachineName
from hacluster.base.machine import Instant
from hacluster.base.report import Severity
from hacluster.base.step import Step
from hacluster.base.timers import Timers
from hacluster.cib.change import Change, NodeForgotten
from hacluster.cib.voters import Voters, VotersError, parse_voters
from hacluster.msg.crmd import ManagerOptions
from hacluster.msg.replica import Edit, VotersWanted, WriteWanted

AGAIN_MS: Final = 5_000
"""After what was wanted and has not come, before it is wanted again."""


class NodeList:
    """See the module. ``leads``: the members, when this node is their DC and has quorum, else nobody."""

    def __init__(self, step: Step, leads: Callable[[], AbstractSet[str]], change: Callable[[Change], None]) -> None:
        self._step, self._leads, self._change = step, leads, change
        self._wanted: dict[str, bool] = {}
        self._options = ManagerOptions()
        self._timers: Timers[str] = Timers()

    def deadline(self) -> Instant | None:
        """When it is tried again."""
        return self._timers.deadline()

    def on_time(self) -> None:
        """What is due."""
        while self._timers.pop(self._step.now) is not None:
            self.look()

    def ordered(self, names: tuple[str, ...], *, add: bool) -> None:
        """A person adds nodes, or takes them out."""
        self._wanted.update(dict.fromkeys(names, add))
        self.look()

    def configure(self, options: ManagerOptions) -> None:
        """The configuration has other nodes, or other voters."""
        before, self._options = self._options, options
        if (before.nodes, before.voters) != (options.nodes, options.voters):
            self.look()

    def look(self) -> None:
        """What is still to be done, if it is ours to do."""
        ids = {name: ident for ident, name in self._options.nodes}
        try:
            voters = parse_voters(self._options.voters)
        except VotersError:
            return
        for name, add in list(self._wanted.items()):
            votes = name in dict(voters.votes)
            if votes is add and (name in ids) is add:
                del self._wanted[name]
        members = self._leads()
        if not self._wanted or not members:
            return
        self._timers.set("again", self._step.now, AGAIN_MS)
        for name, add in sorted(self._wanted.items()):
            if add and name not in ids:
                self._add(name)
            elif (name in dict(voters.votes)) is not add:
                if add and name not in members:
                    continue
                self._vote(voters_with(voters, name) if add else voters_without(voters, name), name, add=add)
            elif name in ids and not add:
                self._remove(name, ids[name])
            else:
                continue
            # One after the other: each is decided on what the one before has led to.
            return

    def _add(self, name: str) -> None:
        numbers = [int(ident) for ident, _ in self._options.nodes if ident.isdecimal()]
        node = etree.Element("node", id=str(max(numbers, default=0) + 1), uname=name)
        self._step.say(Severity.NOTICE, "node-added", f"{name} becomes a node of the configuration")
        self._write(Edit("create", "nodes", etree.tostring(node, encoding="unicode")))

    def _vote(self, voters: Voters, name: str, *, add: bool) -> None:
        faults = voters.faults()
        if faults:
            del self._wanted[name]
            text = f"{name} {'gets no vote' if add else 'keeps its vote'}: {'; '.join(faults)}; change quorum-voters"
            self._step.say(Severity.ERROR, "voters", text)
            return
        text = f"{name} {'gets a vote' if add else 'loses its vote'}: the voters become {voters.show()}"
        self._step.say(Severity.NOTICE, "voters", text)
        self._step.send(MachineName.CIBD, VotersWanted(voters.show()))

    def _remove(self, name: str, ident: str) -> None:
        self._step.say(Severity.NOTICE, "node-removed", f"{name} is taken out of configuration and status")
        self._change(NodeForgotten(name))
        self._write(Edit("delete", "nodes", etree.tostring(etree.Element("node", id=ident), encoding="unicode")))

    def _write(self, edit: Edit) -> None:
        self._step.send(MachineName.CIBD, WriteWanted(edit))


def voters_with(voters: Voters, name: str) -> Voters:
    """The list with one more voter, of one vote."""
    return _paired(voters.giving(name, 1))


def voters_without(voters: Voters, name: str) -> Voters:
    """The list with one voter less; what was said of it by name goes as well."""
    left = voters.without(name)
    if left.tie_breaker == name:
        left = replace(left, tie_breaker="")
    breakers = [entry for entry in left.auto_tie_breaker.split(",") if entry != name]
    expected = left.expected if left.expected > sum(votes for _, votes in left.votes) else 0
    return _paired(replace(left, auto_tie_breaker=",".join(breakers), expected=expected))


def _paired(voters: Voters) -> Voters:
    """Two of one vote each are two nodes, unless something else settles a tie; more are not."""
    special = voters.witness or voters.auto_tie_breaker or voters.tie_breaker or voters.expected
    two = [votes for _, votes in voters.votes] == [1, 1]
    return replace(voters, two_node=two and not special)
