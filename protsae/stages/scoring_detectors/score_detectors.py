"""Score any detectors of residues against any labels: arrays in, one table out."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from protsae.association.baseline_comparison import ALWAYS_ON, RULE
from protsae.association.pairs.held_out_labels import HeldOut
from protsae.association.pairs.held_out_scores import examine
from protsae.association.pairs.layer_data import Layer
from protsae.association.pairs.scored_pairs import Examined
from protsae.association.scoring.metrics import CALLED_Q, f1_score
from protsae.association.verdicts import CountsByCluster, compare, verdicts
from protsae.config.stage_settings import AnnotateSettings
from protsae.references.rules.rules_on_test import RulesOnTest
from protsae.stages.scoring_detectors.given_arrays import (
    ArrayCodes,
    ArrayLabels,
    PerProtein,
    protein_rows,
    sequences_of,
)

COLUMNS = (
    *("feature", "concept", "threshold", "valid_f1", "precision", "recall", "false_positive_rate"),
    *("f1", "f1_low"),
    *("f1_high", "auroc", "auroc_low", "auroc_high", "rotation_null_f1", "position_null_f1"),
    *("rotation_p_value", "position_p_value", "p_value", "q_value", "family_p_value"),
    *("base_rate", "n_clusters", "tp", "fp", "fn"),
)


def score_detectors(
    activations: PerProtein,
    labels: PerProtein,
    clusters: Mapping[str, str],
    known: PerProtein | None = None,
    split: Mapping[str, str] | None = None,
    baselines: Mapping[str, PerProtein] | None = None,
    *,
    sequences: Mapping[str, str] | None = None,
    concepts: Sequence[str] | None = None,
    settings: AnnotateSettings | None = None,
) -> pd.DataFrame:
    """What detectors detect, how sure that is, and whether anything simpler does as well.

    A detector is on where its activation exceeds a threshold: a quantile of its positive
    activations on train, chosen for each pair with a concept by F1 on valid. Pairs whose valid F1
    is at least ``settings.min_f1`` and above that of being always on are scored on test: F1 with
    its 95 % interval over homology clusters (`f1_interval`), the larger of the p-values under the
    rotation null and the position null (`rotation_null`, `position_null`), and q-values over all
    pairs (Benjamini-Hochberg). Pairs with q <= 0.05 are compared with the best
    detector of each baseline, chosen on valid, and with being always on (`compare`).

    Parameters
    ----------
    activations : mapping of protein to array, float, shape (n_residues, n_detectors)
        Dense or SciPy sparse, none negative.
    labels : mapping of protein to array of bool, shape (n_residues, n_concepts)
        Dense or sparse.
    clusters : mapping of protein to homology cluster
    known : mapping of protein to array of bool, shape (n_residues,) or (n_residues, n_concepts)
        Residues whose labels are known; by default all. Labels elsewhere are ignored.
    split : mapping of protein to "train", "valid", "test" or "left out"
        No cluster may be on two sides; by default clusters are drawn for test and valid until each
        has 20 % of all residues. Every side needs proteins.
    baselines : mapping of name to activations, as the first argument
        Other detectors of the same residues, such as the coordinates: ``x`` above and below 0 are
        two detectors, ``np.hstack([x.clip(0), (-x).clip(0)])``.
    sequences : mapping of protein to str
        With them, the best rule on the sequence for each concept (`fit_rules`, from train and
        valid) is another baseline.
    concepts : sequence of str
        Names of the columns of ``labels``; by default their numbers.
    settings : AnnotateSettings
        Quantiles, ``min_f1``, ``train_residues``, ``seed``.

    Returns
    -------
    DataFrame
        One row for each pair scored, by feature and concept: ``COLUMNS`` as in docs/tables.md;
        best_baseline and its best_baseline_f1; f1_difference to it with its interval,
        verdict_p_value, verdict_q_value and verdict, as `verdicts` gives them.

    Raises
    ------
    ValueError
        If an argument is no mapping of proteins, arrays of a protein differ in length, activations
        are negative or not finite, labels are neither True nor False (0 and 1 will do) or True
        nowhere, a protein lacks labels, a cluster or a side of the split, a cluster is on two
        sides, a side has no protein, or concepts have not one name each.

    Examples
    --------
    Sixty proteins of 40 residues, each a cluster; the detector finds a site of 5 residues that lies
    anywhere:

    >>> rng = np.random.default_rng(0)
    >>> names = [f"P{i}" for i in range(60)]
    >>> sites = {name: rng.integers(36) for name in names}
    >>> site = {n: (abs(np.arange(40) - sites[n] - 2) <= 2)[:, None] for n in names}
    >>> seen = {name: found * rng.uniform(1, 2, found.shape) for name, found in site.items()}
    >>> noise = {name: rng.random((40, 3)) for name in names}
    >>> clusters = dict(zip(names, names))
    >>> found = score_detectors(seen, site, clusters, baselines={"noise": noise}, concepts=["site"])
    >>> found[["concept", "f1", "best_baseline", "verdict"]].values.tolist()
    [['site', 1.0, 'always on', 'above']]
    """
    settings = settings or AnnotateSettings()
    proteins = protein_rows(activations, clusters, split, settings.seed)
    if sequences is not None:
        proteins = proteins.assign(sequence=sequences_of(sequences, proteins))
    labelled = ArrayLabels.of(labels, known, proteins, concepts)
    layer = Layer(proteins, labelled, settings)
    held_out = HeldOut.of(layer)
    own = examine(layer, held_out, ArrayCodes.of(activations, proteins), keep="all")
    simpler = {
        name: examine(
            layer, held_out, ArrayCodes.of(each, proteins, f"baseline {name!r}"), keep="best"
        )
        for name, each in (baselines or {}).items()
    }
    pairs = own.pairs[list(COLUMNS)]
    rules = None
    if sequences is not None:
        counts = RulesOnTest.of(proteins, labelled).counts
        rules = CountsByCluster(counts.true_positives, counts.on)
    return pairs.join(_compared(own, simpler, rules, held_out, labelled))


def _compared(
    own: Examined,
    baselines: Mapping[str, Examined],
    rules: CountsByCluster | None,
    held_out: HeldOut,
    concepts: ArrayLabels,
) -> pd.DataFrame:
    """Best baseline and verdict of each pair of ``own``."""
    parts = []
    for concept, pairs in own.pairs.groupby("concept", sort=False):
        column = concepts.names.index(str(concept))
        names, others = [ALWAYS_ON], [_always_on(held_out, column)]
        if rules is not None:
            names.append(RULE)
            others.append(CountsByCluster(rules.tp[:, [column]], rules.on[:, [column]]))
        for name, examined in baselines.items():
            of_concept = examined.pairs[examined.pairs["concept"] == concept]
            if len(of_concept):
                best = of_concept.loc[[of_concept["valid_f1"].idxmax()]]
                names.append(name)
                others.append(dense_counts(examined, best, held_out))
        counts = CountsByCluster.beside(others)
        positives = held_out.positives[:, column]
        compared = compare(dense_counts(own, pairs, held_out), counts, positives)
        f1 = f1_score(counts.tp.sum(0), counts.on.sum(0), positives.sum())
        other = compared["other"].to_numpy()
        parts.append(
            compared.drop(columns="other")
            .assign(best_baseline=np.array(names)[other], best_baseline_f1=f1[other])
            .set_index(pairs.index)
        )
    if not parts:
        return pd.DataFrame(index=own.pairs.index)
    found = pd.concat(parts).loc[own.pairs.index]
    called = (own.pairs["q_value"] <= CALLED_Q).to_numpy()
    verdict = verdicts(found["p_above"].to_numpy(), found["p_below"].to_numpy(), called)
    return found.drop(columns=["p_above", "p_below"]).join(verdict.set_index(found.index))


def dense_counts(examined: Examined, pairs: pd.DataFrame, held_out: HeldOut) -> CountsByCluster:
    """Counts of these pairs of one concept by cluster, from what ``examined`` has kept."""
    counts = examined.cluster_counts
    counts = counts[counts["concept"] == pairs["concept"].iloc[0]]
    column = pd.Index(pairs["feature"]).get_indexer(counts["feature"])
    row = held_out.cluster_names.get_indexer(counts["cluster"])
    shape = held_out.n_clusters, len(pairs)
    tp, on = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    mine = column >= 0
    for table, name in ((tp, "tp"), (on, "on")):
        table[row[mine], column[mine]] = counts[name].to_numpy()[mine]
    return CountsByCluster(tp, on)


def _always_on(held_out: HeldOut, column: int) -> CountsByCluster:
    known = held_out.known[:, held_out.known_column[column]]
    on = np.bincount(held_out.cluster[known], minlength=held_out.n_clusters)
    return CountsByCluster(held_out.positives[:, [column]], on[:, None])
