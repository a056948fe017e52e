"""A layer of random proteins whose activations are chosen by the test."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from protsae.association.layer import Layer
from protsae.concepts.labels import PropertyTable
from protsae.config import AnnotateSettings
from tests.tiny_run import protein_rows

SETTINGS = AnnotateSettings(
    min_residues=3,
    min_clusters=2,
    bootstrap=53,
    examples=3,
    flank=4,
    batch=101,
    sample=100_000,
)
LENGTH = 29
N_PROTEINS = 18


def annotations(proteins: pd.DataFrame) -> pd.DataFrame:
    """Residues 4 to 9 of every second protein of each split are a SIGNAL."""
    some = proteins["accession"].iloc[[i for i in range(len(proteins)) if i % 6 < 3]]
    rows = [(name, "SIGNAL", "", 4, 9) for name in some]
    return pd.DataFrame(rows, columns=["accession", "type", "description", "start", "end"])


def signal(proteins: pd.DataFrame) -> dict[str, np.ndarray]:
    """Which residues of each protein are a SIGNAL: bool, shape (LENGTH,)."""
    marked = set(annotations(proteins)["accession"])
    place = np.arange(LENGTH)
    return {name: (place >= 3) & (place < 9) & (name in marked) for name in proteins["accession"]}


def build_layer(activations: dict[str, np.ndarray], settings: AnnotateSettings = SETTINGS) -> Layer:
    """A layer that gives these activations, shape (LENGTH, d_model) for each protein."""
    proteins = protein_rows(N_PROTEINS, LENGTH)

    def read(names: set[str], max_rows: int) -> Iterator[tuple[list[str], np.ndarray]]:
        wanted = [name for name in activations if name in names]
        at_once = max(1, max_rows // LENGTH)
        for first in range(0, len(wanted), at_once):
            block = wanted[first : first + at_once]
            yield block, np.concatenate([activations[name] for name in block])

    properties = PropertyTable.build(
        proteins, annotations(proteins), settings.min_residues, settings.min_clusters
    )
    return Layer(read, proteins, properties, settings)
