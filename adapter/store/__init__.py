"""The port to the database and its implementations."""
