"""What every connector of text owes: archives are refused unread, and nothing makes it fail."""

import bz2
import gzip
import io
import lzma
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.connected import CONNECTORS
from adapter.source import ExtractOptions, Malformed

TEXT = [name for name in CONNECTORS if name.startswith(("jail.", "court.", "table.")) and name != "jail.hl7v2"]


def zipped(data):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("roster.csv", data)
    return packed.getvalue()


BOMB = b"\0" * 20_000_000


@pytest.mark.parametrize("pack", [zipped, gzip.compress, bz2.compress, lzma.compress], ids=["zip", "gz", "bz2", "xz"])
@pytest.mark.parametrize("name", TEXT)
def test_an_archive_is_refused_and_never_unpacked(read, peak, name, pack):
    data = pack(BOMB)
    (fault,) = read(CONNECTORS[name], data).items
    assert isinstance(fault, Malformed)
    assert (fault.code, fault.position.line) == ("packed", 1)
    assert "unpacked" in fault.expected
    assert data.startswith(fault.raw)
    _, most = peak(CONNECTORS[name], io.BytesIO(data))
    assert most < 2_000_000


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(TEXT),
    st.binary(max_size=120) | st.text("\"<>{}[],:=\n\r\\& aDT/!-'", max_size=120).map(str.encode),
    st.sampled_from(["utf-8", "cp1252", "utf-16", "utf-16-le", "latin-1"]),
)
def test_nothing_makes_it_fail_in_any_encoding(name, data, encoding):
    items = list(CONNECTORS[name].records(io.BytesIO(data), ExtractOptions(encoding=encoding)))
    assert all(item.expected and item.code for item in items if isinstance(item, Malformed))


@pytest.mark.parametrize("name", TEXT)
def test_a_field_of_ten_megabytes_does_not_stop_the_feed(name):
    long = b"A" * 11_000_000
    data = b'"' + long + b'"\n<BookingReport>' + long + b'</BookingReport>\n[{"a":"' + long + b'"}]\n'
    items = list(CONNECTORS[name].records(io.BytesIO(data), ExtractOptions()))
    assert items
