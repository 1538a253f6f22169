"""Where agents live on this host and what every agent finds in its environment.

Pure data: the daemon fills it in from the settings and the host, the simulator from its script. Nothing here looks at
a file; whether a program exists is found out by running it (see :mod:`hacluster.lrm.machine`).
"""

from __future__ import annotations

from dataclasses import dataclass

AGENT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Agents expect the sbin directories (OCF Resource Agent API 1.1, and what Debian's agents call)."""

CRM_WORDS = {"HA_cluster_type": "heartbeat", "HA_debug": "0", "HOME": "/root", "LC_ALL": "C", "TERM": "dumb"}
"""What agents of a CRM find besides: Pacemaker's executor gives the same names (seen on 2.1.5)."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """One host as its agents see it. Directories are absolute and without a final slash.

    ``own_agents`` is our ``ra`` directory (``heartbeat/NAME`` and ``ocf/PROVIDER/TYPE`` below it), empty for none;
    ``own_plugins`` that of our fence agents.
    ``log_facility`` is a syslog name or ``none``. ``extra`` is ``setenv`` of ha.cf and the like; it
    is put before everything else, so that it cannot change what the standard fixes. ``tools_dir`` has the tools that
    agents call (crm_attribute, attrd_updater, …) under the names they know, and ``run_dir`` is where these find the
    daemon; both are empty where there is no CIB to ask about.
    ``alerts_user``: in whose name alert agents run.
    """

    node: str
    config_dir: str = "/etc/ha.d"
    init_dir: str = "/etc/init.d"
    ocf_root: str = "/usr/lib/ocf"
    own_agents: str = ""
    own_plugins: str = ""
    temporary_dir: str = "/run/resource-agents"
    search_path: str = AGENT_PATH
    log_facility: str = "none"
    logfile: str = ""
    debugfile: str = ""
    extra: tuple[tuple[str, str], ...] = ()
    tools_dir: str = ""
    run_dir: str = ""
    cores: int = 4
    alerts_user: str = ""

    def environment(self, tag: str) -> dict[str, str]:
        """What agents of every class get; ``tag`` names the resource in log lines. The locale is always C."""
        variables = dict(self.extra)
        variables |= {
            "PATH": self.search_path,
            "LANG": "C",
            "HA_CURHOST": self.node,
            "HA_DIR": self.config_dir,
            "HA_RCDIR": f"{self.config_dir}/rc.d",
            "HA_FUNCS": f"{self.config_dir}/shellfuncs",
            "HA_RSCTMP": self.temporary_dir,
            "HA_LOGTAG": tag,
            "HA_LOGFACILITY": self.log_facility,
        }
        if self.tools_dir:
            # First in the path, and where agents look that name the whole path: another manager's may be installed.
            variables |= {"PATH": f"{self.tools_dir}:{self.search_path}", "HA_SBIN_DIR": self.tools_dir}
            variables |= {"HACLUSTER_RUN_DIR": self.run_dir} if self.run_dir else {}
            variables |= CRM_WORDS
        if self.logfile:
            variables["HA_logfile"] = self.logfile
        if self.debugfile:
            variables["HA_debuglog"] = self.debugfile
        return variables
