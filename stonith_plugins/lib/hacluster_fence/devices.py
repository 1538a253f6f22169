"""Devices that other programs speak to: lights-out by IPMI, outlets by SNMP, UPS by NUT, virtual machines, chassis."""

from __future__ import annotations

import json
import os
import re
import tempfile
import urllib.error
import urllib.request
from base64 import b64encode
from ssl import CERT_NONE, create_default_context

from hacluster_fence.agent import Agent, FenceError, Parameter

_IP = Parameter("ip", "Address of the device", required=True)
_USER = Parameter("username", "User name")
_PASSWORD = Parameter("password", "Password")


class Ipmilan(Agent):
    """IPMI 2.0 over the network, by ipmitool: iLO, DRAC, IMM and others."""

    name = "hacluster/ipmilan"
    short = "Lights-out management by IPMI"
    long = (
        "Switches a machine by its management controller (iLO, iDRAC, IMM, BMC) with IPMI 1.5 (lan) or 2.0 (lanplus) "
        "through ipmitool. The password goes by a file that only root can read, never as an argument."
    )
    needs_plug = False
    programs = ("ipmitool",)
    actions = ("on", "off", "reboot", "status", "monitor", "diag")
    parameters = (
        _IP,
        _USER,
        _PASSWORD,
        Parameter("ipport", "UDP port", "623", type="integer"),
        Parameter("interface", "IPMI interface", "lanplus", choice=("lan", "lanplus")),
        Parameter("cipher", "Cipher suite of lanplus; 3 and 17 are usual", "17"),
        Parameter(
            "privlvl", "Privilege level", "administrator", choice=("callback", "user", "operator", "administrator")
        ),
    )

    def _ipmi(self, *words: str) -> str:
        lanplus = self.value("interface") == "lanplus"
        argv = ["ipmitool", "-I", self.value("interface"), "-H", self.value("ip"), "-p", self.value("ipport")]
        argv += ["-L", self.value("privlvl").upper(), "-R", "2", "-N", "2"]
        argv += ["-C", self.value("cipher")] if lanplus and self.value("cipher") else []
        argv += ["-U", self.value("username")] if self.value("username") else []
        with tempfile.NamedTemporaryFile("w", prefix="ipmi.", dir=_private()) as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(self.value("password"))
            file.flush()
            return self.run([*argv, "-f", file.name, *words])

    def set_power(self, plug: str, *, on: bool) -> None:
        """See :class:`Agent`."""
        self._ipmi("chassis", "power", "on" if on else "off")

    def power(self, plug: str) -> bool | None:
        """See :class:`Agent`."""
        found = re.search(r"Chassis Power is (on|off)", self._ipmi("chassis", "power", "status"), re.IGNORECASE)
        return found[1].lower() == "on" if found else None

    def monitor(self) -> None:
        """See :class:`Agent`."""
        self.power("")


def _private() -> str | None:
    return next((place for place in ("/run", "/dev/shm") if os.access(place, os.W_OK)), None)


class Redfish(Agent):
    """DMTF Redfish over HTTPS."""

    name = "hacluster/redfish"
    short = "Lights-out management by Redfish"
    long = "Switches a machine by the Redfish service of its management controller. plug is the id of the system."
    needs_plug = False
    parameters = (
        _IP,
        _USER,
        _PASSWORD,
        Parameter("ipport", "TCP port", "443", type="integer"),
        Parameter("systems_uri", "Where the system is; the first of /redfish/v1/Systems when it is not said"),
        Parameter("ssl", "HTTPS", "1", type="boolean"),
        Parameter("ssl_insecure", "Do not check the certificate", "0", type="boolean"),
    )

    def _ask(self, path: str, body: dict[str, str] | None = None) -> dict[str, object]:
        scheme = "https" if self.true("ssl") else "http"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{scheme}://{self.value('ip')}:{self.value('ipport')}{path}", data)
        secret = b64encode(f"{self.value('username')}:{self.value('password')}".encode()).decode()
        request.add_header("Authorization", f"Basic {secret}")
        request.add_header("Content-Type", "application/json")
        context = create_default_context() if scheme == "https" else None
        if context is not None and self.true("ssl_insecure"):
            context.check_hostname, context.verify_mode = False, CERT_NONE
        try:
            with urllib.request.urlopen(
                request, timeout=max(5.0, self.number("power_timeout")), context=context
            ) as answer:
                text = answer.read(1 << 20)
        except urllib.error.HTTPError as error:
            raise FenceError(f"{path} answers {error.code} {error.reason}") from None
        except OSError as error:
            raise FenceError(f"no answer from {self.value('ip')}: {error}") from None
        try:
            found = json.loads(text or b"{}")
        except ValueError:
            raise FenceError(f"{path} does not answer in JSON") from None
        return found if isinstance(found, dict) else {}

    def _system(self, plug: str) -> str:
        if self.value("systems_uri"):
            return self.value("systems_uri")
        if plug and plug != self.value("nodename"):
            return f"/redfish/v1/Systems/{plug}"
        members = self._ask("/redfish/v1/Systems").get("Members")
        if not isinstance(members, list) or len(members) != 1:
            raise FenceError("there is not exactly one system: say plug or systems_uri")
        return str(members[0]["@odata.id"])

    def set_power(self, plug: str, *, on: bool) -> None:
        """See :class:`Agent`."""
        path = self._system(plug)
        actions = self._ask(path).get("Actions")
        reset = actions.get("#ComputerSystem.Reset", {}) if isinstance(actions, dict) else {}
        self._ask(
            str(reset.get("target", f"{path}/Actions/ComputerSystem.Reset")), {"ResetType": "On" if on else "ForceOff"}
        )

    def power(self, plug: str) -> bool | None:
        """See :class:`Agent`."""
        state = str(self._ask(self._system(plug)).get("PowerState", ""))
        return {"On": True, "PoweringOff": True, "Off": False, "PoweringOn": False}.get(state)

    def plugs(self) -> dict[str, str]:
        """See :class:`Agent`."""
        members = self._ask("/redfish/v1/Systems").get("Members")
        paths = [str(entry.get("@odata.id", "")) for entry in members] if isinstance(members, list) else []
        return {path.rpartition("/")[2]: "" for path in paths}


class Apcpdu(Agent):
    """APC's rack PDUs by SNMP (PowerNet-MIB, rPDUOutletControl)."""

    name = "hacluster/apcpdu"
    short = "APC rack power distribution unit by SNMP"
    long = "Switches outlets of an APC rack PDU with net-snmp's snmpset; the community goes by a file of its own."
    programs = ("snmpget", "snmpset", "snmpwalk")
    parameters = (
        _IP,
        Parameter("ipport", "UDP port", "161", type="integer"),
        Parameter("community", "Community", "private"),
        Parameter("snmp_version", "Version", "1", choice=("1", "2c")),
    )
    state, command, names = (
        ".1.3.6.1.4.1.318.1.1.12.3.5.1.1.4",
        ".1.3.6.1.4.1.318.1.1.12.3.3.1.1.4",
        ".1.3.6.1.4.1.318.1.1.12.3.5.1.1.2",
    )

    def _snmp(self, program: str, *words: str) -> str:
        with tempfile.TemporaryDirectory(prefix="snmp.", dir=_private()) as place:
            with open(os.open(f"{place}/snmp.conf", os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
                file.write(f"defVersion {self.value('snmp_version')}\ndefCommunity {self.value('community')}\n")
            where = f"{self.value('ip')}:{self.value('ipport')}"
            return self.run(
                [program, "-m", "", "-Oqn", "-r", "2", "-t", "2", where, *words], env={"SNMPCONFPATH": place}
            )

    def _outlet(self, plug: str) -> str:
        if plug.isdecimal():
            return plug
        found = [number for number, name in self.plugs().items() if name == plug]
        if len(found) != 1:
            raise FenceError(f"there is no outlet {plug}")
        return found[0]

    def set_power(self, plug: str, *, on: bool) -> None:
        """See :class:`Agent`."""
        self._snmp("snmpset", f"{self.command}.{self._outlet(plug)}", "i", "1" if on else "2")

    def power(self, plug: str) -> bool | None:
        """See :class:`Agent`."""
        words = self._snmp("snmpget", f"{self.state}.{self._outlet(plug)}").split()
        return {"1": True, "2": False}.get(words[-1] if words else "")

    def plugs(self) -> dict[str, str]:
        """See :class:`Agent`."""
        lines = self._snmp("snmpwalk", self.names).splitlines()
        pairs = [line.partition(" ")[::2] for line in lines if line.startswith(f"{self.names}.")]
        return {oid.rpartition(".")[2]: text.strip().strip('"') for oid, text in pairs}


class Ups(Agent):
    """A UPS of Network UPS Tools."""

    name = "hacluster/ups"
    short = "Uninterruptible power supply by NUT"
    long = (
        "Switches the load of a UPS that Network UPS Tools watch, with upscmd; what it says of its status is believed."
    )
    needs_plug = False
    programs = ("upscmd", "upsc")
    parameters = (
        Parameter("ip", "The UPS as NUT names it: ups[@host[:port]]", required=True),
        _USER,
        _PASSWORD,
        Parameter("cmd_off", "Command that takes the load off", "load.off"),
        Parameter("cmd_on", "Command that puts it back", "load.on"),
    )

    def set_power(self, plug: str, *, on: bool) -> None:
        """See :class:`Agent`."""
        command = self.value("cmd_on" if on else "cmd_off")
        self.run(
            ["upscmd", "-u", self.value("username"), self.value("ip"), command], text=f"{self.value('password')}\n"
        )

    def power(self, plug: str) -> bool | None:
        """See :class:`Agent`."""
        words = self.run(["upsc", self.value("ip"), "ups.status"]).split()
        return None if not words else "OFF" not in words

    def monitor(self) -> None:
        """See :class:`Agent`."""
        self.power("")


class Virsh(Agent):
    """Virtual machines of libvirt."""

    name = "hacluster/virsh"
    short = "Virtual machines by libvirt's virsh"
    long = "Switches a domain of libvirt, here or by a URI (qemu+ssh://host/system). plug is its name or UUID."
    programs = ("virsh",)
    parameters = (Parameter("uri", "Connection URI", "qemu:///system"),)

    def _virsh(self, *words: str) -> str:
        return self.run(["virsh", "-q", "-c", self.value("uri"), *words])

    def set_power(self, plug: str, *, on: bool) -> None:
        """See :class:`Agent`."""
        self._virsh("start" if on else "destroy", plug)

    def power(self, plug: str) -> bool | None:
        """See :class:`Agent`."""
        return self._virsh("domstate", plug).strip() not in ("shut off", "crashed")

    def plugs(self) -> dict[str, str]:
        """See :class:`Agent`."""
        return dict.fromkeys(self._virsh("list", "--all", "--name").split(), "")


class Blade(Agent):
    """A chassis controller by its dialogue over SSH."""

    name = "hacluster/blade"
    short = "Blade chassis by SSH"
    long = (
        "Switches a blade by the command line of its chassis controller over SSH with a key: env/power dialogues of "
        "BladeCenter (power -on|-off|-state -T system:blade[N]). The commands can be changed for others."
    )
    programs = ("ssh",)
    parameters = (
        _IP,
        Parameter("username", "User name", required=True),
        Parameter("identity_file", "Private key", required=True),
        Parameter("ipport", "TCP port", "22", type="integer"),
        Parameter("cmd_on", "Order for on", "power -on -T system:blade[PLUG]"),
        Parameter("cmd_off", "Order for off", "power -off -T system:blade[PLUG]"),
        Parameter("cmd_state", "Question for the state", "power -state -T system:blade[PLUG]"),
        Parameter("known_hosts", "File of known hosts", "/root/.ssh/known_hosts"),
    )

    def _order(self, name: str, plug: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_.:-]+", plug):
            raise FenceError(f"{plug!r} is no blade")
        argv = ["ssh", "-oBatchMode=yes", "-oConnectTimeout=5", f"-oUserKnownHostsFile={self.value('known_hosts')}"]
        argv += ["-i", self.value("identity_file"), "-p", self.value("ipport"), "-l", self.value("username")]
        return self.run([*argv, "--", self.value("ip"), self.value(name).replace("PLUG", plug)])

    def set_power(self, plug: str, *, on: bool) -> None:
        """See :class:`Agent`."""
        self._order("cmd_on" if on else "cmd_off", plug)

    def power(self, plug: str) -> bool | None:
        """See :class:`Agent`."""
        found = re.search(r"\b(on|off)\b", self._order("cmd_state", plug), re.IGNORECASE)
        return found[1].lower() == "on" if found else None

    def monitor(self) -> None:
        """See :class:`Agent`."""
        self._order("cmd_state", self.value("plug") or "1")
