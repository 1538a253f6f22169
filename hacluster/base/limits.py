"""Every bound of the program in one place: no queue, loop or buffer grows without one of these."""

from __future__ import annotations

from typing import Final

MAX_DATAGRAM: Final = 65_507
"""Largest UDP payload over IPv4 (65,535 - 8 - 20), RFC 768 and RFC 791."""

MAX_MESSAGE: Final = 256 * 1024
"""Largest message a Heartbeat 3.0.6 node can build."""

MAX_FIELDS: Final = 1_000
"""Most fields in one message, nested ones included."""

MAX_FIELD_NAME: Final = 255
"""Longest field name in bytes."""

MAX_DEPTH: Final = 16
"""Deepest nesting of structs: what the classic form has newline substitutes for."""

MAX_HISTORY: Final = 500
"""Sequenced messages a sender keeps for retransmission (Heartbeat's MAXMSGHIST)."""

MAX_MISSING: Final = 250
"""Most missing messages of one peer before the receiver gives up and continues from the newest."""

MAX_NODES: Final = 100
"""Most ``node`` entries in ha.cf."""

MAX_MEDIA: Final = 64
"""Most media in ha.cf."""

MAX_CASCADE: Final = 100_000
"""Most messages between the machines of a process that one event may cause."""

MAX_FRAME: Final = 4 * 1024 * 1024
"""Largest frame on a local socket."""

MAX_IPC_BACKLOG: Final = 8 * 1024 * 1024
"""Most bytes that wait for a local reader before its connection is dropped."""

MAX_LINK_FRAME: Final = 160 * 1024 * 1024
"""Largest frame between brain and thought: a whole CIB is handed over."""

MAX_LINK_BACKLOG: Final = 2 * MAX_LINK_FRAME
"""Most bytes that wait for another process of the node before the connection is dropped."""

MAX_OPERATIONS: Final = 4_096
"""Most operations of agents that wait, run or recur on one node; one more is refused."""

MAX_RUNNING: Final = 128
"""Most operations of agents that run at one moment, those included that only wait."""

MAX_NOTES: Final = 32_768
"""Most things that the hands keep for the machine they work for."""

MAX_LRM_JOURNAL: Final = 4 * 1024 * 1024
"""Bytes of the hands' journal after which it is written anew, at least."""

MAX_RESULTS: Final = 8_192
"""Most results of operations that are kept for whoever asks; the oldest go first."""

MAX_HOOKS: Final = 64
"""Most hook programs that wait for their turn; one more is dropped and said so."""

MAX_HELD: Final = 64
"""Most messages of one kind that wait in the heartbeat machine: for a gap to close, or for the disk."""

MAX_DISK_WAIT_MS: Final = 1_000
"""How long what a machine says waits for its own write; a disk that is slower is not waited for."""

MAX_QUERIES: Final = 64
"""Most questions to other nodes that wait for an answer."""

MAX_NAMED_CLIENTS: Final = 64
"""Most named local clients that the other nodes are told of."""

MAX_CLIENT_NAME: Final = 64
"""Longest name of a client, and longest site of a node."""

MAX_INSTANCES: Final = 10_000
"""Most instances of one clone or bundle."""

MAX_REQUESTS_KEPT: Final = 1_024
"""Most ids of writes that a copy of the CIB remembers; a repetition of an older one is refused, never done twice."""

MAX_RECORDS_KEPT: Final = 1_024
"""Most changes of the configuration that are kept in memory for nodes that lack only the last ones."""

MAX_JOURNAL: Final = 4 * 1024 * 1024
"""Bytes of journal after which a new snapshot is written."""

MAX_CIB_HISTORY: Final = 100
"""Most older snapshots of the CIB on disk (Pacemaker keeps as many)."""

MAX_ATTRIBUTES: Final = 10_000
"""Transient attributes of one node: fail counts and promotion scores of thousands of resources."""

MAX_INPUTS_DUE: Final = 16
"""Inputs of the policy engine that wait to be written; each may hold a copy of the status."""

MAX_UPLOADED: Final = 64 * 1024 * 1024
"""Characters of edits that programs are handing over to cibd in pieces, all together."""

MAX_CIB_FILE: Final = 128 * 1024 * 1024
"""Largest file of the CIB that is read at the start; a larger one is damaged."""

MAX_WRITES: Final = 1_024
"""Most writes of the configuration that are under way in one view; one more is refused."""

MAX_CLIQUE_WORK: Final = 20_000
"""Most steps of the search for the largest clique; after them the best one found counts."""

MAX_VIEW_MEMBERS: Final = 64
"""Most members of one view."""

MAX_STREAM_MESSAGE: Final = 64 * 1024 * 1024
"""Largest message of a stream between nodes; a whole CIB must fit."""

MAX_STREAM_BACKLOG: Final = 128 * 1024 * 1024
"""Bytes that wait for one receiver before its stream is given up."""

MAX_STREAM_WINDOW: Final = 512 * 1024
"""Bytes of one stream that are under way unacknowledged."""

MAX_STREAM_FRAGMENTS: Final = 1_024
"""Fragments of one stream that are under way unacknowledged."""

MAX_ALERTS: Final = 32
"""Alert agents that run at the same time."""

MAX_ALERTS_WAITING: Final = 1_024
"""Alerts that wait for one that runs; one more is dropped, and that is said."""

MAX_STDIN: Final = 65_536
"""Most bytes that a program is given on its standard input: what a pipe holds, so that nobody waits for its reader."""

MAX_FENCE_DEVICES: Final = 512
"""Most fence devices that one node uses."""

MAX_FENCE_JOBS: Final = 64
"""Most actions that wait for one fence device; one more has failed."""

MAX_FENCINGS: Final = 500
"""Most ended fencings in the history (Pacemaker keeps as many); the oldest go first."""

MAX_FENCE_PEERS: Final = 3
"""On how many nodes one action of one fence device is tried."""

MAX_PIECE: Final = 32 * 1024
"""Bytes of a message that are handed to the heartbeat at once."""

MAX_SPOKEN_AHEAD: Final = 192 * 1024
"""Bytes for one receiver that the heartbeat holds and that no receiver has acknowledged; more waits in the brain."""

MAX_UNTAKEN: Final = 2 * 1024 * 1024
"""Bytes that the heartbeat has handed to the brain and that the brain has not dealt with; then it hears no more."""

MAX_SPEECH_PIECES: Final = 64 * 1024
"""Pieces that wait in the brain for one receiver before its stream is given up."""

WATCHDOG_LEASE_MS: Final = 3_000
"""For how long a node is kept alive by its watchdog after its brain has vouched for it for the last time."""

WATCHDOG_MARGIN_MS: Final = 2_000
"""What is added to a watchdog's own time before it is believed to have fired: looks, and rounding by drivers."""
