"""Labels of whole proteins, and probes that tell them from a run's features."""
