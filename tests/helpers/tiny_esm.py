"""Tiny random ESM-2 checkpoints in fair-esm's layout, and tiny protein tables."""

from collections.abc import Sequence
from pathlib import Path

import esm
import numpy as np
import pandas as pd
import torch
from esm.model.esm2 import ESM2

from protsae.plm.esm2.save import save_esm
from protsae.provenance import protein_set_sha256
from protsae.schema.protein_tables import PROTEINS
from tests.helpers.stored_tables import store

# Tiny matrices gain nothing from threads and lose much where cores are shared.
torch.set_num_threads(1)

STANDARD = "ACDEFGHIKLMNPQRSTVWY"
ALPHABET = esm.data.Alphabet.from_architecture("ESM-1b")


def build_esm(layers: int = 3, width: int = 24, heads: int = 4, seed: int = 0) -> ESM2:
    """A random ESM-2 in which no parameter is neutral: gains differ from 1, biases from 0."""
    torch.manual_seed(seed)
    model = ESM2(layers, width, heads, ALPHABET).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        # Of the size that trained embeddings have, so that logits are of order 1.
        model.embed_tokens.weight.mul_(width**-0.5)
        model.embed_tokens.weight[model.padding_idx] = 0.0
    return model


def save_tiny(folder: Path, name: str = "esm2_tiny", model: ESM2 | None = None) -> Path:
    """``<name>.pt`` and its regression file, stored as float16."""
    path = folder / f"{name}.pt"
    save_esm(model or build_esm(), path)
    return path


def random_sequence(length: int, seed: int = 0, letters: str = STANDARD) -> str:
    """Residues drawn evenly from ``letters``."""
    return "".join(np.random.default_rng((seed, length)).choice(list(letters), length))


def fair_esm_layers(model: ESM2, sequence: str, layers: Sequence[int]) -> dict[int, np.ndarray]:
    """fair-esm's own rows of one sequence alone, <cls> and <eos> dropped: the reference."""
    _, _, tokens = ALPHABET.get_batch_converter()([("", sequence.replace("J", "X"))])
    with torch.no_grad():
        found = model(tokens, repr_layers=list(layers))["representations"]
    return {layer: found[layer][0, 1 : len(sequence) + 1].numpy() for layer in layers}


def write_proteins(path: Path, sequences: Sequence[str]) -> pd.DataFrame:
    """proteins.parquet as the split stage writes it; every protein a cluster of its own."""
    names = [f"P{i:05d}" for i in range(len(sequences))]
    proteins = pd.DataFrame(
        {
            "accession": names,
            "entry_name": [f"{name}_TEST" for name in names],
            "organism": "Exemplum",
            "taxon_id": pd.array([1] * len(names), dtype="Int64"),
            "length": [len(sequence) for sequence in sequences],
            "sequence": list(sequences),
            "cluster": names,
            "split": [("train", "valid", "test")[i % 3] for i in range(len(names))],
            "has_relative_in_train": False,
        }
    )[list(PROTEINS.names)]
    digest = protein_set_sha256(proteins["accession"], proteins["sequence"])
    store(path, proteins, {"stage": "split", "protein_set_sha256": digest})
    return proteins
