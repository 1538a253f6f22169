"""What crm_simulate is asked for besides decisions: reports with every kind of option, XML, pictures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.pe.test_cases import CASES

_TEXTS = ("-S", "-R", "-S -s", "-S -U", "-s -U", "-S -s -U", "-S -s -Q", "-U -Q", "", "-S --show-failcounts -A")
_TEXT_OF = (
    "anti-colocation-order", "asymmetric", "base-score", "bug-1572-1", "bug-5028", "bundle-order-fencing",
    "clone-no-shuffle", "colo_promoted_w_native", "concurrent-fencing", "group4", "expire-non-blocked-failure",
    "failcount", "group3", "inc4", "interleave-2", "migrate-shutdown", "multiply-active-stonith", "order5",
    "per-node-attrs", "promoted-score-startup", "quorum-2", "rebalance-unique-clones", "rec-node-2", "rsc_dep5",
    "rule-dbl-as-number-match", "systemhealthm3", "template-1", "ticket-promoted-3", "unmanaged-promoted",
    "utilization", "whitebox-fail1", "node-maintenance-1", "failed-probe-clone", "remote-recover",
)  # fmt: skip
_XML = ("-S -s -U", "-S -s", "-R -U", "-R", "-S")
_XML_OF = (
    "bug-5186-partial-migrate", "novell-252693-3",
    "bundle-order-fencing", "group4", "inc4", "interleave-2", "migrate-shutdown", "multiply-active-stonith",
    "promoted-score-startup", "rec-node-2", "systemhealthm3", "ticket-promoted-3", "unmanaged-promoted", "utilization",
    "whitebox-fail1",
)  # fmt: skip
_PICTURES_OF = (
    "rec-node-2", "utilization", "order5", "group4", "migrate-shutdown", "unmanaged-promoted", "ticket-promoted-3",
    "bundle-replicas-change", "unfence-device", "interleave-2", "anti-colocation-unpromoted", "bundle-order-stop",
    "bug-pm-11", "a-demote-then-b-migrate",
)  # fmt: skip
_CHANGED = "promoted-score-startup"
_CHANGES = "-u node9 -d srv1 -q true"


@dataclass(frozen=True, slots=True)
class Question:
    """One call: of which case, with which options; what is written to ``out`` if that is what is wanted."""

    kind: str
    case: str
    options: str

    @property
    def key(self) -> str:
        return f"{self.kind} {self.case} {self.options}"

    @property
    def arguments(self) -> list[str]:
        """The options, without those that name files."""
        args: list[str] = json.loads(CASES[self.case]["json"])["args"]
        return [*self.options.split(), *(["--output-as", "xml"] if self.kind == "xml" else []), *args]

    def command(self, folder: Path) -> list[str]:
        """The whole call; its CIB is in the folder then."""
        cib = folder / "cib.xml"
        cib.write_bytes(CASES[self.case]["xml"])
        picture = ["-D", str(folder / "out")] if self.kind == "dot" else []
        return ["-x", str(cib), *picture, *self.arguments]

    def result(self, folder: Path, printed: str) -> str:
        """What it said."""
        return (folder / "out").read_text() if self.kind == "dot" else printed


def questions() -> list[Question]:
    """All of them."""
    found = [
        Question("text", name, _TEXTS[(place + step) % len(_TEXTS)])
        for place, name in enumerate(_TEXT_OF)
        for step in (0, 4)
    ]
    found += [Question("text", _CHANGED, f"{options} {_CHANGES}") for options in ("-S", "-S -s", "-s -U")]
    found += [
        Question("xml", name, _XML[(place + step) % len(_XML)]) for place, name in enumerate(_XML_OF) for step in (0, 2)
    ]
    return found + [Question("dot", name, options) for name in _PICTURES_OF for options in ("-R", "-R -a")]
