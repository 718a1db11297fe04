"""A source's raw points as files that other programs read. One file per format; NumPy and pyarrow load at first use."""
