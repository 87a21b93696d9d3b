"""People as sources tell of them, for properties: few values of each trait, so that agreement and slips are common."""

from __future__ import annotations

from hypothesis import strategies as st

from adapter.assets import identity
from adapter.identity.match import Matcher
from adapter.identity.names import Name, Nicknames
from adapter.identity.traits import Traits
from adapter.identity.weights import weights_of

DOCUMENTS = identity()
MATCHER = Matcher(weights_of(DOCUMENTS["weights"]), Nicknames(DOCUMENTS["nicknames"]["groups"]))

ADA = Traits(
    names=(Name("marsh", "ada", "lee"),),
    birth_date="1980-04-02",
    sex="female",
    ssn="433276001",
    ssn_last4="6001",
    state_id="CO1",
    numbers=("jail|J1",),
)
BARE = ADA._replace(ssn="", ssn_last4="", state_id="", numbers=())

NAMES = st.builds(
    Name,
    family=st.sampled_from(["marsh", "mrash", "oak", "oak marsh", "smith"]),
    given=st.sampled_from(["", "ada", "william", "bill", "w", "bert"]),
    middle=st.sampled_from(["", "", "lee", "l", "ann"]),
    suffix=st.sampled_from(["", "", "jr", "sr"]),
)


@st.composite
def traits(draw):
    ssn = draw(st.sampled_from(["", "", "433276001", "433276010", "218449031"]))
    last4 = ssn[-4:] or draw(st.sampled_from(["", "6001", "9031"]))
    return Traits(
        names=tuple(dict.fromkeys(draw(st.lists(NAMES, min_size=1, max_size=3)))),
        birth_date=draw(
            st.sampled_from(["", "1980-04-02", "1980-02-04", "1980-04-03", "1980-04", "1980", "1975-01-31"])
        ),
        sex=draw(st.sampled_from(["", "female", "male"])),
        ssn=ssn,
        ssn_last4=last4,
        state_id=draw(st.sampled_from(["", "", "CO1", "CO2"])),
        fbi=draw(st.sampled_from(["", "", "F1", "F2"])),
        numbers=draw(st.sampled_from([(), (), ("jail|J1",), ("jail|J1", "jail|J2"), ("clinic|e1",)])),
    )
