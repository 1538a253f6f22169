"""Digests of parameters, as they are in CIBs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hacluster.base.digest import parameters_digest

NAMES = st.text("abcXYZ_-", min_size=1, max_size=5)


def test_known_digests() -> None:
    assert parameters_digest({}) == "f2317cad3d54cec5d7d7aa7d0bf35cf8"
    assert parameters_digest({"CRM_meta_timeout": "20000"}) == "4811cef7f7f94e3a35a70be7916cb2fd"


@given(st.dictionaries(NAMES, st.text(), min_size=2))
def test_order_does_not_count(params: dict[str, str]) -> None:
    assert parameters_digest(params) == parameters_digest(dict(reversed(params.items())))


@given(st.dictionaries(NAMES, st.text("abc<>&\"'\n")), NAMES, st.text("abc"))
def test_every_parameter_counts(params: dict[str, str], name: str, value: str) -> None:
    other = params | {name: value}
    assert (parameters_digest(other) == parameters_digest(params)) == (other == params)
