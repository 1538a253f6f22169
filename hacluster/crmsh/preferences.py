"""What a user prefers, kept as crmsh keeps it: ``~/.config/crm/crm.conf`` over ``/etc/crm/crm.conf``."""

from __future__ import annotations

import configparser
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hacluster.crmsh.level import Refused

SYSTEM: Final = Path("/etc/crm/crm.conf")
TRUE: Final = frozenset({"yes", "true", "on", "1"})
FALSE: Final = frozenset({"no", "false", "off", "0"})


@dataclass(frozen=True, slots=True)
class Preference:
    """``kind``: text, boolean, program, or choice (of ``values``)."""

    section: str
    name: str
    default: str
    kind: str = "text"
    values: tuple[str, ...] = ()
    summary: str = ""

    @property
    def key(self) -> str:
        """``section.name``."""
        return f"{self.section}.{self.name}"

    def check(self, value: str) -> None:
        """Raise :class:`Refused` for a value that it cannot have."""
        if self.kind == "boolean" and value.lower() not in TRUE | FALSE:
            raise Refused(f"{value} is no boolean (yes or no)")
        if self.kind == "choice" and value not in self.values:
            raise Refused(f"{value} is not one of {', '.join(self.values)}")
        if self.kind == "program" and value and shutil.which(value.split(maxsplit=1)[0]) is None:
            raise Refused(f"{value} does not exist or is not a program")


PREFERENCES: Final = {
    one.key: one
    for one in (
        Preference("core", "editor", "", "program", summary="program for edit; EDITOR, else vi"),
        Preference("core", "pager", "", "program", summary="program for long answers on a terminal; PAGER, else less"),
        Preference("core", "user", "", summary="user for whom the CIB is read and changed"),
        Preference("core", "skill_level", "expert", "choice", ("operator", "administrator", "expert"),
                   "kept for crmsh; has no effect"),
        Preference("core", "sort_elements", "yes", "boolean", summary="show sorts objects by kind and id"),
        Preference("core", "check_frequency", "always", "choice", ("always", "on-verify", "never"),
                   "when parameters are held against the agents' meta-data"),
        Preference("core", "check_mode", "strict", "choice", ("strict", "relaxed"),
                   "whether unknown and missing parameters keep a change from being committed"),
        Preference("core", "wait", "no", "boolean", summary="wait for changes to take effect"),
        Preference("core", "add_quotes", "yes", "boolean", summary="kept for crmsh; words keep their blanks anyway"),
        Preference("core", "manage_children", "ask", "choice", ("ask", "never", "always"),
                   "whether an attribute set on a container is removed from its members"),
        Preference("core", "force", "no", "boolean", summary="do what needs force, and ask nothing"),
        Preference("core", "debug", "no", "boolean", summary="tell more"),
        Preference("core", "ignore_missing_metadata", "no", "boolean",
                   summary="take resources whose agent is not installed here"),
        Preference("core", "obscure_pattern", "passw*", summary="parameters whose values are shown as stars"),
        Preference("color", "style", "color", "choice", ("plain", "color-always", "color", "uppercase"),
                   "when words are coloured"),
    )
}  # fmt: skip


class Preferences:
    """Values by key; ``save`` writes those that were set."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        home = environment.get("XDG_CONFIG_HOME") or str(Path(environment.get("HOME") or "~").expanduser() / ".config")
        self.file = Path(home) / "crm" / "crm.conf"
        self._set: dict[str, str] = {}
        self._system = _read(SYSTEM)
        self._user = _read(self.file)

    def get(self, key: str) -> str:
        """A value."""
        for values in (self._set, self._user, self._system):
            if key in values:
                return values[key]
        return PREFERENCES[key].default

    def truth(self, key: str) -> bool:
        """A boolean."""
        return self.get(key).lower() in TRUE

    def set(self, key: str, value: str) -> None:
        """Give it a value; raises :class:`Refused`."""
        preference = PREFERENCES.get(key)
        if preference is None:
            raise Refused(f"there is no option {key}")
        preference.check(value)
        self._set[key] = value

    def known(self) -> dict[str, str]:
        """Those that were set by anybody."""
        return {key: self.get(key) for key in PREFERENCES if key in {*self._set, *self._user, *self._system}}

    def reset(self) -> None:
        """As if nothing had been set by this user."""
        self._set.clear()
        self._user.clear()
        self.save()

    def save(self) -> None:
        """Write what this user set."""
        parser = configparser.ConfigParser(interpolation=None)
        for key, value in sorted({**self._user, **self._set}.items()):
            section, _, name = key.partition(".")
            if not parser.has_section(section):
                parser.add_section(section)
            parser.set(section, name, value)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with open(self.file, "w", encoding="utf-8") as opened:
            parser.write(opened)


def _read(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, OSError, UnicodeDecodeError):
        return {}
    return {
        f"{section}.{name}": value
        for section in parser.sections()
        for name, value in parser.items(section)
        if f"{section}.{name}" in PREFERENCES
    }
