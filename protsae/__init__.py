"""protsae: what protein language models have learned, read off sparse autoencoders.

Importing the package is light (no torch, no h5py); see docs/architecture.md for the parts.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {"score_detectors": "protsae.stages.score_detectors"}
"""Names that the package offers, and the modules that hold them: imported where they are used."""

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
