import numpy as np
import pandas as pd
import pytest

from protsae.concepts import labels as module
from protsae.concepts.classes import CLASSES
from protsae.concepts.labels import PropertyTable
from protsae.concepts.names import feature_name
from protsae.proteins import FEATURE_TYPES, residue_spans

COLUMNS = ["accession", "type", "description", "start", "end"]
TYPES = ["HELIX", "DOMAIN", "DISULFID", "CROSSLNK", "METAL", "BINDING", "SIGNAL", "CHAIN"]
DESCRIPTIONS = ["", "SH3 1", "SH3 2", "PH", "Zinc", "Zn(2+)", "By similarity"]


def random_input(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """17 proteins of 1 to 40 residues in 7 clusters, with 60 features."""
    rng = np.random.default_rng(seed)
    splits = ["train", "valid", "test", "valid", "test", "valid", "test"]
    proteins, features = [], []
    for index in range(17):
        length = int(rng.integers(1, 41))
        sequence = "".join(rng.choice(list("ACDEFGHIKLMNPQRSTVWYXBZUOJ"), length))
        cluster = int(rng.integers(7))
        proteins.append((f"P{index}", sequence, f"c{cluster}", splits[cluster]))
    for _ in range(60):
        accession, sequence, *_ = proteins[rng.integers(17)]
        start, end = sorted(int(value) for value in rng.integers(1, len(sequence) + 1, 2))
        features.append((accession, rng.choice(TYPES), rng.choice(DESCRIPTIONS), start, end))
    return (
        pd.DataFrame(proteins, columns=["accession", "sequence", "cluster", "split"]),
        pd.DataFrame(features, columns=COLUMNS),
    )


def reference_sets(proteins: pd.DataFrame, features: pd.DataFrame) -> dict[str, set]:
    """Property name to its (accession, 1-based position) pairs, one residue at a time."""
    sets: dict[str, set] = {}

    def add(name: str, accession: str, position: int) -> None:
        sets.setdefault(name, set()).add((accession, position))

    for protein in proteins.itertuples():
        for position, letter in enumerate(protein.sequence, start=1):
            if letter not in "BJOUXZ":
                add(f"residue: {letter}", protein.accession, position)
            for name, letters in CLASSES.items():
                if letter in letters:
                    add(f"class: {name}", protein.accession, position)
            if position <= 10:
                add("position: N-terminal 10", protein.accession, position)
            if position > len(protein.sequence) - 10:
                add("position: C-terminal 10", protein.accession, position)
            if position == 1:
                add("position: first residue", protein.accession, position)
    for feature in features.itertuples():
        if FEATURE_TYPES[feature.type].left_out:
            continue
        kind, name = feature_name(feature.type, feature.description)
        for start, end in residue_spans(feature.type, feature.start, feature.end):
            for position in range(start, end + 1):
                add(kind, feature.accession, position)
                if name:
                    add(f"{kind}: {name}", feature.accession, position)
    return sets


@pytest.mark.parametrize("seed", range(20))
def test_selection_and_labels_equal_a_reference(seed: int, monkeypatch) -> None:
    monkeypatch.setattr(module, "BATCH_RESIDUES", 53)
    proteins, features = random_input(seed)
    min_residues, min_clusters = 3, 2
    table = PropertyTable.build(proteins, features, min_residues, min_clusters)
    sets = reference_sets(proteins, features)
    row_of = proteins.set_index("accession")

    def support(name: str, split: str) -> tuple[int, int]:
        members = [pair for pair in sets[name] if row_of.loc[pair[0], "split"] == split]
        return len(members), len({row_of.loc[accession, "cluster"] for accession, _ in members})

    expected = {}
    for name in sets:
        counts = {split: support(name, split) for split in ("valid", "test")}
        kind = name.split(":")[0]
        scored = {pair for pair in sets[name] if row_of.loc[pair[0], "split"] != "train"}
        of_type = {pair for pair in sets.get(kind, ()) if row_of.loc[pair[0], "split"] != "train"}
        if min(residues for residues, _ in counts.values()) < min_residues:
            assert table.reasons[name] == "fewer than 3 residues in valid or test"
        elif min(clusters for _, clusters in counts.values()) < min_clusters:
            assert table.reasons[name] == "fewer than 2 homology clusters in valid or test"
        elif name != kind and scored == of_type:
            assert table.reasons[name] == "same residues in valid and test as its whole type"
        else:
            expected[name] = (*counts["valid"], *counts["test"])
    names = [property.name for property in table.properties]
    assert set(names) == set(expected)
    found = [tuple(row) for row in table.support.drop(columns="property").to_numpy()]
    assert dict(zip(table.support["property"], found, strict=True)) == expected
    assert table.support["property"].tolist() == names

    order = np.random.default_rng(seed).permutation(proteins["accession"])[:11]
    labels = table.labels(order)
    pairs = [(a, p) for a in order for p in range(1, len(row_of.loc[a, "sequence"]) + 1)]
    dense = np.array([[pair in sets[name] for name in names] for pair in pairs], dtype=np.uint8)
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels.toarray(), dense)
    assert labels.nnz == dense.sum()


def two_splits(n_valid: int, n_test: int, clusters: str = "own") -> pd.DataFrame:
    """Proteins MKC; each in a cluster of its own, or all of a split in one."""
    rows = [
        (f"{split}{i}", "MKC", f"{split}{i if clusters == 'own' else ''}", split)
        for split, count in (("valid", n_valid), ("test", n_test))
        for i in range(count)
    ]
    return pd.DataFrame(rows, columns=["accession", "sequence", "cluster", "split"])


def helices(proteins: pd.DataFrame) -> pd.DataFrame:
    rows = [(accession, "HELIX", "", 1, 2) for accession in proteins["accession"]]
    return pd.DataFrame(rows, columns=COLUMNS)


@pytest.mark.parametrize(
    ("n_valid", "n_test", "clusters", "reason"),
    [
        pytest.param(3, 3, "own", "", id="exactly-enough"),
        pytest.param(2, 5, "own", "fewer than 6 residues in valid or test", id="few-in-valid"),
        pytest.param(5, 2, "own", "fewer than 6 residues in valid or test", id="few-in-test"),
        pytest.param(
            3, 3, "one", "fewer than 3 homology clusters in valid or test", id="one-cluster"
        ),
    ],
)
def test_thresholds(n_valid: int, n_test: int, clusters: str, reason: str) -> None:
    proteins = two_splits(n_valid, n_test, clusters)
    table = PropertyTable.build(proteins, helices(proteins), min_residues=6, min_clusters=3)
    assert table.reasons.get("HELIX", "") == reason
    assert ("HELIX" in [property.name for property in table.properties]) == (not reason)


def test_a_name_that_repeats_its_type_is_left_out() -> None:
    proteins = two_splits(1, 1)
    same = [("valid0", "DOMAIN", "PH", 1, 2), ("test0", "DOMAIN", "PH", 1, 1)]
    table = PropertyTable.build(proteins, pd.DataFrame(same, columns=COLUMNS), 1, 1)
    assert table.reasons["DOMAIN: PH"] == "same residues in valid and test as its whole type"
    assert table.left_out["same residues in valid and test as its whole type"] == 1
    more = [*same, ("test0", "DOMAIN", "", 3, 3)]
    table = PropertyTable.build(proteins, pd.DataFrame(more, columns=COLUMNS), 1, 1)
    assert "DOMAIN: PH" not in table.reasons


def test_left_out_counts_by_reason() -> None:
    proteins = two_splits(1, 1)
    features = pd.DataFrame([("test0", "CHAIN", "Src", 1, 3)], columns=COLUMNS)
    table = PropertyTable.build(proteins, features, 1, 1)
    assert table.reasons["CHAIN"] == "covers nearly the whole protein"
    assert table.left_out == {
        "covers nearly the whole protein": 1,
        # 17 of 20 residues do not occur in MKC; neither do four of the nine classes
        "fewer than 1 residues in valid or test": 17
        + len(["tiny", "aliphatic", "aromatic", "negative"]),
    }


def test_columns_do_not_depend_on_the_order_of_the_input() -> None:
    proteins, features = random_input(3)
    table = PropertyTable.build(proteins, features, 1, 1)
    shuffled = PropertyTable.build(proteins[::-1], features.sample(frac=1, random_state=0), 1, 1)
    assert shuffled.properties == table.properties
    pd.testing.assert_frame_equal(shuffled.support, table.support)
    order = proteins["accession"].tolist()
    assert (shuffled.labels(order) != table.labels(order)).nnz == 0


def test_labels_do_not_depend_on_how_proteins_are_batched() -> None:
    proteins, features = random_input(5)
    table = PropertyTable.build(proteins, features, 1, 1)
    order = proteins["accession"].tolist()
    parts = [table.labels(order[at : at + 4]).toarray() for at in range(0, len(order), 4)]
    np.testing.assert_array_equal(np.concatenate(parts), table.labels(order).toarray())
    assert table.labels([]).shape == (0, len(table.properties))
    np.testing.assert_array_equal(
        table.labels(["P3", "P3"]).toarray(), np.tile(table.labels(["P3"]).toarray(), (2, 1))
    )


def test_mistakes_name_the_accession() -> None:
    proteins = two_splits(1, 1)
    table = PropertyTable.build(proteins, helices(proteins), 1, 1)
    with pytest.raises(ValueError, match="P9: no such protein"):
        table.labels(["valid0", "P9"])
    with pytest.raises(ValueError, match="valid0: accession occurs twice"):
        PropertyTable.build(pd.concat([proteins, proteins]), helices(proteins), 1, 1)
