"""OCF agents: ``TYPE ACTION`` with everything else in the environment (Resource Agent API 1.1, sections 3 and 5)."""

from __future__ import annotations

from hacluster.base.secrets import is_elsewhere, secret_file
from hacluster.config.settings import HaclusterConfig
from hacluster.lrm.call import Call, Verdict, exit_reason, unusual_end
from hacluster.lrm.paths import DEFAULT_PROVIDERS, ocf_candidates
from hacluster.lrm.surroundings import Surroundings
from hacluster.msg.driver import ChildExited
from hacluster.msg.lrm import OcfCode, OpEnd, ResourceSpec, StartOp

REASON_PREFIX = "ocf-exit-reason:"
CHECK_LEVEL = "OCF_CHECK_LEVEL"
ACTION_NAMES = {"status": "monitor"}
"""Words of the Heartbeat era and what the standard calls them."""

FEATURE_SET = "3.16.2"
"""What agents branch on when they ask which manager runs them: that of Pacemaker 2.1.5."""

_MEANINGS = {
    OcfCode.GENERIC: "failed without a word",
    OcfCode.ARGS: "says that its parameters are wrong on this node",
    OcfCode.UNIMPLEMENTED: "does not know this operation",
    OcfCode.PERM: "has not the privileges that it needs",
    OcfCode.INSTALLED: "misses software that it needs",
    OcfCode.CONFIGURED: "says that its parameters are wrong everywhere",
}


def call(op: StartOp, timeout_ms: int, host: Surroundings) -> Call:
    """The program and the whole environment of one OCF operation.

    Names are those of Pacemaker's executor: parameters and ``CRM_meta_*`` with OCF_RESKEY_ before them, the depth of a
    check as it is. What an asker with a context names in ``meta`` is whole; to others the usual three are added.
    """
    resource = op.resource
    action = ACTION_NAMES.get(op.action, op.action)
    variables = host.environment(f"{resource.type}({resource.id})")
    variables |= _fixed(resource, host)
    usual = {"timeout": str(timeout_ms), "interval": str(op.interval_ms), "name": action}
    meta = dict(op.meta) if op.context else {**usual, **dict(op.meta)}
    level = meta.pop(CHECK_LEVEL, "")
    if level:
        variables[CHECK_LEVEL] = level
    variables |= {f"OCF_RESKEY_CRM_meta_{name.replace('-', '_')}": value for name, value in meta.items()}
    for name, value in resource.parameters:
        variables[CHECK_LEVEL if name == CHECK_LEVEL else f"OCF_RESKEY_{name}"] = value
    secrets = tuple(
        (f"OCF_RESKEY_{name}", secret_file(resource.id, name))
        for name, value in resource.parameters
        if is_elsewhere(name, value)
    )
    return Call(ocf_candidates(resource, host), (action,), tuple(sorted(variables.items())), secrets=secrets)


def meta_data_call(resource: ResourceSpec, host: Surroundings) -> Call:
    """How an agent is asked for its meta-data: without parameters."""
    variables = host.environment(f"{resource.type}(meta-data)") | _fixed(resource, host)
    variables["OCF_RESOURCE_INSTANCE"] = resource.type
    return Call(ocf_candidates(resource, host), ("meta-data",), tuple(sorted(variables.items())))


def _fixed(resource: ResourceSpec, host: Surroundings) -> dict[str, str]:
    return {
        "OCF_ROOT": host.ocf_root,
        "OCF_FUNCTIONS_DIR": f"{host.ocf_root}/lib/heartbeat",
        "OCF_RA_VERSION_MAJOR": "1",
        "OCF_RA_VERSION_MINOR": "1",
        "OCF_RESOURCE_INSTANCE": resource.id,
        "OCF_RESOURCE_TYPE": resource.type,
        "OCF_RESOURCE_PROVIDER": resource.provider or DEFAULT_PROVIDERS[0],
        "OCF_EXIT_REASON_PREFIX": REASON_PREFIX,
        "OCF_OUTPUT_FORMAT": "text",
        "OCF_RESKEY_crm_feature_set": FEATURE_SET,
    }


def verdict(op: StartOp, exited: ChildExited, _: HaclusterConfig) -> Verdict:
    """The exit code is the answer; one that the standard does not know is a plain failure with a reason."""
    said = exit_reason(exited.stderr, REASON_PREFIX)
    unusual = unusual_end(exited)
    if unusual is not None:
        return Verdict(unusual.end, unusual.rc, said or unusual.reason)
    try:
        code = OcfCode(exited.code)
    except ValueError:
        return Verdict(OpEnd.DONE, OcfCode.GENERIC, said or f"exited with {exited.code}, which is no OCF code")
    reason = said or _MEANINGS.get(code, "")
    if not reason and code is OcfCode.NOT_RUNNING and op.action in {"start", "promote", "demote"}:
        reason = "is not running"
    return Verdict(OpEnd.DONE, code, reason)
