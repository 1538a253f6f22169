"""The rules that counterexamples asked for, by their numbers there; each test of one runs with it off, too.

Nothing but tests changes these. What happens without a rule is told where the rule is kept.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """Each on, as the daemon runs."""

    own_promise: bool = True
    """R5: a proposer's own promise is on disk before anybody hears of the proposal."""
    last_promise_only: bool = True
    """R6: a view is entered only if it is what was promised last."""
    witness_votes_once: bool = True
    """R11: a witness votes in the view that it promised; a ping node would answer both halves."""
    evidence_of_this_view: bool = True
    """R14: a fencing counts in the view that asked for it, a goodbye of the life that was in the last common view."""
    hearing_told_to_all: bool = True
    """R15: whom we hear is told to everybody, heard or not."""
    lost_edge_breaks: bool = True
    """R16: an edge that was lost breaks the view, even if it came back."""
    cliques: bool = True
    """R17: a view is compared with the clique, not with all that are heard."""
    busy: bool = True
    """R18: who works in a view does not leave it for one that is not larger."""
    stuck: bool = True
    """R19: who has no working view for long calls one himself, whatever his rank."""
    accepts_checked: bool = True
    """An Accept says once more who hears whom, and the members are a clique of that. Safety rests on nothing of it."""
