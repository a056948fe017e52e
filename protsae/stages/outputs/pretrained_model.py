"""The files of a model that was trained here, and what is said of its proteins."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from protsae.config.stage_settings import PretrainSettings
from protsae.io.atomic import atomic_path
from protsae.io.json_files import write_json
from protsae.plm.esm2.pretraining import Pretraining, neighbour_loss, perplexity, unigram_loss
from protsae.plm.esm2.save import save_esm
from protsae.provenance import file_sha256
from protsae.stages.pretrain_model import SHORTEST, Checkpoint


@dataclass(frozen=True)
class SequenceStatistics:
    """What a model is trained on, and what simpler ones than it make of that.

    Attributes
    ----------
    train, valid, dropped : int
        Sequences to train on, held out, and of neither.
    unigram, neighbours : float
        Perplexity on the held-out sequences of residue frequencies, and of those beside each
        residue.
    """

    train: int
    valid: int
    dropped: int
    unigram: float
    neighbours: float

    @classmethod
    def of(
        cls, train: list[np.ndarray], valid: list[np.ndarray], dropped: int
    ) -> "SequenceStatistics":
        """From the parts that `read_parts` gives."""
        unigram, neighbours = unigram_loss(train, valid), neighbour_loss(train, valid)
        losses = perplexity(unigram), perplexity(neighbours)
        return cls(len(train), len(valid), dropped, *losses)

    def __str__(self) -> str:
        """All of it in a line."""
        return (
            f"{self.train:,} sequences to train on, {self.valid:,} held out, {self.dropped:,} "
            f"dropped (shorter than {SHORTEST} or with characters that are no letters); "
            f"perplexity of residue frequencies {self.unigram:.2f}, of neighbours "
            f"{self.neighbours:.2f}"
        )


def write_pretrained(
    output: Path,
    state: Pretraining,
    curve: Sequence[dict[str, Any]],
    settings: PretrainSettings,
    checkpoint: Checkpoint,
    sequences: SequenceStatistics,
) -> None:
    """Write the model, its training curve (``.curve.tsv``) and what it is (``.json``).

    The checkpoint, which training would resume from, is removed when all are written.
    """
    save_esm(state.model, output)
    with atomic_path(output.with_suffix(".curve.tsv")) as temporary:
        pd.DataFrame(curve).to_csv(temporary, sep="\t", index=False, float_format="%.4f")
    write_json(
        output.with_suffix(".json"),
        {
            "settings": settings.model_dump(exclude={"device"}),
            **checkpoint.digests,
            "weights_sha256": file_sha256(output),
            "sequences": {
                "train": sequences.train,
                "valid": sequences.valid,
                "dropped": sequences.dropped,
            },
            "residues_seen": curve[-1]["residues"],
            "perplexity": {
                "unigram": round(sequences.unigram, 3),
                "neighbours": round(sequences.neighbours, 3),
                "model": round(perplexity(curve[-1]["valid_loss"]), 3),
            },
        },
    )
    checkpoint.path.unlink(missing_ok=True)
