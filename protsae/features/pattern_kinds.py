"""What kind of place a feature marks, from where in proteins it is on; no annotation is used."""

import numpy as np
import pandas as pd

MIN_PROTEINS = 5
"""Fewer proteins with the feature on say too little ("not enough data" below 5 in InterProt)."""
MOST = 0.5
"""Share of a feature's residues that must agree: the kind describes more than half of them."""
TERMINAL_SHARE = 0.8
"""Share of proteins with their peak at that end; more than three times what chance gives."""
PAIR_SHARE = 2 / 3
"""Share of the spacings s and s + 1, for the best s, of a period that gaps interrupt. Residues on
independently, each with probability p, have at most 2 p (1 - p) <= 1/2."""
SHORT_MOTIF = 20
"""Runs below this length are short motifs, as in InterProt (1 to 20)."""
DOMAIN = 50
"""Runs from this length on are domains: InterProt's long motifs (50 to 300), also longer."""

KINDS = (
    "dead",
    "rare",
    "whole protein",
    "N-terminal",
    "C-terminal",
    "periodic",
    "point",
    "short motif",
    "medium motif",
    "domain",
)
"""In the order of the rules: the first that holds decides."""


def kinds(table: pd.DataFrame) -> np.ndarray:
    """Name the kind of each feature by the first of these rules that holds.

    1. dead: on nowhere.
    2. rare: on in fewer than ``MIN_PROTEINS`` proteins.
    3. whole protein: most residues on lie in proteins that are on as a whole.
    4. N-terminal, C-terminal: the peaks of ``TERMINAL_SHARE`` of the proteins lie near that end.
    5. periodic: most residues on lie in proteins whose runs start at a stable spacing; or in
       proteins with several runs, whose spacings are mostly s or s + 1. The first finds repeats of
       any length that varies little (helical turns, leucine-rich repeats), the second also turns
       of helices that are apart.
    6. By ``run_n50``: point (one residue), short motif, medium motif, domain.

    Parameters
    ----------
    table : DataFrame
        Columns as in ``ActivationPatterns.table``.

    Returns
    -------
    ndarray of object, shape (n_features,)
        Of ``KINDS``.

    References
    ----------
    The classes are those of InterProt (Adams et al. 2025, analyze_viz_files.py), which knows no
    terminal ones and takes lengths from the strongest proteins only. Its period asks for more than
    10 runs and more than half of spacings at two values: on independent residues at the edge.
    """
    run, pairs = table["run_n50"], table["spacing_pair_share"]
    repeated, regular = table["repeated_share"], table["regular_share"]
    rules = [
        table["n_proteins"] == 0,
        table["n_proteins"] < MIN_PROTEINS,
        table["whole_share"] > MOST,
        table["n_terminal_share"] >= TERMINAL_SHARE,
        table["c_terminal_share"] >= TERMINAL_SHARE,
        (regular > MOST) | ((repeated > MOST) & (pairs >= PAIR_SHARE)),
        run == 1,
        run < SHORT_MOTIF,
        run < DOMAIN,
        run >= DOMAIN,
    ]
    named: np.ndarray = np.array(KINDS, dtype=object)[np.argmax(rules, axis=0)]
    return named
