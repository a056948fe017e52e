from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from protsae.cli import main
from protsae.io.mmseqs import Hit
from protsae.io.protein_files.any_format import read_proteins
from protsae.io.table_files.parquet import read_metadata
from protsae.io.table_files.proteins_table import read_split_proteins
from protsae.proteins.alphabet import STANDARD
from protsae.provenance import protein_set_sha256
from protsae.schema.protein_tables import PROTEINS
from protsae.stages import split_proteins as stage
from tests.helpers.stored_tables import load, store

N_FAMILIES, LENGTH = 7, 61


def fetched(folder: Path, n_families: int = N_FAMILIES) -> Path:
    """Families of two relatives and one unrelated protein each, as fetch writes them."""
    rng = np.random.default_rng(0)
    sequences = []
    for _ in range(n_families):
        ancestor, other = rng.choice(list(STANDARD), (2, LENGTH))
        relative = ancestor.copy()
        relative[::7] = "A"
        sequences += ["".join(letters) for letters in (ancestor, relative, other)]
    names = [f"P{i:05d}" for i in range(len(sequences))]
    table = pd.DataFrame({"accession": names, "sequence": sequences})
    table = table.assign(entry_name="", organism="", taxon_id=1, length=LENGTH)
    store(folder / "fetched.parquet", table, {"stage": "fetch"})
    return folder / "fetched.parquet"


def split(source: Path, target: Path, *flags: str) -> int:
    return main(["split", "--input", str(source), "--output", str(target), *flags])


def test_clusters_splits_and_checksum(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "proteins" / "proteins.parquet"
    assert split(fetched(tmp_path), target) == 0
    proteins, checksum = read_split_proteins(target)
    assert proteins.columns.tolist() == PROTEINS.names
    assert read_metadata(target)["table_version"] == PROTEINS.version
    # Relatives share the first one's name; unrelated proteins have their own.
    names = proteins["accession"].tolist()
    expected = [names[i - 1] if i % 3 == 1 else names[i] for i in range(3 * N_FAMILIES)]
    assert proteins["cluster"].tolist() == expected
    assert set(proteins["split"]) == {"train", "valid", "test"}
    assert checksum == protein_set_sha256(proteins["accession"], proteins["sequence"])
    assert read_metadata(target)["settings"]["identity"] == 0.3
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in printed[:-1]] == ["train", "valid", "test"]
    assert printed[-1].endswith(f"finds: {target.parent / 'relatives.tsv'}")
    assert not proteins["has_relative_in_train"].any()
    n_train = int((proteins["split"] == "train").sum())
    assert printed[0].startswith(f"train: {n_train} proteins, {n_train * LENGTH:,} residues, ")


def by_hand(
    monkeypatch: pytest.MonkeyPatch, clusters: Sequence[int] | None = None, hits: Sequence[Hit] = ()
) -> None:
    """Clusters and hits without MMseqs2; every protein a cluster of its own if none are given."""
    monkeypatch.setattr(
        stage,
        "cluster_sequences",
        lambda sequences, *_, **__: np.array(clusters or range(len(sequences))),
    )
    monkeypatch.setattr(stage, "search", lambda *_: list(hits))


def test_same_settings_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_hand(monkeypatch)
    source = fetched(tmp_path)
    for name in ("one", "two"):
        assert split(source, tmp_path / name, "--seed", "3") == 0
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert split(source, tmp_path / "other", "--seed", "4") == 0
    assert (tmp_path / "one").read_bytes() != (tmp_path / "other").read_bytes()


def test_too_few_families(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    by_hand(monkeypatch, [0, 0, 0])
    assert split(fetched(tmp_path, n_families=1), tmp_path / "proteins.parquet") == 2
    assert capsys.readouterr().err == (
        "protsae split: split: nothing left for valid and test: 3 proteins in 1 homology clusters; "
        "give more diverse proteins\n"
    )
    assert not (tmp_path / "proteins.parquet").exists()


def test_shares_that_leave_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ("--valid", "0.5", "--test", "0.5")
    assert split(fetched(tmp_path), tmp_path / "proteins.parquet", *flags) == 2
    assert capsys.readouterr().err == (
        "protsae split: command line: valid + test must leave a share above 0 for train\n"
    )


def test_relatives_in_train_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The best of two hits of the first protein that is searched for."""
    best = Hit(0, 3, 5, 1, "MK-CA", "MACCA", 1e-7)
    by_hand(monkeypatch, hits=[best, Hit(0, 2, 5, 1, "MK", "MK", 1e-4)])
    assert split(fetched(tmp_path), tmp_path / "proteins.parquet") == 0
    proteins = load(tmp_path / "proteins.parquet").set_index("accession")
    first = proteins.index[proteins["split"] != "train"][0]
    relative = proteins.index[proteins["split"] == "train"][3]
    (row,) = pd.read_csv(tmp_path / "relatives.tsv", sep="\t").to_dict("records")
    part = proteins.at[first, "split"]
    assert row == {
        **{"accession": first, "split": part, "relative": relative, "identity": 0.6},
        **{"aligned": 4, "length": LENGTH, "e_value": 1e-7},
    }
    assert proteins.index[proteins["has_relative_in_train"]].tolist() == [first]
    sizes = proteins["split"].value_counts()
    counts = [f"{int(part == name)} of {sizes[name]} {name} proteins" for name in ("test", "valid")]
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"note: {' and '.join(counts)} have a remote or partial relative in train, which a search "
        f"at E ≤ 0.001 finds: {tmp_path / 'relatives.tsv'}"
    )


def test_what_will_be_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """SIGNAL in seven proteins is shared out so that it is scored; PEPTIDE in three cannot be."""
    by_hand(monkeypatch)
    source = fetched(tmp_path)
    names = load(source)["accession"].tolist()
    rows = [(name, "SIGNAL", "", 1, 7) for name in names[:7]]
    rows += [(name, "PEPTIDE", "", 1, 11) for name in names[-3:]]
    columns = ["accession", "type", "description", "start", "end"]
    path = tmp_path / "annotations.parquet"
    annotations = pd.DataFrame(rows, columns=columns).assign(evidence="", certain=True)
    store(path, annotations, {"stage": "fetch"})
    assert split(source, tmp_path / "proteins.parquet", "--annotations", str(path)) == 0
    parts = load(tmp_path / "proteins.parquet").set_index("accession")["split"]
    assert parts[names[:7]].value_counts().to_dict() == {"valid": 3, "test": 3, "train": 1}
    printed = capsys.readouterr().out.splitlines()
    at = next(i for i, line in enumerate(printed) if "concepts will be scored" in line)
    n_scored, n_all = printed[at].removeprefix("note: ").split(" concepts")[0].split(" of ")
    reasons = [line for line in printed[at:] if line.startswith("  not ")]
    assert sum(int(line.split()[1].rstrip(":")) for line in reasons) == int(n_all) - int(n_scored)
    # One of 21 proteins in seven has it: valid or test, a fifth each, wants 1 to 3 more.
    lacking = 3 - parts[names[-3:]].value_counts().reindex(["valid", "test"], fill_value=0).min()
    estimates = "".join(line for line in printed if "it would take about" in line)
    assert f"{35 * lacking} " in estimates
    assert "for PEPTIDE" in estimates
    assert "for SIGNAL" not in estimates


SAMPLE = Path(__file__).parents[3] / "data" / "sample" / "proteins.json.gz"


def as_fetched(path: Path, sequences: dict[str, str]) -> Path:
    table = pd.DataFrame({"accession": list(sequences), "sequence": list(sequences.values())})
    lengths = table["sequence"].str.len()
    table = table.assign(entry_name="", organism="", taxon_id=1, length=lengths)
    path.parent.mkdir()
    store(path, table, {"stage": "fetch"})
    return path


def blended(one: str, other: str) -> str:
    """Eight residues of one, eight of the other, and so on: about half of each."""
    length = min(len(one), len(other))
    return "".join((one if i // 8 % 2 else other)[i] for i in range(length))


def test_five_real_proteins_more_and_one_of_them_a_bridge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """120 of the sample, then 4 others and a blend of a train and a test protein."""
    monkeypatch.setattr(stage, "search", lambda *_: [])
    sample = {protein.accession: protein.sequence for protein in read_proteins(SAMPLE)}
    names = sorted(name for name, sequence in sample.items() if len(sequence) < 400)[:124]
    old = {name: sample[name] for name in names[:120]}
    first = tmp_path / "first" / "proteins.parquet"
    assert split(as_fetched(tmp_path / "120" / "fetched.parquet", old), first) == 0
    before = load(first).set_index("accession")

    alone = ~before["cluster"].duplicated(keep=False)
    lengths = before["length"][alone & (before["length"] > 150)]
    of_train, of_test = (lengths[before["split"] == part] for part in ("train", "test"))
    apart = np.abs(of_train.to_numpy()[:, None] - of_test.to_numpy())
    nearest = np.unravel_index(np.argmin(apart), apart.shape)
    train, test = of_train.index[nearest[0]], of_test.index[nearest[1]]
    more = {name: sample[name] for name in names[120:]}
    more["BRIDGE"] = blended(old[train], old[test])
    # A name that is old with a sequence that is not is a new protein.
    gone, changed = names[0], names[1]
    new = {name: old[name] for name in names[1:120]} | more
    new[changed] = new[changed][1:] + "W"
    capsys.readouterr()
    second = tmp_path / "second" / "proteins.parquet"
    source = as_fetched(tmp_path / "125" / "fetched.parquet", new)
    assert split(source, second, "--previous", str(first)) == 0
    after = read_split_proteins(second)[0].set_index("accession")
    kept = before.index.difference([gone, changed])
    assert after.loc[kept, "split"].tolist() == before.loc[kept, "split"].tolist()
    assert after.at["BRIDGE", "split"] == "left out"
    assert (after["split"] == "left out").sum() == 1
    assert after.at[train, "cluster"] != after.at[test, "cluster"]
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == (
        f"note: {first}: 118 proteins keep their part, 6 are new (1 of them with a changed "
        "sequence), 1 are gone"
    )
    assert (
        "note: left out: 1 proteins, as they join homology clusters of two parts: BRIDGE" in printed
    )


def test_old_proteins_that_are_relatives_by_new_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    by_hand(monkeypatch)
    source, first = fetched(tmp_path), tmp_path / "first.parquet"
    assert split(source, first) == 0
    parts = load(first)["split"].to_numpy()
    train, test = (int(np.flatnonzero(parts == part)[0]) for part in ("train", "test"))
    clusters = np.arange(len(parts))
    clusters[test] = train
    by_hand(monkeypatch, clusters.tolist())
    monkeypatch.setattr(stage, "find_links", lambda *_: np.array([[0, 1]]))
    capsys.readouterr()
    assert split(source, tmp_path / "second.parquet", "--previous", str(first)) == 0
    assert load(tmp_path / "second.parquet")["split"].tolist() == parts.tolist()
    named = ", ".join(f"P{i:05d}" for i in sorted((train, test)))
    assert (
        f"note: 2 proteins of {first} have a relative in another part by these settings: {named}; "
        "they keep their part; without split.previous, they are divided anew"
    ) in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        pytest.param({"split": "trian"}, "split 'trian', which is none", id="unknown part"),
        pytest.param({"cluster": "A"}, "cluster A is in train and valid and test", id="clusters"),
    ],
)
def test_an_earlier_table_that_was_changed(
    change: dict[str, str],
    problem: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    by_hand(monkeypatch)
    source, first = fetched(tmp_path), tmp_path / "first.parquet"
    assert split(source, first) == 0
    store(first, load(first).assign(**change), {"stage": "split"})
    assert split(source, tmp_path / "second.parquet", "--previous", str(first)) == 2
    assert capsys.readouterr().err == (
        f"protsae split: {first}: {problem}; split.previous expects an unchanged proteins.parquet "
        "of an earlier run\n"
    )
