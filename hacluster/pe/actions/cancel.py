"""Cancelling and rescheduling recurring operations, reloading and cleaning up."""

from __future__ import annotations

from hacluster.pe.model.action import Action, Flag, Order, op_key
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.create import custom_action, task_action
from hacluster.pe.operation.fence import trigger_unfencing
from hacluster.pe.operation.orderings import new_ordering, order_before_task, order_tasks


def cancel_action(rsc: Resource, task: str, interval: int, node: Node | None) -> Action:
    """Cancel a recurring operation; its action, if there is one, becomes that of the cancellation."""
    action = custom_action(rsc, op_key(rsc.id, task, interval), "cancel", node, optional=False)
    action.task = "cancel"
    rsc.tasks.add("cancel")
    action.appear()
    action.cancel_task = task
    action.default_meta("operation", task)
    action.default_meta("interval", str(interval))
    return action


def schedule_cancel(rsc: Resource, call_id: int | None, task: str, interval: int, node: Node) -> None:
    """Cancel a recurring operation that is not wanted any more."""
    action = cancel_action(rsc, task, interval, node)
    action.default_meta("call-id", None if call_id is None else str(call_id))
    new_ordering(rsc, op_key(rsc.id, "stop"), action, None, Order.OPTIONAL)


def reschedule(rsc: Resource, task: str, interval: int, node: Node) -> None:
    """Run a recurring operation anew, with its new parameters."""
    trigger_unfencing(rsc.cluster, rsc, node, "Device parameters changed (reschedule)")
    custom_action(rsc, op_key(rsc.id, task, interval), task, node, optional=True).set(Flag.RESCHEDULE)


def schedule_reload(rsc: Resource, node: Node) -> None:
    """Have the agent reload its parameters; before it is started for good, it is restarted instead."""
    for child in rsc.instances:
        schedule_reload(child, node)
    if rsc.instances or not rsc.managed or rsc.failed:
        return
    if rsc.start_pending:
        task_action(rsc, "stop", node, optional=False)
        return
    rsc.reload = True
    action = task_action(rsc, "reload-agent", node, optional=False)
    action.say_why("resource definition change", overwrite=False)
    for task in ("stop", "demote"):
        order_before_task(action, rsc, task, Order.OPTIONAL | Order.THEN_CANCELS_FIRST)


def schedule_cleanup(rsc: Resource, node: Node, optional: bool) -> None:
    """Have a node's history of a resource, and what its executor knows, deleted."""
    if rsc.failed or node.unclean or not node.online:
        return
    flag = Order.IMPLIES_THEN if optional else Order.OPTIONAL
    task_action(rsc, "delete", node, optional=optional)
    order_tasks(rsc, "stop", rsc, "delete", flag)
    order_tasks(rsc, "delete", rsc, "start", flag)
