"""Descriptions of features by an LLM, from a finished run."""
