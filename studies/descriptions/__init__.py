"""What descriptions say of the features of a run."""
