import itertools
import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.lab.probe import Client, Outage, Sample, Stall, as_json, from_json, is_whole, outages, verdict


def good(start: float, who: str = "a", end: float | None = None) -> Sample:
    return Sample(start, start + 0.001 if end is None else end, True, who)


def bad(start: float, end: float | None = None) -> Sample:
    return Sample(start, start + 0.001 if end is None else end, False, error="ECONNREFUSED")


def test_steady_answers_are_no_outage() -> None:
    assert outages([good(n * 0.02) for n in range(50)]) == []


def test_an_outage_lasts_from_answer_to_answer() -> None:
    found = outages([good(1.0), bad(1.02), bad(1.04, end=2.04), good(1.06, "b")])
    assert found == [Outage(1.001, 1.061, 2, "a", "b", 0.0)]
    assert found[0].seconds == pytest.approx(0.06)
    assert not found[0].spoiled


def test_failures_before_the_first_answer_do_not_count() -> None:
    assert outages([bad(0.5), good(1.0), good(1.02)]) == []


def test_an_outage_that_has_not_ended_is_open() -> None:
    (found,) = outages([good(1.0), bad(1.02)])
    assert found.until is None
    assert found.seconds == float("inf")


def test_requests_that_were_held_up_are_an_outage_too() -> None:
    (found,) = outages([good(1.0), good(1.02, end=2.0), good(1.04, end=2.01), good(2.02)])
    assert (found.since, found.until, found.failed) == (1.001, 2.0, 0)


def test_an_own_stall_spoils_a_measurement() -> None:
    record = [good(1.0), bad(1.1), good(1.4)]
    assert not outages(record, [Stall(0.0, 0.9)])[0].spoiled
    (found,) = outages(record, [Stall(0.95, 0.2)])
    assert found.stalled == pytest.approx(0.149)
    assert found.spoiled


def test_slow_answers_are_nothing_missed() -> None:
    (slow,) = outages([good(1.0), good(1.01, end=1.4), good(1.42)])
    assert not slow.missed
    (failed,) = outages([good(1.0), bad(1.01, end=2.01), good(2.02)], longest_quiet=5)
    assert failed.missed
    (moved,) = outages([good(1.0), good(1.3, "b")])
    assert moved.missed


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=60))
def test_outages_do_not_overlap_and_the_order_of_the_record_does_not_matter(items: list[tuple[float, bool]]) -> None:
    samples = [good(start) if ok else bad(start) for start, ok in items]
    found = outages(samples, longest_quiet=1e9)
    assert found == outages(sorted(samples, key=lambda s: s.start), longest_quiet=1e9)
    for first, second in itertools.pairwise(found):
        assert first.until is not None
        assert first.until <= second.since
    assert sum(o.failed for o in found) <= sum(not ok for _, ok in items)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nnode1\nmore", (True, "node1", "")),
        (b"HTTP/1.1 200 OK\r\nX-Served-By: node2\r\n\r\npage", (True, "node2", "")),
        (b"HTTP/1.0 503 No\r\n\r\nsorry", (False, "sorry", "status 503")),
        (b"SSH-2.0-x\r\n", (False, "", "no HTTP answer")),
        (b"", (False, "", "no HTTP answer")),
    ],
)
def test_verdict(answer: bytes, expected: tuple[bool, str, str]) -> None:
    assert verdict(answer) == expected


def test_an_answer_with_a_length_is_whole_when_it_is_there() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
    assert not is_whole(head + b"ab")
    assert is_whole(head + b"abc")
    assert not is_whole(b"HTTP/1.1 200 OK\r\n\r\nabc")


@given(st.binary(max_size=200))
def test_any_bytes_can_be_judged(answer: bytes) -> None:
    verdict(answer)
    is_whole(answer)


@pytest.mark.parametrize("item", [Sample(1.25, 1.5, False, "", "timeout"), Sample(1, 2, True, "é"), Stall(3.5, 0.25)])
def test_json_lines_come_back(item: Sample | Stall) -> None:
    assert from_json(as_json(item)) == item


def test_the_client_asks_and_a_closed_port_is_an_error() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]

    def serve() -> None:
        for _ in range(3):
            conn, _ = server.accept()
            with conn:
                conn.recv(4096)
                conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nnode1\n")
        server.close()

    thread = threading.Thread(target=serve)
    thread.start()
    record: list[Sample | Stall] = []
    Client(f"http://127.0.0.1:{port}/x?y", 0.001, 10, record.append).run(3)
    thread.join()
    assert [s.who for s in record if isinstance(s, Sample) and s.ok] == ["node1"] * 3
    record.clear()
    Client(f"http://127.0.0.1:{port}/", 0.001, 10, record.append).run(2)
    assert [s.error for s in record if isinstance(s, Sample)] == ["ECONNREFUSED"] * 2


def test_a_silent_server_runs_into_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        record: list[Sample | Stall] = []
        Client(f"http://127.0.0.1:{server.getsockname()[1]}/", 0.001, 0.05, record.append).run(2)
    assert [s.error for s in record if isinstance(s, Sample)] == ["timeout"] * 2


@pytest.mark.parametrize("url", ["https://x/", "ftp://x", "1.2.3.4", ""])
def test_only_http_urls(url: str) -> None:
    with pytest.raises(ValueError, match="http://ADDRESS"):
        Client(url, 1, 1, lambda item: None)
