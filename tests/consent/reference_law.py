"""A slow, obvious reading of the law layer, written from the reference page on law and not from the code.

Every rule is one line that says no. Nothing is precomputed and nothing is shared with `adapter.consent.law`; facts,
segments and consents are the plain ones.
"""

from dataclasses import dataclass, field

from reference_matrix import cell
from reference_record import LOCAL, REASON, columns, content_columns, data_class, is_note, may_be, part2

# Which sources' law a basis is about.
REGIMES = {
    "T": {"hipaa"},
    "K": {"hipaa"},
    "J": {"hipaa"},
    "E": {"hipaa", "part2"},
    "O": {"justice", "hipaa", "part2", "education"},
    "Q": {"justice", "hipaa", "part2"},
    "X": {"part2"},
}
BITS = {"T": 4, "J": 8, "E": 16, "O": 32, "Q": 64, "X": 256}
PAPERS = {
    "release",
    "criminal-justice",
    "proceedings",
    "counseling-notes",
    "psychotherapy-notes",
    "domestic-violence",
}
HEALTH_PURPOSES = {
    "HMARKT",
    "HOPERAT",
    "HPAYMT",
    "HRESCH",
    "PATRQT",
    "PUBHLTH",
    "TREAT",
    "CAREMGT",
    "COVERAGE",
    "CLINTRL",
    "COC",
    "ETREAT",
    "POPHLTH",
    "BTG",
    "ERTREAT",
    "THREAT",
    "DISASTER",
    "FAMRQT",
}


@dataclass
class County:
    """Partners as dicts, contracts as (source, recipient), enabled partners, overlays as written in YAML."""

    partners: dict
    contracts: list = field(default_factory=list)
    enabled: frozenset = frozenset()
    overlays: list = field(default_factory=list)

    def chain(self, organisation):
        """A partner and all it is part of."""
        found = []
        while organisation in self.partners and organisation not in found:
            found.append(organisation)
            organisation = self.partners[organisation]["part_of"]
        return found

    def is_intermediary(self, organisation):
        partner = self.partners.get(organisation)
        return partner is not None and (partner["intermediary"] or partner["entity"] == "exchange")


# -- the record and the request ----------------------------------------------------------------


def domestic_violence(county, segment):
    words = {"domestic-violence", "dating-violence", "sexual-assault", "stalking"}
    for overlay in county.overlays:
        words |= set(overlay.get("separate_form_class", []))
    return any(county.partners[one]["programme"] in words for one in county.chain(segment.unit))


PROCEEDINGS = {"pretrial-release", "supervision", "HLEGAL"}


def for_proceedings(recipient):
    """Every purpose is certainly one of a proceeding."""
    return bool(recipient.purposes) and all(code in PROCEEDINGS for _, code in recipient.purposes)


def perhaps_for_proceedings(recipient):
    """Some purpose is, or nobody can tell."""
    helps = {(LOCAL, "diversion"), (LOCAL, "discharge-planning"), *((REASON, code) for code in HEALTH_PURPOSES)}
    return not recipient.purposes or any(purpose not in helps for purpose in recipient.purposes)


def for_treatment(recipient):
    care = {(REASON, code) for code in ("TREAT", "COC", "ETREAT", "ERTREAT")}
    return bool(recipient.purposes) and set(recipient.purposes) <= care


def concerns(county, fact, recipient):
    return not fact.recipient or fact.recipient in {recipient.organisation, *county.chain(recipient.organisation)}


def held(county, facts, recipient, *, oral):
    return any(
        fact.kind == "hold" and (fact.value == "oral") is oral and concerns(county, fact, recipient) for fact in facts
    )


def restricted(county, facts, recipient, segment):
    return any(
        fact.kind == "restriction"
        and concerns(county, fact, recipient)
        and (not fact.classes or data_class(segment) in fact.classes)
        for fact in facts
    )


def age(facts):
    """None for an adult, -1 where nobody knows."""
    ages = [int(fact.value) if fact.value.isdigit() else -1 for fact in facts if fact.kind == "age"]
    return min(ages) if ages else None


# -- the three questions ---------------------------------------------------------------------------


def stops(county, facts, recipient, segment):
    return held(county, facts, recipient, oral=False)


def silences(county, body, facts, recipient, segment):
    """Whether a consent cannot permit this."""
    return any(objections(county, body, facts, recipient, segment))


def objections(county, body, facts, recipient, segment):
    partner = county.partners.get(recipient.organisation)
    if partner is None:
        yield True
        return
    entity, program, note = partner["entity"], part2(segment), is_note(segment)
    form = body.instrument or "release"
    violence = domestic_violence(county, segment)
    yield form not in PAPERS
    # held and restricted
    yield held(county, facts, recipient, oral=True)
    yield restricted(county, facts, recipient, segment)
    # 2.31(b), 164.508(b)(3)(ii): notes have papers of their own
    yield note and form != {"yes": "counseling-notes", "no": "psychotherapy-notes", "maybe": None}[program]
    yield not note and form in {"counseling-notes", "psychotherapy-notes"}
    # a program for victims of domestic violence needs its own paper
    yield violence and form != "domestic-violence"
    yield form == "domestic-violence" and not any(
        county.partners[one]["programme"] for one in county.chain(segment.unit)
    )
    # 2.35: only Part 2 records, only those who imposed the condition
    yield form == "criminal-justice" and program != "yes"
    yield form == "criminal-justice" and entity not in {"court", "pretrial", "supervision", "prosecution"}
    # 2.31(d): only proceedings
    yield form == "proceedings" and not for_proceedings(recipient)
    # 2.12(d): no proceeding on anything else
    bar = perhaps_for_proceedings(recipient)
    yield program != "no" and bar and form not in {"criminal-justice", "proceedings"}
    yield program != "no" and by_general_designation(county, body, facts, recipient)
    yield from signatures(county, body, facts, segment)
    # the matrix
    yield not all(accepts(county, recipient, entity, column, form) for column in columns(segment, county.overlays))
    if program == "yes" and not note and segment.tier not in {"identity", "summary"}:
        outside = content_columns(segment, county.overlays) & {"mh-detail", "clinical"}
        yield any("U" not in cell(entity, column)[0] for column in outside)
    for overlay in county.overlays:
        yield may_be(segment, overlay.get("proceeding_bar", [])) and bar and form != "proceedings"


def accepts(county, recipient, entity, column, form):
    allowed, off = cell(entity, column)
    if column == "notes":
        return "NC" in allowed
    if column == "part2":
        if "U" in off and recipient.organisation in county.enabled:
            allowed = allowed | {"U"}
        wanted = {"criminal-justice": {"C"}, "proceedings": {"X"}}.get(form, {"U", "S"})
        return bool(wanted & allowed)
    if form == "proceedings":
        return bool({"U", "own", "X"} & allowed)
    return bool({"U", "own"} & allowed)


def permitted_names(body):
    for provision in body.provisions:
        if provision.kind == 2:  # permit
            for criterion in provision.criteria:
                if criterion.element == "actor":
                    yield from criterion.names


def by_general_designation(county, body, facts, recipient):
    """2.31(a)(4)(ii): through an intermediary, but neither named nor known to treat the patient."""
    me = recipient.organisation
    names = set(permitted_names(body))
    if county.is_intermediary(me):
        return not any(name != me and me in county.chain(name) for name in names)
    if not any(county.is_intermediary(one) for one in county.chain(me)):
        return False
    matched = names & recipient.actors
    direct = {
        name
        for name in matched
        if name.startswith(("Organization/", "Practitioner/", "PractitionerRole/")) and not county.is_intermediary(name)
    }
    treats = any(fact.kind == "treatment" and fact.recipient == me for fact in facts)
    return bool(matched) and not direct and not treats


def signatures(county, body, facts, segment):
    years = age(facts)
    if years is None:
        yield body.signer not in {"patient", "guardian", "representative"}
        return
    yield years < 0
    # 2.14: a parent alone never releases a Part 2 record
    yield part2(segment) != "no" and body.signer != "minor"
    tables = [overlay["minor_consent"] for overlay in county.overlays if overlay.get("minor_consent")]
    said = [who for table in tables if (who := may_sign(table, years, segment)) is not None]
    yield not said
    yield any(body.signer not in who for who in said)


def may_sign(table, years, segment):
    """Who signs by one overlay, None where it does not say."""
    reached = [one for one in table.get("classes", []) if may_be(segment, one["labels"])]
    if not reached:
        return set(table["others"]) if table.get("others") else None
    who = {"minor", "parent", "guardian", "representative"}
    for one in reached:
        who &= {"minor"} if years >= one["age"] else set(one.get("below", []))
    return who


def standing(county, facts, recipient, segment, refused):
    """Every bit that permits, with True, or "later" where it depends on the single resource."""
    found = {}
    oral = held(county, facts, recipient, oral=True)
    for basis in "TKJEOQX":
        bits = basis_bits(county, basis, facts, recipient, segment)
        if basis in "TX" and (refused == "yes" or oral):
            bits = []
        found |= dict.fromkeys(bits, "later" if basis in "TX" and refused == "later" else True)
    return found


def basis_bits(county, basis, facts, recipient, segment):
    if any(barriers(county, basis, facts, recipient, segment)):
        return []
    me = recipient.organisation
    asserted = [
        fact
        for fact in facts
        if fact.kind == "assertion"
        and fact.basis == basis
        and fact.recipient == me
        and {code for _, code in recipient.purposes} == {fact.purpose}
        and data_class(segment) in fact.classes
        and (not fact.units or segment.unit in fact.units)
    ]
    match basis:
        case "T":
            stands = for_treatment(recipient) and any(f.kind == "treatment" and f.recipient == me for f in facts)
        case "K":
            feeds = {
                int(f.value)
                for f in facts
                if f.kind == "custody" and f.recipient in county.chain(me) and f.value.isdigit() and int(f.value) <= 30
            }
            return [1 << (10 + feed) for feed in feeds] if asserted else []
        case "O":
            stands = any(order_reaches(fact, segment) for fact in asserted)
        case "X":
            stands = bool(asserted) and for_proceedings(recipient)
        case "Q":
            stands = (segment.unit, me) in county.contracts
        case _:
            stands = bool(asserted)
    return [BITS[basis]] if stands else []


def order_reaches(fact, segment):
    words = fact.value.split()
    if part2(segment) != "no" and not {"2.64", "2.65"} & set(words):
        return False
    if segment.regime == "hipaa" and part2(segment) != "yes" and "hipaa" not in words:
        return False
    return not is_note(segment) or "notes" in words


def regimes(segment):
    """The laws a record stands under, or may stand under."""
    program = part2(segment)
    return {"part2"} if program == "yes" else {"part2", segment.regime} if program == "maybe" else {segment.regime}


def barriers(county, basis, facts, recipient, segment):
    partner = county.partners.get(recipient.organisation)
    if partner is None:
        yield True
        return
    entity, program = partner["entity"], part2(segment) != "no"
    bar = perhaps_for_proceedings(recipient)
    # never by HIPAA alone; never custody as an emergency; never into proceedings; notes and victims apart
    yield program and basis in "TKJ"
    yield basis == "E" and entity not in {"correctional-health", "covered-entity", "part2-program"}
    yield program and bar and basis in "EQ"
    yield is_note(segment) and basis in "TKJQX"
    yield domestic_violence(county, segment) and basis != "O"
    # minors
    yield age(facts) is not None and basis in "QX"
    yield age(facts) is not None and program and basis not in "EO"
    yield not regimes(segment) <= REGIMES[basis]
    yield not all(basis in cell(entity, column)[0] for column in columns(segment, county.overlays))
    for overlay in county.overlays:
        yield basis == "T" and may_be(segment, overlay.get("tpo_narrowing", []))
        yield basis in "TKQ" and bar and may_be(segment, overlay.get("proceeding_bar", []))
    yield basis not in "EJO" and restricted(county, facts, recipient, segment)
