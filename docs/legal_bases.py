"""Writes the tables of docs/explanation/legal-bases.md from the data and the denials they describe.

python docs/legal_bases.py            write the tables between the marks of the page
python docs/legal_bases.py --check    exit 1 if they are not what would be written
"""  # noqa: INP001 - a script, not a package

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from adapter.assets import law, law_overlays  # noqa: E402
from adapter.consent.law.columns import COLUMNS  # noqa: E402
from adapter.consent.law.denials import TABLES  # noqa: E402
from adapter.consent.law.overlay import Overlay  # noqa: E402
from adapter.consent.law.tables import tables  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PAGE = ROOT / "docs" / "explanation" / "legal-bases.md"
BLOCK = re.compile(r"(<!-- table: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
BASES, MATRIX, _ = tables(**law(), overlays={})
OVERLAYS = [Overlay.model_validate(document) for document in law_overlays().values()]
KEYS = {
    "overlay": "its name, as `site.toml` lists it",
    "title": "for people",
    "sources": "the statutes it follows",
    "extra_statements": "sentences a release has to hold above the signature",
    "tpo_narrowing": "sensitivities for which treatment (T) is no basis",
    "minor_consent": "who signs for a minor: `classes` of care with `labels`, the `age` from which the minor signs "
    "alone and who signs `below` it; `others`: who signs for all else. What is not said, nobody signs",
    "fact_of_treatment_protected": "whether the mere fact that a person is a patient is as protected as a result",
    "extra_emergency_fields": "facts an emergency has to record beside the four of 42 CFR 2.51",
    "proceeding_bar": "sensitivities that reach a proceeding only on a proceedings consent or an order",
    "no_onward_disclosure": "sensitivities that carry `NORDSCLCD` wherever they go",
    "max_days": "the longest a release may last",
    "copy_required": "whether a copy of the consent goes with every disclosure on it",
    "separate_form_class": "programmes of `partners.yaml` that need the domestic violence release, as by federal law",
}
"""What each key of an overlay means."""


def row(cells: Iterable[str]) -> str:
    """One row of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """A table."""
    columns = list(head)
    yield row(columns)
    yield "|" + "---|" * len(columns)
    yield from (row(cell or "-" for cell in cells) for cells in rows)


def yes(value: bool) -> str:  # noqa: FBT001 - one word for one value
    """A truth in words."""
    return "yes" if value else "no"


def standing() -> Iterator[str]:
    """The bases that stand without a consent."""
    head = ("", "basis", "law", "what it is", "for sources under", "purposes", "asserted for at most")
    yield from table(
        head,
        (
            (
                f"**{one.code}**",
                one.title,
                one.citation,
                one.about,
                ", ".join(one.regimes),
                ", ".join(one.purposes),
                str(one.longest or "not asserted"),
            )
            for one in BASES.standing
        ),
    )


def papers() -> Iterator[str]:
    """What a person signs."""
    head = ("", "paper", "law", "what it is", "kinds of consent", "to whom")
    yield from table(
        head,
        (
            (
                f"**{one.code}**",
                one.title,
                one.citation,
                one.about,
                ", ".join(f"`{name}`" for name in one.instruments),
                ", ".join(one.recipients),
            )
            for one in BASES.papers
        ),
    )


def survives() -> Iterator[str]:
    """What holds over what."""
    head = ("", "basis", "bound by agreements", "holds over a refusal", "holds over a restriction")
    yield from table(
        head,
        (
            (
                f"**{one.code}**",
                one.title,
                yes(one.agreement),
                yes(one.survives.refusal),
                yes(one.survives.restriction),
            )
            for one in BASES.standing
        ),
    )


def records() -> Iterator[str]:
    """The facts that have to be recorded."""
    yield from table(
        ("", "fact", "type", "meaning", "law"),
        (
            (
                f"**{one.code}**",
                f"`{fact.name}`",
                f"{fact.type}: {', '.join(fact.choices)}" if fact.choices else fact.type,
                fact.meaning,
                fact.citation,
            )
            for one in BASES.standing
            for fact in one.records
        ),
    )


def duties() -> Iterator[str]:
    """What goes along, and what people have to do."""
    yield from table(
        ("", "goes with the record", "for people to do"),
        (
            (
                f"**{one.code}**",
                "; ".join(f"“{text.text}”" + (" (over a restriction)" if text.when else "") for text in one.attaches),
                "; ".join(one.duties),
            )
            for one in BASES.standing
        ),
    )


def matrix() -> Iterator[str]:
    """Which basis may bring what to whom."""
    offers = MATRIX.offers()
    yield from table(
        ("recipient", *(MATRIX.columns[column] for column in COLUMNS)),
        (
            (
                f"{MATRIX.recipients[entity].title} (`{entity}`)",
                *(
                    " ".join(
                        (
                            *MATRIX.recipients[entity].cell(column).bases,
                            *(f"({one})" for one in offers[entity, column][1]),
                        )
                    )
                    for column in COLUMNS
                ),
            )
            for entity in MATRIX.recipients
        ),
    )


def remarks() -> Iterator[str]:
    """The notes of the cells."""
    for entity in MATRIX.recipients:
        for column in COLUMNS:
            note = MATRIX.recipients[entity].cell(column).note
            if note:
                yield f"- {MATRIX.recipients[entity].title}, {MATRIX.columns[column].lower()}: {note}"


def denials() -> Iterator[str]:
    """What nobody switches off."""
    yield from table(
        ("about", "denial", "because", "law"),
        (
            (about, denial.name.replace("-", " "), denial.because, denial.citation)
            for about, group in TABLES.items()
            for denial in group
        ),
    )


def overlays() -> Iterator[str]:
    """The overlays that ship."""
    yield from table(
        ("", "jurisdiction", "what it sets", "sources"),
        (
            (f"`{one.overlay}`", one.title, "; ".join(_set(one)), "; ".join(one.sources))
            for one in sorted(OVERLAYS, key=lambda one: one.overlay)
        ),
    )


def _set(overlay: Overlay) -> Iterator[str]:
    for name in Overlay.model_fields:
        if name in {"overlay", "title", "sources"} or name not in overlay.model_fields_set:
            continue
        value = getattr(overlay, name)
        if name == "extra_emergency_fields":
            value = [fact.name for fact in value]
        if name == "minor_consent":
            value = [f"{' '.join(one.labels)} from {one.age}, before: {' '.join(one.below)}" for one in value.classes]
        text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value).lower()
        yield f"`{name}`: {text}"


def keys() -> Iterator[str]:
    """What an overlay may say."""
    yield from table(("key", "meaning"), ((f"`{name}`", KEYS[name]) for name in Overlay.model_fields))


BLOCKS = {
    make.__name__: make
    for make in (standing, papers, survives, records, duties, matrix, remarks, denials, overlays, keys)
}


def written(page: str) -> str:
    """The page with its tables made anew."""
    return BLOCK.sub(lambda found: "".join((found[1], *(f"{line}\n" for line in BLOCKS[found[2]]()), found[3])), page)


def main() -> int:
    """Write the page, or compare it."""
    page = PAGE.read_text(encoding="utf-8")
    stale = written(page) != page
    if stale and "--check" not in sys.argv:
        PAGE.write_text(written(page), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name if stale else 'nothing'} {'is stale' if '--check' in sys.argv else 'written'}\n")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
