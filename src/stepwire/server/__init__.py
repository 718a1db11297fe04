"""The server: guard, the one write path, live fan-out, routes."""
