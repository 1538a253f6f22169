"""Bytes: Heartbeat 3 frames, their signatures, and the sealed datagrams of our own.

* The classic wire: :mod:`frame` signs and opens its datagrams; :mod:`netstring` and :mod:`text` are the two encodings
  of a :mod:`hamsg` message, :mod:`auth` has the digests, :mod:`compress` undoes what may be inside.
* Between hacluster nodes: :mod:`freshness` seals and judges; :mod:`seal` is the envelope, :mod:`replay` the counter
  window, :mod:`hkdf` the keys, :mod:`offer` how a node says on the classic wire that it can.
* Both: :mod:`fields` has the words and numbers, :mod:`reject` the refusals.
* :mod:`ipc` frames the local sockets.
"""
