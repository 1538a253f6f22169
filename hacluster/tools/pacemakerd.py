"""``pacemakerd``: the daemon of this node under the name that Pacemaker's has.

Options are those of pacemakerd(8), 2.1.5. Our daemon always stays in the foreground, as theirs does.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from hacluster import __version__
from hacluster.base.results import Exit
from hacluster.base.tree import Tree
from hacluster.tools.options import FANCY, Given, Group, Option, Tool
from hacluster.tools.output import Failed, Output, run

TOOL: Final = Tool(
    "pacemakerd",
    "Start, stop and describe the daemon of this node.",
    (
        Group("additional", "Additional Options:", (
            Option("features", "F", help="Display the full version and what this program can do"),
            Option("foreground", "f", help="(Ignored) The daemon always runs in the foreground"),
            Option("pid-file", "p", "FILE", "(Ignored) Daemon pid file location"),
            Option("shutdown", "S", help="Have the daemon of this machine release its resources and stop; wait for it"),
            Option("standby", "s", help="Not done here: see the note below"),
            FANCY,
        )),
    ),
    notes="A node begins in standby when it was put there before it starts: crm_standby -N NODE -v on, at another\n"
    "node. The daemon's own command is hacluster: run, reload, stop, status.",
)  # fmt: skip
FEATURES: Final = ("agent-manpages", "cibsecrets", "generated-manpages", "lsb", "monotonic", "systemd")
"""What can be done, in the words that the original has for it."""


def _features(out: Output) -> int:
    from hacluster.pe.graph.xml import FEATURE_SET  # noqa: PLC0415 - starting and stopping need none of it

    out.line(f"Pacemaker {__version__} (Build: hacluster)")
    out.line(f" Supporting v{FEATURE_SET}: {' '.join(FEATURES)}")
    attrs = {"version": __version__, "build": "hacluster", "feature_set": FEATURE_SET}
    features = Tree("features", children=[Tree("feature", text=name) for name in FEATURES])
    out.tree(Tree("pacemakerd", attrs, [features]))
    return Exit.OK


def _hacluster(words: Sequence[str]) -> int:
    """A sub-command of ``hacluster``; its exit status."""
    from hacluster.tools.main import main as hacluster  # noqa: PLC0415 - --features needs none of it

    try:
        hacluster(list(words), prog_name="pacemakerd")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def main(given: Given, out: Output) -> int:
    """Describe, stop, or start and stay."""
    if "features" in given:
        return _features(out)
    if "shutdown" in given:
        return _hacluster(["stop"])
    if "standby" in given:
        raise Failed("a start in standby is asked for before: crm_standby -N NODE -v on, at a node that runs",
                     Exit.UNIMPLEMENTED)  # fmt: skip
    sys.stdout.flush()
    return _hacluster(["run"])


def script() -> None:
    """The stand-alone command."""
    run(TOOL, main)
