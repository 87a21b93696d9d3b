"""The pieces of a receipt: every byte once, and those of some lines are what is erased of these lines."""

from __future__ import annotations

import functools
import io
import tempfile
from pathlib import Path

import records
import worlds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.assets import copy_fictional_county
from adapter.cli.feeds import files_of
from adapter.connected import CONNECTORS
from adapter.fictional.county import write_county
from adapter.services.erasing import _FILLER, _spans
from adapter.services.raw_units import raw_units
from adapter.settings import load_site
from adapter.source import ExtractOptions


@functools.cache
def extracts():
    """Connector, options and bytes of every kind of extract of the fictional county, and some of other layouts."""
    found = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        copy_fictional_county(folder / "site")
        write_county(folder / "extracts", seed=5, as_of=worlds.AS_OF, people=6)
        for feed in load_site(folder / "site").feeds.values():
            if not feed.is_written:
                options = ExtractOptions(encoding=feed.encoding, settings=feed.settings)
                found += [
                    (feed.connector, options, path.read_bytes()[:30_000])
                    for path in files_of([folder / "extracts" / feed.extract])
                ]
    plain = ExtractOptions()
    rows = records.roster(records.roster_row("J5", booking="B5"), '"RAGGED","ROW"\r\n', records.roster_row())
    bookings = b'[{"ArrestNo":"A1","Jacket":"J1"},{"ArrestNo":"A2","Jacket":"J2"},{"ArrestNo":"A3","Jacket":"J3"}]'
    found += [
        ("jail.corerm_roster", plain, rows.replace(b"\r\n", b"\r")),
        ("jail.corerm_roster", plain, rows.decode().encode("utf-16")),
        ("jail.jailtracker_json", plain, bookings),
        ("jail.jailtracker_json", plain, bookings.replace(b"},", b"},\n")),
        ("jail.hl7v2", plain, records.hl7(records.admission(), records.phq9(4), records.phq9(5, control="R2"))),
    ]
    return found


class Slow(io.RawIOBase):
    """Bytes that arrive some at a time."""

    def __init__(self, data, size):
        super().__init__()
        self._rest, self._size = data, size

    def readable(self):
        return True

    def read(self, size=-1):
        count = self._size if size < 0 else min(size, self._size)
        data, self._rest = self._rest[:count], self._rest[count:]
        return data


def erased(data, spans):
    changed = bytearray(data)
    for start, stop in spans:
        changed[start:stop] = bytes([_FILLER]) * (stop - start)
    return bytes(changed)


def check(name, options, data, chosen, size=1 << 16):
    connector = CONNECTORS[name]
    units = list(raw_units(Slow(data, size), connector, options))
    assert b"".join(unit.data for unit in units) == data
    place = 0
    for unit in units:
        assert unit.start == place
        place += len(unit.data)
    known = list(connector.records(io.BytesIO(data), options))
    # What a connector gives out of an extract that it reads in small pieces it gives out of the whole.
    lines = {one.position.line for one in known if one.raw}
    assert set().union(*(unit.lines for unit in units)) == lines
    wanted = {line for line in lines if chosen(line)}
    spans = list(_spans(data, known, wanted))
    mine = [(unit.start, unit.start + len(unit.data)) for unit in units if unit.lines & wanted]
    return erased(data, spans), erased(data, mine)


def test_the_pieces_of_lines_are_what_is_erased_of_them():
    for name, options, data in extracts():
        for chosen in (lambda line: line % 2, lambda line: not line % 3):
            for size in (1 << 16, 137):
                one, other = check(name, options, data, chosen, size)
                assert one == other, name


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_arrives_nothing_is_left_of_what_is_erased(data):
    """In damaged extracts records may overlap: then the pieces hold at least what is erased."""
    name, options, extract = data.draw(st.sampled_from(extracts()))
    start = data.draw(st.integers(0, max(len(extract) - 2000, 0)))
    damaged = bytearray(extract[start : start + data.draw(st.integers(1, 2000))])
    for place in data.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=6)):
        damaged[place] = data.draw(st.sampled_from(b'\r\n"<>{}|\x00x,'))
    one, other = check(
        name, options, bytes(damaged), lambda line: line % 2, data.draw(st.sampled_from((1, 7, 64, 1 << 16)))
    )
    assert all(there in {here, _FILLER} for here, there in zip(one, other, strict=True))
