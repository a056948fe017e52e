"""Every feature type of UniProt labels residues or is left out for a reason, in all real files."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from protsae.concepts.uniprot.spans import feature_spans
from protsae.io.protein_files.any_format import read_proteins
from protsae.proteins.entry_features import FeatureCounts, select_features
from protsae.proteins.records import FEATURE_TYPES, Feature, Protein
from tests.helpers.shared_data import SHARED

TESTS = Path(__file__).parents[1]
FILES = [
    TESTS / "data" / "entries.json",
    TESTS / "data" / "entries.dat",
    TESTS.parent / "data" / "sample" / "proteins.json.gz",
    *(SHARED / "uniprot" / f"rest_page_{page}.json.gz" for page in (1, 2, 3)),
    SHARED / "uniprot" / "flat_2012.dat.gz",
    SHARED / "uniprot" / "flat_modern.dat.gz",
    SHARED / "annotated.jsonl.gz",
]
COLUMNS = ["accession", "type", "description", "start", "end"]


def read(path: Path) -> Iterator[Protein]:
    if path.name != "annotated.jsonl.gz":
        yield from read_proteins(path)
        return
    with gzip.open(path, "rt") as lines:
        for line in lines:
            row = json.loads(line)
            features = tuple(Feature(**feature) for feature in row["features"])
            yield Protein(row["accession"], "", "", None, row["sequence"], features=features)


@pytest.mark.parametrize("feature_type", FEATURE_TYPES)
def test_a_type_labels_its_residues_or_has_a_reason(feature_type: str) -> None:
    table = pd.DataFrame([("P1", feature_type, "", 2, 5)], columns=COLUMNS)
    concepts, spans, left_out = feature_spans(table, {"P1": 7})
    row = FEATURE_TYPES[feature_type]
    if row.left_out:
        assert (concepts, left_out) == ((), {feature_type: row.left_out})
        return
    assert concepts[0].name == (row.merged_into or feature_type)
    of_type = spans.take(spans.column == 0)
    found = list(zip(of_type.begin.tolist(), of_type.end.tolist(), strict=True))
    assert found == ([(1, 2), (4, 5)] if row.kind == "ends" else [(1, 5)])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_type_of_a_file_labels_residues_or_has_a_reason(path: Path) -> None:
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    counts, rows, lengths, present = FeatureCounts(), [], {}, set()
    for protein in read(path):
        lengths[protein.accession] = len(protein.sequence)
        present |= {feature.type for feature in protein.features}
        rows += [
            (protein.accession, f.type, f.description, f.start, f.end, f.certain)
            for f in select_features(protein, counts)
        ]
    concepts, spans, left_out = feature_spans(
        pd.DataFrame(rows, columns=[*COLUMNS, "certain"]), lengths
    )
    assert not left_out  # fetch has dropped them before, with the same reasons
    labelled = np.bincount(spans.column, spans.end - spans.begin, len(concepts))
    residues = {p.name: n for p, n in zip(concepts, labelled, strict=True)}
    reasons = {feature_type for feature_type, _ in counts.left_out}
    for feature_type in present:
        merged = getattr(FEATURE_TYPES.get(feature_type), "merged_into", "") or feature_type
        assert residues.get(merged, 0) > 0 or feature_type in reasons, feature_type
    assert (labelled > 0).all()
