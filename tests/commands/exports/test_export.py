import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
import yaml
from Bio import Align
from Bio.PDB.PDBParser import PDBParser
from Bio.SeqUtils import seq3

import protsae
from protsae.cli import main
from protsae.features.protein_segments import thresholds
from protsae.io.saes.sae_files import read_sae
from protsae.stages.exporting.model_card import front_matter
from tests.helpers.finished_run import RESULTS, finished_run
from tests.io.other_programs.test_defattr import parsed

FEATURE = "1/topk/0"
OUTSIDE = 7
"""Residues of the tiny structure's tag."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished_run(tmp_path_factory)


@pytest.fixture(scope="module")
def run(folder: Path) -> protsae.Run:
    return protsae.read_run(folder / RESULTS)


def export(folder: Path, *words: object) -> int:
    return main(["export", *map(str, words), "--run", str(folder / RESULTS)])


def busiest(run: protsae.Run) -> tuple[str, str]:
    """A feature of 1/topk that is active at many residues, and a protein that has some of them."""
    own = run.features.query("model == @run.model and variant == 'topk'")
    feature = int(own.sort_values("density")["feature"].iloc[-1])
    values = run.matrix(1, "topk")[feature]
    return f"1/topk/{feature}", str(values.idxmax())


def expected_segments(run: protsae.Run, name: str) -> set[tuple[str, int, int, float]]:
    """Protein, first and last residue and largest activation, residue by residue."""
    feature = int(name.rsplit("/")[-1])
    row = run.feature(1, "topk", feature).row
    threshold = thresholds(pd.DataFrame([row]))[0]
    found = set()
    for accession, codes in run.activations(1, "topk").items():
        values = [*codes[:, [feature]].toarray().ravel().tolist(), 0.0]
        start = None
        for place, value in enumerate(values):
            if value > threshold and start is None:
                start = place
            if value <= threshold and start is not None:
                found.add((accession, start + 1, place, max(values[start:place])))
                start = None
    return found


def gff3_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Lines of GFF3 by its specification."""
    lines = path.read_text().splitlines()
    assert lines[0] == "##gff-version 3"
    for line in lines[1:]:
        if line.startswith("##sequence-region "):
            continue
        columns = line.split("\t")
        assert len(columns) == 9
        pairs = (pair.split("=", 1) for pair in columns[8].split(";"))
        attributes = {key: unquote(value) for key, value in pairs}
        assert columns[1:3] == ["protsae", "polypeptide_region"]
        yield {
            "protein": unquote(columns[0]),
            **{"start": int(columns[3]), "end": int(columns[4]), "score": columns[5]},
            **attributes,
        }


def test_segments_as_gff3(
    run: protsae.Run, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that a loop over residues finds; the score is the activation at the peak."""
    name, _ = busiest(run)
    path = tmp_path / "one.gff3"
    assert export(folder, "gff3", "--features", name, "--output", path) == 0
    expected = expected_segments(run, name)
    found = list(gff3_rows(path))
    assert {(row["protein"], row["start"], row["end"]) for row in found} == {
        segment[:3] for segment in expected
    }
    assert len(found) == len(expected) > 20
    peaks = {segment[:3]: segment[3] for segment in expected}
    feature, stored = int(name.rsplit("/")[-1]), dict(run.activations(1, "topk"))
    for row in found:
        assert row["feature"] == name
        assert row["score"] == row["activation"]
        place = row["protein"], row["start"], row["end"]
        assert float(row["activation"]) == pytest.approx(peaks[place], rel=1e-3)
        at_peak = stored[row["protein"]][int(row["peak"]) - 1, feature]
        assert at_peak == np.float32(peaks[place])
    n_active = len({segment[0] for segment in expected})
    assert capsys.readouterr().out == (
        f"wrote {path}: {len(expected):,} segments of 1 feature in {n_active} of "
        f"{len(run.proteins)} proteins\n"
    )
    regions = re.findall(r"^##sequence-region (\S+) 1 (\d+)$", path.read_text(), re.MULTILINE)
    lengths = run.proteins[["accession", "length"]].to_numpy().tolist()
    assert [(name, int(n)) for name, n in regions] == [tuple(row) for row in lengths]


def test_the_same_segments_as_bed(run: protsae.Run, folder: Path, tmp_path: Path) -> None:
    """Biopython's parser finds the intervals of the GFF3 file, half-open."""
    name, _ = busiest(run)
    for kind in ("gff3", "bed"):
        assert export(folder, kind, "--features", name, "--output", tmp_path / f"one.{kind}") == 0
    with (tmp_path / "one.bed").open() as file:
        found = [
            (a.target.id, *a.coordinates[0].tolist(), a.thickEnd, a.query.id)
            for a in Align.parse(file, "bed")
        ]
    rows = list(gff3_rows(tmp_path / "one.gff3"))
    titles = {row["Name"] for row in rows}
    assert found == [
        (
            row["protein"],
            *(row["start"] - 1, row["end"], int(row["peak"])),
            row["Name"].replace(" ", "_") + ("" if titles == {name} else f"|{name}"),
        )
        for row in rows
    ]


def test_gffutils_reads_it(run: protsae.Run, folder: Path, tmp_path: Path) -> None:
    gffutils = pytest.importorskip("gffutils")
    path = tmp_path / "all.gff3"
    words = ("--saes", "1/topk", "--only", "all", "--proteins", run.proteins["accession"].iloc[0])
    assert export(folder, "gff3", *words, "--output", path) == 0
    rows = list(gff3_rows(path))
    opened = gffutils.create_db(str(path), ":memory:", merge_strategy="create_unique")
    found = list(opened.all_features())
    assert len(found) == len(rows) > 10
    for parsed_by_them, row in zip(found, rows, strict=True):
        assert (parsed_by_them.seqid, parsed_by_them.start, parsed_by_them.end) == (
            *(row["protein"], row["start"], row["end"]),
        )
        assert parsed_by_them.attributes["Name"] == [row["Name"]]
        assert parsed_by_them.attributes["peak"] == [row["peak"]]


def test_features_that_pass_a_filter(run: protsae.Run, folder: Path, tmp_path: Path) -> None:
    """Of the SAEs that are named, with the concept; all that have one by default."""
    own = run.features.query("model == @run.model and variant == 'batchtopk'")
    concept = own["concept"].dropna().value_counts().index[0]
    path = tmp_path / "x.gff3"
    words = ("--saes", "1/batchtopk", "--only", "concept", "--concept", concept)
    assert export(folder, "gff3", *words, "--output", path) == 0
    names = {row["feature"] for row in gff3_rows(path)}
    expected = own.loc[own["concept"] == concept, "feature"]
    assert names <= {f"1/batchtopk/{feature}" for feature in expected}
    assert {row["Name"] for row in gff3_rows(path)} == {concept}


def chain_text(chain: str, letters: str, first: int, gap: int = 0) -> list[str]:
    """CA atoms, numbered from ``first``; after ten of them the numbers jump by ``gap``."""
    lines = []
    for i, letter in enumerate(letters):
        number = first + i + gap * (i >= 10)
        name = seq3(letter).upper()
        lines.append(
            f"ATOM  {i + 1:5d}  CA  {name} {chain}{number:4d}    {3.8 * i:8.3f}{0.0:8.3f}"
            f"{float(ord(chain)):8.3f}  1.00 99.00           C"
        )
    return lines


@pytest.fixture
def structure(run: protsae.Run, tmp_path: Path) -> tuple[Path, str, str]:
    """A file, its protein, and the feature; chain A lacks residues and has a tag, B is unknown.

    Of the protein, chain A has residues 4 to 13, numbered from 101, and 17 to 46.
    """
    name, accession = busiest(run)
    sequence = run.protein(accession).sequence
    tag = "W" * OUTSIDE
    lines = chain_text("A", sequence[3:13] + sequence[16:46] + tag, 101, gap=3)
    lines += ["TER", *chain_text("B", "GAGAGAGAGAGAGAGA", 1), "TER", "END"]
    path = tmp_path / "tiny.pdb"
    path.write_text("\n".join(lines) + "\n")
    return path, accession, name


def b_factors(path: Path, chain: str) -> dict[int, float]:
    """By residue number."""
    [model] = PDBParser(QUIET=True).get_structure("x", path)
    return {residue.id[1]: residue["CA"].get_bfactor() for residue in model[chain]}


def test_a_feature_as_b_factors(
    run: protsae.Run,
    folder: Path,
    structure: tuple[Path, str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path, accession, name = structure
    target = tmp_path / "out.pdb"
    words = ("structure", "--structure", path, "--feature", name, "--output", target)
    assert export(folder, *words) == 0
    values = run.activations(1, "topk")[accession][:, [int(name.rsplit("/")[-1])]].toarray()[:, 0]
    expected = {101 + i: round(float(values[3 + i]), 2) for i in range(10)}
    expected |= {114 + i: round(float(values[16 + i]), 2) for i in range(30)}
    expected |= {144 + i: -1.0 for i in range(OUTSIDE)}
    found = b_factors(target, "A")
    assert found == pytest.approx(expected, abs=0.006)
    assert set(b_factors(target, "B").values()) == {-1.0}
    placed = np.concatenate([values[3:13], values[16:46]])
    length = len(run.protein(accession).sequence)
    assert placed.max() > 0
    assert capsys.readouterr().out.splitlines() == [
        f"chain A: {accession}, 40 of its {length} residues resolved, {length - 40} not; "
        f"{OUTSIDE} of the chain not in the protein; active at {int((placed > 0).sum())}, largest "
        f"{placed.max():.4g}",
        "chain B: none of the proteins, 16 residues",
        f"wrote {target}: B-factors are activations of {name}, 0 to {placed.max():.4g}; -1 at "
        f"{16 + OUTSIDE} atoms without a known activation",
        f"ChimeraX: color bfactor palette white:red range 0,{placed.max():.4g}",
        f"PyMOL: spectrum b, white_red, minimum=0, maximum={placed.max():.4g}",
    ]


def test_a_protein_that_is_not_of_the_run(
    run: protsae.Run,
    folder: Path,
    structure: tuple[Path, str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One of the run under another name goes through the model, and gets what is stored."""
    path, accession, name = structure
    monkeypatch.chdir(folder)  # where its model is
    fasta = tmp_path / "mine.fasta"
    fasta.write_text(f">mine\n{run.protein(accession).sequence}\n")
    given = ("structure", "--structure", path, "--feature", name)
    assert export(folder, *given, "--output", tmp_path / "stored.pdb") == 0
    assert export(folder, *given, "--fasta", fasta, "--output", tmp_path / "computed.pdb") == 0
    assert (tmp_path / "stored.pdb").read_bytes() == (tmp_path / "computed.pdb").read_bytes()


def test_percent_of_the_largest_on_test(
    run: protsae.Run, structure: tuple[Path, str, str], tmp_path: Path
) -> None:
    path, accession, name = structure
    run.export.structure(path, tmp_path / "y.pdb", name, is_percent=True, protein=accession)
    feature = int(name.rsplit("/")[-1])
    values = run.activations(1, "topk")[accession][:, [feature]].toarray()[:, 0]
    largest = run.feature(1, "topk", feature).row["max_activation"]
    assert b_factors(tmp_path / "y.pdb", "A")[101] == pytest.approx(
        100 * values[3] / largest, abs=0.006
    )


def test_attributes_for_chimerax(
    run: protsae.Run, folder: Path, structure: tuple[Path, str, str], tmp_path: Path
) -> None:
    """Two features, one file; residues without a place in the protein have no attribute."""
    path, accession, name = structure
    other = "1/topk/1" if name != "1/topk/1" else "1/topk/2"
    target = tmp_path / "x.defattr"
    words = ("--structure", path, "--feature", name, other, "--output", target)
    assert export(folder, "defattr", *words) == 0
    found = parsed(target.read_text().splitlines())
    assert list(found) == [f"protsae_{n.replace('/', '_')}" for n in (name, other)]
    codes = run.activations(1, "topk")[accession].toarray()
    for text, attribute in zip((name, other), found, strict=True):
        values = codes[:, int(text.rsplit("/")[-1])]
        expected = {f"/A:{101 + i}": values[3 + i] for i in range(10)}
        expected |= {f"/A:{114 + i}": values[16 + i] for i in range(30)}
        assert found[attribute] == pytest.approx(expected, abs=1e-4)


def test_an_sae_as_a_folder(run: protsae.Run, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "sae"
    assert export(folder, "saelens", "--sae", "1/topk", "--output", target) == 0
    names = sorted(path.name for path in target.iterdir())
    assert names == ["cfg.json", "protsae.json", "sae_weights.safetensors"]
    weights, _ = read_sae(target)
    own = run.sae(1, "topk")
    assert weights["W_dec"].tolist() == own.W_dec.tolist()


@pytest.mark.filterwarnings("ignore")
def test_saelens_loads_the_folder(run: protsae.Run, tmp_path: Path) -> None:
    sae_lens = pytest.importorskip("sae_lens")
    import torch

    run.export.saelens(tmp_path / "sae", 1, "topk")
    theirs, own = sae_lens.SAE.load_from_disk(str(tmp_path / "sae")), run.sae(1, "topk")
    x_BD = torch.randn(13, own.W_dec.shape[1], generator=torch.manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(theirs.encode(x_BD), own.encode(x_BD), rtol=1e-5, atol=1e-5)


def test_a_repository_with_a_card(
    run: protsae.Run, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "repository"
    words = ("huggingface", "--licence", "CC-BY-4.0", "--output", target)
    assert export(folder, *words) == 0
    assert sorted(str(p.relative_to(target)) for p in target.rglob("*") if p.is_file()) == sorted(
        [
            "README.md",
            *(
                f"layer-01/{variant}/{name}"
                for variant in ("topk", "batchtopk")
                for name in ("cfg.json", "features.tsv", "protsae.json", "sae_weights.safetensors")
            ),
        ]
    )
    _, front, card = (target / "README.md").read_text().split("---\n", 2)
    stated = yaml.safe_load(front)
    assert stated["license"] == "cc-by-4.0"
    assert stated["library_name"] == "saelens"
    assert "base_model" not in stated
    scores = json.loads(
        (folder / RESULTS / "sae" / run.model / "layer-01" / "topk" / "evaluation.json").read_text()
    )
    [row] = re.findall(r"^\| `layer-01/topk` \| (.*) \|$", card, re.MULTILINE)
    assert row.split(" | ")[:4] == [
        *("topk", f"{scores['n_features']:,}", f"{scores['l0']:.3g}", f"{scores['fvu']:.3g}"),
    ]
    n_train = int((run.proteins["split"] == "train").sum())
    assert f"{n_train:,} proteins" in card
    [code] = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    compile(code, "card", "exec")
    assert yaml.safe_load(front) == front_matter(run.model, "CC-BY-4.0")
    rows = pd.read_csv(target / "layer-01" / "topk" / "features.tsv", sep="\t")
    assert rows["feature"].tolist() == list(range(scores["n_features"]))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"wrote {target}: 2 SAEs, ")
    assert lines[1] == f"read and complete {target / 'README.md'} before you upload it"
    assert len(lines) == 2


def test_an_sae_that_is_named_twice_is_one(run: protsae.Run, tmp_path: Path) -> None:
    done = run.export.huggingface(tmp_path / "repository", ["1/topk", "esm2_tiny/1/topk"])
    assert done.n_saes == 1
    assert (tmp_path / "repository" / "README.md").read_text().count("| `layer-01/topk` |") == 1


@pytest.mark.filterwarnings("ignore")
def test_the_hub_reads_the_card(run: protsae.Run, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    run.export.huggingface(tmp_path / "repository", ["1/topk"], licence="of our own")
    card = hub.ModelCard.load(tmp_path / "repository" / "README.md")
    assert card.data.library_name == "saelens"
    assert (card.data.license, card.data.to_dict()["license_name"]) == ("other", "of our own")
    assert "# Sparse autoencoders on esm2_tiny" in card.text


@pytest.fixture
def anndata() -> Any:
    return pytest.importorskip("anndata")


@pytest.mark.filterwarnings("ignore::Warning")
@pytest.mark.parametrize("pool", ["max", "mean", "share"])
def test_proteins_as_anndata(
    anndata: Any, run: protsae.Run, folder: Path, tmp_path: Path, pool: str
) -> None:
    path = tmp_path / "x.h5ad"
    words = ("anndata", "--sae", "1/topk", "--pool", pool, "--output", path)
    assert export(folder, *words) == 0
    found, expected = anndata.read_h5ad(path), run.matrix(1, "topk", pool)
    np.testing.assert_array_equal(found.X.toarray(), expected.to_numpy())
    assert found.obs_names.tolist() == expected.index.tolist()
    assert found.var_names.tolist() == [f"1/topk/{i}" for i in range(expected.shape[1])]
    for name in ("split", "cluster", "organism", "length"):
        assert found.obs[name].tolist() == run.proteins[name].tolist()
    own = run.features.query("model == @run.model and variant == 'topk'")
    np.testing.assert_array_equal(found.var["f1"], own["f1"].to_numpy())
    assert found.var["label"].tolist() == own["label"].tolist()
    stated = found.uns["protsae"]
    assert (stated["layer"], stated["sae"], stated["pool"]) == (1, "topk", pool)
    assert stated["model"] == run.model
    concepts = run.concepts
    names = [concept.name for concept in concepts.concepts]
    sequences = run.proteins["sequence"]
    assert found.obs["residue: C"].tolist() == sequences.str.count("C").tolist()
    helix = found.obs["HELIX"].to_numpy()
    for accession, n_helix in zip(found.obs_names[:20], helix, strict=False):
        labels = concepts.labels([accession]).toarray()[:, names.index("HELIX")]
        known = concepts.known([accession])[:, concepts.known_column[names.index("HELIX")]]
        assert labels.sum() == n_helix or (np.isnan(n_helix) and not labels.any())
        assert not np.isnan(n_helix) or not known.all()


@pytest.mark.filterwarnings("ignore::Warning")
def test_residues_as_anndata(
    anndata: Any, run: protsae.Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written in many blocks, read from the disk; every row of some proteins."""
    monkeypatch.setattr("protsae.inspection.feature_activations.ROWS", 500)
    path = tmp_path / "x.h5ad"
    words = ("--of", "residues", "--concepts", "SIGNAL", "HELIX", "--output", path)
    assert export(folder, "anndata", "--sae", "1/topk", *words) == 0
    found = anndata.read_h5ad(path, backed="r")
    assert found.shape == (run.proteins["length"].sum(), run.activations(1, "topk").n_features)
    concepts = run.concepts
    names = [concept.name for concept in concepts.concepts]
    for accession in run.proteins["accession"].iloc[[0, 17, -1]]:
        own = found[found.obs["protein"] == accession].to_memory()
        expected = run.activations(1, "topk")[accession].toarray()
        np.testing.assert_array_equal(own.X.toarray(), expected)
        assert own.obs_names.tolist() == [f"{accession}:{i + 1}" for i in range(len(expected))]
        assert own.obs["position"].tolist() == list(range(1, len(expected) + 1))
        protein = run.protein(accession)
        assert "".join(own.obs["residue"]) == protein.sequence
        assert set(own.obs["split"]) == {protein.split}
        labels = concepts.labels([accession]).toarray()[:, names.index("SIGNAL")]
        assert (own.obs["SIGNAL"] == "yes").tolist() == (labels == 1).tolist()
        known = concepts.known([accession])[:, concepts.known_column[names.index("HELIX")]]
        labels = concepts.labels([accession]).toarray()[:, names.index("HELIX")]
        assert own.obs["HELIX"].isna().tolist() == (~known & (labels == 0)).tolist()
    found.file.close()


@pytest.mark.filterwarnings("ignore::Warning")
def test_scanpy_finds_neighbours_and_clusters(
    anndata: Any, run: protsae.Run, tmp_path: Path
) -> None:
    scanpy = pytest.importorskip("scanpy")
    pytest.importorskip("leidenalg")
    run.export.anndata(tmp_path / "x.h5ad", 1, "topk", "mean")
    found = anndata.read_h5ad(tmp_path / "x.h5ad")
    scanpy.pp.neighbors(found, use_rep="X", n_neighbors=7)
    scanpy.tl.leiden(found, flavor="igraph", n_iterations=2, directed=False)
    assert found.obsp["connectivities"].shape == (len(run.proteins),) * 2
    assert found.obs["leiden"].nunique() > 1


def test_without_anndata_one_line_says_what_to_install(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "anndata", None)
    for rows in ("proteins", "residues"):
        words = ("--sae", "1/topk", "--of", rows, "--output", tmp_path / "x.h5ad")
        assert export(folder, "anndata", *words) == 2
        assert capsys.readouterr().err == (
            "protsae export: anndata is not installed; install protsae with its extra: in a clone "
            "pip install -e '.[anndata]', else pip install 'protsae-VERSION.whl[anndata]'\n"
        )
    assert list(tmp_path.iterdir()) == []


SEGMENTS = "gff3 --output x "
MISTAKES = [
    (f"{SEGMENTS} --features 1/topk/99999", "1/topk has no feature 99999; it has 0 to "),
    (f"{SEGMENTS} --features topk-1", "'topk-1': no name of a feature; expected LAYER/SAE/FEATURE"),
    (f"{SEGMENTS} --features 9/topk/1", "no layer 9 of esm2_tiny; it has "),
    (f"{SEGMENTS} --features {FEATURE} --proteins P00000", "no protein 'P00000' among its "),
    (f"{SEGMENTS} --features {FEATURE} --only all", "--features names them; leave out --saes"),
    (f"{SEGMENTS} --saes topk", "'topk': no name of an SAE; expected LAYER/SAE or MODEL/LAYER/SAE"),
    (
        f"{SEGMENTS} --only all --concept NONE",
        "no feature has the concept 'NONE'; expected one of the column concept in features.tsv",
    ),
    ("anndata --sae 1/relu --output x", "no SAE 'relu'; it has topk, batchtopk"),
    ("anndata --sae 1/topk --of residues --pool max --output x", "--pool is of proteins; leave"),
    ("anndata --sae 1/topk --concepts SIGNAL --output x", "--concepts is of residues; proteins"),
    (f"structure --structure no.pdb --feature {FEATURE} --output x.pdb", "no.pdb: no such file"),
    (f"structure --structure x.txt --feature {FEATURE} --output x", "no structure by its name"),
    (f"structure --structure TINY --chains Z --feature {FEATURE} --output x.pdb", "no chain 'Z'"),
    (
        f"structure --structure TINY --chains B --feature {FEATURE} --output x.pdb",
        "none of its chains (A, B) is one of the ",
    ),
    (
        f"structure --structure TINY --protein P00000 --feature {FEATURE} --output x.pdb",
        "no protein 'P00000' among its ",
    ),
    (f"structure --structure TINY --feature {FEATURE} --output x.cif", "is no file of that format"),
    ("saelens --sae 1/topk --output TAKEN", "is there already; expected a new folder"),
    ("huggingface --saes 1/none --output x", "no SAE 'none'; it has topk, batchtopk"),
    (
        "huggingface --saes 1/topk onehot/0/topk --output x",
        "onehot/0/topk: the card is of esm2_tiny; expected SAEs of it; export one of another",
    ),
]


@pytest.mark.parametrize(("words", "line"), MISTAKES, ids=[words for words, _ in MISTAKES])
def test_mistakes_are_one_line(
    folder: Path,
    structure: tuple[Path, str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: str,
    line: str,
) -> None:
    path, _, _ = structure
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    before = sorted(tmp_path.iterdir())
    given = words.replace("TINY", str(path)).replace("TAKEN", str(tmp_path / "taken")).split()
    assert export(folder, *given) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith("protsae export: ")
    assert line in said[0]
    assert sorted(tmp_path.iterdir()) == before


def test_an_unknown_format(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["export", "gff4"])
    assert caught.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "invalid choice: 'gff4' (choose from" in last


@pytest.mark.parametrize(
    "name", ["anndata", "gff3", "bed", "structure", "defattr", "saelens", "huggingface"]
)
def test_every_format_has_help_with_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["export", name, "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert f"usage: protsae export {name}" in out
    assert re.search(rf"^examples:\n(  .*\n)*?  protsae export {name} ", out, re.MULTILINE)
    assert "FORMAT" not in out
