"""Reading a command word by word, and what is said when a word is not one that may stand there."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Final

from lxml import etree

from hacluster.cib.document import XML
from hacluster.crmsh.kinds import schema_number

NVPAIR: Final = re.compile(r"([^=@$][^=]*)=(.*)", re.DOTALL)
NVPAIR_ID: Final = re.compile(r"\$([^:=]+)(?::(.+))?=(.*)", re.DOTALL)
NVPAIR_REF: Final = re.compile(r"@([^:]+)(?::(.+))?")
NVPAIR_KEY: Final = re.compile(r"([^:=]+)")
IDENTIFIER: Final = re.compile(r"([a-z0-9_#$-][^=]*)", re.IGNORECASE)
RESOURCE: Final = re.compile(r"([a-z_#$][^=]*)", re.IGNORECASE)
DESCRIPTION: Final = re.compile(r"description=(.+)", re.IGNORECASE | re.DOTALL)
IDSPEC: Final = re.compile(r"(\$id-ref|\$id)=(.*)", re.IGNORECASE)
INITIAL_ID: Final = re.compile(r"(?:\$id=(.*)|([\w-]+):)", re.IGNORECASE)
SCORE: Final = re.compile(r"([^:]+):")
ROLE: Final = re.compile(r"\$?role=(.+)", re.IGNORECASE)

TERMINATORS: Final = frozenset(
    {"params", "meta", "utilization", "operations", "op", "op_params", "op_meta", "rule", "attributes"}
)
_RENAMED: Final = {"Promoted": "Master", "Unpromoted": "Slave"}


OPERATION_ATTRIBUTES: Final = frozenset(
    {
        "id",
        "name",
        "interval",
        "description",
        "start-delay",
        "interval-origin",
        "timeout",
        "enabled",
        "record-pending",
        "role",
        "on-fail",
    }
)
"""What an operation has as attributes of its own; all else are parameters of it."""


class SyntaxFault(ValueError):  # noqa: N818  a fault of the person who wrote the command, told with its word
    """``text`` says what is wrong; ``word`` is where."""

    def __init__(self, text: str, word: str = "") -> None:
        super().__init__(f"{text} (at {word!r})" if word else text)
        self.text = text
        self.word = word


class Context:
    """What reading needs of the configuration that the command is for.

    ``schema``: its ``validate-with``. ``nodes``: names in their order. ``providers``: who provides an OCF agent.
    ``resolve``: the id that an ``$id-ref`` means, which may name an object instead of its attribute set.
    ``member``: the element of a resource that a container names.
    """

    def __init__(
        self,
        schema: str | None,
        *,
        nodes: Collection[str] = (),
        providers: Callable[[str], list[str]] = lambda _type: [],
        resolve: Callable[[str, str], str] = lambda _word, ref: ref,
        member: Callable[[str], XML | None] = lambda _id: None,
    ) -> None:
        self.version = schema_number(schema)
        self.nodes = tuple(nodes)
        self.providers = providers
        self.resolve = resolve
        self.member = member
        newer = self.version >= (3, 7)
        self.roles = ("Stopped", "Started", *(("Promoted", "Unpromoted") if newer else ()), "Master", "Slave")
        self.operation_attributes = OPERATION_ATTRIBUTES | ({"requires"} if self.version < (3, 0) else set())
        self.type_needed = schema == "none"

    def role(self, value: str, name: str = "role") -> str:
        """A role by the name that the schema knows: before 3.7 it has no Promoted and Unpromoted."""
        if name in {"role", "target-role"} and self.version < (3, 7):
            return _RENAMED.get(value, value)
        return value


class Cursor:
    """The words of one command."""

    def __init__(self, words: list[str], context: Context) -> None:
        self.words = words
        self.context = context
        self.position = 0

    @property
    def word(self) -> str | None:
        """The next word, ``None`` at the end."""
        return self.words[self.position] if self.position < len(self.words) else None

    @property
    def left(self) -> int:
        """How many words there are."""
        return len(self.words) - self.position

    def take(self) -> str:
        """The next word, whatever it is."""
        word = self.word
        if word is None:
            raise SyntaxFault("unexpected end of the command")
        self.position += 1
        return word

    def rest(self) -> list[str]:
        """All the words that are left."""
        words = self.words[self.position :]
        self.position = len(self.words)
        return words

    def match(self, pattern: re.Pattern[str] | str) -> re.Match[str] | None:
        """Take the next word if it matches as a whole; a text is compared without regard to case."""
        word = self.word
        if word is None:
            return None
        compiled = re.compile(pattern, re.IGNORECASE) if isinstance(pattern, str) else pattern
        found = compiled.fullmatch(word)
        if found:
            self.position += 1
        return found

    def expect(self, pattern: re.Pattern[str] | str, what: str) -> re.Match[str]:
        """Take the next word, which must match."""
        found = self.match(pattern)
        if found is None:
            raise SyntaxFault(f"{what} expected", self.word or "the end of the command")
        return found

    def one_of(self, words: Collection[str]) -> str | None:
        """Take the next word if it is one of ``words`` in any case; gives it in small letters."""
        word = self.word
        if word is not None and word.lower() in words:
            self.position += 1
            return word.lower()
        return None

    def identifier(self) -> str:
        """An id."""
        return self.expect(IDENTIFIER, "an id")[1]

    def resource(self) -> str:
        """The id of a resource."""
        return self.expect(RESOURCE, "a resource")[1]

    def description(self, element: XML) -> None:
        """``description=…`` if it is next."""
        found = self.match(DESCRIPTION)
        if found:
            element.set("description", found[1])

    def initial_id(self) -> str | None:
        """``$id=ID`` or ``ID:`` if it is next."""
        found = self.match(INITIAL_ID)
        return None if found is None else found[1] if found[1] is not None else found[2]

    def nvpairs(
        self, *, terminators: Collection[str] = TERMINATORS, bare: bool = True, allow_empty: bool = True
    ) -> list[XML]:
        """``name=value …`` as elements; a bare name is a pair without a value."""
        found: list[XML] = []
        while (word := self.word) is not None and word.lower() not in terminators:
            if match := NVPAIR_REF.fullmatch(word):
                pair = etree.Element("nvpair", {"id-ref": match[1]})
                if match[2]:
                    pair.set("name", match[2])
            elif match := NVPAIR_ID.fullmatch(word):
                pair = etree.Element("nvpair", id=match[1], name=match[2] or match[1], value=match[3])
            elif match := NVPAIR.fullmatch(word):
                if not allow_empty and not match[2]:
                    raise SyntaxFault(f"{match[1]} has no value", word)
                pair = etree.Element("nvpair", name=match[1], value=self.context.role(match[2], match[1]))
            elif bare and (match := NVPAIR_KEY.fullmatch(word)):
                pair = etree.Element("nvpair", name=match[1])
            else:
                break
            self.position += 1
            found.append(pair)
        return found
