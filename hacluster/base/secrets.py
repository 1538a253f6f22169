"""Parameters that are kept out of the CIB: files on each node that root alone reads (cibsecret(8))."""

from __future__ import annotations

from typing import Final

ELSEWHERE: Final = "lrm://"
"""What stands in the CIB instead of the value."""

KEPT_BELOW: Final = "/var/lib/pacemaker/lrm/secrets"


def secret_file(resource: str, parameter: str) -> str:
    """The file of a parameter of a resource, or of one of its instances (``NAME:3``); empty for what is no name."""
    name = resource.partition(":")[0]
    return "" if "/" in name or name in ("", ".", "..") else f"{KEPT_BELOW}/{name}/{parameter}"


def is_elsewhere(name: str, value: str) -> bool:
    """Whether a parameter's value is in a file."""
    return value == ELSEWHERE and "/" not in name and name not in (".", "..")
