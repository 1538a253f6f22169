"""The ``crm`` command: one command line, a file, lines from standard input, or a shell on a terminal.

What a command line of one command changed is committed at its end, as is what a batch changed unless a line of it
failed. Exit status: 0; 1 after a fault; 2 when a plan was asked for and says that something changes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from hacluster.base.errors import HaError
from hacluster.crmsh.level import Refused
from hacluster.crmsh.options import Given, parse_options, usage
from hacluster.crmsh.preferences import PREFERENCES
from hacluster.crmsh.session import Session, Switches


def _say(text: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(f"ERROR: {text}\n")


def _session(given: Given) -> Session:
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    switches = Switches(
        force="force" in given,
        echo="regression-tests" in given,
        wait="wait" in given,
        no="no" in given,
        debug="debug" in given,
        batch="file" in given or not terminal,
        interactive=terminal and "file" not in given,
        display=given.values.get("display", ""),
        plan=given.values.get("plan", ""),
        history=given.values.get("history", "live"),
        scripts=given.values.get("scriptdir", ""),
    )
    session = Session.begin(switches)
    for setting in given.settings:
        key, equals, value = setting.partition("=")
        if not equals or key not in PREFERENCES:
            raise Refused(f"{setting} is no OPTION=VALUE; crm options show all lists the options")
        session.preferences.set(key, value)
    if "cib" in given:
        from hacluster.client.cibsource import shadow_path  # noqa: PLC0415  one option alone needs it

        if not shadow_path(given.values["cib"], session.environment).exists():
            raise Refused(f"{given.values['cib']}: no such shadow CIB")
        session.environment["CIB_shadow"] = given.values["cib"]
    return session


def _text(file: str) -> str:
    if file == "-":
        return sys.stdin.read()
    with open(file, encoding="utf-8") as opened:
        return opened.read()


def _regrouped(words: Sequence[str]) -> list[str]:
    """Words with half a quote in them are put together again: crmsh joins the words of its command line and splits them
    anew, and scripts that hand on an unquoted ``$*`` rely on that.
    """
    import shlex  # noqa: PLC0415  loaded by the shell in a moment

    def whole(word: str) -> bool:
        try:
            shlex.split(word)
        except ValueError:
            return False
        return True

    if "xml" in words[:2] or all(" " in word or whole(word) for word in words):
        return list(words)
    try:
        return shlex.split(" ".join(shlex.quote(word) if " " in word else word for word in words))
    except ValueError:
        return list(words)


def main(argv: Sequence[str]) -> int:
    """Run the command line; gives the exit status."""
    if argv[:1] == ["--compgen"]:
        from hacluster.crmsh.complete import compgen  # noqa: PLC0415  only shells ask

        return compgen(argv[1:])
    try:
        given = parse_options(argv)
    except Refused as refused:
        _say(str(refused))
        return 1
    if "help" in given:
        sys.stdout.write(usage())
        return 0
    if "version" in given:
        from hacluster import __version__  # noqa: PLC0415  only this word needs it

        sys.stdout.write(f"crm of hacluster {__version__}\n")
        return 0
    if "profile" in given:
        return _profiled(given)
    return _run(given)


def _profiled(given: Given) -> int:
    import cProfile  # noqa: PLC0415  only this word needs it

    profile = cProfile.Profile()
    status = profile.runcall(_run, given)
    profile.dump_stats(given.values["profile"])
    return status


def _run(given: Given) -> int:
    from hacluster.crmsh.shell import Ended, Shell  # noqa: PLC0415  help and version need none of it

    kept = {name: os.environ.get(name) for name in ("CIB_shadow",)}
    try:
        session = _session(given)
        shell = Shell(session)
        if given.words:
            try:
                done = shell.perform(_regrouped(given.words))
            except Ended as ended:
                return ended.status or session.status
            if not session.path:
                return (session.status if done else 1) or 0
            if not done:
                return 1
        if session.switches.interactive:
            from hacluster.crmsh.interactive import converse  # noqa: PLC0415  prompt_toolkit takes its time

            return converse(shell)
        status = shell.batch(_text(given.values.get("file", "-")))
        return status or session.status
    except (Refused, HaError) as fault:
        _say(str(fault))
        return 1
    finally:
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def script() -> None:
    """The console script."""
    try:
        status = main(sys.argv[1:])
        sys.stdout.flush()
        sys.exit(status)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("Ctrl-C, leaving\n")
        sys.exit(1)
    except (OSError, UnicodeDecodeError) as error:
        _say(f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error))
        sys.exit(1)


__all__ = ["main", "script"]
