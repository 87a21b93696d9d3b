"""The page for counsel says what the data and the code say."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import yaml
from law_builders import checked, shipped

from adapter.consent.law.columns import COLUMNS
from adapter.consent.law.denials import TABLES
from adapter.consent.law.overlay import Overlay
from adapter.consent.law.partners import ENTITIES

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "explanation" / "legal-bases.md"
SCRIPT = ROOT / "docs" / "legal_bases.py"


def script():
    spec = importlib.util.spec_from_file_location("legal_bases", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LEGAL_BASES = script()


def block(name):
    (found,) = re.findall(rf"<!-- table: {name} -->\n(.*?)<!-- end -->", PAGE.read_text(), re.DOTALL)
    return found


def test_the_page_is_what_the_data_says():
    page = PAGE.read_text()
    assert LEGAL_BASES.written(page) == page, "stale: run `python docs/legal_bases.py`"
    assert {name for _, name, _ in LEGAL_BASES.BLOCK.findall(page)} == set(LEGAL_BASES.BLOCKS)


def test_the_script_tells_whether_the_page_is_stale():
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "nothing is stale\n")


def test_everything_that_decides_is_on_the_page():
    bases = checked().bases
    for basis in bases.standing:
        assert f"| **{basis.code}** | {basis.title} |" in block("standing")
        assert f"| **{basis.code}** |" in block("survives")
        assert f"| **{basis.code}** |" in block("duties")
        for fact in basis.records:
            assert f"| **{basis.code}** | `{fact.name}` |" in block("records")
    for paper in bases.papers:
        assert f"| **{paper.code}** |" in block("papers")
    rows = block("matrix").splitlines()
    assert len(rows) == len(ENTITIES) + 2
    assert all(row.count("|") == len(COLUMNS) + 2 for row in rows)
    assert all(f"(`{entity}`)" in block("matrix") for entity in ENTITIES)
    for group in TABLES.values():
        for denial in group:
            assert f"| {denial.because} | {denial.citation} |" in block("denials")
    for name, document in shipped().items():
        assert f"| `{name}` | {document['title']} |" in block("overlays")
    assert all(f"| `{key}` |" in block("keys") for key in Overlay.model_fields)


def test_the_example_of_an_overlay_is_one():
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert Overlay.model_validate(yaml.safe_load(example)).overlay == "highlands"
