"""``protsae show``: what it prints, and one line if there is no such feature."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from protsae import read_run
from protsae.cli import main
from protsae.inspection.feature_name import FeatureName
from protsae.inspection.feature_search import MOST_CALLED, MOST_OTHERS
from protsae.inspection.run_feature import read_feature
from tests.helpers.configured_run import write_configured_run
from tests.helpers.run_folder import MODEL


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_configured_run(tmp_path_factory.mktemp("run") / "results")


@pytest.mark.parametrize("name", ["2/topk/0", f"{MODEL}/2/topk/0"])
def test_prints_what_the_object_does(
    results: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    capsys.readouterr()
    assert main(["show", name, "--run", str(results)]) == 0
    expected = read_feature(results, FeatureName(MODEL, 2, "topk", 0))
    assert capsys.readouterr().out == f"{expected}\n"


def test_the_folder_is_results_unless_said(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(results.parent)
    assert main(["show", "onehot/0/relu/1"]) == 0
    assert "Feature 0/relu/1 of onehot\n" in capsys.readouterr().out


def test_other_words_list_features(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    features = read_run(results).features
    named = features[features["concept"].notna() & (features["model"] == MODEL)].iloc[0]
    capsys.readouterr()
    assert main(["show", *named["concept"].split(), "--results", str(results)]) == 0
    out = capsys.readouterr().out
    assert f" of {MODEL} with {named['concept']!r} in a concept or the label" in out
    assert f"  {named['layer']}/{named['variant']}/{named['feature']} " in out
    found = read_run(results).find(named["concept"])
    called = found["is_called"].sum()
    listed = min(called, MOST_CALLED) + min(len(found) - called, MOST_OTHERS)
    assert len(re.findall(r"^  \d+/\S+/\d+ ", out, re.MULTILINE)) == listed > 0


def test_no_words_list_the_concepts(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["show", "--results", str(results)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"Concepts that features of {MODEL} are called for (q ≤ 0.05):\n")


def test_words_need_the_table_of_concepts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = write_configured_run(tmp_path / "results")
    (results / "concepts.tsv").write_text("concept\n")
    capsys.readouterr()
    assert main(["show", "signal", "--results", str(results)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"protsae show: {results}/concepts.tsv: ")
    assert error.endswith("; run the lookup stage again\n")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("3/topk/0", "{0}: no layer 3 of esm2_tiny; it has 1, 2"),
        ("0/topk/0", "{0}: no layer 0 of esm2_tiny; it has 1, 2"),
        ("x/2/topk/0", "{0}: no layer 2 of x; it has the models onehot, esm2_tiny"),
        ("2/gated/0", "{0}: no SAE 'gated'; it has relu, topk"),
        ("2/topk/4", "{0}: 2/topk has no feature 4; it has 0 to 3"),
        *(
            (
                name,
                f"{name!r}: no name of a feature; expected LAYER/SAE/FEATURE or "
                "MODEL/LAYER/SAE/FEATURE, such as 6/topk/246",
            )
            for name in ("", "7", "2/topk", "2/topk/-1", "two/topk/0", "/2/topk/0", "a/b/2/topk/0")
        ),
    ],
)
def test_no_such_feature(
    results: Path, capsys: pytest.CaptureFixture[str], name: str, line: str
) -> None:
    capsys.readouterr()
    assert main(["show", "--results", str(results), "--", name]) == 2
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err == f"protsae show: {line.format(results)}\n"


@pytest.mark.parametrize("name", ["2/topk/" + "9" * 5000, "2/topk/1\n", "٢/topk/1", "2/" * 2000])
def test_whatever_is_given_the_answer_is_one_line(
    results: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    capsys.readouterr()
    assert main(["show", "--results", str(results), "--", name]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("protsae show: '")
    assert "no name of a feature; expected LAYER/SAE/FEATURE or" in line
    assert len(line) < 200


def test_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "2/topk/0", "--results", str(tmp_path)]) == 2
    assert "config.yaml: no such file; expected the results folder of a run" in (
        capsys.readouterr().err
    )


def test_needs_no_torch(results: Path) -> None:
    code = (
        "import sys\nfrom protsae.cli import main\n"
        f"assert main(['show', '2/topk/0', '--results', {str(results)!r}]) == 0\n"
        "print([name for name in ('torch', 'h5py', 'matplotlib') if name in sys.modules])"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert finished.stdout.endswith("\n[]\n")
