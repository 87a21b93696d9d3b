-- What came of a question that was refused before anything was looked up; empty where it was answered.
ALTER TABLE entry ADD COLUMN outcome TEXT NOT NULL DEFAULT '';
