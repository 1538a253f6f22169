"""Reports, XML and pictures are those of Pacemaker 3.0.3: text byte for byte, XML element for element."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from lxml import etree

from hacluster.tools.simulate import simulate
from tests.conformance.pe.kept import said_answers
from tests.conformance.pe.said import Question, questions

Line = tuple[int, str, dict[str, str], str]


@pytest.fixture(autouse=True)
def _greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def _of(kind: str) -> list[Question]:
    return [question for question in questions() if question.kind == kind]


def _said(question: Question, folder: Path, *more: str) -> tuple[str, int]:
    done = CliRunner().invoke(simulate, [*question.command(folder), *more])
    return question.result(folder, done.stdout), done.exit_code


@pytest.mark.parametrize("question", _of("text"), ids=lambda question: question.key)
def test_same_text(question: Question, tmp_path: Path) -> None:
    assert _said(question, tmp_path) == said_answers()[question.key]


@pytest.mark.parametrize("question", _of("dot"), ids=lambda question: question.key)
def test_same_lines_of_a_picture(question: Question, tmp_path: Path) -> None:
    ours, theirs = _said(question, tmp_path)[0], said_answers()[question.key][0]
    assert set(ours.split("\n")) == set(theirs.split("\n"))


def _tree(text: str) -> list[Line]:
    root = etree.fromstring(text)
    root.attrib.pop("request")
    return [
        (
            len(list(element.iterancestors())),
            str(element.tag),
            {str(key): str(value) for key, value in element.attrib.items()},
            (element.text or "").strip(),
        )
        for element in root.iter()
    ]


def _flat(element: dict[str, Any], depth: int = 0) -> list[Line]:
    found: list[Line] = [(depth, element["element"], dict(element.get("attributes", {})), element.get("text", ""))]
    found[0][2].pop("request", None)
    return found + [line for child in element.get("children", []) for line in _flat(child, depth + 1)]


@pytest.mark.parametrize("question", _of("xml"), ids=lambda question: question.key)
def test_same_elements(question: Question, tmp_path: Path) -> None:
    ours, theirs = _tree(_said(question, tmp_path)[0]), _tree(said_answers()[question.key][0])
    assert ours == theirs
    as_json = _said(question, tmp_path, "--output-as", "json")[0]
    assert _flat(json.loads(as_json)) == ours
