"""The files of the law are checked whole, and every mistake names file, key path and what was expected."""

from copy import deepcopy

import pytest
from law_builders import documents, shipped

from adapter import assets
from adapter.consent.law.partners import ENTITIES
from adapter.consent.law.tables import tables
from adapter.errors import ConfigurationError

BASES, MATRIX = "profiles/law/bases.yaml", "profiles/law/matrix.yaml"
NM = "profiles/law/overlays/nm.yaml"


def problems(*, bases=None, matrix=None, overlays=None, **named):
    """What is wrong, by file and key path."""
    known = documents()
    with pytest.raises(ConfigurationError) as caught:
        tables(bases or known["bases"], matrix or known["matrix"], overlays or {}, **named)
    return {(problem.where, problem.path): str(problem) for problem in caught.value.problems}


def changed_basis(code, **changes):
    document = deepcopy(documents()["bases"])
    for group in ("standing", "papers"):
        for number, basis in enumerate(document[group]):
            if basis["code"] == code:
                basis.update(changes)
                return document, f"{group}[{number}]"
    raise AssertionError(code)


def changed_cell(entity, column, **cell):
    document = deepcopy(documents()["matrix"])
    document["recipients"][entity][column] = cell
    return document


def test_the_files_that_ship_are_sound():
    found = tables(**documents(), overlays=assets.law_overlays(), names=["nm", "ks"])
    assert [one.overlay for one in found.overlays] == ["nm", "ks"]
    assert {name.rpartition("/")[2] for name in assets.law_overlays()} == {f"{name}.yaml" for name in shipped()}
    assert set(shipped()) == {"nm", "ks", "ca", "dc", "md", "mi"}


def test_every_mistake_of_every_file_is_told_at_once():
    bases, place = changed_basis("E", longest={"hours": 0})
    matrix = changed_cell("court", "part2", bases=["Z"])
    found = problems(bases=bases, matrix=matrix, overlays={NM: shipped()["nm"] | {"max_days": "long"}})
    assert (BASES, f"{place}.longest.hours") in found
    told = [text for (where, path), text in found.items() if path.startswith("recipients.court.part2.bases[0]")]
    assert any("'U'" in text for text in told)
    assert (NM, "max_days") in found


@pytest.mark.parametrize(
    ("code", "changes", "message"),
    [
        ("T", {"regimes": ["hipaa", "part2"]}, "T never reaches a Part 2 record"),
        ("K", {"regimes": ["part2"]}, "K never reaches a Part 2 record"),
        ("J", {"regimes": ["part2"]}, "J never reaches a Part 2 record"),
        ("T", {"purposes": []}, "a purpose of treatment"),
        ("T", {"purposes": ["HEAL"]}, "not HEAL"),
        ("J", {"agreement": True}, "expected `agreement: false`"),
        ("Q", {"agreement": False}, "expected `agreement: true`"),
        ("O", {"longest": None}, "`records` and `longest` exactly"),
        ("O", {"records": []}, "`records` and `longest` exactly"),
        ("T", {"longest": {"days": 1}, "records": []}, None),
        ("E", {"recipients": ["custody"]}, "among correctional-health"),
        ("K", {"recipients": ["court"]}, "among correctional-health, custody"),
        ("C", {"recipients": ["defense"]}, "among court, pretrial"),
    ],
)
def test_what_federal_law_fixes_no_basis_says_otherwise(code, changes, message):
    bases, place = changed_basis(code, **changes)
    if message is None:
        assert tables(bases, documents()["matrix"], {}).bases.basis(code).longest.days == 1
    else:
        assert message.lower() in problems(bases=bases)[BASES, place].lower()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"longest": {"hours": 1, "days": 1}}, "either `hours` or `days`"),
        ({"longest": {}}, "either `hours` or `days`"),
        ({"records": [{"name": "a", "type": "choice", "meaning": "a", "citation": "a"}]}, "`choices` exactly"),
        (
            {"records": [{"name": "a", "type": "text", "meaning": "a", "citation": "a", "choices": {"b": "c"}}]},
            "`choices` exactly",
        ),
        ({"recipients": ["club"]}, "'covered-entity'"),
        ({"surprise": 1}, "extra inputs"),
    ],
)
def test_the_parts_of_a_basis_are_checked(changes, message):
    bases, place = changed_basis("E", **changes)
    found = problems(bases=bases)
    assert any(path.startswith(place) and message.lower() in text.lower() for (_, path), text in found.items())


def test_every_basis_is_there_once():
    bases = deepcopy(documents()["bases"])
    bases["standing"].pop()
    assert "expected each of T K J E O Q X once" in str(problems(bases=bases))
    bases = deepcopy(documents()["bases"])
    bases["papers"].append(bases["papers"][0])
    assert "U S C NC own" in str(problems(bases=bases))


@pytest.mark.parametrize(
    ("entity", "column", "code", "message"),
    [
        ("court", "mh-summary", "T", "whose `recipients` in bases.yaml list court"),
        ("custody", "mh-summary", "E", "whose `recipients` in bases.yaml list custody"),
        ("correctional-health", "part2", "T", "42 CFR 2.12"),
        ("correctional-health", "part2", "K", "42 CFR 2.12"),
        ("correctional-health", "notes", "U", "42 CFR 2.31(b)"),
        ("correctional-health", "notes", "K", "42 CFR 2.31(b)"),
        ("defense", "part2", "C", "whose `recipients` in bases.yaml list defense"),
    ],
)
@pytest.mark.parametrize("kind", ["bases", "disabled"])
def test_a_cell_offers_no_more_than_its_basis_allows(kind, entity, column, code, message):
    found = problems(matrix=changed_cell(entity, column, **{kind: [code]}))
    assert message in found[MATRIX, f"recipients.{entity}.{column}"]


def test_a_basis_that_was_narrowed_narrows_the_matrix():
    bases, _ = changed_basis("E", regimes=["hipaa"])
    assert "`regimes` in bases.yaml list part2" in problems(bases=bases)[MATRIX, "recipients.covered-entity.part2"]


def test_a_choice_is_either_in_use_or_disabled():
    found = problems(matrix=changed_cell("court", "part2", bases=["C"], disabled=["C"]))
    assert "either in `bases` or in `disabled`" in found[MATRIX, "recipients.court.part2"]


@pytest.mark.parametrize("entity", ENTITIES)
def test_no_recipient_and_no_column_is_forgotten(entity):
    matrix = deepcopy(documents()["matrix"])
    del matrix["recipients"][entity]["risk"]
    assert (MATRIX, f"recipients.{entity}.risk") in problems(matrix=matrix)
    del matrix["recipients"][entity]
    assert f"missing {entity}" in problems(matrix=matrix)[MATRIX, ""]


def test_every_column_has_a_title():
    matrix = deepcopy(documents()["matrix"])
    del matrix["columns"]["risk"]
    assert "missing risk" in problems(matrix=matrix)[MATRIX, ""]


@pytest.mark.parametrize(
    ("purposes", "message"),
    [
        ({"help": ["supervision"]}, "not supervision"),
        ({"help": ["diversion"], "proceedings": ["diversion"]}, "not diversion"),
        ({"help": ["TREAT"]}, "not codes of v3-actreason"),
    ],
)
def test_a_proceeding_is_never_called_help(purposes, message):
    found = problems(matrix=documents()["matrix"] | {"purposes": purposes})
    assert message in found[MATRIX, "purposes"].lower()


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"tpo_narrowing": ["mental health"]}, ""),
        ({"minor_consent": {"classes": [{"labels": ["NONE"], "age": 14}]}}, ""),
        ({"minor_consent": {"classes": [{"labels": [], "age": 14}]}}, "minor_consent.classes[0].labels"),
        ({"minor_consent": {"classes": [{"labels": ["MH"], "age": 19}]}}, "minor_consent.classes[0].age"),
        ({"minor_consent": {"others": ["uncle"]}}, "minor_consent.others[0]"),
        ({"minor_consent": {"others": ["minor"]}}, "minor_consent.others[0]"),
        ({"sources": []}, "sources"),
        ({"speed_limit": 55}, "speed_limit"),
    ],
)
def test_an_overlay_is_checked(changes, path):
    assert (NM, path) in problems(overlays={NM: shipped()["nm"] | changes})


def test_overlays_that_nobody_wrote_or_two_wrote_are_named():
    twice = {NM: shipped()["nm"], "overlays/nm.yaml": shipped()["nm"]}
    found = problems(overlays=twice, names=["nm", "atlantis"])
    assert "is there twice" in found["profiles/law/overlays/nm.yaml", "overlay"]
    assert found["site.toml", "overlays"] == "site.toml at `overlays`: `atlantis` is no overlay; expected nm"


def test_what_counsel_enables_is_read_with_the_tables():
    found = tables(**documents(), overlays={}, enabled=["pretrial/mh-detail/U"])
    assert "U" in found.matrix.offers()["pretrial", "mh-detail"].bases
    assert "`court/notes/U` cannot be enabled" in problems(enabled=["court/notes/U"])["site.toml", "enabled"]


def test_what_is_no_document_at_all_is_told():
    assert (BASES, "") in problems(bases=[1])
    assert (MATRIX, "") in problems(matrix="rows")
