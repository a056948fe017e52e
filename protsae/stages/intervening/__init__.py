"""What happens to predictions when activations are changed, in a run."""
