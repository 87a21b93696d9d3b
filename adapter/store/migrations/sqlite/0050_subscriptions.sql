-- What partners have subscribed to. `wish` is what was asked for (JSON) without the headers, which stand sealed in
-- `secret`. The columns of the caller are those of the access token it was asked with.
CREATE TABLE subscription (
  id           TEXT    PRIMARY KEY,
  client       TEXT    NOT NULL,
  user         TEXT    NOT NULL,
  organisation TEXT    NOT NULL,
  purpose      TEXT    NOT NULL,
  rights       TEXT    NOT NULL,       -- space separated
  scopes       TEXT    NOT NULL,
  topic        TEXT    NOT NULL,
  wish         BLOB    NOT NULL,
  secret       BLOB    NOT NULL,
  status       TEXT    NOT NULL CHECK (status IN ('requested', 'active', 'error', 'off')),
  reason       TEXT    NOT NULL,       -- why it stands so, without content
  revision     INTEGER NOT NULL,
  created      INTEGER NOT NULL,       -- epoch microseconds, like every other instant
  updated      INTEGER NOT NULL,
  until        INTEGER NOT NULL,       -- when it ends
  events       INTEGER NOT NULL DEFAULT 0, -- the highest number given to an event
  sweep        INTEGER,                -- what is true of patients behind this one is still to be learned; NULL: it is
  looks        INTEGER NOT NULL DEFAULT 0, -- counts looks at those, which then have to be learned anew
  due          INTEGER NOT NULL,       -- when something is to be sent next
  lease        INTEGER NOT NULL DEFAULT 0, -- until when somebody else sends
  attempts     INTEGER NOT NULL DEFAULT 0, -- that failed in a row
  failing      INTEGER,                -- since when they do
  spoke        INTEGER NOT NULL DEFAULT 0 -- when something was last accepted
) STRICT, WITHOUT ROWID;
CREATE INDEX subscription_due ON subscription (due);

-- Patients of whom something changed since somebody last looked, with how often it did; while there are subscriptions.
CREATE TABLE stirred (
  patient INTEGER PRIMARY KEY,
  marks   INTEGER NOT NULL,
  lease   INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What a subscription was told of each resource: the key of the event of its topic that was told last.
CREATE TABLE subscription_known (
  subscription TEXT    NOT NULL,
  rid          INTEGER NOT NULL,
  patient      INTEGER NOT NULL,
  name         TEXT    NOT NULL,       -- Type/id
  key          BLOB    NOT NULL,
  sent         INTEGER NOT NULL,       -- whether it left, so that it can be taken back
  PRIMARY KEY (subscription, rid)
) STRICT, WITHOUT ROWID;
CREATE INDEX subscription_known_of_patient ON subscription_known (patient, subscription);

-- Events in the order in which they are told. An event has no number before it is first sent.
CREATE TABLE subscription_event (
  seq          INTEGER PRIMARY KEY,
  subscription TEXT    NOT NULL,
  rid          INTEGER NOT NULL,
  patient      INTEGER NOT NULL,
  name         TEXT    NOT NULL,       -- Type/id
  notice       TEXT    NOT NULL CHECK (notice IN ('event', 'recall', 'stop')),
  at           INTEGER NOT NULL,
  number       INTEGER,
  accepted     INTEGER,                -- when the subscriber took it
  dead         INTEGER                 -- when it was given up
) STRICT;
CREATE INDEX subscription_event_waiting ON subscription_event (subscription, seq) WHERE accepted IS NULL AND dead IS NULL;
CREATE UNIQUE INDEX subscription_event_number ON subscription_event (subscription, number) WHERE number IS NOT NULL;
CREATE INDEX subscription_event_of_resource ON subscription_event (subscription, rid) WHERE number IS NULL;
CREATE INDEX subscription_event_accepted ON subscription_event (accepted) WHERE accepted IS NOT NULL;

-- Nobody took these out: what was changed is found by looking at whom it concerns.
DELETE FROM outbox WHERE channel = 'change';
