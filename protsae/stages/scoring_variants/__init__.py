"""Variants of a protein: what the model thinks of them, and which features they change."""
