"""Where articles are kept and found again: the store, the vectors, the indices."""
