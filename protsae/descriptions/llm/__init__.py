"""Descriptions by an LLM: what it is told of a feature, and what its rule is worth."""
