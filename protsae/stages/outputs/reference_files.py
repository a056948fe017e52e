"""The tables of `protsae lookup`, and what is said of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from protsae.concepts.concept_table import ConceptTable
from protsae.concepts.frequency import occurrence_rows
from protsae.io.table_files.parquet import text_checksums, write_table, write_tsv
from protsae.one_line import note
from protsae.schema.concept_tables import CONCEPTS
from protsae.schema.reference_tables import REFERENCES, RULE_COUNTS, RULES
from protsae.schema.table import conform


@dataclass(frozen=True)
class ReferenceFiles:
    """Where the tables go, and what they state.

    Attributes
    ----------
    folder : Path
    stamp : dict
        Provenance of all of them.
    """

    folder: Path
    stamp: dict[str, Any]

    @property
    def concepts(self) -> Path:
        """The one table that is text."""
        return self.folder / "concepts.tsv"

    def write_concepts(
        self, concepts: ConceptTable, features_left_out: dict[str, dict[str, int]]
    ) -> str:
        """Write concepts.tsv; returns how many of its concepts are scored, as a note."""
        every = occurrence_rows(concepts.occurrence, concepts.reasons, features_left_out)
        write_tsv(self.concepts, conform(every, CONCEPTS, str(self.concepts)))
        counted = f"{len(concepts.concepts):,} of {len(every):,} concepts are scored"
        return note(f"{counted}; why the others are not is in {self.concepts}")

    def write_rules(self, rules: pd.DataFrame, rule_counts: pd.DataFrame) -> None:
        """Write rules.parquet and rule_counts.parquet, from `score_rules`."""
        write_table(self.folder / "rules.parquet", rules, RULES, self.stamp)
        write_table(self.folder / "rule_counts.parquet", rule_counts, RULE_COUNTS, self.stamp)

    def write_references(self, scores: pd.DataFrame, n_test: int, n_hit: int) -> None:
        """Write references.parquet, from `score_references`, after concepts.tsv.

        Parameters
        ----------
        n_test, n_hit : int
            Proteins of the test set, and those of them with a hit in train.
        """
        metadata = {
            **self.stamp,
            "texts": text_checksums(self.concepts),
            "test_proteins": n_test,
            "test_proteins_with_hit": n_hit,
        }
        path = self.folder / "references.parquet"
        write_table(path, scores[REFERENCES.names], REFERENCES, metadata)


def rule_lines(rules: pd.DataFrame) -> Iterator[str]:
    """How many concepts have a rule, and how good it is where it does not define them."""
    annotated = rules[rules["defined_by_sequence"] == 0]
    n_defined = len(rules) - len(annotated)
    yield f"rules: {len(rules)} concepts; the sequence defines {n_defined} of them;"
    yield f"  the median F1 of the others is {annotated['f1'].median():.3f}"


def reference_lines(scores: pd.DataFrame, n_test: int, n_hit: int) -> Iterator[str]:
    """How many proteins have a hit, and how good each reference is."""
    yield f"{n_hit:,} of {n_test:,} test proteins have a hit in train"
    for method, scored in scores.groupby("method"):
        yield f"{method}: {len(scored)} concepts, median F1 {scored['f1'].median():.3f}"
