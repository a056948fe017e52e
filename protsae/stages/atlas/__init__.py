"""A run packed into one file, and opened without the run."""
