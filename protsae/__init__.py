"""protsae: what protein language models have learned, read off sparse autoencoders.

Importing the package is light (no torch, no h5py); see docs/architecture.md for the parts.
"""

__version__ = "0.1.0"
