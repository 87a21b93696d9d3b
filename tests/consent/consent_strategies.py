"""Random case lines, from a seed or from Hypothesis. See `generated_consents` and its neighbours."""

import random

from generated_consents import Consents
from generated_resources import Resources
from generated_world import Worlds
from hypothesis import strategies as st


class Maker(Worlds, Resources, Consents):
    """Builds random cases from one function that picks from a sequence: Hypothesis or a seed drives it."""

    def line(self, patients=("a", "b"), most=3):
        """A case line. The first patient is the one most consents and records are about."""
        consents = [self.consent(one, patients) for one in "cde"[: self.pick(range(1, most + 1))]]
        revisions = [self.revision(self.pick("cde"), "cde") for _ in range(self.pick([0, 0, 0, 1, 2]))]
        return {
            "id": "random",
            "consents": consents,
            "context": [*self.world(), *revisions],
            "request": self.request(),
            "resource": self.resource(),
            "labeller": "unavailable" if self.chance(20) else "on",
        }


def by_seed(seed):
    """A maker of cases that is fast, repeatable, and cannot shrink."""
    return Maker(random.Random(seed).choice)  # noqa: S311  # test data


@st.composite
def lines(draw, *, patients=("a", "b"), most=3):
    """Case lines that Hypothesis can shrink."""
    return Maker(lambda options: draw(st.sampled_from(options))).line(patients, most)
