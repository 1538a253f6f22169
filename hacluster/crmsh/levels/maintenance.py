"""The level ``maintenance``: maintenance mode, and actions of agents past the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hacluster.crmsh.committing import commit
from hacluster.crmsh.level import Handler, Level, Refused, Verb
from hacluster.crmsh.running import running
from hacluster.crmsh.session import name_of
from hacluster.crmsh.toolbox import quoted

if TYPE_CHECKING:
    from hacluster.crmsh.session import Session

_FORCE: Final = {
    "start": "--force-start", "stop": "--force-stop", "monitor": "--force-check", "promote": "--force-promote",
    "demote": "--force-demote", "validate-all": "--validate",
}  # fmt: skip


def _switch(value: str) -> Handler:
    def run(session: Session, words: list[str]) -> bool:
        if words:
            done = session.tool(f"crm_resource -r {quoted(name_of(words[0]))} --meta -p maintenance -v '{value}'") == 0
            session.renew()
            return done
        editing = session.editing
        session.work.make(f"property maintenance-mode={value}")
        if editing:
            session.voice.info("Currently editing the CIB, changes will not be committed")
            return True
        return not session.work.changed or commit(session, check=False, how=f"maintenance {value}")

    return run


def _in_maintenance(session: Session, rsc: str) -> bool:
    root = session.work.root
    for pair in root.iterfind("crm_config/cluster_property_set/nvpair"):
        if pair.get("name") == "maintenance-mode" and pair.get("value") == "true":
            return True
    element = session.work.find(rsc, node=False)
    pairs = [] if element is None else element.iterfind("meta_attributes/nvpair")
    return any(one.get("name") == "maintenance" and one.get("value") == "true" for one in pairs)


def action(session: Session, words: list[str]) -> bool:
    """Run an action of a resource's agent on this node, past the cluster."""
    rsc, task, *more = words
    if more:
        raise Refused("this version runs actions on this node only; log in to the other and say it there")
    element = session.work.find(name_of(rsc), node=False)
    if element is None:
        raise Refused(f"Resource not found: {rsc}")
    if element.tag != "primitive":
        raise Refused(f"Not a resource that has an agent: {rsc}")
    if task not in _FORCE:
        raise Refused(f"{task} is not one of {', '.join(_FORCE)}")
    if not session.force and not _in_maintenance(session, rsc):
        raise Refused("Not in maintenance mode.")
    where = running(session.work.cib).get(rsc, [])
    if task not in {"start", "monitor", "validate-all"} and where and where != [session.node()] and not session.force:
        raise Refused(f"Resource {rsc} must be running on this node ({session.node()}), not on {', '.join(where)}")
    return session.tool(f"crm_resource -r {quoted(rsc)} {_FORCE[task]}") == 0


LEVEL = Level(
    "maintenance",
    "maintenance mode, and actions of agents past the cluster",
    "In maintenance the cluster neither starts, stops nor watches what it manages.",
    (
        Verb("on", _switch("true"), "[RSC]", "maintenance for everything, or for a resource", most=1,
             completes=("resource",)),
        Verb("off", _switch("false"), "[RSC]", "end the maintenance", most=1, completes=("resource",)),
        Verb("action", action, "RSC ACTION", "run an action of a resource's agent on this node", least=2, most=3,
             completes=("primitive", "force_action")),
    ),
)  # fmt: skip
