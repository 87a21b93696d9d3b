"""The rows of the table of ambiguities and the precisions, each of which the fuzzing has to reach."""

ROWS = {
    "1": "type of the root",
    "2": "root guard",
    "3": "the path around has to match",
    "4": "nested type same as parent",
    "5": "nested type missing",
    "6": "siblings disagree",
    "7": "AND across elements",
    "8": "several purposes, or none",
    "9": "purposes in purposes",
    "10": "who the recipient is",
    "11": "action",
    "12": "levels of confidentiality",
    "13": "sensitivities in sensitivities",
    "14": "several labels",
    "15": "no label, no labeller",
    "16": "class",
    "17": "code found in",
    "18": "date of the record",
    "19": "dates without a time",
    "20": "period",
    "21": "related data",
    "22": "several consents",
    "23": "which patient",
    "24": "unknown extension or element",
    "25": "42 CFR Part 2",
    "P1": "applicable",
    "P2": "unintelligible",
    "P3": "never releases more",
    "P4": "additive rule",
    "P5": "no purpose stated",
    "P6": "memberships and links",
    "P7": "collect and correct",
    "P8": "highest level, V",
    "P9": "ancestor of a denied code",
    "P10": "labeller unavailable",
    "P11": "date map, lastUpdated, timing",
    "P12": "data at hand, authors",
    "P13": "supersession",
    "P14": "Part 2 consent by name",
}


def table(counts):
    """How many triples reached each row, in the order of the table."""
    width = max(map(len, ROWS.values()))
    lines = [f"{name:>4}  {text:<{width}}  {counts[name]:>12,}" for name, text in ROWS.items()]
    return "\n".join([f" row  {'':<{width}}  {'triples':>12}", *lines])


def missed(counts):
    """The rows that no triple reached."""
    return [name for name in ROWS if not counts[name]]
