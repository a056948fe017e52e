from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from protsae.cli import main
from protsae.io.saes.evaluations import HISTOGRAM, read_evaluation, write_evaluation
from protsae.schema.saes.evaluation_tables import EVALUATION
from protsae.schema.saes.scaling_table import SCALING

WIDTHS, L0S, RESIDUES = (64, 128, 256), (4.0, 16.0), (1000, 8000)


def write_evaluations(folder: Path, architecture: str = "topk") -> list[str]:
    """SAEs of a law: FVU = 0.02 + 0.3 (width/128)^-0.5 (l0/8)^-0.4, none dead but the widest."""
    paths = []
    for width in WIDTHS:
        for l0 in L0S:
            for residues in RESIDUES:
                fvu = 0.02 + 0.3 * (width / 128) ** -0.5 * (l0 / 8) ** -0.4
                numbers = dict.fromkeys(EVALUATION.names, 0.5)
                numbers |= {
                    **dict.fromkeys(("n_residues", "n_proteins", "n_clusters"), 3),
                    **{"n_masked": 15, "n_masks": 5},
                    **{"model": "m", "layer": 2, "architecture": architecture, "d_model": 32},
                    **{"variant": f"{architecture}-{width}-{l0}-{residues}", "n_features": width},
                    **{"l0": l0, "fvu": fvu, "fvu_low": 0.9 * fvu, "fvu_high": 1.1 * fvu},
                    **{"pca_components": round(l0), "training_residues": residues},
                    **{"dead_fraction": 0.25 if width == 256 else 0.0},
                }
                path = folder / str(numbers["variant"]) / "evaluation.json"
                write_evaluation(path, {**numbers, HISTOGRAM: {}})
                paths.append(str(path))
    return paths


def test_the_law_is_fitted_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = write_evaluations(tmp_path / "saes")
    assert main(["scaling", "--evaluations", *paths, "--output", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == (
        f"wrote {tmp_path}/out/pareto.png, scaling.png and scaling.tsv: 12 SAEs, 1 fits\n"
    )
    table = pd.read_csv(tmp_path / "out" / "scaling.tsv", sep="\t")
    assert list(table) == SCALING.names
    # Dead features are 0 but for four SAEs of one value, which is too few for a fit.
    assert set(table["y"]) == {"fvu"}
    found = table.set_index("parameter")["value"]
    assert found["n_features"] == pytest.approx(0.5, abs=0.02)
    assert found["l0"] == pytest.approx(0.4, abs=0.02)
    assert found["training_residues"] == pytest.approx(0, abs=0.01)
    assert found["floor"] == pytest.approx(0.02, abs=0.01)
    for name in ("pareto", "scaling"):
        picture = matplotlib.image.imread(tmp_path / "out" / f"{name}.png")
        assert picture.shape[0] > 200
        assert np.ptp(picture[..., :3]) > 0.5


def test_too_few_saes_are_drawn_and_not_fitted(tmp_path: Path) -> None:
    paths = write_evaluations(tmp_path / "saes")[:2]
    assert main(["scaling", "--evaluations", *paths, "--output", str(tmp_path / "out")]) == 0
    assert pd.read_csv(tmp_path / "out" / "scaling.tsv", sep="\t").empty
    assert (tmp_path / "out" / "pareto.png").stat().st_size > 5000


def test_the_same_bytes_again(tmp_path: Path) -> None:
    paths = write_evaluations(tmp_path / "saes")
    for name in ("one", "two"):
        assert main(["scaling", "--evaluations", *paths, "--output", str(tmp_path / name)]) == 0
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_an_older_evaluation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_evaluations(tmp_path / "saes")[0]
    document = read_evaluation(path)
    del document["best_fvu"]
    write_evaluation(path, document)
    assert main(["scaling", "--evaluations", path, "--output", str(tmp_path / "out")]) == 2
    version = f"version {EVALUATION.version}"
    assert capsys.readouterr().err == (
        f"protsae scaling: {path}: holds evaluation, {version}; no 'best_fvu'; expected "
        f"evaluation, {version} (docs/tables.md); run the evaluate stage again\n"
    )
