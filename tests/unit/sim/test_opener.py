"""The bystander with the keys: sealed and classic statuses read alike, and what proves that a listener may believe."""

from hacluster.sim.opener import MAX_KEPT, Opener, status_order
from hacluster.wire.freshness import SealState
from hacluster.wire.seal import SealKeys, Session

SECRET = b"a secret for one test".ljust(32, b".")
STATUS = b"11:(0)t=status,\n9:(0)hg=1f,8:(0)seq=2,"


def session(node: int) -> Session:
    return Session(bytes([node]) * 16, 31, bytes([node + 100]) * 16)


def test_what_is_sealed_is_read_and_echoes_prove() -> None:
    opener = Opener((SECRET,))
    one, other = (SealState(SealKeys.of(SECRET), session(number)) for number in (1, 2))
    before = opener.open(one.seal(STATUS))
    assert (before.plain, before.sealed, before.session) == (STATUS, True, one.session)
    assert not before.echoes_to(other.session)
    one.open(other.seal(STATUS))
    after = opener.open(one.seal(STATUS))
    assert after.echoes_to(other.session)
    assert not after.echoes_to(None)


def test_what_is_classic_or_cannot_be_opened_is_left_as_it_is() -> None:
    sealed = SealState(SealKeys.of(b"another secret".ljust(32, b".")), session(1)).seal(STATUS)
    for opener in (Opener(()), Opener((SECRET,))):
        for data in (STATUS, sealed, b"HAX1", b""):
            opened = opener.open(data)
            assert (opened.plain, opened.sealed) == (data, False)


def test_memory_is_bounded() -> None:
    opener = Opener((SECRET,))
    state = SealState(SealKeys.of(SECRET), session(1))
    for _ in range(2 * MAX_KEPT):
        assert opener.open(state.seal(STATUS)).plain == STATUS
    assert len(opener._kept) <= MAX_KEPT


def test_the_order_of_statuses() -> None:
    assert status_order(STATUS) == (31, 2)
    assert status_order(STATUS.replace(b"t=status", b"t=resource")) is None
    assert status_order(STATUS.replace(b"seq", b"sec")) is None
