"""The verbs of ``configure`` that make an object, with the help for each."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from hacluster.crmsh.level import Handler, Verb
from hacluster.crmsh.levels import configure_change as change

if TYPE_CHECKING:
    from hacluster.crmsh.session import Session


def _maker(verb: str) -> Handler:
    def make(session: Session, words: list[str]) -> bool:
        return change.make(session, verb, words)

    return make


def _master(session: Session, words: list[str]) -> bool:
    shown = " ".join(words) + (" " if "meta" in words else " meta ") + "promotable=true"
    session.voice.warning(f'"ms" is deprecated. Please use "clone {shown}"')
    return change.make(session, "ms", words)


def _property(session: Session, words: list[str]) -> bool:
    change.override_maintenance(session, words)
    return change.make(session, "property", words)


_ATTRS: Final = "  Attributes are NAME=VALUE; a value with blanks is quoted.\n"
_RULES: Final = """  rule [$id=ID] [$role=ROLE] SCORE: EXPRESSION [and|or EXPRESSION]…
  EXPRESSION: NAME lt|gt|lte|gte|eq|ne VALUE | defined NAME | not_defined NAME
              | date lt|gt DATE | date in start=DATE end=DATE | date spec hours=9-17 weekdays=1-5
  SCORE: a number, inf, -inf, or a node attribute"""
_ROWS: Final[tuple[tuple[str, str, str, str, tuple[str, ...]], ...]] = (
    ("node", "NAME[:TYPE] [attributes N=V…] [utilization N=V…]", "make or change a node",
     "  node alpha attributes rack=3 utilization cpu=8", ("node", "node_word")),
    ("primitive", ("ID {[CLASS:[PROVIDER:]]TYPE | @TEMPLATE} [[params] N=V…] [meta N=V…] [utilization N=V…]"
     " [op NAME N=V…]…"), "make a resource",
     "  primitive vip IPaddr2 ip=10.0.0.1 cidr_netmask=24 op monitor interval=10s timeout=20s\n" + _ATTRS,
     ("none", "agent", "primitive_word")),
    ("rsc_template", "ID [CLASS:[PROVIDER:]]TYPE [params N=V…] [meta N=V…] [op NAME N=V…]…",
     "make a template that primitives are made from", "", ("none", "agent", "primitive_word")),
    ("group", "ID RSC… [meta N=V…] [params N=V…]", "run resources together, one after the other",
     "  group web fs vip apache", ("none", "free_primitive", "container_word")),
    ("clone", "ID RSC [meta N=V…] [params N=V…]", "run a resource on several nodes",
     "  clone pinger-all pinger meta interleave=true\n  clone db-pair db meta promotable=true promoted-max=1",
     ("none", "free_resource", "container_word")),
    ("bundle", ("ID {docker|podman|rkt} image=IMAGE [N=V…] [network N=V… [port-mapping N=V…]…]"
     " [storage storage-mapping N=V…] [primitive RSC] [meta N=V…]"), "run containers", "",
     ("none", "container_type", "bundle_word")),
    ("location", "ID {RSC | /PATTERN/ | { RSC… }} [role=ROLE] [resource-discovery=WHEN] {SCORE: NODE | rule…}",
     "say where a resource may run", "  location web-on-alpha web 100: alpha\n" + _RULES,
     ("none", "resource", "score", "node")),
    ("colocation", "ID SCORE: RSC[:ROLE] RSC[:ROLE]… [node-attribute=NAME]", "keep resources together, or apart",
     ("  colocation vip-with-db inf: vip db:Promoted     vip runs where db is promoted\n"
     "  Sets: a b c in their order, ( a b ) in any order"), ("none", "score", "resource")),
    ("order", "ID [Mandatory:|Optional:|Serialize:] RSC[:ACTION] RSC[:ACTION]… [symmetrical=BOOL]",
     "say what is started before what",
     "  order fs-before-db Mandatory: fs db\n  Sets: a b c one after the other, ( a b ) side by side, [ a b ] either",
     ("none", "order_kind", "resource")),
    ("rsc_ticket", "ID TICKET: RSC[:ROLE]… [loss-policy=stop|demote|fence|freeze]",
     "let a resource depend on a ticket", "", ("none", "none", "resource")),
    ("rsc_defaults", "[SET:] [rule…] N=V…", "set defaults of resources", "", ("meta_name",)),
    ("op_defaults", "[SET:] [rule…] N=V…", "set defaults of operations", "", ("op_name",)),
    ("fencing_topology", "DEVICES… | {NODE: | pattern:RE | attr:N=V} DEVICES……",
     "say which devices fence a node, in which order", "  fencing_topology alpha: ipmi-a pdu1,pdu2 beta: ipmi-b",
     ("node_colon",)),
    ("tag", "ID OBJECT…", "give objects a common name", "", ("none", "object")),
    ("alert", ("ID PATH [attributes N=V…] [meta N=V…] [select nodes|fencing|resources|attributes { NAME… }]"
     " [to { RECIPIENT … }]…"), "call a program when something happens", "", ("none", "file", "alert_word")),
    ("role", ("ID {read|write|deny} {xpath:X | ref:ID | type:TAG | meta:RSC[:N] | params:RSC[:N] | property[:N]"
     " | node[:NAME] | status | cib} [attribute:N] …"), "make a role of rights", "", ("none", "right")),
    ("user", "NAME {role:ROLE… | RULES}", "give a user rights (schemas before 2.0)", "", ("none", "right")),
    ("acl_target", "USER ROLE…", "give a user roles", "", ("none", "role")),
    ("acl_group", "GROUP ROLE…", "give a group roles", "", ("none", "role")),
)  # fmt: skip


def _verb(name: str, usage: str, summary: str, text: str, completes: tuple[str, ...]) -> Verb:
    old = {"primitive": ("resource",), "colocation": ("collocation",), "fencing_topology": ("fencing-topology",)}
    return Verb(
        name, _maker(name), usage, summary, text, old=old.get(name, ()), completes=completes, repeats=True
    )  # fmt: skip


OBJECT_VERBS: Final = (
    *(_verb(*row) for row in _ROWS),
    Verb("ms", _master, "ID RSC [meta N=V…]", "make a promotable clone, as it was written once", old=("master",),
         completes=("none", "free_resource", "container_word"), repeats=True),
    Verb("property", _property, "[SET:] [rule…] N=V…", "set cluster options",
         "  property no-quorum-policy=stop stonith-enabled=true", completes=("property",), repeats=True),
    Verb("xml", _maker("xml"), "ELEMENT", "make an object from its XML"),
)  # fmt: skip
"""Every verb that makes an object."""


def joined(verb: str, words: list[str]) -> str:
    """The command as a text that reads back to these words."""
    if verb == "xml":
        return " ".join((verb, *words))
    return shlex.join((verb, *words))
