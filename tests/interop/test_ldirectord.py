"""What is said of the Perl ldirectord in the corpus of configurations, held against an installed one."""

import os
import subprocess
from pathlib import Path

from tests.conftest import skip_or_fail
from tests.unit.lvs.corpus import entries

PROGRAM = Path("/usr/sbin/ldirectord")
ASK = Path(__file__).with_name("ldirectord.pl")


def test_the_corpus_says_what_the_original_does(tmp_path: Path) -> None:
    """It runs in one process, which forks for each file; so no module is loaded twice."""
    skip_or_fail("" if PROGRAM.exists() else "ldirectord is missing (Debian: apt install ldirectord)")
    known = entries()
    names = {str(number): name for number, name in enumerate(known)}
    for number, name in names.items():
        (tmp_path / number).write_text(known[name][1], encoding="utf-8")
    environment = {**os.environ, "RES_OPTIONS": "timeout:1 attempts:1"}
    done = subprocess.run(
        ["perl", str(ASK), str(PROGRAM), str(tmp_path), *names],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    answers = dict(line.split() for line in done.stdout.splitlines())
    assert set(answers) == set(names)
    assert set(answers.values()) == {"0", "2"}, "2 is an error of the configuration"
    found = {names[number]: status == "0" for number, status in answers.items()}
    wrong = {
        name: (tmp_path / number).with_suffix(".said")
        for number, name in names.items()
        if found[name] != known[name][0]
    }
    assert not wrong, {name: path.read_text(encoding="utf-8") for name, path in wrong.items()}
