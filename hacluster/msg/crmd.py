"""What programs may ask of a node's resource manager, and how nodes pass it on to whom it concerns."""

from __future__ import annotations

from dataclasses import dataclass

from hacluster.base.members import ViewId
from hacluster.cib.change import Words


@dataclass(frozen=True, slots=True)
class ManagerQuery:
    """A request: how the manager of a node stands (``""``: of this one); answered with ``ManagerStatus``."""

    node: str = ""


@dataclass(frozen=True, slots=True)
class ManagerStatus:
    """``state`` is a state of the table in :mod:`hacluster.crmd.fsa`; ``dc`` is empty while there is none."""

    node: str
    state: str
    dc: str
    quorate: bool


@dataclass(frozen=True, slots=True)
class ForgetResource:
    """A request: a node forgets what it knows of a resource, or of one operation of it, and its failures.

    ``resource`` is the id that the node's executor has. The DC then has it probed anew. Answered with ``Accepted`` when
    the status says so.
    """

    node: str
    resource: str
    operation: str = ""
    interval_ms: int = 0


@dataclass(frozen=True, slots=True)
class FailResource:
    """A request: a resource counts as failed on a node, as if a monitor had found it so; answered with ``Accepted``."""

    node: str
    resource: str


@dataclass(frozen=True, slots=True)
class Errand:
    """One node's manager to another's: a request of a program that concerns you. ``kind`` and ``words`` say which."""

    view: ViewId
    number: int
    kind: str
    words: Words = ()


@dataclass(frozen=True, slots=True)
class ErrandDone:
    """The answer; ``refused`` is the code of a refusal, whose text is then in ``words``."""

    view: ViewId
    number: int
    words: Words = ()
    refused: str = ""
