-- Where the subscriptions of one client are told: its host and port. What is sent there at the same time is limited.
ALTER TABLE subscription ADD COLUMN place TEXT GENERATED ALWAYS AS (
  client || ' ' || substr(
    substr(replace(CAST(wish AS TEXT) ->> '$.endpoint', '?', '/') || '/', instr(CAST(wish AS TEXT) ->> '$.endpoint', '://') + 3),
    1,
    instr(substr(replace(CAST(wish AS TEXT) ->> '$.endpoint', '?', '/') || '/', instr(CAST(wish AS TEXT) ->> '$.endpoint', '://') + 3), '/') - 1
  )) VIRTUAL;
