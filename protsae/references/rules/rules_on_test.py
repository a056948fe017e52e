"""The rule of each concept, chosen on train and valid and counted on test."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from protsae.association.pairs.layer_data import Concepts
from protsae.references.probe_scores import ClusterCounts
from protsae.references.residue_data import protein_blocks
from protsae.references.rules.best_rule import (
    FittedRule,
    LabelledRows,
    ReadRows,
    count_rules,
    fit_rules,
)
from protsae.references.rules.sequence_rows import SequenceRows

RULE_ROWS = 50_000
"""Residues at a time that rules are tried on: memory, not results."""


@dataclass(frozen=True, eq=False)
class RulesOnTest:
    """Rules of all concepts, in their order, and how they do on test.

    Attributes
    ----------
    fitted : list of FittedRule
    counts : ClusterCounts
        On test, a row for each homology cluster.
    clusters : list of str
        Names of the homology clusters of test, in the order of its proteins.
    """

    fitted: list[FittedRule]
    counts: ClusterCounts
    clusters: list[str]

    @classmethod
    def of(cls, proteins: pd.DataFrame, concepts: Concepts) -> "RulesOnTest":
        """Fit (`fit_rules`) and count the rules.

        Parameters
        ----------
        proteins : DataFrame
            Columns accession, sequence, length, cluster, split.
        """
        read, clusters = rows_reader(proteins, concepts, ("train", "valid"))
        fitted = fit_rules(read, concepts.known_column, len(clusters))
        read, clusters = rows_reader(proteins, concepts, ("test",))
        rules = [rule.rule for rule in fitted]
        counts = count_rules(rules, read(), concepts.known_column, len(clusters))
        return cls(fitted, counts, clusters)


def rows_reader(
    proteins: pd.DataFrame, concepts: Concepts, splits: Sequence[str]
) -> tuple[ReadRows, list[str]]:
    """All residues of these splits with their labels, and the homology clusters in order."""
    own = proteins[proteins["split"].isin(splits)]
    number, clusters = pd.factorize(own["cluster"])
    own = own.assign(number=number)

    def read() -> Iterator[LabelledRows]:
        for part in protein_blocks(own, RULE_ROWS):
            names = part["accession"].tolist()
            yield LabelledRows(
                SequenceRows(part["sequence"].tolist()),
                concepts.labels(names),
                concepts.known(names),
                np.repeat(part["number"].to_numpy(), part["length"].to_numpy()),
            )

    return read, list(clusters)
