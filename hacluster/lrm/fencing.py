"""Devices as resources: started, stopped and looked at by the fencer, which lives beside the hands."""

from __future__ import annotations

from typing import Final

from hacluster.config.settings import HaclusterConfig
from hacluster.lrm.call import Call, Verdict, unusual_end
from hacluster.lrm.surroundings import Surroundings
from hacluster.msg.driver import ChildExited
from hacluster.msg.lrm import OcfCode, OpEnd, StartOp
from hacluster.msg.stonith import Device, DeviceOp, DeviceOpEnded

_ACTIONS: Final = {"start": "start", "stop": "stop", "monitor": "monitor", "status": "monitor"}


def call(op: StartOp, timeout_ms: int, host: Surroundings) -> Call:
    """That it is the fencer's."""
    del timeout_ms, host
    return Call((), device=op.action in _ACTIONS)


def device_op(op: StartOp, child_id: int, timeout_ms: int) -> DeviceOp:
    """What the fencer is asked."""
    own = tuple((name, value) for name, value in op.resource.parameters if name != "crm_feature_set")
    return DeviceOp(child_id, Device(op.resource.id, op.resource.type, own), _ACTIONS[op.action], timeout_ms)


def device_verdict(ended: DeviceOpEnded) -> Verdict:
    """What it answers."""
    end = OpEnd.TIMED_OUT if ended.timed_out else OpEnd.DONE
    return Verdict(end, OcfCode(ended.code) if ended.code in _CODES else OcfCode.GENERIC, ended.reason)


def verdict(op: StartOp, exited: ChildExited, config: HaclusterConfig) -> Verdict:
    """There is no program whose end could be read."""
    del op, config
    return unusual_end(exited) or Verdict(OpEnd.ERROR, OcfCode.GENERIC, "is no program")


_CODES: Final = frozenset(int(code) for code in OcfCode)
