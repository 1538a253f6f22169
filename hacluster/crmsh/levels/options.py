"""The level ``options``: what this user prefers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hacluster.crmsh.level import Level, Refused, Verb
from hacluster.crmsh.preferences import PREFERENCES

if TYPE_CHECKING:
    from hacluster.crmsh.level import Handler
    from hacluster.crmsh.session import Session


def _key(name: str) -> str:
    plain = name.replace("-", "_")
    if plain == "output":
        return "color.style"
    return plain if "." in plain else f"core.{plain}"


def _setter(key: str) -> Handler:
    def run(session: Session, words: list[str]) -> bool:
        session.preferences.set(key, words[0] if words else "")
        return True

    return run


def set_option(session: Session, words: list[str]) -> bool:
    """Give an option a value."""
    session.preferences.set(_key(words[0]), words[1])
    return True


def colorscheme(_session: Session, _words: list[str]) -> bool:
    """Colours are fixed; taken so that old scripts go on."""
    return True


def show(session: Session, words: list[str]) -> bool:
    """The options and their values."""
    preferences = session.preferences
    if not words:
        shown = {key: preferences.get(key) for key in ("core.debug", "core.force", "core.wait")} | preferences.known()
        shown |= {"color.style": preferences.get("color.style")}
    else:
        shown = {key: preferences.get(key) for key in PREFERENCES}
        if words[0] != "all":
            wanted = words[0].replace("-", "_")
            shown = {key: value for key, value in shown.items() if key.startswith(wanted) or key.endswith(wanted)}
            if not shown:
                raise Refused(f"there is no option {words[0]}")
    for key in sorted(shown, key=lambda one: (not one.startswith("core"), one)):
        session.voice.out(f"{key} = {shown[key]}")
    return True


def save(session: Session, _words: list[str]) -> bool:
    """Write the options to the user's file."""
    session.preferences.save()
    return True


def reset(session: Session, _words: list[str]) -> bool:
    """Forget what this user set."""
    session.preferences.reset()
    return True


def leave(session: Session, in_passing: bool) -> bool:
    """A one-shot ``options …`` is kept; in a session, ``save`` keeps them."""
    if in_passing and not session.switches.interactive:
        session.preferences.save()
    return True


_ROWS = (
    ("skill-level", "operator|administrator|expert"), ("editor", "PROGRAM"), ("pager", "PROGRAM"), ("user", "[USER]"),
    ("output", "plain|color|color-always|uppercase"), ("check-frequency", "always|on-verify|never"),
    ("check-mode", "strict|relaxed"), ("sort-elements", "yes|no"), ("wait", "yes|no"), ("add-quotes", "yes|no"),
    ("manage-children", "ask|never|always"),
)  # fmt: skip


def _verb(name: str, usage: str) -> Verb:
    old = (name.replace("-", "_"),) if "-" in name else ()
    values = PREFERENCES[_key(name)].values or (("yes", "no") if PREFERENCES[_key(name)].kind == "boolean" else ())
    return Verb(
        name, _setter(_key(name)), usage, PREFERENCES[_key(name)].summary, least=0 if name == "user" else 1, most=1,
        old=old, completes=(f"words:{' '.join(values)}",) if values else ("none",),
    )  # fmt: skip


LEVEL = Level(
    "options",
    "what this user prefers",
    "Kept in ~/.config/crm/crm.conf, which crmsh reads too.",
    (
        *(_verb(*row) for row in _ROWS),
        Verb("colorscheme", colorscheme, "COLORS", "taken for old scripts; has no effect", least=1, most=1),
        Verb("set", set_option, "OPTION VALUE", "give an option a value", least=2, most=2, completes=("option",
             "none")),
        Verb("show", show, "[all | OPTION]", "the options and their values", most=1, old=("list",),
             completes=("option",)),
        Verb("save", save, "", "keep them for the next time", most=0),
        Verb("reset", reset, "", "forget what was set", most=0),
    ),
    leave,
)  # fmt: skip
