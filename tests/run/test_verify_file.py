"""Files that have no reader among the stages: checkpoints, pictures, pages."""

import random
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from protsae.errors import UserError
from protsae.provenance import file_sha256
from protsae.run.verify_file import check_file
from tests.helpers.tiny_esm import save_tiny


def picture(path: Path) -> None:
    figure, axes = plt.subplots()
    axes.plot([0, 1], [1, 0])
    figure.savefig(path)
    plt.close(figure)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    save_tiny(tmp_path).rename(tmp_path / "models" / "m-permuted.pt")
    (tmp_path / "scaling").mkdir()
    picture(tmp_path / "scaling" / "pareto.png")
    (tmp_path / "report.html").write_text("<html>\n<p>x</p></html>\n")
    return tmp_path


NAMES = ("models/m-permuted.pt", "scaling/pareto.png", "report.html")


@pytest.mark.parametrize("name", NAMES)
def test_whole_files(results: Path, name: str) -> None:
    found = check_file(results, name)
    assert found.get("sha256", file_sha256(results / name)) == file_sha256(results / name)


@pytest.mark.parametrize("name", NAMES)
def test_files_cut_short(results: Path, name: str) -> None:
    path = results / name
    content = path.read_bytes()
    for share in (0.0, 0.3, 0.9):
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(UserError, match=f"^{path}: (damaged|cut short)"):
            check_file(results, name)


@pytest.mark.parametrize("name", NAMES[:2])
def test_flipped_bits_in_what_is_stored(results: Path, name: str) -> None:
    """Both formats have a checksum of each of their parts."""
    path = results / name
    content = path.read_bytes()
    draw = random.Random(0)
    n_told = 0
    for _ in range(100):
        damaged = bytearray(content)
        damaged[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        try:
            check_file(results, name)
        except UserError:
            n_told += 1
    assert n_told > 60


def test_a_file_that_is_not_there(results: Path) -> None:
    with pytest.raises(UserError, match=f"^{results}/references.parquet: missing$"):
        check_file(results, "references.parquet")
