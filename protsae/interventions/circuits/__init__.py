"""Circuits: which features make an output, through which features of earlier layers."""
