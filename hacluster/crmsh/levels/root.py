"""The root of the levels: the levels themselves, the status, and what is about the configuration as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hacluster.crmsh.level import Level, Refused, Verb
from hacluster.crmsh.levels import SUMMARIES
from hacluster.crmsh.levels import root_more as more
from hacluster.crmsh.levels import root_plans as plans

if TYPE_CHECKING:
    from hacluster.crmsh.session import Session

_STATUS = {
    "bynode": "-n", "inactive": "-r", "ops": "-o", "timing": "-t", "failcounts": "-f", "verbose": "-V", "quiet": "-Q",
    "html": "--as-html", "xml": "--as-xml", "simple": "-s", "tickets": "-c", "noheaders": "-D", "detail": "-R",
    "brief": "-b", "full": "-ncrft", "json": "--output-as=json",
}  # fmt: skip
_COLORS = (
    (("OFFLINE", "UNCLEAN", "FAILED", "Failed", "error", "not running", "Blocked", "blocked"), "31"),
    (("standby", "maintenance", "unmanaged", "disabled", "pending", "Stopped"), "33"),
    (("Online", "online", "Started", "Promoted", "Unpromoted"), "32"),
)


def _opens(_session: Session, _words: list[str]) -> None:
    """A level is entered by the shell itself."""


def status(session: Session, words: list[str]) -> None:
    """Show the status."""
    options = " ".join(_STATUS.get(word, word) for word in words) or "-r"
    code, text = session.answer(f"crm_mon -1 {options}", told=False)
    if code != 0:
        raise Refused(f"crm_mon (rc={code}): {text.strip() or 'the cluster could not be asked'}")
    session.voice.out("\n".join(map(_colored, text.splitlines())) if session.voice.color else text.rstrip("\n"))
    if not session.voice.color:
        session.voice.out("")


def _colored(line: str) -> str:
    for words, color in _COLORS:
        if any(word in line for word in words):
            return f"\033[{color}m{line}\033[0m"
    return line


def mon(session: Session, words: list[str]) -> bool:
    """Follow the status."""
    options = " ".join(_STATUS.get(word, word) for word in words)
    return session.tool(f"crm_mon {options}".strip()) == 0


def verify(session: Session, words: list[str]) -> bool:
    """Check the configuration and say what the cluster is about to do."""
    from hacluster.cib.markup import show_markup  # noqa: PLC0415  only this verb
    from hacluster.crmsh.levels.configure_more import preview  # noqa: PLC0415
    from hacluster.tools.crm_verify import status_of  # noqa: PLC0415
    from hacluster.tools.crm_verify import verify as verified  # noqa: PLC0415

    root = session.read()
    reports, read = verified(show_markup(root).encode(), session.place)
    for report in reports:
        session.voice.out(str(report))
    preview(session, root, ["scores"] if "scores" in words else [], pretend=False)
    return status_of(reports, readable=read is not None) == 0


def report(session: Session, words: list[str]) -> bool:
    """Collect what is needed to look into a failure."""
    from hacluster.crmsh.reporting import report as reported  # noqa: PLC0415  only who reports pays for it

    return reported(session, words)


ROOT = Level(
    "root",
    "the crm shell",
    "Levels are entered by their name and left with up; a verb may be said from anywhere above it: resource stop web.",
    (
        *(Verb(name, _opens, summary=text, opens=name) for name, text in SUMMARIES.items()),
        Verb("status", status, "[bynode|inactive|ops|timing|failcounts|tickets|xml|json|…]", "show the status",
             "Words are those of crmsh, or options of crm_mon.", completes=("status_word",), repeats=True),
        Verb("mon", mon, "[OPTIONS]", "follow the status", "Options are those of crm_mon.", completes=("status_word",),
             repeats=True),
        Verb("verify", verify, "[scores]", "check the configuration, and say what the cluster is about to do", most=1),
        Verb("diff", plans.diff, "[FILE | N]", "what a text, or a past commit, differs in",
             "FILE is in the grammar or XML; N is the number of a commit (crm history commits). Without either: what"
             " the last commit changed.", most=1, completes=("file",)),
        Verb("apply", plans.apply, "[--prune] [--plan[=json]] FILE", "make the configuration what a text says",
             "Objects of the text are made or become what it says; applied twice, nothing happens the second time."
             " Others"
             " stay, unless --prune is said: then they go (never nodes). --plan changes nothing and says what would"
             " happen; exit status 2 when something would.", least=1, most=3, completes=("file",)),
        Verb("rollback", plans.rollback, "[N] [--plan[=json]]", "take back the last N commits of this shell", most=2),
        Verb("blame", plans.blame, "[ID…]", "who committed which line, and when", completes=("object",), repeats=True),
        Verb("explain", plans.explain, "RSC [on NODE] | action ID", "why a resource is where it is", least=1,
             completes=("resource", "on_word", "node")),
        Verb("why-not", plans.why_not, "RSC NODE", "why a resource is not on a node", least=2, most=2,
             completes=("resource", "node")),
        Verb("budget", more.budget, "[RSC…] [--json]", "how long services are away when a node or they themselves fail",
             "Each step with what it may take (worst: timers and time-outs that hold) and what it took when it was last"
             " measured (expected).", completes=("resource",), repeats=True),
        Verb("at", more.at, "TIME COMMAND…", "run a command on the CIB as it was at some instant",
             "  at 10:31 status\n  at -2h configure show\n\nThe CIB is that of the last decision before, of any node.",
             least=2),
        Verb("report", report, "[-f TIME] [-t TIME] [-n NODES] [-p PATTERN] [-S] [DEST]",
             "collect what is needed to look into a failure",
             "A tar with logs, configuration, status and decisions of all nodes, from -f (12 hours ago) to -t (now)."
             " Keys are left out, values of parameters whose names match passw* or a PATTERN are hidden. -S: this node"
             " alone.",
             most=16),
    ),
)  # fmt: skip
