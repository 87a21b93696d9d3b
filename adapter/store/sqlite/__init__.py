"""The embedded store: SQLite through apsw, in write-ahead mode, called inline (its calls take microseconds)."""
