"""Models changed at features of a run, and what they then predict or design."""
