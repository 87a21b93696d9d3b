"""A verdict in plain sentences, losing rules included.

42 CFR 2.13(c)(2): none of this may reach a recipient, it is for the patient, the privacy officer and the
developer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from adapter.consent.asked import LATER, NO_MATCH
from adapter.consent.criteria import ActorCriterion
from adapter.consent.evaluate import Effect
from adapter.consent.outcome import PERMIT
from adapter.consent.policy import Policy
from adapter.consent.wording import BASIS_TITLES, same_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapter.consent.asked import Entry
    from adapter.consent.evaluate import Verdict
    from adapter.consent.provision import Provision
    from adapter.consent.wording import Naming

_EFFECTS: Final[Mapping[Effect, str]] = {
    Effect.PERMIT: "Permitted.",
    Effect.DENY: "Denied.",
    Effect.EXCEPTION: "Not decided for the whole group: each resource is decided on its own.",
}
_MISSED: Final[Mapping[str, str]] = {
    "period": "it does not hold at this time",
    "action": "it lets something else be done than reading",
    "purpose": "it is not for this purpose of use",
    "securityLabel": "it is about records of another sensitivity",
    "class": "it is about another kind of record",
    "code": "it is about records with other codes",
    "dataPeriod": "it is about records of other dates",
    "data": "it is about other single records",
}
"""Why a provision does not apply, by the element that does not match."""
_ASKED: Final[Mapping[str, str]] = {
    "period": "the time it holds for",
    "actor": "whom it names",
    "action": "what it lets be done",
    "purpose": "the purpose of use",
    "securityLabel": "the sensitivity of the record",
    "class": "the kind of record",
    "code": "the code of the record",
    "dataPeriod": "the date of the record",
    "data": "the single records it names",
}
_PART2: Final = "42 CFR 2.31"
_OVERALL: Final[Mapping[tuple[str, str], tuple[str, str, str]]] = {
    ("default-deny", "deny"): (
        "consent",
        "No consent in force permits this, and nothing is released unless something permits it.",
        "",
    ),
    ("conflict", "deny"): ("consent", "Consents in force disagree; a refusal overrides a permission.", ""),
    ("latest-wins", "not-applicable"): (
        "consent",
        "By the county's choice the latest consent that says something decides.",
        "",
    ),
    ("part2", "deny"): (
        "consent",
        (
            "The record is protected as that of a substance use disorder program, and no written Part 2 consent in "
            "force permits it to this recipient by name."
        ),
        _PART2,
    ),
    ("part2", "not-applicable"): (
        "consent",
        "Whether a written Part 2 consent permits it to this recipient by name depends on the single record.",
        _PART2,
    ),
    ("directory", "permit"): ("own", "The directory of organisations is public to every recipient.", ""),
    ("own-record", "permit"): (
        "own",
        "The recipient made this record itself; to give it back is no disclosure.",
        "45 CFR 164.501, 42 CFR 2.12(c)(3)",
    ),
    ("author", "permit"): (
        "own",
        "Software of the recipient wrote this record here itself; to give it back is no disclosure.",
        "",
    ),
    ("own-share", "permit"): ("own", "It was made for this recipient alone.", ""),
    ("own-share", "deny"): ("own", "It was made for another recipient alone.", ""),
    ("undeclared", "deny"): (
        "own",
        "Nobody declared the legal regime of the unit that made this record, so it is shown to that unit alone.",
        "",
    ),
}
"""Topic, sentence and citation of the entries that belong to no single consent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at, in one sentence.

    ``topic`` is record, own, law, person, consent, basis, agreement, custody, result or obligation; ``outcome`` is
    permit, deny, not-applicable, cap or noted. ``source`` is where it stands (``Consent/x#provision[0]``, an
    agreement's id), ``citation`` where the law does.
    """

    topic: str
    outcome: str
    says: str
    source: str = ""
    citation: str = ""

    def __str__(self) -> str:
        told = self.says if not self.citation else f"{self.says[:-1]} ({self.citation})."
        return f"{told} [{self.source}]" if self.source else told


class Spoken(NamedTuple):
    """How a consent is called in a sentence: its reference, and words such as "the release of 1 March 2026"."""

    reference: str
    called: str


def findings(
    verdict: Verdict, policy: Policy, *, recipient: str, spoken: Sequence[Spoken] = (), name: Naming = same_name
) -> list[Finding]:
    """Every rule that was asked, losing ones too, in the order in which they were.

    ``recipient`` is the reference of who asks; ``spoken`` names the directives of ``policy`` by index; ``name`` puts a
    name in place of a reference where it knows one.
    """
    parts = {
        (index, provision.path): provision
        for index, body in enumerate(policy.directives)
        for provision in body.provisions
    }
    return [_finding(_Line(entry, parts, spoken, recipient, name)) for entry in verdict.trace]


def explain(verdict: Verdict) -> list[str]:
    """A verdict where nothing else is at hand: its effect, every rule that was asked and what is due, in sentences."""
    told = findings(verdict, Policy(), recipient="", spoken=[Spoken(one, one) for one in verdict.sources])
    return [_EFFECTS[verdict.effect], *map(str, told), *map(str, due(verdict))]


@dataclass(frozen=True, slots=True)
class _Line:
    """One entry of a trace with what its sentence needs."""

    entry: Entry
    parts: Mapping[tuple[int, str], Provision]
    spoken: Sequence[Spoken]
    recipient: str
    name: Naming

    @property
    def called(self) -> str:
        index = self.entry[0]
        words = self.spoken[index].called if index < len(self.spoken) else f"consent {index + 1}"
        return words[:1].upper() + words[1:]

    @property
    def source(self) -> str:
        index, path = self.entry[:2]
        reference = self.spoken[index].reference if index < len(self.spoken) else str(index)
        return f"{reference}#{path}" if path else reference

    def part(self) -> str:
        """The provision, by what it is and whom it names: `its permission for X`."""
        path = self.entry[1]
        provision = self.parts.get(self.entry[:2])
        if provision is None:
            return "a part of it"
        kind = "permission" if provision.kind == PERMIT else "refusal"
        named = self.names(provision)
        if not named:
            return f"its general {kind}" if path == "provision[0]" else f"a {kind} in it"
        return f"its {kind} {'for' if provision.kind == PERMIT else 'towards'} {', '.join(named)}"

    def names(self, provision: Provision) -> list[str]:
        """Whom a provision names, itself."""
        actors = [one for one in provision.criteria if isinstance(one, ActorCriterion)]
        return sorted(self.name(key) for one in actors for key in one.names)


def _finding(line: _Line) -> Finding:
    index, _, rule, outcome, because = line.entry
    known = _OVERALL.get((rule, outcome))
    if known is not None:
        topic, says, citation = known
        return Finding(topic=topic, outcome=outcome, says=says, citation=citation)
    if index < 0:
        return _beyond_consents(rule, outcome, because)
    return Finding(
        topic="law" if rule == "law" else "consent",
        outcome=outcome,
        says=_of_consent(line, rule, outcome, because),
        source=line.source,
        citation=_PART2 if rule == "part2" else "",
    )


def _beyond_consents(rule: str, outcome: str, because: str) -> Finding:
    if rule == "law":
        return Finding(topic="law", outcome=outcome, says=f"Nothing may pass: {because}.")
    title, citation = BASIS_TITLES.get(rule, (f"the basis `{rule}`", ""))
    if "CFR" in because:
        # It says itself which section settles it.
        citation = ""
    holds = "permits this" if outcome == "permit" else "does not permit this"
    return Finding(
        topic="basis", outcome=outcome, says=f"{title[:1].upper()}{title[1:]} {holds}: {because}.", citation=citation
    )


def _of_consent(line: _Line, rule: str, outcome: str, because: str) -> str:
    called = line.called
    if outcome == "cap":
        return f"{called} cannot be understood ({because}) and blocks what it might cover, until someone mends it."
    if rule == "law":
        return f"{called} cannot permit this by law: {because}."
    if rule == "part2":
        return f"{called} is a written Part 2 consent that permits it to {line.name(line.recipient)} by name."
    if rule == "consent":
        if outcome == "permit":
            return f"{called} as a whole permits this."
        return f"{called} as a whole refuses this."
    told = _of_provision(outcome, because) if rule == "provision" else _of_criterion(line, rule, outcome, because)
    return f"{called}: {line.part()} {told}."


def _of_criterion(line: _Line, rule: str, outcome: str, because: str) -> str:
    if because == NO_MATCH:
        missed = f"it does not name {line.name(line.recipient)}" if rule == "actor" else _MISSED[rule]
        return f"does not apply, because {missed}"
    told = "only the single record can tell" if because == LATER else because
    said = {"permit": "may permit this", "deny": "may refuse this"}.get(outcome, "may or may not apply")
    return f"{said}; it depends on {_ASKED.get(rule, 'what nobody can tell')}: {told}"


def _of_provision(outcome: str, because: str) -> str:
    does = {"permit": "permits this", "deny": "refuses this"}.get(outcome, "comes to neither yes nor no")
    return f"applies with an exception inside it, which {does}" if "exception" in because else does


def due(verdict: Verdict) -> list[Finding]:
    """What travels with what is permitted."""
    return [
        Finding(
            topic="obligation",
            outcome="noted",
            says=f"With it goes {one.code}{f' ({one.version})' if one.version else ''}"
            + (f": {one.text.rstrip('.')}." if one.text else "."),
            source="",
        )
        for one in verdict.obligations
    ]
