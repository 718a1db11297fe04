"""``stepwire run``: a command that knows nothing of Stepwire, run as a child, watched from outside. POSIX only."""
