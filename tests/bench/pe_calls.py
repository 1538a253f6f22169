"""Our scheduler's calls alone, in this process: ``python -m tests.bench.pe_calls CIB`` prints CPU seconds as JSON.

*cold*: from the bytes to the transition. *warm*: from records of which one changed since the last call to the
transition, as the daemon calls it. No garbage is collected meanwhile; that is for between the calls.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from pathlib import Path

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import Document, parse_document
from hacluster.cib.records import History, OpRecord
from hacluster.cib.upgrade import upgrade
from hacluster.pe.incremental import Engine

NOW = Moment.from_epoch(1_700_000_000, 0)


def change(document: Document) -> None:
    """Let one more operation fail, or, where there is none yet, say that the first probe found nothing."""
    for state in document.status.nodes:
        for history in state.histories:
            for op in history.ops:
                if op.interval_ms == 10_000 and op.rc == 0:
                    op.rc = 1
                    return
    first = next(document.root.iter("primitive"))
    ident, state = first.get("id", ""), document.status.nodes[0]
    probe = OpRecord(f"{ident}_last_0", f"{ident}_monitor_0", "monitor", 7, 0, 5, 0, 7, on_node=state.uname)
    state.add_history(History(ident, first.get("type"), first.get("class"), first.get("provider"), ops=[probe]))


def main(path: str) -> None:
    """Measure."""
    data, engine = Path(path).read_bytes(), Engine()
    gc.disable()
    begin = time.process_time()
    document = parse_document(data, path)
    upgrade(document)
    engine.schedule(document, NOW)
    cold = time.process_time() - begin
    change(document)
    begin = time.process_time()
    engine.schedule(document, NOW)
    print(json.dumps({"cold": cold, "warm": time.process_time() - begin}))


if __name__ == "__main__":
    main(sys.argv[1])
