"""Mutants that no test can catch: they compute the same, or differ in speed, memory or rounding."""

EQUIVALENT: dict[str, str] = {}
"""Name of the mutant, as `measure` prints it, to the reason."""
