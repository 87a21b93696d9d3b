"""The words are true: links lead somewhere, generated pages are not stale, and every command and key is described."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel

from adapter.cli import app
from adapter.consent import agreement_spec, agreement_user, release_form
from adapter.consent.release_form import Form
from adapter.settings import Feed, PartnersSection, Site, SiteSection, check, read_document
from adapter.subscription.topic import TopicSpec

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")])
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"```.*?```", re.DOTALL)


def page_name(path):
    return str(path.relative_to(ROOT))


def generator():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATE = generator()


def anchors(text):
    """The anchors of a page's headings, as they are made of their words."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(path):
    return LINK.findall(FENCE.sub("", path.read_text()))


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_links_lead_to_files_and_headings_of_this_tree(path):
    for link in links(path):
        if link.startswith(("https://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), f"{link}: no such file"
        assert target.is_relative_to(ROOT)
        if anchor:
            assert anchor in anchors(target.read_text()), f"{link}: no such heading"


def test_there_are_pages_with_links():
    assert len(PAGES) > 8
    assert sum(len(links(path)) for path in PAGES) > 15


def test_every_page_is_reached_from_the_readme():
    reached, frontier = set(), [ROOT / "README.md"]
    while frontier:
        path = frontier.pop()
        reached.add(path)
        found = {(path.parent / link.partition("#")[0]).resolve() for link in links(path) if "://" not in link}
        frontier += [page for page in found if page.suffix == ".md" and page not in reached]
    assert {page_name(path) for path in (ROOT / "docs").rglob("*.md")} <= {page_name(path) for path in reached}


@pytest.mark.parametrize("name", GENERATE.PAGES)
def test_a_generated_page_is_what_the_code_says(name):
    written = (ROOT / "docs" / "reference" / name).read_text()
    assert written == GENERATE.PAGES[name](), "stale: run `python docs/generate.py`"


def test_the_script_tells_whether_pages_are_stale():
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "nothing is stale\n")


def test_every_command_and_each_of_its_parameters_is_on_the_page():
    text = (ROOT / "docs" / "reference" / "commands.md").read_text()
    called = dict(GENERATE.called(typer.main.get_command(app)))
    assert "token issue" in called
    for name, command in called.items():
        (section,) = re.findall(rf"^## {name}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
        assert f"sallyport {name} " in section
        for parameter in command.params:
            called = parameter.name.upper() if parameter.param_type_name == "argument" else parameter.opts[0]
            assert f"`{called}" in section
            assert parameter.help


TOPS = (agreement_spec.Agreement, agreement_spec.DataUse, agreement_user.UserAgreement, Form, TopicSpec)
"""What is kept as read and checked by `consent` and `subscription`."""


def models():
    """Every model that checks a file of a site folder."""
    found, frontier = set(), [Site, *TOPS]
    while frontier:
        model = frontier.pop()
        for field in model.model_fields.values():
            for kind in inner(field.annotation):
                if kind not in found:
                    found.add(kind)
                    frontier.append(kind)
    # What the kinds of agreements share stands with each kind.
    return (found | set(TOPS)) - {agreement_spec.Spec, agreement_spec.Instrument}


def inner(kind):
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for argument in getattr(kind, "__args__", ()):
        yield from inner(argument)


def test_every_key_of_a_site_folder_is_on_the_page_with_its_meaning():
    described = {model for _, model, _, _ in GENERATE.SECTIONS}
    assert models() == described
    assert release_form.Part2Section in described
    assert set(GENERATE.WORDS) == {model.__name__ for model in described}
    for model in described:
        assert set(GENERATE.WORDS[model.__name__]) == {"about", *model.model_fields}


def test_the_examples_beside_the_county_are_sound():
    found = [(SiteSection, "site.toml"), (Feed, "feeds/every_way.yaml"), (PartnersSection, "partners.yaml")]
    assert [check(model, read_document(GENERATE.EXAMPLES / name), name) for model, name in found] == [[], [], []]


def test_the_examples_are_those_of_the_fictional_county():
    assert GENERATE.example("site.toml", "", "time_zone") == "`America/Denver`"
    assert GENERATE.example("partners.yaml", "partners.*", "part_of") == "`riverside`"
    assert GENERATE.example("forms/*.yaml", "part2", "needs") == "`substance-use`"
    assert GENERATE.example("feeds/*.yaml", "", "nothing") == "not used there"
    unused = [
        line
        for line in (ROOT / "docs" / "reference" / "site-folder.md").read_text().splitlines()
        if "not used there" in line
    ]
    # The county believes no other authorization server, which has seven keys, and shows no certificate of its own.
    assert len(unused) <= 16 + 10


def test_the_choices_of_the_standard_are_all_on_the_page():
    text = (ROOT / "docs" / "explanation" / "consent.md").read_text()
    assert re.findall(r"^\| (\d+) \|", text, re.MULTILINE) == [str(number) for number in range(1, 26)]


def test_commands_shown_in_the_words_exist():
    known = set(typer.main.get_command(app).commands)
    for path in PAGES:
        shown = re.findall(r"sallyport ([a-z]+)(?= --|`| [A-Z\[])", path.read_text())
        assert set(shown) <= known, path


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_pages_name_no_machine_and_nothing_unfinished(path):
    text = path.read_text()
    assert not re.search(r"/(home|root|Users)/", text)
    assert not re.search(r"\b(TODO|FIXME|TBD)\b", text)
