"""Score any detectors of residues against any labels: arrays in, one table out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.baseline_comparison import ALWAYS_ON, RULE
from protsae.association.pairs.held_out_labels import HeldOut
from protsae.association.pairs.held_out_scores import examine
from protsae.association.pairs.layer_data import Layer
from protsae.association.pairs.scored_pairs import Examined
from protsae.association.scoring.metrics import CALLED_Q
from protsae.association.verdicts import CountsByCluster, compare, verdicts
from protsae.concepts.concept import Concept
from protsae.concepts.uniprot.spans import Spans
from protsae.config.stage_settings import AnnotateSettings
from protsae.proteins.split_names import PARTS
from protsae.references.rules.rules_on_test import RulesOnTest

COLUMNS = (
    *("feature", "concept", "threshold", "valid_f1", "precision", "recall", "false_positive_rate"),
    *("f1", "f1_low"),
    *("f1_high", "auroc", "auroc_low", "auroc_high", "rotation_null_f1", "position_null_f1"),
    *("rotation_p_value", "position_p_value", "p_value", "q_value", "family_p_value"),
    *("base_rate", "n_clusters", "tp", "fp", "fn"),
)

PerProtein = Mapping[str, Any]
"""Protein to an array (dense, or sparse by rows) with a row for each of its residues."""


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
    its 95 % interval over homology clusters (`f1_interval`), the p-values of the rotation null and
    of the position null (`rotation_null`, `position_null`), of which the larger one counts, and
    q-values over all pairs (Benjamini-Hochberg). Pairs with q <= 0.05 are compared with the best
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
    split : mapping of protein to "train", "valid" or "test"
        No cluster may be on two sides; by default clusters are drawn for test and valid until each
        has 20 % of all residues. Every side needs proteins.
    baselines : mapping of name to activations, as the first argument
        Other detectors of the same residues, such as the coordinates.
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
        If arrays of a protein differ in length, activations are negative or not finite, labels are
        NaN, a protein lacks labels, a cluster or a side of the split, a cluster is on two sides, a
        side has no protein, or concepts have not one name each.

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
    proteins = _proteins(activations, clusters, split, settings.seed)
    if sequences is not None:
        proteins = proteins.assign(sequence=_sequences(sequences, proteins))
    labelled = ArrayLabels.of(labels, known, proteins, concepts)
    layer = Layer(proteins, labelled, settings)
    held_out = HeldOut.of(layer)
    own = examine(layer, held_out, ArrayCodes.of(activations, proteins), keep="all")
    simpler = {
        name: examine(layer, held_out, ArrayCodes.of(each, proteins), keep="best")
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
    concepts: "ArrayLabels",
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
        f1 = 2 * counts.tp.sum(0) / (counts.on.sum(0) + positives.sum())
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


def _proteins(
    activations: PerProtein,
    clusters: Mapping[str, str],
    split: Mapping[str, str] | None,
    seed: int,
) -> pd.DataFrame:
    names = list(activations)
    if not names:
        raise ValueError("no activations; expected those of some proteins")
    table = pd.DataFrame(
        {
            "accession": names,
            "cluster": [_own(clusters, name, "cluster") for name in names],
            "length": [activations[name].shape[0] for name in names],
        }
    )
    if split is not None:
        sides = [_own(split, name, "split") for name in names]
        return _all_sides(_checked(table.assign(split=sides)))
    residues = table.groupby("cluster", sort=True)["length"].sum().sample(frac=1, random_state=seed)
    before = (residues.cumsum() - residues) / residues.sum()
    part = pd.Series(
        np.select([before < 0.2, before < 0.4], ["test", "valid"], "train"), before.index
    )
    return _all_sides(table.assign(split=table["cluster"].map(part)))


def _all_sides(table: pd.DataFrame) -> pd.DataFrame:
    """The table; without valid, no pair would be proposed, and nothing said of it."""
    for side in ("train", "valid", "test"):
        if side not in table["split"].array:
            raise ValueError(
                f"no protein is in {side}: {len(table)} proteins in {table['cluster'].nunique()} "
                "homology clusters; give more diverse ones, or split"
            )
    return table


def _own(of_proteins: Mapping[str, Any], name: str, what: str) -> Any:
    if name not in of_proteins:
        raise ValueError(f"{name}: no {what}")
    return of_proteins[name]


def _sequences(sequences: Mapping[str, str], proteins: pd.DataFrame) -> list[str]:
    found = [_own(sequences, name, "sequence") for name in proteins["accession"]]
    for name, length, own in zip(proteins["accession"], proteins["length"], found, strict=True):
        if len(own) != length:
            raise ValueError(f"{name}: {len(own)} letters, but {length} residues have activations")
    return found


def _checked(table: pd.DataFrame) -> pd.DataFrame:
    unknown = table[~table["split"].isin(PARTS)]
    if len(unknown):  # or its proteins would count nowhere
        name, side = unknown[["accession", "split"]].iloc[0]
        raise ValueError(f"{name}: split {side!r}; expected one of {', '.join(PARTS)}")
    sides = table.groupby("cluster")["split"].nunique()
    if (sides > 1).any():
        raise ValueError(f"cluster {sides.idxmax()} is on {sides.max()} sides of the split")
    return table


@dataclass(frozen=True, eq=False)
class ArrayCodes:
    """Detectors whose activations are at hand, as `Codes`."""

    arrays: Mapping[str, sparse.csr_array]
    n_features: int

    @classmethod
    def of(cls, activations: PerProtein, proteins: pd.DataFrame) -> "ArrayCodes":
        """Check them against the table of proteins."""
        arrays: dict[str, sparse.csr_array] = {}
        n_features = None
        for name, length in zip(proteins["accession"], proteins["length"], strict=True):
            given = _own(activations, name, "activations")
            if given.ndim != 2:
                raise ValueError(
                    f"{name}: activations of shape {given.shape}; expected (n_residues, "
                    "n_detectors)"
                )
            array = sparse.csr_array(given, dtype=np.float32)
            array.eliminate_zeros()
            n_features = array.shape[1] if n_features is None else n_features
            if array.shape != (length, n_features):
                raise ValueError(
                    f"{name}: activations of shape {array.shape}; expected {(length, n_features)}"
                )
            if not np.isfinite(array.data).all():  # a NaN is above no threshold and below none
                odd = array.data[~np.isfinite(array.data)][0]
                raise ValueError(f"{name}: activation {odd:g}; expected finite numbers")
            if array.nnz and array.data.min() < 0:
                raise ValueError(f"{name}: activation {array.data.min():g}; expected none below 0")
            arrays[name] = array
        return cls(arrays, next(iter(arrays.values())).shape[1])

    def blocks(
        self, accessions: set[str], max_rows: int
    ) -> Iterator[tuple[list[str], sparse.csr_array]]:
        """As of `Codes`."""
        names: list[str] = []
        n_rows = 0
        for name, array in self.arrays.items():
            if name not in accessions:
                continue
            if names and n_rows + array.shape[0] > max_rows:
                yield names, self._stacked(names)
                names, n_rows = [], 0
            names.append(name)
            n_rows += array.shape[0]
        if names:
            yield names, self._stacked(names)

    def _stacked(self, names: list[str]) -> sparse.csr_array:
        return sparse.csr_array(sparse.vstack([self.arrays[name] for name in names]))


@dataclass(frozen=True, eq=False)
class ArrayLabels:
    """Labels that are at hand, in the form that a `Layer` reads."""

    concepts: tuple[Concept, ...]
    arrays: Mapping[str, np.ndarray]
    knowns: Mapping[str, np.ndarray]
    known_column: np.ndarray
    has_instances: np.ndarray

    @classmethod
    def of(
        cls,
        labels: PerProtein,
        known: PerProtein | None,
        proteins: pd.DataFrame,
        concepts: Sequence[str] | None,
    ) -> "ArrayLabels":
        """Check them against the table of proteins."""
        arrays, knowns = {}, {}
        for name, length in zip(proteins["accession"], proteins["length"], strict=True):
            everywhere = np.ones((length, 1), bool)
            is_known = (
                everywhere if known is None else _labelled(known, name, length, "known", everywhere)
            )
            label = _labelled(labels, name, length, "labels", is_known)
            arrays[name], knowns[name] = label & is_known, is_known
        n_concepts = arrays[proteins["accession"].iloc[0]].shape[1]
        n_known = knowns[proteins["accession"].iloc[0]].shape[1]
        for name, label in arrays.items():
            if label.shape[1] != n_concepts or knowns[name].shape[1] != n_known:
                raise ValueError(f"{name}: labels or known of other columns than those before")
        names = list(concepts) if concepts is not None else [str(i) for i in range(n_concepts)]
        if len(names) != n_concepts or len(set(names)) != n_concepts:
            raise ValueError(
                f"concepts {', '.join(map(str, names))}; expected {n_concepts} different names, "
                "one for each column of labels"
            )
        return cls(
            tuple(Concept(name, "label", "given") for name in names),
            arrays,
            knowns,
            np.arange(n_concepts) if n_known > 1 else np.zeros(n_concepts, np.int64),
            np.zeros(n_concepts, dtype=bool),
        )

    @property
    def names(self) -> list[str]:
        """Of the concepts."""
        return [named.name for named in self.concepts]

    def labels(self, accessions: Sequence[str]) -> sparse.csr_array:
        """As of `ConceptTable`."""
        stacked = np.vstack([self.arrays[name] for name in accessions])
        return sparse.csr_array(stacked, dtype=np.uint8)

    def known(self, accessions: Sequence[str]) -> np.ndarray:
        """As of `ConceptTable`."""
        return np.vstack([self.knowns[name] for name in accessions])

    def instances(self, accessions: Sequence[str]) -> Spans:
        """None: each residue is an instance of its own."""
        nothing = np.zeros(0, dtype=np.int64)
        return Spans(nothing, nothing, nothing, nothing)


def _labelled(
    arrays: PerProtein, name: str, length: int, what: str, is_read: np.ndarray
) -> np.ndarray:
    """Of one protein: bool, shape (n_residues, n_columns); a NaN may be where nothing is read."""
    given = _own(arrays, name, what)
    values = given.toarray() if sparse.issparse(given) else np.asarray(given)
    if len(values) != length:
        raise ValueError(f"{name}: {len(values)} residues labelled, but {length} have activations")
    values = values.reshape(length, -1)
    if (pd.isna(values) & is_read).any():  # as a truth value it would be True
        raise ValueError(f"{name}: {what} hold NaN; expected True or False; known says where")
    return values.astype(bool)
