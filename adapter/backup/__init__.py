"""Takes backups of a site and makes sites of them: the one place beside `bootstrap` that names the concrete store."""
