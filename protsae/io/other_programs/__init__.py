"""Files that other programs read: AnnData, BED, ChimeraX attributes, structures with B-factors."""
