from pathlib import Path

import pytest
import yaml

from protsae.config import shipped_defaults as shipped
from protsae.config.settings import Config, local_files, parse_settings

ROOT = Path(__file__).parents[2]


def test_in_their_own_folder_paths_stay_as_they_are() -> None:
    found = shipped.shipped_defaults(ROOT / "config.yaml", ROOT)
    assert found == yaml.safe_load((ROOT / "config.yaml").read_text())


def test_elsewhere_paths_lead_to_the_shipped_files(tmp_path: Path) -> None:
    found = shipped.shipped_defaults(ROOT / "config.yaml", tmp_path)
    files = local_files(parse_settings(Config, found))
    assert files == {
        "fetch.input": f"{ROOT}/data/sample/proteins.json.gz",
        "embed.model": f"{ROOT}/data/model/esm2_t6_protsae.pt",
        "annotate.reference_rates": f"{ROOT}/data/base_rates.tsv",
    }
    assert all(Path(path).is_file() for path in files.values())
    assert found["results"] == "results", "results go into the folder of the run"


@pytest.mark.parametrize(
    ("below", "above", "both"),
    [
        pytest.param({"a": 1}, {"a": 2, "b": 3}, {"a": 2, "b": 3}, id="values"),
        pytest.param(
            {"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}, id="nested"
        ),
        pytest.param({"a": {"b": 1}}, {"a": None}, {"a": None}, id="null"),
        pytest.param({"a": None}, {"a": {"b": 1}}, {"a": {"b": 1}}, id="over null"),
        pytest.param({"a": [1, 2]}, {"a": [3]}, {"a": [3]}, id="lists are replaced"),
        pytest.param({"a": {"b": 1}}, {"a": {}}, {"a": {"b": 1}}, id="an empty section"),
    ],
)
def test_settings_are_merged_as_snakemake_does(below: dict, above: dict, both: dict) -> None:
    snakemake_utils = pytest.importorskip("snakemake.utils")
    assert shipped.merge_settings(below, above) == both
    snakemake_utils.update_config(below, above)
    assert below == both


def test_the_defaults_are_not_changed_by_a_merge() -> None:
    below = {"a": {"b": [1]}}
    shipped.merge_settings(below, {"a": {"c": 2}})["a"]["b"].append(3)
    assert below == {"a": {"b": [1]}}


def test_the_pipeline_is_the_repository_or_within_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shipped.pipeline_folder() == ROOT
    monkeypatch.setattr(shipped, "PACKAGE", tmp_path / "protsae")
    (tmp_path / "protsae/pipeline").mkdir(parents=True)
    assert shipped.pipeline_folder() == tmp_path / "protsae/pipeline"
