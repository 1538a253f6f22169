"""What hacluster's resource agents share. Not part of the package ``hacluster``: agents are programs of their own.

Kept fast, for a manager runs a monitor of each resource every few seconds: an empty ``python3 -IS`` takes 9 ms of CPU,
``socket`` 8 ms more, ``subprocess`` 13, ``typing`` 9, ``dataclasses`` 13. So the C modules ``_socket`` and ``_struct``
are used directly, the rest is imported where it is needed, and the logic lives here, where its byte code is kept, and
not in the programs, which Python compiles at each start.
"""
