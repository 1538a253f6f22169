"""Real servers of direct routing, and a client's connection that stays."""

from __future__ import annotations

import subprocess

from hacluster.lab.hosts import Host
from tests.lab.ipvs.scene import AGENTS, HERE, PYTHON


def serve(host: Host, *vips: str) -> None:
    """A web server that names the host, for these addresses, too."""
    for vip in vips:
        host.run([str(AGENTS / "lvs-realserver"), "start"], env={"OCF_RESKEY_ip": vip}, check=True)
    page = host.spawn([*PYTHON, str(HERE / "page.py"), host.name, "80"], stdout=subprocess.PIPE)
    assert page.stdout is not None
    assert page.stdout.readline() == b"ready\n"


class Talker:
    """One connection of the client that stays."""

    def __init__(self, host: Host, vip: str) -> None:
        argv = [*PYTHON, str(HERE / "talk.py"), vip, "80"]
        self._program = host.spawn(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._ends = f"{host.address()}:{self._line()} {vip}:80"

    def ask(self) -> str:
        """Who answers there."""
        assert self._program.stdin is not None
        self._program.stdin.write(b"\n")
        return self._line()

    def is_known(self, listing: str) -> bool:
        """Whether what ``ipvsadm -L -n -c`` says of a director has this connection as an established one."""
        lines = (" ".join(line.split()) for line in listing.splitlines())
        return any(f" ESTABLISHED {self._ends} " in line for line in lines)

    def _line(self) -> str:
        stdout = self._program.stdout
        assert stdout is not None
        said = b""
        while not said.endswith(b"\n"):
            part = stdout.read(1)
            assert part, "it has ended"
            said += part
        return said.decode().strip()
