"""Cases on which two ways to decide once disagreed, kept and asked again with every test run.

A file holds a case line under ``line`` and, where a change released more, the consents after it under ``changed``.
"""

import copy
import json
from dataclasses import replace
from pathlib import Path

from changes import reorder
from compiled import Compiled
from reference_evaluator import TooMuchUnknown, judged

from adapter.consent import cases
from adapter.consent.decide import decide
from adapter.consent.evaluate import Effect
from adapter.consent.force import Combination

FOLDER = Path(__file__).parent / "saved_cases"
MOST_TRIES = 4000
"""Cases tried while one is made smaller."""


def decided(line):
    case = cases.case_of(line)
    if line.get("combination") == "latest-wins":
        case = replace(case, combination=Combination.LATEST_WINS)
    return case, decide(case)


def disagreement(saved):
    """What is said about a saved case that does not fit together, or nothing."""
    line = saved["line"]
    case, verdict = decided(line)
    try:
        expected, part2 = judged(line)
    except TooMuchUnknown:
        return ""
    bound = any(one.code == "42CFRPart2" for one in verdict.obligations)
    if (verdict.effect.value, bound) != (expected, part2):
        return f"the slow evaluator says {expected}, decide says {verdict.effect.value}"
    if said := Compiled().disagrees(case, verdict):
        return said
    if "changed" in saved:
        before = verdict.effect is Effect.PERMIT
        after = decided({**line, "consents": saved["changed"]})[1].effect is Effect.PERMIT
        if after > before or (saved["check"] == reorder.__name__ and after != before):
            return f"{saved['check']} releases more"
    return ""


def still(saved):
    """Whether it is a case at all and still shows a disagreement."""
    try:
        return bool(disagreement(saved))
    except Exception:  # noqa: BLE001  # what is cut away may leave no case the slow evaluator can read
        return False


def places(value, path=()):
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield (*path, name)
        yield from places(part, (*path, name))


def smaller(saved):
    """The same disagreement with as little else as can cheaply be found."""
    tries = 0
    path_list = list(places(saved["line"]))
    while path_list and tries < MOST_TRIES:
        path = path_list.pop(0)
        tries += 1
        cut = copy.deepcopy(saved)
        node = cut["line"]
        for name in path[:-1]:
            node = node[name]
        del node[path[-1]]
        if "changed" not in saved and still(cut):
            saved = cut
            path_list = list(places(saved["line"]))
    return saved


def save(saved, name):
    """Write a case where the tests find it."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(saved, indent=1) + "\n", encoding="utf-8")
    return path
