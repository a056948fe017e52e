"""A run's features in the files of other programs."""
