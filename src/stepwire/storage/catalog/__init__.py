"""Runs, checkpoints, events, commands: relational and small."""
