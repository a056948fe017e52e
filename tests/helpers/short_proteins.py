"""The shorter of the bundled proteins, for runs in which their number does not matter."""

import gzip
import json
from pathlib import Path

SAMPLE = Path("data/sample/proteins.json.gz")


def write_short_proteins(root: Path, path: Path, longest: int) -> None:
    """Those of at most so many residues of the sample under ``root``, as UniProt's JSON."""
    entries = json.loads(gzip.decompress((root / SAMPLE).read_bytes()))["results"]
    short = [entry for entry in entries if entry["sequence"]["length"] <= longest]
    text = json.dumps({"results": short}).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
