"""Which features and residues a number that the model computes comes from."""
