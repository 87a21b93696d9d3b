-- Quantities are found by number and unit. `low` and `high` are text that sorts as the numbers do. The key begins with
-- the resource, because a quantity is looked at for what other criteria found.
CREATE TABLE quantity (
  type   INTEGER NOT NULL,
  param  TEXT    NOT NULL,
  rid    INTEGER NOT NULL,
  low    TEXT    NOT NULL,
  high   TEXT    NOT NULL,
  system TEXT    NOT NULL,
  code   TEXT    NOT NULL,
  unit   TEXT    NOT NULL,
  PRIMARY KEY (type, param, rid, low, high, system, code, unit)
) STRICT, WITHOUT ROWID;

-- `indexed` keeps their keys too, in the last place.
UPDATE indexed SET rows = CAST(json_insert(CAST(rows AS TEXT), '$[#]', json('[]')) AS BLOB);
