"""Tables of what features say of proteins: probabilities, and where concepts are predicted."""
