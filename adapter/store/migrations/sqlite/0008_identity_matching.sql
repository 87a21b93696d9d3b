-- Who is who beyond exact keys. None of these tables is ever read for an answer to a partner.

-- What comparison needs of a record: names, birth date, sex and numbers, sealed with a key of the site (AES-SIV) and
-- kept apart from the resources. A copy of the store without `site.key` does not tell them.
CREATE TABLE identity_trait (
  patient INTEGER PRIMARY KEY,
  source  TEXT    NOT NULL,
  told    BLOB    NOT NULL,         -- keyed hash of what the record last told, so that a repeat is seen as one
  sealed  BLOB    NOT NULL,
  blocks  BLOB    NOT NULL,         -- its rows of identity_block, 8 bytes each, so that others replace them
  doubted INTEGER NOT NULL DEFAULT 0 -- it told otherwise of itself than before, and nobody has decided yet
) STRICT;

-- Keyed hashes of the exact keys under which a record is looked for; the source is carried, because records of one
-- source are never compared.
CREATE TABLE identity_block (
  key     INTEGER NOT NULL,
  patient INTEGER NOT NULL,
  source  INTEGER NOT NULL,         -- 32 bits of the hash of its name
  PRIMARY KEY (key, patient)
) STRICT, WITHOUT ROWID;

-- Pairs of records that may be one person, in both directions. band: what the two are by themselves; state: what they
-- are given everything else (0 nothing, 1 for review, 2 linked and unconfirmed, 3 confirmed). Only 3 is a patient_link.
CREATE TABLE identity_pair (
  patient INTEGER NOT NULL,
  other   INTEGER NOT NULL,
  score   INTEGER NOT NULL,         -- hundredths of a bit
  band    INTEGER NOT NULL,
  state   INTEGER NOT NULL,
  since   INTEGER NOT NULL,         -- when it came into this state, epoch microseconds
  PRIMARY KEY (patient, other)
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_pair_of_state ON identity_pair (state, since) WHERE patient < other;

-- What people decided of pairs and of doubted records, and what a source said of two records of its own (likely). Append only: the last word counts, the earlier ones stay.
CREATE TABLE identity_decision (
  seq     INTEGER PRIMARY KEY,
  patient INTEGER NOT NULL,         -- the smaller key of a pair
  other   INTEGER NOT NULL,         -- the larger one; the same for a record by itself
  verdict TEXT    NOT NULL CHECK (verdict IN ('same', 'different', 'likely', 'accepted')),
  knowing TEXT    NOT NULL,         -- the traits that differed when it was decided, space separated
  author  TEXT    NOT NULL,
  why     TEXT    NOT NULL,
  at      INTEGER NOT NULL          -- epoch microseconds
) STRICT;
CREATE INDEX identity_decision_of_patient ON identity_decision (patient, seq);
CREATE INDEX identity_decision_of_other ON identity_decision (other, seq);
CREATE TRIGGER identity_decision_never_changes BEFORE UPDATE ON identity_decision
BEGIN SELECT raise(ABORT, 'what people decided is append only'); END;
CREATE TRIGGER identity_decision_never_leaves BEFORE DELETE ON identity_decision
BEGIN SELECT raise(ABORT, 'what people decided is append only'); END;
