"""The README and the pages by task: their commands are ones that protsae takes, their code runs."""

import ast
import importlib.util
import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import protsae
from protsae.cli import arguments_of, main
from protsae.commands.exports.export import FORMATS
from protsae.run.project_folder import write_project
from tests.commands.exports.test_export import busiest, chain_text
from tests.helpers.fenced import fenced_blocks
from tests.helpers.finished_run import finished_run
from tests.helpers.forked import plan
from tests.helpers.run_folder import write_run
from tests.test_workflow import ROOT, planned

README = (ROOT / "README.md").read_text()
TASKS = (
    "own_proteins",
    "neighbours",
    "protein_labels",
    "uniprot_query",
    "model_and_gpu",
    "sweeps",
    "cluster",
    "stages",
    "settings",
    "scores",
    "interventions",
    "python",
    "export",
    "faq",
)
PAGES = ("README.md", "CONTRIBUTING.md", *(f"docs/{name}.md" for name in TASKS))
"""Those whose code is checked here; the tests of the guide and the tables run theirs."""
DOCS = sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))
LINKING = ("README.md", "CONTRIBUTING.md", "data/README.md", *DOCS)


def commands(program: str) -> list[list[str]]:
    """Arguments of every command of a program, comments stripped, continued lines joined."""
    blocks = [block for page in PAGES for block in fenced_blocks(page, "sh")]
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [line[1:] for line in words if line[:1] == [program]]


RUNS = [arguments[1:] for arguments in commands("protsae") if arguments[0] == "run"]


@pytest.mark.parametrize("arguments", RUNS, ids=" ".join)
def test_commands_plan_a_run(arguments: list[str], tmp_path: Path) -> None:
    """In a project of one's own."""
    write_project(tmp_path)
    (tmp_path / "mine.yaml").write_text(
        next(b for b in fenced_blocks("docs/own_proteins.md", "yaml") if "mine.yaml" in b)
    )
    for name in ("proteins.fasta", "annotations.tsv"):
        (tmp_path / name).touch()
    finished = plan("protsae", "run", "-n", *arguments, cwd=tmp_path)
    assert planned(finished)


@pytest.mark.parametrize("arguments", commands("protsae"), ids=" ".join)
def test_protsae_takes_its_commands(arguments: list[str]) -> None:
    assert arguments_of(arguments[0], arguments[1:])


@pytest.mark.parametrize("arguments", commands("make"), ids=" ".join)
def test_the_makefile_has_the_targets(arguments: list[str]) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert arguments[0] in targets


def test_fast_tests_have_no_whole_runs() -> None:
    """CONTRIBUTING says so; a run of the workflow takes as long as all the others."""
    planned_only = subprocess.run(
        ["make", "-n", "test-fast"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    # Within a make, this one says where it is, too.
    [command] = re.findall(r"^pytest .*", planned_only.stdout, re.MULTILINE)
    words = shlex.split(command)
    left_out = {word.removeprefix("--ignore=") for word in words if word.startswith("--ignore=")}
    chosen = [ROOT / word for word in words if word.startswith("tests/")]
    files = [file for path in chosen for file in ([path] if path.is_file() else path.rglob("*.py"))]
    assert len(files) > 100
    for file in files:
        name = file.relative_to(ROOT)
        if not left_out & {str(name), *map(str, name.parents)}:
            assert "import finished_run" not in file.read_text(), name


def test_there_are_commands_to_check() -> None:
    assert len(RUNS) >= 10
    assert len(commands("protsae")) >= len(RUNS) + 2
    assert {"run", "test"} <= {target for target, *_ in commands("make")}
    assert "make run" in README
    assert "make test" in README


def test_python_blocks_parse() -> None:
    assert [ast.parse(block) for page in PAGES for block in fenced_blocks(page, "python")]


def test_a_run_opens_as_in_the_documents(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(finished_run(tmp_path_factory))
    names: dict[str, object] = {}
    for block in filter(is_of_a_run, fenced_blocks("docs/python.md", "python")):
        exec(block, names)
    n_residues = len(names["run"].proteins["sequence"].iloc[0])
    printed = capsys.readouterr().out
    assert printed.startswith(f"({n_residues}, {names['sae'].n_features})\n")
    assert f"\n{names['feature']}\n" in printed
    assert f"\n({len(names['run'].proteins)}, {names['sae'].n_features})\n" in printed
    assert printed.splitlines()[-1].startswith("4 ")  # the fifth residue of the edited ones


def test_the_commands_of_the_guide_run(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On a run with other layers, explain writing elsewhere."""
    monkeypatch.chdir(finished_run(tmp_path_factory))
    structure, feature = tiny_structure(tmp_path)
    lines = "".join(fenced_blocks("docs/guide.md", "sh")).splitlines()
    assert [line.split()[1] for line in lines] == [
        *("explain", "show", "show", "probe-proteins", "export", "describe"),
    ]
    elsewhere = {
        name: str(tmp_path / name) for name in ("explain", "coloured.pdb", "probe_proteins")
    }
    for line in lines:
        line = line.replace("6/topk/246", feature if "export" in line else "1/topk/0")
        line = line.replace("--layer 6", "--layer 1").replace("6/topk", "1/topk")
        words = shlex.split(line.replace("SIGNAL TRANSMEM", "SIGNAL"))[1:]
        words = [elsewhere.get(word, word) for word in words[1:]]
        words = [str(structure) if word == "1lcd.pdb" else word for word in words]
        assert main([line.split()[1], *words]) == 0
    assert (tmp_path / "coloured.pdb").is_file()
    assert (tmp_path / "explain" / "predictions.tsv").is_file()
    out = capsys.readouterr().out
    assert " of esm2_tiny with 'signal peptide' in a concept or the label" in out
    assert "\nFeature 1/topk/0 of esm2_tiny\n" in out


def tiny_structure(folder: Path) -> tuple[Path, str]:
    """A file with residues of a protein of the run in this folder, and a feature active there."""
    run = protsae.read_run("results")
    name, accession = busiest(run)
    path = folder / "tiny.pdb"
    path.write_text("\n".join(chain_text("A", run.protein(accession).sequence[:40], 1)) + "\n")
    return path, name


def another(feature: str) -> str:
    """A feature beside it."""
    return "1/topk/1" if feature != "1/topk/1" else "1/topk/2"


@pytest.mark.filterwarnings("ignore::Warning")  # of AnnData and scanpy
def test_the_page_of_exports_runs(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On a run with other layers; what needs AnnData or scanpy only where they are."""
    (tmp_path / "results").symlink_to(finished_run(tmp_path_factory) / "results")
    monkeypatch.chdir(tmp_path)
    structure, feature = tiny_structure(tmp_path)
    structure.rename("1lcd.pdb")
    with_anndata = importlib.util.find_spec("anndata") is not None
    lines = "".join(fenced_blocks("docs/export.md", "sh")).splitlines()
    assert {line.split()[2] for line in lines} == set(FORMATS)
    for line in lines:
        if line.split()[2] == "anndata" and not with_anndata:
            continue
        text = line.replace("6/topk/246 6/topk/200", f"{feature} {another(feature)}")
        text = re.sub(r"6/topk/\d+", feature, text).replace("6/topk", "1/topk")
        text = text.replace("--only called --concept SIGNAL", "--only all")
        assert main(shlex.split(text)[1:]) == 0, text
    assert (tmp_path / "repository" / "README.md").is_file()
    needed = {"anndata": with_anndata, "scanpy": importlib.util.find_spec("scanpy") is not None}
    for block in fenced_blocks("docs/export.md", "python"):
        if all(found for name, found in needed.items() if f"import {name}" in block):
            exec(block.replace("6/topk/246", feature), {})
    assert f"wrote {Path('1lcd.defattr')}: attributes protsae_" in capsys.readouterr().out


def test_the_page_of_interventions_runs(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On a run with other layers, writing elsewhere, on the first protein with a signal peptide."""
    folder = finished_run(tmp_path_factory)
    monkeypatch.chdir(tmp_path)
    for name in ("results", "esm2_tiny.pt", "esm2_tiny-contact-regression.pt"):
        (tmp_path / name).symlink_to(folder / name)
    np.save("helix.npy", np.arange(24.0))
    annotations = pd.read_parquet("results/proteins/annotations.parquet")
    accession = annotations.loc[annotations["type"] == "SIGNAL", "accession"].iloc[0]
    run = protsae.read_run("results")
    letter = run.protein(accession).sequence[11]
    variant = f"{letter}12{'D' if letter != 'D' else 'V'}"
    own = run.features.query("model == 'esm2_tiny' and variant == 'topk'")
    own = own[own["concept"].notna() & own["coordinate"].notna()].sort_values("density")
    feature = f"1/topk/{own['feature'].iloc[len(own) // 2]}"
    for line in "".join(fenced_blocks("docs/interventions.md", "sh")).splitlines():
        text = re.sub(r"\d/(topk|relu)/\d+", feature, line).replace("B5SY89", accession)
        text = re.sub(r"\d/(coordinate|direction)", r"1/\1", text).replace("V12D", variant)
        text = text.replace("--sae 5/topk", "--sae 1/topk")
        text = text.replace("--layers 2 4 6", "--layers 1").replace("DISULFID", "'residue: W'")
        text = text.replace("O60260 --residue 238", f"{accession} --residue 5")
        _, command, *words = shlex.split(text, comments=True)
        assert main([command, *words, "--output", str(tmp_path / command)]) == 0, line
        written = "*.svg" if command == "circuit" else "*.parquet"
        assert list((tmp_path / command).glob(written))
    for block in fenced_blocks("docs/interventions.md", "python"):
        exec(block, {})
    said = capsys.readouterr().out
    assert "elsewhere\n" in said
    assert " by the direction of features 0 and 1\n" in said
    assert "gradient_spearman" in said


def test_the_page_of_neighbours_runs(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On a run with another layer, writing elsewhere, without the map."""
    monkeypatch.chdir(finished_run(tmp_path_factory))
    for line in "".join(fenced_blocks("docs/neighbours.md", "sh")).splitlines():
        text = line.replace("6/topk/246", "1/topk/0")
        text = text.replace("--output neighbours", f"--map false --output {tmp_path}")
        assert main(shlex.split(text)[1:]) == 0, line
    assert (tmp_path / "matches.graphml").is_file()
    for block in fenced_blocks("docs/neighbours.md", "python"):
        exec(block, {})
    said = capsys.readouterr().out
    assert "\n  direction   1/topk/" in said
    assert "random_cosine" in said


def test_the_page_of_sparse_probes_runs(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(finished_run(tmp_path_factory))
    for line in "".join(fenced_blocks("docs/sparse_probes.md", "sh")).splitlines():
        text = line.replace("--layers 6 --saes topk frozen", "--layers 1 --saes topk")
        words = shlex.split(text.replace("--output sparse_probes", f"--output {tmp_path}"))
        assert main(words[1:]) == 0, line
    assert (tmp_path / "sparse_probes.parquet").is_file()
    for block in fenced_blocks("docs/sparse_probes.md", "python"):
        exec(block, {})
    said = capsys.readouterr().out
    assert "probe_f1" in said
    assert "coordinates" in said


def test_the_page_of_protein_labels_runs(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its Python, and its last command; the others need files of the reader's own."""
    monkeypatch.chdir(finished_run(tmp_path_factory))
    lines = "".join(fenced_blocks("docs/protein_labels.md", "sh")).splitlines()
    words = shlex.split(lines[-1].replace("6/topk", "1/topk").replace(" TRANSMEM", ""))[1:]
    assert main([*words, "--output", str(tmp_path)]) == 0
    for block in fenced_blocks("docs/protein_labels.md", "python"):
        exec(block, {})
    said = capsys.readouterr().out
    assert "spearman" in said
    assert "embeddings" in said


def test_the_commands_on_variants_run(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On a run with other layers, from a folder of their own."""
    run = finished_run(tmp_path_factory)
    monkeypatch.chdir(tmp_path)
    for name in ("results", "esm2_tiny.pt", "esm2_tiny-contact-regression.pt"):
        (tmp_path / name).symlink_to(run / name)
    blocks = "".join(fenced_blocks("docs/variants.md", "sh")).splitlines()
    lines = [line for line in blocks if line.startswith("protsae variants")]
    assert len(lines) == 2
    for line in lines:
        assert main(shlex.split(line)[1:]) == 0
    assert (tmp_path / "variants" / "variant_features.tsv").is_file()
    assert "\n  C43G: log-odds " in capsys.readouterr().out
    assert len((tmp_path / "all" / "variants.tsv").read_text().splitlines()) == 1 + 19 * 64


def is_of_a_run(block: str) -> bool:
    """Whether code needs the SAEs and activations of a run, not only its tables."""
    return any(word in block for word in ("read_run", "run.feature(", "run.intervene("))


def test_python_blocks_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All others of docs/python.md but SAELens's, for which there is io/saes/test_sae_files.py."""
    write_run(tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    names: dict[str, object] = {}
    for block in fenced_blocks("docs/python.md", "python"):
        if "sae_lens" not in block and not is_of_a_run(block):
            exec(block, names)
    signal, examples, site = names["signal"], names["own"], names["table"]
    assert set(signal["feature"]) == {0}
    assert len(examples)
    assert site[["concept", "f1", "verdict"]].to_numpy().tolist() == [["site", 1.0, "above"]]
    assert "best_baseline" in capsys.readouterr().out


def test_the_yaml_is_a_configuration() -> None:
    blocks = [block for page in PAGES for block in fenced_blocks(page, "yaml")]
    assert len(blocks) >= 2
    assert all(isinstance(yaml.safe_load(block), dict) for block in blocks)


@pytest.mark.parametrize("page", LINKING)
def test_links_within_the_repository_lead_somewhere(page: str) -> None:
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(), flags=re.DOTALL)
    links = re.findall(r"\]\(([^):\s]*)\)", text)
    assert [link for link in links if not leads_somewhere(link, page)] == []


def leads_somewhere(link: str, page: str) -> bool:
    """Whether the file is there, and has a heading of that anchor (as GitHub makes them)."""
    target, _, anchor = link.partition("#")
    path = (ROOT / page).parent / target if target else ROOT / page
    return path.exists() and (not anchor or anchor in anchors(path))


def anchors(path: Path) -> set[str]:
    """Of the headings of a Markdown file.

    Examples
    --------
    ``## In short: a table`` has ``in-short-a-table``.
    """
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("docs/")])
def test_the_readme_leads_to_every_page(page: str) -> None:
    assert f"]({page})" in README


def test_no_placeholder_is_left() -> None:
    assert not [page for page in LINKING if "@@" in (ROOT / page).read_text()]
