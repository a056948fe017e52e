"""What a run's model computes for a residue, traced back to features of the run's SAEs."""
