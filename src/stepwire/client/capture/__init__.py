"""What the SDK finds out by itself: what the script prints, and the environment that it runs in."""
