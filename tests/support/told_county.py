"""A county whose changes are written file by file while somebody is told of them, and what has to be told then.

People are booked, screened and released; each may sign a release for Cottonwood, revoke it, and sign another. What is
noted is when each change began to be written and when it was done, so that the ledger can be held against it.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import records

JAIL, HL7, RELEASES = "jail-roster", "jail-medical-hl7", "releases"


def now():
    """Microseconds, as the store counts them."""
    return time.time_ns() // 1000


def written(moment):
    return moment.astimezone(UTC).isoformat(timespec="seconds")


class Person:
    """One of them. The first signs at the beginning and never revokes, the last never signs."""

    def __init__(self, number):
        self.number = number
        self.key = f"K{number}"
        self.ssn = f"433-27-{5100 + number}"
        self.signed = 0
        self.stands = False
        self.screenings = 0
        self.bookings = []
        # (begun, done) of each change of what is permitted: True where it was signed.
        self.changes = []

    def screened(self):
        """A screening of another day each time."""
        self.screenings += 1
        return self._phq9(self.screenings % 28)

    def amended(self, score):
        """Another total of the last screening."""
        return self._phq9(score, status="C")

    def _phq9(self, score, **more):
        day = datetime(2026, 1, 1, 15, tzinfo=UTC) + timedelta(days=self.screenings)
        control = f"S{self.number}x{self.screenings}"
        at = day.strftime("%Y%m%d%H%M%S-0000")
        return records.phq9(score, at=at, control=control, person=self.key, ssn=self.ssn, **more)

    def booked_or_let_go(self):
        """The row of the roster after the next booking, or the end of the one that goes on."""
        if self.bookings and not self.bookings[-1]:
            self.bookings[-1] = True
        else:
            self.bookings.append(False)
        day = f"2026-02-{len(self.bookings) % 28 + 1:02d}"
        return records.roster_row(
            self.key,
            ssn=self.ssn,
            booking=f"B{self.number}x{len(self.bookings)}",
            booked=f"{day} 08:10:00",
            released=f"{day} 19:00:00" if self.bookings[-1] else "",
        )

    def signed_or_revoked(self):
        """The release after signing anew, or after taking back what was signed last."""
        moment, revoked = datetime.fromtimestamp(now() / 1e6, UTC), self.stands
        if not revoked:
            self.signed += 1
            self.since = moment - timedelta(seconds=2)
        self.stands = not revoked
        return records.release(
            records.choice("cottonwood", purposes=("TREAT",)),
            submission=f"r{self.number}x{self.signed}",
            person=self.key,
            ssn=self.ssn,
            signed=written(self.since),
            expires=(moment + timedelta(days=200)).date().isoformat(),
            revocations=[{"at": written(moment), "partners": "all"}] if revoked else [],
        )

    def forbidden(self, instant):
        """Whether nothing of this person was permitted at an instant, whenever in its time each change took effect."""
        state = False
        for begun, done, signed in self.changes:
            if begun <= instant <= done:
                return False
            if done < instant:
                state = signed
        return not state


def next_file(people, chance):
    """The next extract: its feed, its content, and for whom what is permitted changes with it: (person, to what)."""
    some = [person for person in people if chance.random() < 0.6] or [people[0]]
    feed = chance.choice([HL7, HL7, JAIL, RELEASES])
    if feed == HL7:
        amends = [person.screenings and chance.random() < 0.3 for person in some]
        texts = [
            person.amended(chance.randrange(28)) if amend else person.screened()
            for person, amend in zip(some, amends, strict=True)
        ]
        return feed, records.hl7(*texts), []
    if feed == JAIL:
        return feed, records.roster(*(person.booked_or_let_go() for person in some)), []
    signing = [person for person in some if person not in {people[0], people[-1]}] or [people[1]]
    documents = [person.signed_or_revoked() for person in signing]
    return feed, records.ndjson(*documents), [(person, person.stands) for person in signing]


class Told:
    """The stream of one subscription as a receiver kept it: notifications of events in the order of arrival."""

    def __init__(self, lines):
        self.bundles = []
        for line in lines:
            parameters = line["body"]["entry"][0]["resource"]["parameter"]
            if any(one.get("valueCode") == "event-notification" for one in parameters):
                self.bundles.append((line["at"], [_event(one) for one in parameters if one["name"] == EVENT]))

    def first(self):
        """Number, focus and notice of each event as it came first, in order of arrival; repeats are compared."""
        met = {}
        for _, events in self.bundles:
            for number, focus, notice in events:
                if number not in met:
                    met[number] = (number, focus, notice)
                # Sent again, it is the same event, or one that is permitted no more.
                known = met[number]
                assert notice == known[2]
                assert focus is None or known[1] is None or focus == known[1]
                if known[1] is None and focus is not None:
                    met[number] = (number, focus, notice)
        return list(met.values())

    def holds(self):
        """What a subscriber who follows what it is told holds in the end."""
        held = set()
        for _, focus, notice in self.first():
            if notice:
                held.discard(focus)
            elif focus is not None:
                held.add(focus)
        return held


EVENT = "notification-event"


def _event(parameter):
    parts = {part["name"]: part for part in parameter["part"]}
    focus = parts.get("focus", {}).get("valueReference", {}).get("reference")
    notice = parameter.get("extension", [{}])[0].get("valueCode", "")
    return int(parts["event-number"]["valueString"]), focus and focus.partition("/fhir/")[2], notice
