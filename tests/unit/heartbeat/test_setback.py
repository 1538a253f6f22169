"""A node that was set back to what it was before: it comes back by itself, and takes nothing meanwhile."""

from __future__ import annotations

import copy
import dataclasses

import pytest

from hacluster.config.settings import Seal
from hacluster.heartbeat.generation import decode_generation, encode_generation
from hacluster.msg.driver import StopRequested
from hacluster.msg.membership import NodeState, NodeStateChanged, Slept

SEALS = [Seal.ON, Seal.OFF, Seal.OFFER]


def grown(lan, seal, starts=3):
    """Two nodes; the second has been started several times since its disk was copied. It is dead now."""
    net = lan(seal_keys=(b"secret",), seal=seal)
    alpha, beta = net.boot("alpha"), net.boot("beta")
    net.run(5_000)
    saved = dict(beta.disk)
    for _ in range(starts):
        net.kill("beta")
        net.run(10_000)
        beta = net.boot("beta", disk=beta.disk)
        net.run(15_000)
    assert alpha.view().node("beta").state is NodeState.ACTIVE
    net.kill("beta")
    net.run(10_000)
    assert alpha.view().node("beta").state is NodeState.DEAD
    return net, alpha, saved, decode_generation(beta.disk["hb_generation"])


def snapshot(box):
    """A copy of a machine as it is; ciphers, which nothing changes, are shared."""
    state = box.machine._core.sealing.state
    ciphers = [] if state is None else [state._sealer._cipher, *state._unsealer._ciphers.values()]
    return copy.deepcopy(box, {id(cipher): cipher for cipher in ciphers})


@pytest.mark.parametrize("seal", SEALS)
@pytest.mark.parametrize("starts", [1, 3])
def test_a_node_of_an_old_snapshot_comes_back_by_itself(lan, seal, starts):
    net, alpha, saved, known = grown(lan, seal, starts)
    beta = net.boot("beta", disk=saved)
    net.run(20_000)
    assert alpha.view().node("beta").state is NodeState.ACTIVE
    assert beta.view().node("alpha").state is NodeState.ACTIVE
    assert "set-back" in beta.codes()
    assert decode_generation(beta.disk["hb_generation"]) == known + 1
    assert "dead" not in beta.states("alpha"), beta.of(NodeStateChanged)


@pytest.mark.parametrize("seal", SEALS)
def test_who_cannot_begin_anew_leaves(lan, seal):
    net, alpha, saved, _ = grown(lan, seal, 1)
    beta = net.boot("beta", disk={**saved, "hb_generation": encode_generation(10**15 - 2)})
    net.run(20_000)
    assert alpha.view().node("beta").state is NodeState.ACTIVE
    net.kill("beta")
    net.run(10_000)
    beta = net.boot("beta", disk=saved)
    net.run(20_000)
    assert len(beta.of(StopRequested)) == 1
    assert "dead" not in beta.states("alpha")
    assert "refused-leaves" in beta.codes()


@pytest.mark.parametrize("seal", SEALS)
def test_a_recording_of_an_old_life_moves_nobody(lan, seal):
    """What alpha says of the recordings that it refuses is no word about the node that lives."""
    net = lan(seal_keys=(b"secret",), seal=seal)
    alpha, beta = net.boot("alpha"), net.boot("beta")
    net.run(5_000)
    lives = [[data for _, _, data in beta.sent]]
    for _ in range(2):
        net.kill("beta")
        net.run(10_000)
        beta = net.boot("beta", disk=beta.disk)
        net.run(15_000)
        lives.append([data for _, _, data in beta.sent])
    generation = beta.view().generation
    for data in (*lives[0], *lives[1], *lives[2]) * 2:
        alpha.receive(data, net.now)
        net._carry(alpha)
        net.run(5)
    net.run(10_000)
    assert beta.view().generation == generation
    assert "set-back" not in beta.codes()
    # Nor while it is not heard.
    net.cut.add(("beta", "alpha"))
    net.run(10_000)
    assert alpha.view().node("beta").state is NodeState.DEAD
    for data in (*lives[0], *lives[1], *lives[2]):
        alpha.receive(data, net.now)
        net._carry(alpha)
        net.run(5)
    net.cut.clear()
    net.run(5_000)
    assert beta.view().generation == generation
    assert "set-back" not in beta.codes()
    assert alpha.view().node("beta").state is NodeState.ACTIVE


@pytest.mark.parametrize("seal", SEALS)
def test_a_member_whose_memory_was_set_back_gives_up_what_it_holds(lan, seal):
    """As a virtual machine that returns to a snapshot of its memory: the same session, the same numbers again.

    Its clock goes on from where it was, so it does not notice by itself.
    """
    net = lan(seal_keys=(b"secret",), seal=seal)
    alpha, beta = net.boot("alpha"), net.boot("beta")
    net.run(15_000)
    kept = snapshot(beta)
    net.run(30_000)
    net.kill("beta")
    net.run(10_000)
    assert alpha.view().node("beta").state is NodeState.DEAD
    said = len(kept.sent)
    kept.until(kept.now + 1_500)
    repeated = [data for _, _, data in kept.sent[said:]]
    said = len(alpha.sent)
    for data in repeated:
        alpha.receive(data, net.now)
    net.run(1_500)
    for _, _, data in alpha.sent[said:]:
        kept.receive(data)
    assert "set-back" in kept.codes()
    assert [slept for slept in kept.of(Slept) if slept.presumed_dead]


@pytest.mark.parametrize("seal", [Seal.ON, Seal.OFF])
def test_a_copy_beside_the_living_leaves(lan, seal):
    net = lan(seal_keys=(b"secret",), seal=seal)
    net.boot("alpha")
    beta = net.boot("beta")
    net.run(5_000)
    copied = dict(beta.disk)
    for _ in range(2):
        net.kill("beta")
        net.run(10_000)
        beta = net.boot("beta", disk=beta.disk)
        net.run(15_000)
    generation = beta.view().generation
    twin = dataclasses.replace(net.config)
    other = net.boxes["beta"]
    made = net.boot("beta", twin, disk=copied)
    net.boxes["twin"], net._carried["twin"] = made, net._carried["beta"]
    net.boxes["beta"], net._carried["beta"] = other, len(other.sent)
    made.name = "twin"
    net.run(8_000)
    assert len(made.of(StopRequested)) == 1, made.codes()
    assert beta.view().generation == generation
