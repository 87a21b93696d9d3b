"""The written architecture is the one that is built: imports, names, sizes, and what the requirement files may hold."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = ("adapter", "connectors", "mappings", "profiles", "benchmarks", "docs")
MODULES = sorted(path for name in OURS for path in (ROOT / name).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LONGEST = 400
"""Lines of a connector, the part that counties read and extend."""
EMPTY_WORDS = re.compile(r"manager|helper|util|processor")


def name_of(path):
    return str(path.relative_to(ROOT))


def test_imports_keep_the_contracts():
    # The entry point beside this interpreter, on this tree whatever is installed.
    script = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command as run; run()"
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", script, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert f"Contracts: {len(contracts)} kept, 0 broken" in done.stdout


def test_every_top_folder_of_the_adapter_is_in_the_layers():
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    layers = set(re.findall(r"\w+", " ".join(contract["layers"])))
    found = {path.stem for path in (ROOT / "adapter").iterdir() if not path.name.startswith((".", "__pycache__"))}
    assert found - layers <= {"__init__", *contract["exhaustive_ignores"]}


@pytest.mark.parametrize("path", sorted((ROOT / "connectors").rglob("*.py")), ids=name_of)
def test_a_connector_stays_short(path):
    assert len(path.read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_what_it_is(path):
    assert (ast.get_docstring(ast.parse(path.read_text())) or "").strip()


@pytest.mark.parametrize("path", [*MODULES, *TESTS], ids=name_of)
def test_the_name_of_a_module_means_something(path):
    assert not any(EMPTY_WORDS.search(part) for part in path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_names_in_a_module_mean_something(path):
    defined = [
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert [name for name in defined if EMPTY_WORDS.search(name.lower())] == []


PURE = [
    path for path in MODULES if path.relative_to(ROOT).parts[1] in {"fhir", "mapping", "identity", "consent", "summary"}
]


@pytest.mark.parametrize("path", PURE, ids=name_of)
def test_pure_packages_open_nothing(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    named = {node.func.id for node in calls if isinstance(node.func, ast.Name)}
    assert not named & {"open", "input", "print"}


def test_there_are_pure_packages_to_look_at():
    assert len(PURE) > 20
    assert len(MODULES) > 100


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").iterdir()), ids=name_of)
def test_requirements_name_packages_and_no_address(path):
    text = path.read_text()
    assert "://" not in text
    assert not re.search(r"^\s*(-i|-f|--index|--extra-index|--find-links|--trusted-host|-e)\b", text, re.MULTILINE)
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", "--hash", "-r"))]
    assert lines
    if path.suffix == ".txt":
        unpinned = [line for line in lines if not re.match(r"^[a-z0-9][a-z0-9._-]*(\[[a-z,]+\])?==\S+", line)]
        assert unpinned == []
        assert text.count("--hash=sha256:") >= len(lines)


def test_one_module_reads_clock_and_randomness():
    readers = {
        name_of(path)
        for path in (ROOT / "adapter").rglob("*.py")
        if re.search(r"^(import|from) (time|secrets|random|uuid)\b", path.read_text(), re.MULTILINE)
    }
    assert {name for name in readers if not name.startswith("adapter/fictional/")} == {"adapter/machine.py"}


def test_no_file_names_a_machine_path():
    for path in MODULES:
        assert not re.search(r"['\"(]/(home|root|work|Users|tmp)/", path.read_text()), path
