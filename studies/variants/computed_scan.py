"""A measured scan, and all that the model, the SAEs and simple rules say of its variants."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from Bio.Align import substitution_matrices

from protsae.concepts.sequence.scales import SCALES
from protsae.errors import UserError
from protsae.io.protein_files.mutant_files import read_mutants
from protsae.proteins.alphabet import LETTERS, STANDARD
from protsae.proteins.substitutions import Mutant, validate_mutants
from protsae.stages.explaining.explainer import Explainer
from protsae.stages.explaining.given_proteins import checked_sequence
from protsae.stages.scoring_variants.change_features import mutant_changes
from protsae.stages.scoring_variants.score_mutants import scored_mutants

SCORE = "DMS_score"
SEED = 0


@dataclass(frozen=True)
class Scan:
    """Single substitutions of a protein with what was measured; higher is fitter.

    Attributes
    ----------
    name, sequence : str
    mutants : list of Mutant
    measured : float64, shape (n_variants,)
    """

    name: str
    sequence: str
    mutants: list[Mutant]
    measured: np.ndarray

    def of_sites(self, n: int) -> "Scan":
        """The variants at ``n`` sites, drawn at random by `SEED`; all if there are not as many."""
        sites = np.unique([mutant.positions[0] for mutant in self.mutants])
        drawn = np.random.default_rng(SEED).permutation(sites)[:n]
        kept = [i for i, mutant in enumerate(self.mutants) if mutant.positions[0] in drawn]
        return self._kept(kept)

    def of_variants(self, n: int) -> "Scan":
        """``n`` variants, drawn at random by `SEED`; all if there are not as many."""
        drawn = np.random.default_rng(SEED).permutation(len(self.mutants))[:n]
        return self._kept(sorted(drawn.tolist()))

    def _kept(self, rows: list[int]) -> "Scan":
        chosen = [self.mutants[i] for i in rows]
        return Scan(self.name, self.sequence, chosen, self.measured[rows])


def read_scan(path: Path) -> Scan:
    """A ProteinGym-style table with columns mutant and DMS_score; its protein lies beside it.

    Variants with several substitutions, or without a measured score, are left out.

    Parameters
    ----------
    path : Path
        NAME.csv or NAME.csv.gz; the sequence is in NAME.wt.txt.
    """
    name = path.name.split(".csv")[0]
    sequence = checked_sequence(path.with_name(f"{name}.wt.txt").read_text(), name)
    mutants = validate_mutants(read_mutants(path), name, sequence)
    table = pd.read_csv(path)
    if SCORE not in table or len(table) != len(mutants):
        raise UserError(f"{path}: expected a column {SCORE!r} and a row for each mutant")
    measured = table[SCORE].to_numpy(np.float64)
    kept = [i for i, m in enumerate(mutants) if len(m.positions) == 1 and np.isfinite(measured[i])]
    return Scan(name, sequence, [mutants[i] for i in kept], measured[kept])


@dataclass(frozen=True)
class Computed:
    """What is known of the variants without a measurement, row by row.

    Attributes
    ----------
    site : int64
    residue : int64
        Index of the new residue among the 20.
    masked, wild_type : float64
        Log-odds.
    feature_change, layer_change : float64
        As in the variants table.
    blosum : float64
        BLOSUM62 of the two residues.
    hydropathy : float64
        Absolute difference on the scale of Kyte and Doolittle.
    features : float32, shape (n_variants, all features of the SAEs)
        Activations at the site, with the variant.
    layers : float32, shape (n_variants, all coordinates of the layers)
        Layer activations at the site, with the variant.
    """

    site: np.ndarray
    residue: np.ndarray
    masked: np.ndarray
    wild_type: np.ndarray
    feature_change: np.ndarray
    layer_change: np.ndarray
    blosum: np.ndarray
    hydropathy: np.ndarray
    features: np.ndarray
    layers: np.ndarray


def computed(scan: Scan, explainer: Explainer, kept: Path | None = None) -> Computed:
    """All of it, from a file of an earlier call if there is one.

    Parameters
    ----------
    kept : Path, optional
        The file, which is written if it is not there.
    """
    if kept is not None and kept.is_file():
        with np.load(kept) as found:
            return Computed(**{name: found[name] for name in found})
    scores = scored_mutants(explainer.embedder, scan.name, scan.sequence, scan.mutants)
    summaries, features, layers = [], [], []
    for changes in mutant_changes(explainer, scan.sequence, scan.mutants):
        site = changes.nearby.mutant.positions[0] - 1
        row = int(np.searchsorted(changes.nearby.residues, site))
        summaries.append(changes.summary)
        features.append(np.concatenate([one.changed[row] for one in changes.features.values()]))
        layers.append(np.concatenate([one[row] for one in changes.nearby.changed.values()]))
    singles = [mutant.substitutions[0] for mutant in scan.mutants]
    found = Computed(
        site=np.array([one.position for one in singles]),
        residue=np.array([STANDARD.index(one.residue) for one in singles]),
        masked=scores["masked_log_odds"].to_numpy(),
        wild_type=scores["wild_type_log_odds"].to_numpy(),
        feature_change=np.array([one["feature_change"] for one in summaries]),
        layer_change=np.array([one["layer_change"] for one in summaries]),
        blosum=np.array([blosum62(one.reference, one.residue) for one in singles]),
        hydropathy=np.array([hydropathy_step(one.reference, one.residue) for one in singles]),
        features=np.stack(features).astype(np.float32),
        layers=np.stack(layers).astype(np.float32),
    )
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(kept, **asdict(found))
    return found


def blosum62(reference: str, residue: str) -> float:
    """BLOSUM62 of two residues.

    Examples
    --------
    >>> blosum62("W", "C"), blosum62("I", "V")
    (-2.0, 3.0)
    """
    return float(substitution_matrices.load("BLOSUM62")[reference, residue])


def hydropathy_step(reference: str, residue: str) -> float:
    """How far apart two residues are on the scale of Kyte and Doolittle.

    Examples
    --------
    >>> hydropathy_step("I", "R"), hydropathy_step("R", "I")
    (9.0, 9.0)
    """
    values = SCALES["hydropathy"].values
    return float(abs(values[LETTERS.index(reference)] - values[LETTERS.index(residue)]))
