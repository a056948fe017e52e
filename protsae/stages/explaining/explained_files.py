"""All that `protsae explain` writes but the page: segments, predictions, residues."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protsae.features.protein_segments import only
from protsae.proteins.nucleic_acids import may_be_nucleic, nucleic_notes
from protsae.stages.explaining.explainer import Explained
from protsae.stages.explaining.prediction_files import PredictionWriter, open_predictions
from protsae.stages.explaining.segment_files import SegmentWriter, open_segments


@dataclass
class ExplainedWriter:
    """Takes one protein after another; made by `open_explained`.

    Attributes
    ----------
    n_proteins, n_residues, n_segments, n_j, n_nucleic : int
        Written so far; n_j letters J, which ESM-2 does not have; n_nucleic proteins that
        `may_be_nucleic`.
    """

    segments: SegmentWriter
    predictions: PredictionWriter
    n_proteins: int = 0
    n_residues: int = 0
    n_segments: int = 0
    n_j: int = 0
    n_nucleic: int = 0

    def append(self, explained: Explained, level: str) -> None:
        """Write a protein, its segments limited to a level of `LEVELS`."""
        kept = only(explained.segments, level)
        self.segments.append(explained.name, len(explained.sequence), kept)
        self.predictions.append(explained)
        self.n_proteins += 1
        self.n_residues += len(explained.sequence)
        self.n_segments += len(kept)
        self.n_j += explained.sequence.count("J")
        self.n_nucleic += may_be_nucleic(explained.sequence)

    @property
    def notes(self) -> list[str]:
        """What to say of the proteins written."""
        return nucleic_notes(self.n_nucleic)


@contextmanager
def open_explained(folder: str | Path, metadata: Mapping[str, Any]) -> Iterator[ExplainedWriter]:
    """Write all files, protein by protein; they appear when the block ends."""
    with ExitStack() as stack:
        segments = stack.enter_context(open_segments(folder, metadata))
        predictions = stack.enter_context(open_predictions(Path(folder), metadata))
        yield ExplainedWriter(segments, predictions)
