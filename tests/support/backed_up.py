"""What a site holds, row by row, so that a restored one can be compared with it."""

from __future__ import annotations

import apsw

FILES = ("store", "inbox", "ledger")


def opened(folder, name):
    return apsw.Connection(str(folder / "data" / f"{name}.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)


def rows(folder, name, sql, *values):
    db = opened(folder, name)
    try:
        return list(db.execute(sql, values))
    finally:
        db.close()


def tables(folder):
    """Every row of every table of a site: terms by what they say, raw bytes by receipt."""
    found = {}
    for name in FILES:
        db = opened(folder, name)
        for (table,) in list(db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")):
            if table not in {"term", "token", "chunk"}:
                found[name, table] = sorted(db.execute(f'SELECT * FROM "{table}"'), key=repr)
        db.close()
    tokens = (
        "SELECT t.type, param, system, code, patient, rid, segment, low, high FROM token t JOIN term ON id = t.term"
    )
    found["store", "token"] = sorted(rows(folder, "store", tokens))
    # Their last place holds the numbers of terms.
    found["store", "indexed"] = [rid for rid, *_ in found["store", "indexed"]]
    raw = {}
    for receipt, data in rows(folder, "inbox", "SELECT receipt, data FROM chunk ORDER BY receipt, seq"):
        raw[receipt] = raw.get(receipt, b"") + data
    found["inbox", "chunk"] = raw
    return found


def differences(one, other):
    """The tables in which two sites differ, with what only one of them holds."""
    return {
        table: (
            [row for row in one[table] if row not in other[table]],
            [row for row in other[table] if row not in one[table]],
        )
        for table in one.keys() | other.keys()
        if one[table] != other[table]
    }


def everything(folder):
    """Every byte of every file below a folder."""
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
