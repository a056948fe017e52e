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


def test_the_pipeline_is_the_repository_or_within_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shipped.pipeline_folder() == ROOT
    monkeypatch.setattr(shipped, "PACKAGE", tmp_path / "protsae")
    (tmp_path / "protsae/pipeline").mkdir(parents=True)
    assert shipped.pipeline_folder() == tmp_path / "protsae/pipeline"
