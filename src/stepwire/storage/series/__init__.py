"""Points: a journal of batches, and reads that keep every extremum."""
