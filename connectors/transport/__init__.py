"""How extracts travel: files, HTTP, MLLP, SFTP."""
