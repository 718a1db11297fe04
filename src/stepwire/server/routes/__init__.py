"""One file per noun; each tells the whole story of its endpoints."""
