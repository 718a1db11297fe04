"""Storage behind two interfaces: the catalog (runs, checkpoints, events …) and the series (points)."""
