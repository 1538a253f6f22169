"""What the OCF agents of this host say of their parameters: their ``meta-data``, asked when somebody wants it.

Only ``hacluster check`` asks, never a daemon: it runs the agents. Their XML is read laxly, as agents write anything.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from lxml import etree

from hacluster.client.hostfacts import OCF_ROOT, is_executable, own_agents
from hacluster.config.agents import AgentFacts, ParameterFacts
from hacluster.lrm.paths import ocf_candidates
from hacluster.lrm.surroundings import Surroundings
from hacluster.msg.lrm import AgentClass, ResourceSpec

WAIT_S: Final = 5.0
TRUE: Final = frozenset({"1", "yes", "true"})


class Agents(Mapping[str, AgentFacts]):
    """Facts of an agent by its type, of the one that the hands would run. A type whose agent says nothing is not in."""

    def __init__(self, ocf_root: Path = OCF_ROOT) -> None:
        own = next((str(path) for path in own_agents()), "")
        self._host = Surroundings("here", ocf_root=str(ocf_root.parent), own_agents=own)
        self._known: dict[str, AgentFacts | None] = {}

    def __getitem__(self, kind: str) -> AgentFacts:
        if kind not in self._known:
            self._known[kind] = self._ask(kind)
        facts = self._known[kind]
        if facts is None:
            raise KeyError(kind)
        return facts

    def __iter__(self) -> Iterator[str]:
        return iter(kind for kind, facts in self._known.items() if facts is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _ask(self, kind: str) -> AgentFacts | None:
        spec = ResourceSpec("check", AgentClass.OCF, "", kind)
        program = next((path for path in ocf_candidates(spec, self._host) if is_executable(Path(path))), None)
        if program is None:
            return None
        environment = self._host.environment("check") | {
            "OCF_ROOT": self._host.ocf_root,
            "OCF_FUNCTIONS_DIR": f"{self._host.ocf_root}/lib/heartbeat",
            "OCF_RA_VERSION_MAJOR": "1",
            "OCF_RA_VERSION_MINOR": "0",
            "OCF_RESOURCE_INSTANCE": "check",
            "OCF_RESOURCE_TYPE": kind,
        }
        try:
            done = subprocess.run(
                [program, "meta-data"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=WAIT_S,
                check=False,
                cwd="/",
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return read_meta_data(done.stdout, program)


def read_meta_data(text: bytes, program: str) -> AgentFacts | None:
    """The parameters of a meta-data document; ``None`` when it is none."""
    try:
        root = etree.fromstring(text, etree.XMLParser(recover=True, resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        return None
    if root is None or root.tag != "resource-agent":
        return None
    return AgentFacts(os.path.realpath(program), tuple(_parameter(p) for p in root.iter("parameter") if p.get("name")))


def _parameter(element: etree._Element) -> ParameterFacts:
    content = element.find("content")
    kind = content.get("type", "string") if content is not None else "string"
    options = tuple(o.get("value", "") for o in content.iter("option")) if content is not None else ()
    return ParameterFacts(element.get("name", ""), kind, element.get("required", "0").lower() in TRUE, options)
