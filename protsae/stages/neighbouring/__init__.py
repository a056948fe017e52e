"""How the features of a run stand to one another, from its SAEs and codes."""
