"""Making actions of resources."""

from __future__ import annotations

from hacluster.pe.model.action import Action, Flag, find_keyed, op_key
from hacluster.pe.model.kinds import Needs, Quorum, Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.configured import configure
from hacluster.pe.operation.fence import can_fence, fence_node
from hacluster.pe.rules.nvpairs import gather, subject_for


def _new(rsc: Resource, key: str, task: str, node: Node | None, *, optional: bool, save: bool) -> Action:
    flags = Flag.RUNNABLE | (Flag.OPTIONAL if optional else 0) | (Flag.DC if task == "lrm_delete" else 0)
    config = configure(rsc, key, task)
    action = Action(key, task, rsc, node, flags if config.has_extra else flags | Flag.HAVE_NODE_ATTRS)
    action.op = config.op
    action.meta = config.meta.copy()
    action.needs, action.on_fail, action.fail_role = config.needs, config.on_fail, config.fail_role
    if save:
        cluster = rsc.cluster
        action.id, action.born = len(cluster.actions) + 1, cluster.birth()
        cluster.actions.append(action)
        rsc.actions.append(action)
        rsc.tasks.add(task)
        rsc.by_key.setdefault(key, []).append(action)
        action.appear()
    return action


def _read_node_attributes(action: Action, rsc: Resource, node: Node) -> None:
    """Instance attributes of the operation itself may depend on the node."""
    action.set(Flag.HAVE_NODE_ATTRS)
    subject = subject_for(rsc.cluster)
    subject.attrs = node.attrs
    gather(rsc.cluster, action.op, "instance_attributes", subject, action.extra)


def _update_optional(action: Action, rsc: Resource, optional: bool) -> None:
    unmanaged = action.node is not None and not action.pseudo and not rsc.managed
    if unmanaged and "interval" not in action.meta:
        action.set(Flag.OPTIONAL)
    elif not optional:
        action.clear(Flag.OPTIONAL)


def _quorum_policy(rsc: Resource) -> Quorum:
    """What lack of quorum means for a resource now."""
    cluster = rsc.cluster
    if cluster.have_quorum:
        return Quorum.IGNORE
    if cluster.quorum_policy is not Quorum.DEMOTE:
        return cluster.quorum_policy
    if rsc.role not in (Role.PROMOTED, Role.UNPROMOTED):
        return Quorum.STOP
    if rsc.next_role > Role.UNPROMOTED:
        rsc.set_next_role(Role.UNPROMOTED)
    return Quorum.IGNORE


def _update_by_quorum(action: Action, rsc: Resource) -> None:
    policy = _quorum_policy(rsc)
    if policy is Quorum.STOP:
        action.clear(Flag.RUNNABLE)
        action.say_why("no quorum", overwrite=True)
    elif policy is Quorum.FREEZE:
        if not rsc.is_active(True) or rsc.next_role > rsc.role:
            action.clear(Flag.RUNNABLE)
            action.say_why("quorum freeze", overwrite=True)
    else:
        action.set(Flag.RUNNABLE)


def _update_runnable(action: Action, rsc: Resource, save: bool) -> None:
    node, cluster = action.node, rsc.cluster
    if action.flags & Flag.PSEUDO:
        return
    if node is None:
        action.clear(Flag.RUNNABLE)
    elif (
        not action.flags & Flag.DC and not node.online and (node.guest_container is None or node.remote_requires_reset)
    ):
        action.clear(Flag.RUNNABLE)
        if rsc.managed and save and action.task == "stop" and not node.unclean:
            fence_node(cluster, node, "stop is unrunnable")
    elif not action.flags & Flag.DC and node.pending:
        action.clear(Flag.RUNNABLE)
    elif action.needs is Needs.NOTHING:
        action.say_why(None, overwrite=True)
        if node.guest_container is not None and not can_fence(cluster, node):
            action.clear(Flag.RUNNABLE)
        else:
            action.set(Flag.RUNNABLE)
    else:
        _update_by_quorum(action, rsc)


def custom_action(
    rsc: Resource, key: str, task: str, node: Node | None, *, optional: bool, save: bool = True
) -> Action:
    """The action with that key on that node, made if there is none yet; ``optional`` false makes it required.

    Without ``save`` a new one is made that no stage will see: for its configuration only.
    """
    action: Action | None = None
    if save and key in rsc.by_key:
        found = find_keyed(rsc, key, node)
        action = found[0] if found else None
    if action is None:
        action = _new(rsc, key, task, node, optional=optional, save=save)
    _update_optional(action, rsc, optional)
    if action.node is not None and not action.flags & Flag.HAVE_NODE_ATTRS:
        _read_node_attributes(action, rsc, action.node)
    _update_runnable(action, rsc, save)
    if save:
        if action.task == "stop":
            rsc.stopping = True
        elif action.task == "start":
            rsc.starting = action.can_run
    return action


def task_action(rsc: Resource, task: str, node: Node | None, optional: bool) -> Action:
    """The one-off action of a resource with that task."""
    return custom_action(rsc, op_key(rsc.id, task), task, node, optional=optional)


def milestone(rsc: Resource, task: str, optional: bool, runnable: bool) -> Action:
    """A pseudo-action of a resource."""
    action = task_action(rsc, task, None, optional)
    action.set(Flag.PSEUDO | (Flag.RUNNABLE if runnable else 0))
    return action


def clear_history(rsc: Resource, node: Node) -> Action:
    """Have a node's history of a resource deleted."""
    return task_action(rsc, "lrm_delete", node, optional=False)
