-- A person whose record was destroyed may come back with a new one, and that may be sealed and destroyed as well.
ALTER TABLE set_apart ADD COLUMN times INTEGER NOT NULL DEFAULT 0;  -- how often it was destroyed
UPDATE set_apart SET times = 1 WHERE state > 0;
DROP TRIGGER destroyed_stays_destroyed;
DROP TRIGGER destroyed_is_not_forgotten;
CREATE TRIGGER destroyed_stays_destroyed BEFORE UPDATE ON set_apart
WHEN OLD.state = 1 AND NEW.state = 0 OR NEW.times < OLD.times
BEGIN SELECT raise(ABORT, 'what was destroyed stays so'); END;
CREATE TRIGGER destroyed_is_not_forgotten BEFORE DELETE ON set_apart WHEN OLD.times > 0
BEGIN SELECT raise(ABORT, 'what was destroyed stays so'); END;
