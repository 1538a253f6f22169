"""What processes are doing, and secrets that are read when a program is run."""

from __future__ import annotations

import errno
import hashlib
import subprocess

import pytest

from hacluster.base.effects import Spawn
from hacluster.daemon import scene, secrets
from tests.waiting import eventually


def test_a_session_is_shown_with_its_descendants_and_without_secrets():
    script = "sleep 4712 & sh -c 'sleep 4713; echo geheim123' & echo ready; wait"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        try:
            text = ""
            while "sleep 4713" not in text:
                text = scene.look(child.pid, (("OCF_RESKEY_passwd", "geheim123"), ("OCF_RESKEY_ip", "sleep")))
            lines = text.splitlines()
            assert lines[0].startswith(f"{child.pid} sh -c")
            assert len(lines) >= 3
            assert "geheim123" not in text
            assert "***" in text
        finally:
            subprocess.run(["kill", "-9", "--", f"-{child.pid}"], check=True)
    eventually("nothing is left of it", lambda: scene.look(child.pid, ()) == "")


@pytest.mark.parametrize("signed", ["value\n", "value"])
def test_a_secret_is_what_its_digest_says(tmp_path, signed):
    path = tmp_path / "passwd"
    path.write_text("value\n")
    sign = tmp_path / "passwd.sign"
    sign.write_text(hashlib.md5(signed.encode()).hexdigest() + "\n")
    variables = (("A", "1"), ("OCF_RESKEY_passwd", "lrm://"))
    spawn = Spawn(1, ("/bin/true",), variables, 1_000, secrets=(("OCF_RESKEY_passwd", str(path)),))
    assert dict(secrets.filled_in(spawn).env) == {"A": "1", "OCF_RESKEY_passwd": "value"}
    spawn = Spawn(1, ("/bin/true",), (), 1_000, stdin=b"action=off\n", stdin_secrets=(("passwd", str(path)),))
    filled = secrets.filled_in(spawn)
    assert filled.stdin == b"action=off\npasswd=value\n"
    assert filled.hide(b"values are value, no value") == b"****s are ****, no ****"
    assert "value" not in repr(filled)
    sign.write_text("0" * 32)
    with pytest.raises(OSError, match="not what its digest says") as caught:
        secrets.read(str(path))
    assert caught.value.errno == errno.EBADMSG
    sign.unlink()
    with pytest.raises(OSError, match="No such file") as caught:
        secrets.read(str(path))
    assert caught.value.errno == errno.EBADMSG
