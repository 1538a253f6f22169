"""The four files held against each other."""

import dataclasses

import pytest

from hacluster.base.report import Severity
from hacluster.config.directory import DirectoryTexts, FileText, check_directory
from hacluster.config.settings import HaclusterConfig, Seal
from hacluster.wire.auth import Method

K = "0123456789abcdef0123"
GOOD = DirectoryTexts(
    ha=FileText("ha.cf", "node alpha beta\nbcast eth0 eth1\nauto_failback on\n"),
    authkeys=FileText("authkeys", f"auth 1\n1 sha1 {K}\n", 0o600, 0),
    haresources=FileText("haresources", "alpha 10.0.0.1 httpd\n"),
    hacluster=FileText("hacluster.cf", None),
)


def check(**texts):
    """The good directory with other texts for some files."""
    changes = {name: dataclasses.replace(getattr(GOOD, name), text=text) for name, text in texts.items()}
    return check_directory(dataclasses.replace(GOOD, **changes))


def codes(checked):
    return [(report.severity.word, report.code) for report in checked.reports]


def test_a_good_directory_without_hacluster_cf():
    checked = check()
    assert checked.reports == ()
    assert checked.usable
    assert checked.hacluster == HaclusterConfig()
    assert checked.seal_keys is checked.keys
    assert checked.resources.local("alpha")


@pytest.mark.parametrize("name", ["ha", "authkeys", "haresources"])
def test_a_missing_file_is_an_error(name):
    checked = check(**{name: None})
    assert not checked.usable
    assert codes(checked) == [("error", "missing-file")]


def test_an_unreadable_hacluster_cf_is_no_absent_one():
    file = FileText("hacluster.cf", None, problem="the file cannot be read: Permission denied")
    checked = check_directory(dataclasses.replace(GOOD, hacluster=file))
    assert checked.hacluster is None
    assert codes(checked) == [("error", "unreadable-file")]


def test_all_files_are_read_when_one_is_wrong():
    checked = check(ha="nonsense\n", authkeys="auth 1\n", haresources="alpha\tOCF\n", hacluster="nonsense\n")
    files = [report.place.file for report in checked.reports]
    assert list(dict.fromkeys(files)) == ["ha.cf", "authkeys", "haresources", "hacluster.cf"]
    assert (checked.ha, checked.keys, checked.resources, checked.hacluster) == (None,) * 4


def test_haresources_must_name_nodes_of_ha_cf():
    assert codes(check(haresources="gamma httpd\n")) == [("error", "unknown-node")]


CRC = "auth 1\n1 crc\n"


@pytest.mark.parametrize(
    ("hacluster", "severity"),
    [(None, "error"), ("seal on", "error"), ("seal offer", "warning"), ("seal off", None)],
)
def test_crc_cannot_seal(hacluster, severity):
    checked = check(authkeys=CRC, hacluster=hacluster)
    expected = [("warning", "no-authentication")]
    if severity:
        expected.append((severity, "seal-without-key"))
    assert codes(checked) == expected
    assert checked.usable == (severity != "error")


def test_a_key_file_of_its_own_seals_in_place_of_authkeys():
    file = FileText("/etc/seal", f"auth 2\n2 sha1 {K}-seal\n", 0o600, 0)
    texts = dataclasses.replace(
        GOOD,
        authkeys=dataclasses.replace(GOOD.authkeys, text=CRC),
        hacluster=FileText("hacluster.cf", "seal_key /etc/seal\n"),
        seal_key=file,
    )
    checked = check_directory(texts)
    assert checked.usable
    assert checked.hacluster.seal is Seal.ON
    assert checked.keys.signer.method is Method.CRC
    assert checked.seal_keys.sign_with == 2

    readable = dataclasses.replace(texts, seal_key=dataclasses.replace(file, mode=0o644))
    assert ("error", "bad-permissions") in codes(check_directory(readable))
    absent = dataclasses.replace(texts, seal_key=None)
    assert ("error", "missing-file") in codes(check_directory(absent))


HA = "bcast eth0 eth1\nauto_failback on\n"


@pytest.mark.parametrize(
    ("ha", "severity", "code"),
    [
        (HA + "node alpha", "warning", "not-two-nodes"),
        (HA + "node alpha beta gamma", "warning", "not-two-nodes"),
        (HA + "node alpha beta\nrespawn hacluster /usr/lib/heartbeat/ipfail", "warning", "ipfail-without-ping"),
        (HA + "node alpha beta\nstonith_host gamma ssh x", "warning", "unknown-node"),
        ("node alpha beta\nbcast eth0\nauto_failback on", "notice", "single-link"),
        (HA + "node alpha beta\nping 10.0.0.1", "warning", "ping-node-is-resource"),
    ],
)
def test_remarks_between_files(ha, severity, code):
    checked = check(ha=ha)
    assert checked.usable
    assert [found for found in codes(checked) if found[1] != "no-fencing"] == [(severity, code)]


def test_apiauth_must_get_past_the_socket():
    ha = HA + "node alpha beta\napiauth anon uid=root gid=haclient\napiauth default uid=monitor,root\n"
    checked = check(ha=ha)
    assert codes(checked) == [("notice", "apiauth-behind-socket")]
    assert "apiauth 'default' names 'monitor', but" in checked.reports[0].text
    assert codes(check(ha=ha, hacluster="socket_group monitor\n")) == []
    assert codes(check(ha=ha, hacluster="socket_mode 0666\n")) == [("warning", "open-socket")]


def test_ipfail_and_legacy():
    ha = "node alpha beta\nbcast eth0 eth1\nping gw\nauto_failback legacy\nrespawn root /x/ipfail\n"
    assert codes(check(ha=ha)) == [("warning", "legacy-failback"), ("warning", "ipfail-with-legacy")]


def test_no_groups_and_unused_timeouts():
    assert codes(check(haresources="# none\n")) == [("notice", "no-groups")]
    checked = check(hacluster="timeout htpd start 5\n")
    assert codes(checked) == [("warning", "timeout-unused")]
    assert checked.reports[0].hint == "did you mean httpd?"


def test_worst_is_what_decides():
    assert all(report.severity > Severity.ERROR for report in check(ha=HA + "node alpha").reports)


def test_haresources_is_judged_by_the_nodes_of_a_ha_cf_with_faults():
    found = check_directory(
        DirectoryTexts(
            ha=FileText("ha.cf", "node One\nnode two # both\nbcast eth0\nkeepalive 2x\n"),
            authkeys=FileText("authkeys", None),
            haresources=FileText("haresources", "one 10.0.0.1\nthree 10.0.0.2\n"),
            hacluster=FileText("hacluster.cf", None),
        )
    )
    assert [str(r.place) for r in found.reports if r.code == "unknown-node"] == ["haresources:2"]
