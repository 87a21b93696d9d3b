"""Lines looked ahead at for an open quote are all read again, those of a line that is too long included."""

from connectors.lines import Block
from connectors.quoting import MOST_BYTES, MOST_LINES, Lookahead, Window, record


def block(first, data, *, cut=False):
    return Block(first=first, data=data, end=b"\n", cut=cut)


def test_nothing_looked_ahead_at_is_lost():
    blocks = [block(1, b'a,b\na,"b\n'), block(3, b"c,d\n"), block(4, b"x" * 50, cut=True), block(5, b"e,f\n")]
    ahead = Lookahead(iter(blocks))
    window = Window(ahead.take(), ahead)
    found = record(window, 1, "utf-8", 2)
    assert (found.code, found.raw) == ("unterminated-quote", b'a,"b\n')
    window.leave(2)
    rest = [ahead.take() for _ in range(3)]
    assert [(each.first, each.data, each.cut) for each in rest] == [
        (3, b"c,d\n", False),
        (4, b"x" * 50, True),
        (5, b"e,f\n", False),
    ]
    assert ahead.take() is None


def test_an_open_quote_is_given_up_after_so_many_lines_or_bytes():
    for line, most in ((b"x\n", MOST_LINES), (b"y" * 100_000 + b"\n", MOST_BYTES // 100_000 + 2)):
        lines = 0

        def arriving(line=line):
            nonlocal lines
            for number in range(2, 5 * MOST_LINES):
                lines += 1
                yield block(number, line)

        ahead = Lookahead(arriving())
        window = Window(block(1, b'a,"b\n'), ahead)
        assert record(window, 0, "utf-8", 2).code == "unterminated-quote"
        assert lines <= most


def test_a_quote_that_closes_after_many_lines_is_one_cell():
    ahead = Lookahead(iter([block(2, b"text\n" * (MOST_LINES - 2)), block(MOST_LINES, b'end"\n')]))
    window = Window(block(1, b'a,"b\n'), ahead)
    found = record(window, 0, "utf-8", 2)
    assert found.lines == MOST_LINES
    assert found.cells[1].endswith("text\nend")
