"""Which features belong together: neighbours, communities, a map, and matches between SAEs."""
