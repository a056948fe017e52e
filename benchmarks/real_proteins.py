"""Real sequences to measure with: the shipped sample, or a file of yours."""

import gzip
import json
from pathlib import Path

from protsae.io.protein_files.any_format import read_proteins

SAMPLE = Path(__file__).parents[1] / "data" / "sample" / "proteins.json.gz"


def read_sequences(path: str | None = None) -> list[str]:
    """Sequences of the shipped sample, a file that `fetch` reads, or gzipped JSON lines."""
    if path is not None and path.endswith(".jsonl.gz"):
        with gzip.open(path, "rt") as lines:
            return [json.loads(line)["sequence"] for line in lines]
    return [protein.sequence for protein in read_proteins(path or SAMPLE)]
