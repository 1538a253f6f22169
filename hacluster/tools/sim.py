"""``hacluster sim``: the cluster's own machines under virtual time, with faults out of dice or out of a script.

Nothing of this host is touched. Exit status: 0 all runs were good, 1 a checker spoke, 2 wrong usage or a bad script.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import click

from hacluster.base.report import Place, Report, Severity
from hacluster.config.settings import AutoFailback, Seal
from hacluster.sim.nemesis import MIXES, NEMESES, expand
from hacluster.sim.replay import Wish, plan_for, run, scripted, shrink
from hacluster.sim.scenario import LINKS, NODES
from hacluster.sim.script import Action, parse_script, render_script
from hacluster.sim.trace import clock_text
from hacluster.sim.world import Outcome

EXIT_GOOD: Final = 0
EXIT_VIOLATION: Final = 1
EXIT_USAGE: Final = 2
MAX_SEEDS: Final = 100_000


class Seeds(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic in newer clicks only
    """``A..B``, both inclusive."""

    name = "A..B"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> range:
        """The seeds as a range."""
        low, dots, high = str(value).partition("..")
        if not dots or not low.isdigit() or not high.isdigit() or not int(low) <= int(high):
            self.fail(f"{value!r} is not a range of seeds such as 1..100", param, ctx)
        seeds = range(int(low), int(high) + 1)
        if len(seeds) > MAX_SEEDS:
            self.fail(f"{value!r} is more than {MAX_SEEDS} seeds", param, ctx)
        return seeds


def _nemeses(_ctx: click.Context, _param: click.Parameter, value: str) -> tuple[str, ...]:
    names = tuple(name for name in value.replace(",", " ").split() if name != "none")
    try:
        return expand(names)
    except KeyError as error:
        known = ", ".join((*NEMESES, *MIXES))
        raise click.BadParameter(f"there is no nemesis {error.args[0]!r}; one of {known}, or none") from error


def read_script(path: str) -> tuple[list[Action], list[Report]]:
    """The actions of a file, and everything that is wrong with it; ``-`` reads standard input."""
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        return [], [Report("unreadable", Severity.ERROR, f"the script cannot be read: {why}", Place(path))]
    return parse_script(text, path, NODES, LINKS)


def as_dict(outcome: Outcome) -> dict[str, Any]:
    """The JSON shape of a run."""
    violation = outcome.violation
    return {
        "seed": outcome.plan.seed,
        "good": violation is None,
        "auto-failback": outcome.plan.scenario.auto_failback.value,
        "seal": outcome.plan.scenario.seal.value,
        "ipfail": outcome.plan.scenario.ipfail,
        "seconds": outcome.world_ms / 1000,
        "digest": outcome.transcript.digest,
        "checker": violation.checker if violation else None,
        "at": violation.at_ms / 1000 if violation else None,
        "sentence": violation.sentence if violation else None,
        "script": [str(action) for action in outcome.plan.script],
    }


def _one_line(outcome: Outcome) -> str:
    mode = outcome.plan.scenario.auto_failback.value
    faults = sum(action.verb != "heal" for action in outcome.plan.script)
    word = "good" if outcome.violation is None else "FAILED"
    seal = outcome.plan.scenario.seal.value
    actions = f"{faults} action{'' if faults == 1 else 's'}"
    facts = f"{clock_text(outcome.world_ms)} s, {actions}, auto_failback {mode}, seal {seal}"
    facts += ", ipfail" if outcome.plan.scenario.ipfail else ""
    return f"seed {outcome.plan.seed}: {word}, {facts}"


def _tell_failure(outcome: Outcome, *, small: bool) -> None:
    least = shrink(outcome) if small else outcome
    assert least.violation is not None
    click.echo(f"  {least.violation}")
    click.echo(f"  the script{' (shrunk)' if small else ''}:")
    click.echo("".join(f"    {line}\n" for line in render_script(least.plan.script).splitlines()), nl=False)
    scenario = least.plan.scenario
    again = f"--seed {least.plan.seed} --auto-failback {scenario.auto_failback.value} --seal {scenario.seal.value}"
    again += " --ipfail" if scenario.ipfail else ""
    click.echo(f"  to play it again: save the script and run  hacluster sim {again} --script FILE --trace")


def _fencing(name: str, seeds: range, *, trace: bool) -> int:
    """Seeds of one mix, or of ``all``."""
    from hacluster.sim.crm.checkers import Breach  # noqa: PLC0415 - runs of v1 need none of a resource manager
    from hacluster.sim.crm.mixes import MIXES as FENCING  # noqa: PLC0415
    from hacluster.sim.crm.mixes import play  # noqa: PLC0415

    wanted = list(FENCING) if name in ("all", "list") else [name]
    if name == "list" or name not in (*FENCING, "all"):
        click.echo(
            "\n".join(wanted if name == "list" else [f"there is no mix {name!r}; one of {', '.join(FENCING)}, or all"])
        )
        return EXIT_GOOD if name == "list" else EXIT_USAGE
    good = True
    for seed in seeds:
        for mix in wanted:
            try:
                ring = play(FENCING[mix], seed)
                click.echo(
                    f"{mix}, seed {seed}: good, {len(ring.power.strikes)} strikes, {clock_text(ring.agenda.now)} s"
                )
            except Breach as breach:
                good = False
                click.echo(f"{mix}, seed {seed}: FAILED\n  {breach}")
                continue
            if trace:
                click.echo("\n".join(ring.log))
    return EXIT_GOOD if good else EXIT_VIOLATION


@click.command(name="sim")
@click.option("--seed", type=click.IntRange(0, (1 << 63) - 1), default=1, show_default=True, help="The run's dice.")
@click.option("--seeds", type=Seeds(), help="Many runs, one for each seed.")
@click.option("--hours", type=click.FloatRange(0.01, 10_000), default=0.25, show_default=True, help="Of faults.")
@click.option(
    "--nemesis",
    "nemeses",
    default="all",
    show_default=True,
    callback=_nemeses,
    metavar="NAME,...",
    help=f"Faults: {', '.join(NEMESES)}; mixes: {', '.join(MIXES)}; or none.",
)
@click.option("--script", "script_file", metavar="FILE", help="Faults from a file instead ('-': standard input).")
@click.option("--auto-failback", type=click.Choice([mode.value for mode in AutoFailback]), help="Default: by dice.")
@click.option("--seal", type=click.Choice([mode.value for mode in Seal]), default="on", show_default=True)
@click.option("--ipfail/--no-ipfail", default=None, help="Ping nodes and ipfail.  [default: if pings are cut]")
@click.option(
    "--fencing", metavar="MIX", help="A cluster with a resource manager and fencing instead; 'list' names mixes."
)
@click.option("--trace", is_flag=True, help="Print the whole transcript of each run.")
@click.option("--datagrams", is_flag=True, help="With --trace: datagrams too.")
@click.option("--digest", is_flag=True, help="Print what tells two runs apart, down to the last datagram.")
@click.option("--no-shrink", is_flag=True, help="Do not look for a smaller script that fails.")
@click.option("--output-as", type=click.Choice(["text", "json"]), default="text", show_default=True)
def sim(
    *,
    seed: int,
    seeds: range | None,
    hours: float,
    nemeses: tuple[str, ...],
    script_file: str | None,
    auto_failback: str | None,
    seal: str,
    ipfail: bool | None,
    fencing: str | None,
    trace: bool,
    datagrams: bool,
    digest: bool,
    no_shrink: bool,
    output_as: str,
) -> None:
    """Run two nodes under virtual time, with faults, and check what must hold.

    A run depends on its options alone: the same seed gives the same transcript, byte for byte.
    """
    if fencing is not None:
        sys.exit(_fencing(fencing, seeds if seeds is not None else range(seed, seed + 1), trace=trace))
    mode = AutoFailback(auto_failback) if auto_failback else None
    wish = Wish(nemeses, round(hours * 3_600_000), mode, Seal(seal), ipfail)
    actions: list[Action] | None = None
    if script_file is not None:
        actions, reports = read_script(script_file)
        for report in reports:
            click.echo(str(report), err=True)
        if reports:
            sys.exit(EXIT_USAGE)
        wish = Wish(nemeses, 0, mode, Seal(seal), ipfail)
    outcomes = []
    for number in seeds if seeds is not None else (seed,):
        plan = plan_for(number, wish) if actions is None else scripted(number, actions, wish)
        outcome = run(plan, full_trace=datagrams)
        outcomes.append((outcome.violation is None, as_dict(outcome)))
        if output_as == "json":
            continue
        if trace:
            click.echo(outcome.transcript.text(), nl=False)
        click.echo(_one_line(outcome))
        if digest:
            click.echo(f"  digest {outcome.transcript.digest}")
        if outcome.violation is not None:
            _tell_failure(outcome, small=not no_shrink)
    if output_as == "json":
        click.echo(json.dumps([shape for _, shape in outcomes], indent=2))
    sys.exit(EXIT_GOOD if all(good for good, _ in outcomes) else EXIT_VIOLATION)
