"""A layer of random proteins whose activations are chosen by the test."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from protsae.association.pairs.layer_data import Layer
from protsae.concepts.concept_table import ConceptTable
from protsae.config.stage_settings import AnnotateSettings
from protsae.detectors.activations import Encode, Encoded
from tests.helpers.tiny_run import protein_rows

SETTINGS = AnnotateSettings(
    bootstrap=53,
    examples=3,
    example_flank=4,
    batch=101,
    train_residues=100_000,
)
LENGTH = 29
N_PROTEINS = 72


def start(protein: int) -> int:
    """First residue of a protein's place for a SIGNAL, 1-based: it has it in every second one."""
    return 2 + 7 * protein % 20


def place(protein: int) -> np.ndarray:
    """Residues of that place: bool, shape (LENGTH,)."""
    residue = np.arange(1, LENGTH + 1)
    return (residue >= start(protein)) & (residue < start(protein) + 6)


def annotations(proteins: pd.DataFrame) -> pd.DataFrame:
    """Six residues of every second protein of each split are a SIGNAL, anywhere in the chain."""
    rows = [
        (name, "SIGNAL", "", start(i), start(i) + 5)
        for i, name in enumerate(proteins["accession"])
        if i % 6 < 3
    ]
    return pd.DataFrame(rows, columns=["accession", "type", "description", "start", "end"])


def signal(proteins: pd.DataFrame) -> dict[str, np.ndarray]:
    """Which residues of each protein are a SIGNAL: bool, shape (LENGTH,)."""
    marked = set(annotations(proteins)["accession"])
    return {name: place(i) & (name in marked) for i, name in enumerate(proteins["accession"])}


def noise_and_signal() -> dict[str, np.ndarray]:
    """Activations of three features: 1 follows SIGNAL, 0 and 2 are noise."""
    rng = np.random.default_rng(0)
    activations = {
        name: np.maximum(rng.normal(-0.5, 0.4, (LENGTH, 3)), 0).astype(np.float32)
        for name in protein_rows(N_PROTEINS, LENGTH)["accession"]
    }
    for name, has in signal(protein_rows(N_PROTEINS, LENGTH)).items():
        activations[name][:, 1] += has
    return activations


def identity(rows: np.ndarray) -> np.ndarray:
    """Detectors that are the activations."""
    return rows


def build_layer(settings: AnnotateSettings = SETTINGS, n_proteins: int = N_PROTEINS) -> Layer:
    """Random proteins of which some have a SIGNAL."""
    proteins = protein_rows(n_proteins, LENGTH)
    concepts = ConceptTable.build(proteins, annotations(proteins), min_residues=3, min_clusters=2)
    return Layer(proteins, concepts, settings)


def codes_of(activations: dict[str, np.ndarray], encode: Encode = identity) -> Encoded:
    """Codes of these activations, shape (LENGTH, d_model) for each protein of the layer."""

    def read(names: set[str], max_rows: int) -> Iterator[tuple[list[str], np.ndarray]]:
        for name, rows in activations.items():
            if name in names:
                yield [name], rows

    n_features = encode(next(iter(activations.values()))).shape[1]
    return Encoded(read, encode, n_features)
