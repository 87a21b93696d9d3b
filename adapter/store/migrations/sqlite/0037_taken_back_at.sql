-- When it was taken back, so that an export can tell who had been given it.
ALTER TABLE taken_back ADD COLUMN at INTEGER NOT NULL DEFAULT 0;  -- epoch microseconds
