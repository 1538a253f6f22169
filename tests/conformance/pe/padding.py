"""A CIB with resources beside it that have nothing to do with the others: so there is something that is left alone."""

from __future__ import annotations

import random

from lxml import etree

from hacluster.base.digest import parameters_digest

_UUID = "2ba6a3b3-9d6c-4c1e-8a4b-0f6e2c9d7e11"
_AGENT = 'class="ocf" provider="pacemaker" type="Dummy"'


def _operation(ident: str, name: str, interval: int, code: int, call: int, node: str) -> str:
    task = "last_0" if interval == 0 else f"{name}_{interval}"
    key = f"{call}:7:{code}:{_UUID}"
    return (
        f'<lrm_rsc_op id="{ident}_{task}" operation_key="{ident}_{name}_{interval}" operation="{name}" '
        f'crm_feature_set="3.16.1" transition-key="{key}" transition-magic="0:{code};{key}" on_node="{node}" '
        f'call-id="{call}" rc-code="{code}" op-status="0" interval="{interval}" last-rc-change="1699990000" '
        f'op-digest="{parameters_digest({})}"/>'
    )


def _history(ident: str, call: int, node: str, runs: bool) -> str:
    if runs:
        operations = _operation(ident, "start", 0, 0, call, node)
        operations += _operation(ident, "monitor", 10_000, 0, call + 1, node)
    else:
        operations = _operation(ident, "monitor", 0, 7, call, node)
    return f'<lrm_resource id="{ident}" {_AGENT}>{operations}</lrm_resource>'


def padded(cib: bytes, name: str) -> bytes:
    """The CIB, with twice as many primitives more than it has; most of them run, a few are not known everywhere."""
    root, dice = etree.fromstring(cib), random.Random(f"pad{name}")
    resources, states = root.find("configuration/resources"), root.findall("status/node_state")
    if resources is None or not states:
        return cib
    for number in range(2 * len(resources) + 4):
        ident = f"zz{number}"
        op = f'<op id="{ident}-m" name="monitor" interval="10s" timeout="20s"/>'
        text = f'<primitive id="{ident}" {_AGENT}><operations>{op}</operations></primitive>'
        resources.insert(dice.randrange(len(resources) + 1), etree.fromstring(text))
        home = dice.randrange(len(states))
        for place, state in enumerate(states):
            histories = state.find("lrm/lrm_resources")
            if histories is not None and (place == home or dice.randrange(12)):
                text = _history(ident, 50 + number, state.get("uname") or "", place == home)
                histories.append(etree.fromstring(text))
    return etree.tostring(root)
