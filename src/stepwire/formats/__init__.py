"""Pure readers and writers of files, used by the SDK and by the server; the standard library only."""
