import numpy as np
import pandas as pd
import pytest

from protsae.concepts import labeller as module
from protsae.concepts.concept_table import ConceptTable
from protsae.concepts.frequency import LeftOut
from protsae.concepts.label_sets import LabelSet
from protsae.concepts.sequence.amino_acid_classes import CLASSES
from protsae.concepts.sequence.low_complexity import low_complexity
from protsae.concepts.sequence.prosite import MOTIFS, matches
from protsae.concepts.uniprot.evidence import is_experimental
from protsae.concepts.uniprot.feature_names import feature_name
from protsae.proteins.records import FEATURE_TYPES, residue_spans

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
    """Concept name to its (accession, 1-based position) pairs, one residue at a time."""
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
            if low_complexity(protein.sequence)[position - 1]:
                add("composition: low complexity", protein.accession, position)
        for motif in MOTIFS:
            for start, end in matches(protein.sequence, motif.pattern):
                for position in range(start, end + 1):
                    add(f"motif: {motif.name}", protein.accession, position)
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


def reference_known(proteins: pd.DataFrame, features: pd.DataFrame, name: str) -> set:
    """(accession, position) of which it is known whether they have a concept."""
    known = set()
    for protein in proteins.itertuples():
        first, last = 1, len(protein.sequence)
        if name.split(":")[0] == "HELIX":
            own = features[(features["accession"] == protein.accession)]
            own = own[own["type"] == "HELIX"]
            first, last = (own["start"].min(), own["end"].max()) if len(own) else (1, 0)
        known |= {(protein.accession, position) for position in range(first, last + 1)}
    return known


@pytest.mark.parametrize("seed", range(20))
def test_selection_and_labels_equal_a_reference(seed: int, monkeypatch) -> None:
    monkeypatch.setattr(module, "BATCH_RESIDUES", 53)
    proteins, features = random_input(seed)
    min_residues, min_clusters = 3, 2
    table = ConceptTable.build(proteins, features, min_residues, min_clusters)
    sets = reference_sets(proteins, features)
    row_of = proteins.set_index("accession")

    split_of = row_of["split"].to_dict()
    cluster_of = row_of["cluster"].to_dict()
    expected = []
    rows = table.occurrence.set_index("concept")
    for name in sets:
        all_known = reference_known(proteins, features, name)
        found = {}
        for split in ("train", "valid", "test"):
            having = [accession for accession, _ in sets[name] if split_of[accession] == split]
            n_known = sum(split_of[accession] == split for accession, _ in all_known)
            n_clusters = len({cluster_of[accession] for accession in having})
            found[split] = (len(having), n_known, len(set(having)), n_clusters)
            columns = [
                f"{split}_{count}" for count in ("residues", "known", "proteins", "clusters")
            ]
            assert tuple(rows.loc[name, columns]) == found[split]
        residues, known, _, clusters = zip(found["valid"], found["test"], strict=True)
        kind = name.split(":")[0]
        scored = {pair for pair in sets[name] if row_of.loc[pair[0], "split"] != "train"}
        of_type = {pair for pair in sets.get(kind, ()) if row_of.loc[pair[0], "split"] != "train"}
        if min(residues) < min_residues:
            rule, numbers = "fewer than 3 residues in valid or test", residues
        elif min(clusters) < min_clusters:
            rule, numbers = "fewer than 2 homology clusters in valid or test", clusters
        elif residues[0] == known[0] or residues[1] == known[1]:
            rule, numbers = "no residue known to lack it in valid or test", ()
        elif name != kind and scored == of_type:
            rule, numbers = "same residues in valid and test as its whole type", ()
        else:
            expected.append(name)
            continue
        text = f"{numbers[0]} in valid, {numbers[1]} in test" if numbers else ""
        assert table.reasons[name] == LeftOut(rule, text)
    names = [concept.name for concept in table.concepts]
    assert set(names) == set(expected)
    assert names == [name for name in rows.index if name in expected]

    order = np.random.default_rng(seed).permutation(proteins["accession"])[:11]
    labels = table.labels(order)
    pairs = [(a, p) for a in order for p in range(1, len(row_of.loc[a, "sequence"]) + 1)]
    dense = np.array([[pair in sets[name] for name in names] for pair in pairs], dtype=np.uint8)
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels.toarray(), dense)
    assert labels.nnz == dense.sum()
    known = table.known(order)
    for column, name in zip(table.known_column, names, strict=True):
        expected_known = reference_known(proteins, features, name)
        assert known[:, column].tolist() == [pair in expected_known for pair in pairs]


def two_splits(n_valid: int, n_test: int, clusters: str = "own") -> pd.DataFrame:
    """Proteins MKC; each in a cluster of its own, or all of a split in one."""
    rows = [
        (f"{split}{i}", "MKC", f"{split}{i if clusters == 'own' else ''}", split)
        for split, count in (("valid", n_valid), ("test", n_test))
        for i in range(count)
    ]
    return pd.DataFrame(rows, columns=["accession", "sequence", "cluster", "split"])


def signals(proteins: pd.DataFrame) -> pd.DataFrame:
    rows = [(accession, "SIGNAL", "", 1, 2) for accession in proteins["accession"]]
    return pd.DataFrame(rows, columns=COLUMNS)


@pytest.mark.parametrize(
    ("n_valid", "n_test", "clusters", "reason"),
    [
        pytest.param(3, 3, "own", "", id="exactly-enough"),
        pytest.param(
            2,
            5,
            "own",
            "fewer than 6 residues in valid or test: 4 in valid, 10 in test",
            id="few-in-valid",
        ),
        pytest.param(
            5,
            2,
            "own",
            "fewer than 6 residues in valid or test: 10 in valid, 4 in test",
            id="few-in-test",
        ),
        pytest.param(
            3,
            3,
            "one",
            "fewer than 3 homology clusters in valid or test: 1 in valid, 1 in test",
            id="one-cluster",
        ),
    ],
)
def test_thresholds(n_valid: int, n_test: int, clusters: str, reason: str) -> None:
    proteins = two_splits(n_valid, n_test, clusters)
    table = ConceptTable.build(proteins, signals(proteins), min_residues=6, min_clusters=3)
    assert str(table.reasons.get("SIGNAL", "")) == reason
    assert ("SIGNAL" in [concept.name for concept in table.concepts]) == (not reason)


def test_a_name_that_repeats_its_type_is_left_out() -> None:
    proteins = two_splits(1, 1)
    same = [("valid0", "DOMAIN", "PH", 1, 2), ("test0", "DOMAIN", "PH", 1, 1)]
    table = ConceptTable.build(proteins, pd.DataFrame(same, columns=COLUMNS), 1, 1)
    assert str(table.reasons["DOMAIN: PH"]) == "same residues in valid and test as its whole type"
    assert table.left_out["same residues in valid and test as its whole type"] == 1
    more = [*same, ("test0", "DOMAIN", "", 3, 3)]
    table = ConceptTable.build(proteins, pd.DataFrame(more, columns=COLUMNS), 1, 1)
    assert "DOMAIN: PH" not in table.reasons


def test_left_out_counts_by_reason() -> None:
    proteins = two_splits(1, 1)
    features = pd.DataFrame([("test0", "CHAIN", "Src", 1, 3)], columns=COLUMNS)
    table = ConceptTable.build(proteins, features, 1, 1)
    assert str(table.reasons["CHAIN"]) == "covers nearly the whole protein"
    assert table.left_out == {
        "covers nearly the whole protein": 1,
        # 17 of 20 residues do not occur in MKC; neither do four of the nine classes, nor motifs
        "fewer than 1 residues in valid or test": 17
        + len(["tiny", "aliphatic", "aromatic", "negative"])
        + len(["low complexity"])
        + len(MOTIFS),
        "no residue known to lack it in valid or test": len(
            ["N-terminal 10", "C-terminal 10", "hydrophobic"]
        ),
    }


def test_columns_do_not_depend_on_the_order_of_the_input() -> None:
    proteins, features = random_input(3)
    table = ConceptTable.build(proteins, features, 1, 1)
    shuffled = ConceptTable.build(proteins[::-1], features.sample(frac=1, random_state=0), 1, 1)
    assert shuffled.concepts == table.concepts
    pd.testing.assert_frame_equal(shuffled.occurrence, table.occurrence)
    order = proteins["accession"].tolist()
    assert (shuffled.labels(order) != table.labels(order)).nnz == 0


def test_labels_do_not_depend_on_how_proteins_are_batched() -> None:
    proteins, features = random_input(5)
    table = ConceptTable.build(proteins, features, 1, 1)
    order = proteins["accession"].tolist()
    parts = [table.labels(order[at : at + 4]).toarray() for at in range(0, len(order), 4)]
    np.testing.assert_array_equal(np.concatenate(parts), table.labels(order).toarray())
    assert table.labels([]).shape == (0, len(table.concepts))
    np.testing.assert_array_equal(
        table.labels(["P3", "P3"]).toarray(), np.tile(table.labels(["P3"]).toarray(), (2, 1))
    )


def test_mistakes_name_the_accession() -> None:
    proteins = two_splits(1, 1)
    table = ConceptTable.build(proteins, signals(proteins), 1, 1)
    with pytest.raises(ValueError, match="P9: no such protein"):
        table.labels(["valid0", "P9"])
    with pytest.raises(ValueError, match="valid0: accession occurs twice"):
        ConceptTable.build(pd.concat([proteins, proteins]), signals(proteins), 1, 1)


@pytest.mark.parametrize("seed", range(10))
def test_instances_are_the_features_and_agree_with_the_labels(seed: int) -> None:
    proteins, features = random_input(seed)
    table = ConceptTable.build(proteins, features, 1, 1)
    order = np.random.default_rng(seed).permutation(proteins["accession"])[:11].tolist()
    names = [concept.name for concept in table.concepts]
    found = table.instances(order)
    columns = (found.protein, found.column, found.begin, found.end)
    rows = [(order[p], names[c], b + 1, e) for p, c, b, e in zip(*columns, strict=True)]

    expected = []
    for feature in features[features["accession"].isin(order)].itertuples():
        if FEATURE_TYPES[feature.type].left_out:
            continue
        kind, name = feature_name(feature.type, feature.description)
        for start, end in residue_spans(feature.type, feature.start, feature.end):
            named = [kind, f"{kind}: {name}"] if name else [kind]
            expected += [(feature.accession, n, start, end) for n in named if n in names]
    assert sorted(rows) == sorted(expected)
    assert (np.diff(found.protein) >= 0).all()

    lengths = [len(proteins.set_index("accession").loc[a, "sequence"]) for a in order]
    first = np.cumsum(lengths) - lengths
    covered = np.zeros((sum(lengths), len(names)), dtype=np.uint8)
    for protein, column, begin, end in zip(*columns, strict=True):
        covered[first[protein] + begin : first[protein] + end, column] = 1
    np.testing.assert_array_equal(
        covered[:, table.has_instances], table.labels(order).toarray()[:, table.has_instances]
    )
    assert [p.source == "UniProt" for p in table.concepts] == table.has_instances.tolist()


def evidence_table() -> ConceptTable:
    """MKC twice; two helices, an experimental and a predicted binding site, a predicted signal."""
    proteins = two_splits(1, 1)
    rows = [
        (name, *feature)
        for name in ("valid0", "test0")
        for feature in (
            ("HELIX", "", 1, 1, ""),
            ("HELIX", "", 3, 3, ""),
            ("BINDING", "ATP", 1, 1, "ECO:0000269"),
            ("BINDING", "ATP", 1, 2, "ECO:0000250"),
            ("SIGNAL", "", 1, 2, ""),
            ("CHAIN", "Src", 1, 3, ""),
        )
    ]
    annotations = pd.DataFrame(rows, columns=[*COLUMNS, "evidence"])
    return ConceptTable.build(proteins, annotations, 1, 1, evidence="experimental")


def test_experimental_evidence_leaves_features_out() -> None:
    table = evidence_table()
    annotated = [p.name for p in table.concepts if p.source == "UniProt"]
    assert annotated == ["BINDING", "HELIX"]
    assert str(table.reasons["SIGNAL"]) == "no feature with experimental evidence"
    assert str(table.reasons["CHAIN"]) == "covers nearly the whole protein"
    assert table.features_left_out == {
        "evidence is not experimental": 2,
        "no evidence given": 4,
    }


def test_residues_of_left_out_features_are_unknown_not_negative() -> None:
    table = evidence_table()
    column = {concept.name: i for i, concept in enumerate(table.concepts)}
    labels, known = table.labels(["test0"]).toarray(), table.known(["test0"])
    assert labels[:, column["BINDING"]].tolist() == [1, 0, 0]
    # Residue 1 is settled by the experiment, residue 2 only predicted, residue 3 neither.
    assert known[:, table.known_column[column["BINDING"]]].tolist() == [True, False, True]
    assert known[:, table.known_column[column["HELIX"]]].all()
    assert table.known_column[column["residue: C"]] == 0
    assert known[:, 0].all()


def test_all_evidence_leaves_nothing_unknown() -> None:
    proteins = two_splits(1, 1)
    table = ConceptTable.build(proteins, signals(proteins), 1, 1)
    assert table.features_left_out == {}
    assert (table.known_column == 0).all()
    assert table.known(["test0", "valid0"])[:, 0].tolist() == [True] * 6


def test_secondary_structure_is_known_between_its_first_and_last_feature() -> None:
    proteins = pd.DataFrame(
        [("P1", "MKCMKCM", "a", "valid"), ("P2", "MKCMK", "b", "test"), ("P3", "MKC", "b", "test")],
        columns=["accession", "sequence", "cluster", "split"],
    )
    rows = [
        *(("P1", "STRAND", "", 2, 2), ("P1", "HELIX", "", 4, 5)),
        *(("P2", "HELIX", "", 1, 1), ("P2", "STRAND", "", 3, 5)),
        *(("P2", "SIGNAL", "", 1, 2), ("P1", "SIGNAL", "", 1, 2)),
    ]
    table = ConceptTable.build(proteins, pd.DataFrame(rows, columns=COLUMNS), 1, 1)
    column = {concept.name: i for i, concept in enumerate(table.concepts)}
    known = table.known(["P3", "P1", "P2"])
    for name in ("HELIX", "STRAND"):
        found = known[:, table.known_column[column[name]]].astype(int).tolist()
        assert found == [*(0, 0, 0), *(0, 1, 1, 1, 1, 0, 0), *(1, 1, 1, 1, 1)]
        row = table.occurrence.set_index("concept").loc[name]
        assert (row["valid_known"], row["test_known"]) == (4, 5)
    assert known[:, table.known_column[column["SIGNAL"]]].all()


def test_a_concept_that_nothing_lacks_is_left_out() -> None:
    proteins = two_splits(1, 1)
    rows = [(name, "HELIX", "", 1, 2) for name in proteins["accession"]]
    table = ConceptTable.build(proteins, pd.DataFrame(rows, columns=COLUMNS), 1, 1)
    assert str(table.reasons["HELIX"]) == "no residue known to lack it in valid or test"


def test_label_sets_add_concepts_and_say_what_they_know() -> None:
    proteins = two_splits(2, 1)
    structure = LabelSet(
        "structure",
        ("H", "E"),
        "PDB",
        {"valid0": np.array([1, 0, 2], np.uint8), "test0": np.array([2, 2, 1], np.uint8)},
    )
    table = ConceptTable.build(proteins, signals(proteins), 1, 1, label_sets=[structure])
    names = [concept.name for concept in table.concepts]
    assert names[-3:] == ["SIGNAL", "structure: H", "structure: E"]
    assert table.concepts[-1].source == "PDB"
    order = ["valid1", "test0", "valid0"]
    assert table.labels(order).toarray()[:, -2:].tolist() == [
        *([0, 0], [0, 0], [0, 0]),
        *([0, 1], [0, 1], [1, 0]),
        *([1, 0], [0, 0], [0, 1]),
    ]
    known = table.known(order)
    assert known[:, table.known_column[-1]].tolist() == [False] * 3 + [True] * 4 + [False, True]
    assert table.known_column[-1] == table.known_column[-2]
    row = table.occurrence.iloc[-1]
    assert row["concept"] == "structure: E"
    counts = [
        f"{s}_{count}" for s in ("valid", "test") for count in ("residues", "clusters", "known")
    ]
    assert row[counts].tolist() == [1, 1, 2, 2, 1, 3]
    assert not table.has_instances[-2:].any()


def test_a_class_that_is_rare_is_left_out() -> None:
    proteins = two_splits(1, 1)
    codes = {"valid0": np.array([1, 2, 3], np.uint8), "test0": np.array([3, 1, 1], np.uint8)}
    structure = LabelSet("structure", ("H", "E", "C"), "PDB", codes)
    table = ConceptTable.build(proteins, signals(proteins), 1, 1, label_sets=[structure])
    assert (
        str(table.reasons["structure: E"])
        == "fewer than 1 residues in valid or test: 1 in valid, 0 in test"
    )
    assert [p.name for p in table.concepts[-2:]] == ["structure: H", "structure: C"]
    assert table.labels(["valid0"]).toarray()[:, -2:].tolist() == [[1, 0], [0, 0], [0, 1]]
    assert table.known(["valid0"])[:, table.known_column[-1]].all()


def test_two_concepts_of_one_name() -> None:
    proteins = two_splits(1, 1)
    same = LabelSet("residue", ("C",), "me", {"test0": np.ones(3, np.uint8)})
    with pytest.raises(ValueError, match="two concepts are named 'residue: C'"):
        ConceptTable.build(proteins, signals(proteins), 1, 1, label_sets=[same])


@pytest.mark.parametrize("seed", range(6))
def test_unknown_under_the_evidence_filter(seed: int) -> None:
    """A residue is unknown for a type where only left-out features of that type label it."""
    proteins, features = random_input(seed)
    codes = np.random.default_rng(seed).choice(["ECO:0000269", "ECO:0000250", ""], len(features))
    features = features.assign(evidence=codes)
    table = ConceptTable.build(proteins, features, 1, 1, evidence="experimental")
    keep = [is_experimental(f.type, f.evidence) for f in features.itertuples()]
    positive = reference_sets(proteins, features[keep])
    doubtful = reference_sets(proteins, features[~np.array(keep)])

    order = proteins["accession"].tolist()
    pairs = [(p.accession, i + 1) for p in proteins.itertuples() for i in range(len(p.sequence))]
    labels, known = table.labels(order).toarray(), table.known(order)
    checked = 0
    for column, found in enumerate(table.concepts):
        is_known = known[:, table.known_column[column]]
        assert is_known[labels[:, column] == 1].all(), found
        if found.source != "UniProt" or found.type == "HELIX":
            continue
        unknown = doubtful.get(found.type, set()) - positive[found.type]
        assert is_known.tolist() == [pair not in unknown for pair in pairs], found
        checked += bool(unknown)
    assert checked
    assert sum(table.features_left_out.values()) == keep.count(False)
