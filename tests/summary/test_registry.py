"""The instruments as the reference states them, and files that contradict themselves."""

from __future__ import annotations

import copy

import pytest

from adapter.errors import ConfigurationError
from adapter.summary.registry import Registry
from adapter.summary.vocabulary import LOINC, RESULT_CODE

COMPUTED = {"bjmhs", "phq-9", "gad-7", "pcl-5", "tcu-ds5", "uncope", "ssi", "audit", "audit-c", "dast-10"}
OWN = {
    "id": "local-intake",
    "name": "Intake screen",
    "title": "County intake screen",
    "domain": "mh+sud",
    "labels": ["MH", "SUD"],
    "licence": "own",
    "rule": "jail policy 12.3",
    "scales": [{"level": {"local": "local-intake-result", "yes": "refer", "no": "no-refer"}}],
}


def problems(rows, pinned, *, local=None, **changes):
    document = copy.deepcopy(rows)
    for instrument, change in changes.items():
        row = next(row for row in document["instruments"] if row["id"] == instrument.replace("_", "-"))
        change(row)
    files = [("county.yaml", local)] if local is not None else []
    with pytest.raises(ConfigurationError) as raised:
        Registry.load(document, pinned, local=files)
    return str(raised.value)


def test_all_48_instruments_are_there(registry):
    assert len(registry.instruments) == 48


@pytest.mark.parametrize(
    "instrument",
    [
        "bjmhs", "cmhs-m", "cmhs-w", "jsat", "gad-2", "tcu-ds5", "tcu-cts", "uncope", "ssi", "rods",
        "gain-ss", "ac-ok", "ciwa-ar", "cows", "cage-aid", "asam", "lsi-r", "ls-cmi", "oras-pat", "oras-cst",
        "psa", "vprai", "vprai-r", "compas", "prea", "helps", "osu-tbi-id",
    ],
)  # fmt: skip
def test_no_loinc_code_is_given_to_an_instrument_that_has_none(registry, instrument):
    row = registry.instruments[instrument]
    assert (row.panels, row.items) == ((), ())
    assert {code.system for code in row.result_codes} == {RESULT_CODE}


def test_only_rules_seen_in_their_source_are_computed(registry):
    assert {row.id for row in registry.instruments.values() if row.computes} == COMPUTED
    assert all(scale.seen for row in registry.instruments.values() for scale in row.scales if scale.compute)


def test_items_are_kept_of_no_instrument_whose_licence_forbids_them(registry):
    limited = [row for row in registry.instruments.values() if row.limit != "none"]
    assert {row.id for row in limited} >= {"asam", "lsi-r", "ls-cmi", "compas", "gain-ss", "moca", "jsat"}
    assert all(not row.items and row.scoring is None for row in limited)


@pytest.mark.parametrize(
    ("instrument", "labels"),
    [
        ("bjmhs", ("MH",)),
        ("ace", ("MH", "SDV")),
        ("tcu-ds5", ("SUD",)),
        ("gain-ss", ("MH", "SUD")),
        ("lsi-r", ("MH", "SUD")),
        ("oras-pat", ("SUD",)),
        ("prea", ("SDV",)),
        ("psa", ()),
    ],
)
def test_labels_follow_the_content(registry, instrument, labels):
    assert registry.instruments[instrument].labels == labels


def test_every_substance_use_instrument_is_labelled_so(registry):
    assert all("SUD" in row.labels for row in registry.instruments.values() if "sud" in row.domain)


def test_a_score_and_its_band_never_share_a_code(registry):
    for row in registry.instruments.values():
        for scale in row.scales:
            if scale.score and scale.level:
                assert not set(scale.score.codings) & set(scale.level.codings)


def test_every_result_has_a_local_code_beside_loinc(registry):
    for row in registry.instruments.values():
        for code in row.result_codes:
            assert code.codings[-1] == (RESULT_CODE, code.local)
            assert code.unit == ("{score}" if code.kind == "score" else "")


def test_look_ups(registry):
    total = registry.result(LOINC, "44261-6")
    assert (total.instrument.id, total.kind) == ("phq-9", "score")
    assert registry.result(RESULT_CODE, "bjmhs-result").kind == "level"
    assert registry.result(LOINC, "44249-1") is None
    assert registry.result(RESULT_CODE, "lsi-r-override") is None
    assert registry.panel("44249-1").id == "phq-9"
    assert registry.panel("44261-6") is None
    assert [row.id for row in registry.item("44260-8")] == ["phq-9"]
    assert registry.item("00000-0") == ()


@pytest.mark.parametrize(
    ("canonical", "instrument"),
    [
        ("http://hl7.org/fhir/us/core/Questionnaire/AUDIT-C", "audit-c"),
        ("http://loinc.org/q/44249-1|2.77", "phq-9"),
        ("urn:example/tcu-ds5/", "tcu-ds5"),
        ("https://example.org/form.pdf", None),
        ("", None),
    ],
)
def test_questionnaires_are_known_by_their_last_segment(registry, canonical, instrument):
    found = registry.questionnaire(canonical)
    assert (found.id if found else None) == instrument


def test_the_short_view_of_an_instrument(registry):
    gad = registry.instruments["gad-7"]
    assert (gad.panel_loinc, gad.seen, gad.computes) == ("69737-5", True, True)
    assert gad.bands == ((0, "none"), (5, "mild"), (10, "moderate"), (15, "severe"))
    assert gad.result_codes[0].system == LOINC
    assert registry.instruments["bjmhs"].panel_loinc is None
    assert not registry.instruments["k6"].seen


def test_a_county_adds_its_own_screen(rows, pinned):
    registry = Registry.load(rows, pinned, local=[("county.yaml", {"instruments": [OWN]})])
    assert registry.result(RESULT_CODE, "local-intake-result").instrument.labels == ("MH", "SUD")


def test_a_county_changes_cut_offs_with_their_source(rows, pinned):
    change = {
        "source": "resolution 14",
        "bands": {0: "low", 12: "high"},
        "labels": ["BH"],
        "aliases": {"R": "high"},
    }
    registry = Registry.load(rows, pinned, local=[("county.yaml", {"adjust": {"lsi-r": change}})])
    (scale,) = registry.instruments["lsi-r"].scales
    assert (scale.bands, scale.compute, scale.source) == (((0, "low"), (12, "high")), True, "resolution 14")
    assert registry.instruments["lsi-r"].labels == ("MH", "SUD", "BH")
    assert registry.instruments["lsi-r"].words["r"] == "high"


def test_a_county_changes_what_a_summary_carries(rows, pinned):
    registry = Registry.load(rows, pinned, local=[("c", {"adjust": {"phq-9": {"carries": "score"}}})])
    assert registry.instruments["phq-9"].scales[0].carries == "score"
    assert registry.instruments["phq-9"].scales[0].bands == ((0, "negative"), (10, "positive"))


def test_a_county_cuts_by_sex(rows, pinned):
    bands = {"male": {0: "low", 9: "high"}, "female": {0: "low", 7: "high"}}
    change = {"source": "s", "bands": {0: "low", 7: "high"}, "bands_by_sex": bands}
    registry = Registry.load(rows, pinned, local=[("c", {"adjust": {"audit-c": change}})])
    assert registry.instruments["audit-c"].scales[0].sex_unknown == "cut-off used because sex is not known"


@pytest.mark.parametrize(
    ("local", "says"),
    [
        ({"instruments": [{**OWN, "id": "phq-9"}]}, "already an instrument"),
        ({"instruments": [{**OWN, "id": "intake"}]}, "starts with `local-`"),
        ({"instruments": [{**OWN, "labels": ["XX"]}]}, "labels[0]"),
        ({"instruments": [{**OWN, "colour": "red"}]}, "colour"),
        ({"instruments": [{**OWN, "answers": {"LA1-1": "low"}}]}, "is not pinned"),
        ({"instruments": [{**OWN, "id": "Local Intake"}]}, "a code is lower-case"),
        ({"instruments": "none"}, "instruments"),
        ({"adjust": {"phq-99": {"carries": "score"}}}, "no instrument `phq-99`"),
        ({"adjust": {"phq-9": {"bands": {0: "low"}}}}, "need a `source`"),
        ({"adjust": {"phq-9": {"source": "s", "bands": {0: "lowish"}}}}, "unknown result categories: lowish"),
        ({"adjust": {"bjmhs": {"source": "s", "bands": {0: "refer"}}}}, "cut-offs need an instrument"),
        ({"adjust": {"asam": {"carries": "score"}}}, "level-only"),
    ],
)
def test_a_wrong_county_file_is_refused_by_name(rows, pinned, local, says):
    text = problems(rows, pinned, local=local)
    assert says in text
    assert "county.yaml" in text


def test_two_own_screens_cannot_share_a_code(rows, pinned):
    twin = {**OWN, "id": "local-other"}
    text = problems(rows, pinned, local={"instruments": [OWN, twin]})
    assert "result code `local-intake-result` is used twice" in text


def scale(row, **change):
    row["scales"][0].update(change)


def in_score(row, **change):
    row["scales"][0]["score"].update(change)


def in_level(row, **change):
    row["scales"][0]["level"].update(change)


@pytest.mark.parametrize(
    ("instrument", "change", "says"),
    [
        ("phq_9", lambda row: in_score(row, loinc="70272-0"), "is refused"),
        ("audit_c", lambda row: in_score(row, loinc="75624-7"), "is used twice"),
        ("cows", lambda row: in_score(row, loinc="72514-3"), "pain severity"),
        ("ciwa_ar", lambda row: in_score(row, loinc="72109-3"), "check digit"),
        ("phq_9", lambda row: in_score(row, loinc="44249-1"), "is pinned as panel"),
        ("phq_9", lambda row: in_level(row, loinc="44261-6"), "is pinned as score"),
        ("phq_9", lambda row: in_score(row, local="phq-9"), "ends in `-score`"),
        ("phq_9", lambda row: in_level(row, local="phq-9-score"), "ends in `-level` or `-result`"),
        ("phq_9", lambda row: in_score(row, range=[27, 0]), "lowest and the highest"),
        ("phq_9", lambda row: in_score(row, range=[27]), "lowest and the highest"),
        ("k6", lambda row: scale(row, compute=True), "not seen in a source"),
        ("tcu_cts", lambda row: scale(row, compute=True, seen=True), "needs a level code"),
        ("phq_9", lambda row: scale(row, bands={10: "positive", 0: "negative"}), "ascend"),
        ("phq_9", lambda row: scale(row, bands={0: "fine"}), "unknown result categories: fine"),
        ("audit_c", lambda row: scale(row, sex_unknown=None), "need `bands` for unknown sex"),
        ("bjmhs", lambda row: row["scales"].append({}), "a scale has a score, a level or both"),
        ("bjmhs", lambda row: row["scales"].append(row["scales"][0]), "needs a `key`"),
        ("moca", lambda row: row.update(items=["44250-9"]), "holds no items"),
        ("asam", lambda row: row.update(carries="score"), "carries its level or nothing"),
        ("psa", lambda row: row.update(scoring={"kind": "sum", "items": ["1"]}), "one scale"),
        ("gad_7", lambda row: row["scoring"].update(reversed=["8"]), "not in `items`"),
        ("bjmhs", lambda row: row["scoring"].update(met=None), "needs `conditions`, `met` and `unmet`"),
        ("bjmhs", lambda row: row["scoring"].update(met="maybe"), "unknown result categories: maybe"),
    ],
)
def test_a_row_that_contradicts_itself_is_refused(rows, pinned, instrument, change, says):
    assert says in problems(rows, pinned, **{instrument: change})
