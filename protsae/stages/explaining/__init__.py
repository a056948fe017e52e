"""What is active in proteins that a run has not seen: the proteins, the work, the files."""
