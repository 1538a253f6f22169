"""Three real nodes with a resource manager: an address and what is with it, put through the faults of a node."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import pytest

from hacluster.lab.cluster import Cluster, cluster, wait_for
from hacluster.lab.hosts import Host
from tests.conftest import require_lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

ADDRESS = "172.16.100.1"


def primitive(name: str, kind: str, /, **parameters: str) -> str:
    pairs = "".join(f'<nvpair id="{name}-{key}" name="{key}" value="{text}"/>' for key, text in parameters.items())
    return (
        f'<primitive id="{name}" class="ocf" provider="hacluster" type="{kind}">'
        f'<instance_attributes id="{name}-p">{pairs}</instance_attributes>'
        f'<operations><op id="{name}-m" name="monitor" interval="1s" timeout="20s"/></operations></primitive>'
    )


RESOURCES = (
    f'<resources><group id="web">{primitive("vip", "IPaddr", ip=ADDRESS, cidr_netmask="16", nic="eth0")}'
    f"{primitive('srv', 'Dummy')}</group></resources>"
)
OPTIONS = (
    '<crm_config><cluster_property_set id="cib-bootstrap-options">'
    '<nvpair id="fencing" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>'
)


@pytest.fixture(autouse=True)
def _laboratory() -> None:
    require_lab()


def whole(it: Cluster, *hosts: Host) -> bool:
    """One working view of exactly these."""
    names = tuple(sorted(host.name for host in hosts))
    views = [it.view(host) for host in hosts]
    return all(view.synced and view.members == names and view.quorate for view in views) and len(set(views)) == 1


def holders(it: Cluster) -> list[str]:
    """Who has the address, by the kernel's word."""
    found = []
    for host in it.nodes:
        with contextlib.suppress(Exception):
            if f" {ADDRESS}/" in host.run(["ip", "-4", "-o", "address"]).stdout:
                found.append(host.name)
    return found


def reachable(it: Cluster) -> bool:
    """Whether the client gets an answer from the address."""
    return it.client.run(["ping", "-c1", "-W1", ADDRESS]).returncode == 0


def settled(it: Cluster, *but: str) -> str:
    """The one node that holds the address, once that is so and the client reaches it."""
    found: list[str] = []

    def is_so() -> bool:
        found[:] = holders(it)
        return len(found) == 1 and found[0] not in but and reachable(it) and holders(it) == found

    wait_for(is_so, f"one holder, not {but}")
    return found[0]


@contextlib.contextmanager
def running() -> Iterator[Cluster]:
    """Three nodes of one view with the group."""
    with cluster(3) as it:
        it.install()
        it.start()
        wait_for(lambda: whole(it, *it.nodes), "a view of all three")
        it.edit(it.nodes[0], "modify", OPTIONS, "crm_config")
        it.edit(it.nodes[1], "replace", RESOURCES, "resources")
        settled(it)
        yield it


def test_power_off_and_return():
    with running() as it:
        first = it.node(settled(it))
        first.power_off()
        rest = [host for host in it.nodes if host is not first]
        wait_for(lambda: whole(it, *rest), "a view of the two that are left")
        second = settled(it, first.name)
        first.boot()
        it.start(first)
        wait_for(lambda: whole(it, *it.nodes), "a view of all three again")
        assert settled(it) == second, "nothing moves for a node that comes back"


def test_a_clean_stop_moves_resources_first():
    with running() as it:
        first = it.node(settled(it))
        it.stop(first)
        second = settled(it, first.name)
        state = it.cib(it.node(second)).find(f".//node_state[@uname='{first.name}']")
        assert state is None or state.get("crmd") != "online"
        it.start(first)
        wait_for(lambda: whole(it, *it.nodes), "a view of all three again")
        it.stop()
        assert holders(it) == []


def test_a_node_that_is_cut_off_gives_up():
    with running() as it:
        first = it.node(settled(it))
        first.cut()
        rest = [host for host in it.nodes if host is not first]
        wait_for(lambda: whole(it, *rest), "a view of the two that are left")
        wait_for(lambda: first.name not in holders(it), "the one without quorum has stopped it")
        settled(it, first.name)
        first.heal()
        wait_for(lambda: whole(it, *it.nodes), "a view of all three again")
        settled(it)


@pytest.mark.parametrize("process", ["pulse", "brain", "thought", "hands"])
def test_the_death_of_a_process_costs_no_resource(process):
    with running() as it:
        holder = it.node(settled(it))
        leader = it.node(it.view(holder).leader)
        before = started(it, holder)
        for host in {holder, leader}:
            pids = host.run(["pgrep", "-x", f"ha-{process}"]).stdout.split()
            assert len(pids) == 1, pids
            host.run(["kill", "-9", *pids], check=True)
            wait_for(lambda pids=pids, host=host: gone(host, process, pids), f"{process} is begun anew")
            wait_for(lambda: whole(it, *it.nodes), "a view of all three again")
            wait_for(lambda: started(it, holder), "the holder has said what it runs")
            assert settled(it) == holder.name
            assert started(it, holder) == before, "nothing is started twice"


def started(it: Cluster, holder: Host) -> dict[str, str | None]:
    """Which operation started what runs on a node, as the status on each node has it; empty while they differ."""
    path = f".//node_state[@uname='{holder.name}']//lrm_rsc_op[@operation='start']"
    told = [{op.get("id", ""): op.get("transition-key") for op in it.cib(host).iterfind(path)} for host in it.nodes]
    return told[0] if len(told[0]) == 2 and all(each == told[0] for each in told) else {}


def gone(host: Host, process: str, before: list[str]) -> bool:
    """Whether another life of a process runs."""
    now = host.run(["pgrep", "-x", f"ha-{process}"]).stdout.split()
    return len(now) == 1 and now != before


def test_status_says_who_votes_and_what_runs():
    with running() as it:
        holder = settled(it)
        text = it.nodes[0].run(["hacluster", "status"]).stdout
        assert "Quorum: yes, 3 of 3 votes (n1, n2, n3), 2 needed" in text
        assert f"Started {holder}" in text
        other = next(host for host in it.nodes if host.name != holder)
        other.power_off()
        seen = next(host for host in it.nodes if host.is_on)
        wait_for(lambda: "Missing votes" in seen.run(["hacluster", "status"]).stdout, "one vote is missed")
        answer = json.loads(seen.run(["hacluster", "status", "--output-as=json"]).stdout)
        assert (answer["cluster"]["votes"], answer["cluster"]["quorate"]) == (2, True)


def test_power_loss_of_all_at_once():
    with running() as it:
        for host in it.nodes:
            host.power_off()
        for host in it.nodes:
            host.boot()
        it.start()
        wait_for(lambda: whole(it, *it.nodes), "a view of all three again")
        settled(it)


def test_rolling_restart():
    with running() as it:
        for host in it.nodes:
            it.stop(host)
            rest = [other for other in it.nodes if other is not host]
            wait_for(lambda rest=rest: whole(it, *rest), "a view of the two that are left")
            settled(it, host.name)
            it.start(host)
            wait_for(lambda: whole(it, *it.nodes), "a view of all three again")
        settled(it)


def test_writes_from_all_nodes_at_once_are_all_kept():
    def program(name: str) -> str:
        pair = f'<nvpair id="w-{name}-%d" name="w-{name}-%d" value="1"/>'
        data = (
            f'<crm_config><cluster_property_set id="cib-bootstrap-options">{pair}</cluster_property_set></crm_config>'
        )
        return (
            "from hacluster.client.connection import Connection\n"
            "from hacluster.msg.replica import Edit, EditRequest\n"
            "c = Connection(name='lab')\n"
            "for n in range(20):\n"
            f"    w = c.ask(EditRequest(Edit('modify', scope='crm_config', data={data!r} % (n, n))))\n"
            "    assert w.end == 'committed', w\n"
        )

    with running() as it:
        writers = [host.spawn(["python3", "-c", program(host.name)]) for host in it.nodes]
        assert [writer.wait(60) for writer in writers] == [0, 0, 0]
        wanted = {f"w-{host.name}-{number}" for host in it.nodes for number in range(20)}
        for host in it.nodes:
            wait_for(
                lambda host=host: wanted <= {pair.get("name") for pair in it.cib(host).iter("nvpair")},
                f"{host.name} sees all writes",
            )


def test_standby_moves_what_runs():
    with running() as it:
        first = it.node(settled(it))
        first.run(["crm_standby", "-N", first.name, "-v", "on"], check=True)
        second = settled(it, first.name)
        first.run(["crm_standby", "-N", first.name, "-D"], check=True)
        wait_for(lambda: "standby" not in first.run(["hacluster", "status"]).stdout, "it is online again")
        assert settled(it) == second


def test_without_a_supervisor_everything_is_released_and_one_process_joins():
    with running() as it:
        first = it.node(settled(it))
        first.run(["kill", "-9", first.read("/run/hacluster/hacluster.pid").strip()], check=True)
        settled(it, first.name)
        names = [f"ha-{name}" for name in ("pulse", "brain", "thought", "hands")]
        wait_for(lambda: not any(first.run(["pgrep", "-x", name]).stdout for name in names), "all processes end")
        first.spawn(["hacluster", "run", "--one-process"])
        wait_for(lambda: whole(it, *it.nodes), "a view of all three again")
        it.stop(first)
        settled(it, first.name)
