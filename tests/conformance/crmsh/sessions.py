"""Sessions of the crm shell, held against what Debian 12's crmsh 4.4.1 does: what is said, and the CIB after it.

Each of ``sessions.txt`` is a few lines for standard input, run on the CIB below with ``crm -R -D plain``.
``recorded.json`` has what crmsh answered; ``python -m tests.conformance.crmsh.sessions`` records it anew, where crmsh
is installed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from lxml import etree

CRMSH = Path("/usr/sbin/crm")
RECORDED = Path(__file__).with_name("recorded.json")
CIB = """<cib crm_feature_set="3.15.0" validate-with="pacemaker-3.9" epoch="7" num_updates="0" admin_epoch="0"
have-quorum="1">
<configuration><crm_config><cluster_property_set id="cib-bootstrap-options">
<nvpair id="cib-bootstrap-options-stonith-enabled" name="stonith-enabled" value="false"/></cluster_property_set>
</crm_config><nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes><resources>
<primitive id="a" class="ocf" provider="pacemaker" type="Dummy"/>
<primitive id="b" class="ocf" provider="pacemaker" type="Dummy"><instance_attributes id="b-instance_attributes">
<nvpair id="b-instance_attributes-fake" name="fake" value="one"/></instance_attributes></primitive>
<group id="g"><primitive id="c" class="ocf" provider="pacemaker" type="Dummy"/>
<primitive id="d" class="ocf" provider="pacemaker" type="Dummy"/></group></resources>
<constraints><rsc_location id="l" rsc="g" node="n1" score="100"/>
<rsc_colocation id="ab" rsc="a" with-rsc="b" score="INFINITY"/></constraints></configuration><status/></cib>
"""
SESSIONS = {
    part.partition("\n")[0].strip(): part.partition("\n")[2]
    for part in Path(__file__).with_name("sessions.txt").read_text().split("== ")[1:]
}
"""Names and lines. FOLDER: a folder of the session's own."""
_NOISE = re.compile(
    r"^(\.INP|\.EXT|Traceback|    |\w+Error|During handling|  File|.*\((unpack_config|cluster_status)\)).*|^$"
)


def said(text: str, folder: Path) -> list[str]:
    """What a session said, without echoes and calls, and without which line it was about."""
    lines = [line.replace(str(folder), "FOLDER") for line in text.splitlines() if not _NOISE.match(line)]
    return [re.sub(r"^(INFO|WARNING|ERROR): \d+: ", r"\1: ", line).rstrip() for line in lines]


def canonical(file: Path) -> list[str]:
    """The configuration, an element a line, attributes sorted."""
    root = etree.parse(file).getroot().find("configuration")
    lines = []
    for element in root.iter("*"):
        depth = len(list(element.iterancestors())) - 1
        pairs = " ".join(f"{name}={value}" for name, value in sorted(element.attrib.items()))
        lines.append(f"{' ' * depth}{element.tag} {pairs}".rstrip())
    return lines


def run(crm: list[str], text: str, **environment: str) -> dict[str, object]:
    """One session: what was said on both outputs, the exit status, the configuration after it."""
    with tempfile.TemporaryDirectory(prefix="crm-session-") as name:
        folder = Path(name)
        file = folder / "cib.xml"
        file.write_text(CIB)
        clean = {
            "PATH": os.environ["PATH"], "HOME": name, "CIB_file": str(file), "CIB_shadow_dir": name,
            "LC_ALL": "C.UTF-8", "TZ": "UTC", "TERM": "dumb", "USER": "root", "LOGNAME": "root",
            "PYTHONUNBUFFERED": "1", **environment,
        }  # fmt: skip
        done = subprocess.run(
            [*crm, "-R", "-D", "plain"], input=text.replace("FOLDER", name), env=clean, cwd=name, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=120,
        )  # fmt: skip
        return {"status": done.returncode, "said": said(done.stdout, folder), "cib": canonical(file)}


def compact(found: dict[str, object]) -> dict[str, object]:
    """The CIB as what differs from the one that it began with."""
    with tempfile.TemporaryDirectory() as name:
        start = Path(name) / "cib.xml"
        start.write_text(CIB)
        before = canonical(start)
    after = list(found["cib"])  # type: ignore[call-overload]
    gone, new = sorted(set(before) - set(after)), sorted(set(after) - set(before))
    return {**found, "cib": {"gone": gone, "new": new}}


def record(names: list[str]) -> None:
    """Write down what the installed crmsh does in these sessions, or in all."""
    answers = json.loads(RECORDED.read_text()) if names else {}
    answers |= {name: compact(run([str(CRMSH)], SESSIONS[name])) for name in names or SESSIONS}
    RECORDED.write_text(json.dumps(answers, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    record(sys.argv[1:])
