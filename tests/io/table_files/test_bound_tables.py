"""Tables of a whole run are refused beside other SAEs than those that their rows are of."""

import json
from pathlib import Path

import pytest

from protsae.errors import UserError
from protsae.io.saes.sae_identity import sae_sha256
from protsae.io.table_files.bound_tables import read_bound_table
from protsae.io.table_files.parquet import read_metadata
from protsae.schema.pair_tables import ASSOCIATIONS
from tests.helpers.run_folder import write_run
from tests.helpers.stored_tables import load, store

PLACE = "esm2_tiny/layer-01/topk"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return write_run(tmp_path)


def state(results: Path, saes: dict[str, str] | None) -> Path:
    for name in ("features", "associations"):
        path = results / f"{name}.parquet"
        store(path, load(path), {"saes": saes})
    return path


def test_the_rows_of_the_sae_that_is_there(results: Path) -> None:
    folder = results / "sae" / PLACE
    (folder / "protsae.json").write_text(json.dumps({"any": "identity"}))
    path = state(results, {PLACE: sae_sha256(folder)})
    every = load(path)
    assert read_bound_table(results, ASSOCIATIONS).equals(every)
    of_relu = read_bound_table(results, ASSOCIATIONS, ["variant", "f1"], {"variant": "relu"})
    expected = every.loc[every["variant"] == "relu", ["variant", "f1"]].reset_index(drop=True)
    assert of_relu.equals(expected)


def test_another_sae(results: Path) -> None:
    folder = results / "sae" / PLACE
    (folder / "protsae.json").write_text(json.dumps({"any": "identity"}))
    path = state(results, {PLACE: 64 * "7"})
    expected = (
        f"{path}: of SAE {12 * '7'} of {PLACE}; expected {sae_sha256(folder)[:12]}, the weights "
        "there are; run the workflow again"
    )
    with pytest.raises(UserError) as refused:
        read_bound_table(results, ASSOCIATIONS)
    assert str(refused.value) == expected


def test_tables_alone_are_enough(results: Path) -> None:
    """As where only they were copied."""
    path = state(results, {PLACE: 64 * "7"})
    assert read_bound_table(results, ASSOCIATIONS).equals(load(path))


@pytest.mark.parametrize("key", ["protein_set_sha256", "annotations_sha256", "saes"])
def test_a_table_of_other_features(results: Path, key: str) -> None:
    path = results / "associations.parquet"
    store(path, load(path), {key: {} if key == "saes" else 64 * "7"})
    expected = (
        f"{path}: its {key} is not that of features.parquet beside it; run the tables stage again"
    )
    with pytest.raises(UserError) as refused:
        read_bound_table(results, ASSOCIATIONS)
    assert str(refused.value) == expected


def test_a_table_that_does_not_say(results: Path) -> None:
    path = state(results, None)
    with pytest.raises(UserError, match=f"^{path}: does not state the SAEs that it is of; exp"):
        read_bound_table(results, ASSOCIATIONS)


def test_every_sae_is_stated_with_the_checksum_of_its_layer(results: Path) -> None:
    for name in ("features", "associations"):
        found = read_metadata(results / f"{name}.parquet")
        layers = [
            (path, read_metadata(path)) for path in results.glob("annotation/*/*/features.parquet")
        ]
        assert found["saes"] == {
            f"{path.parent.relative_to(results / 'annotation')}/{variant}": digest
            for path, stamp in layers
            for variant, digest in stamp["saes"].items()
        }
        assert {stamp["annotations_sha256"] for _, stamp in layers} == {found["annotations_sha256"]}
