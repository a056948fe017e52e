"""A run's circuits: of one residue of a protein, or of the residues of a concept."""
