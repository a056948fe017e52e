"""What should not count, a confounder, taken out of a probe on layer activations."""
