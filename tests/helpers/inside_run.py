"""A tiny run with SAEs on every site of a block and on the permuted model, made by its stages."""

import json
from pathlib import Path

import yaml

from protsae.cli import main
from protsae.run.layout import inside_sites, model_layers, shard_names
from protsae.run.run_places import read_run_config
from tests.helpers.tiny_esm import save_tiny
from tests.helpers.tiny_run import protein_rows, write_annotations, write_proteins

LAYER = 2
SITES = ("residual", "attention", "mlp_out", "mlp_hidden")
SAE = {"architecture": "topk", "k": 5, "expansion": 2.0, "steps": 30, "lr": 0.01}
CONFIG = {
    "embed": {"model": "esm2_tiny.pt", "layers": [LAYER], "sites": list(SITES), "device": "cpu"},
    "permuted_layers": [LAYER],
    "onehot": False,
    "cache": {"shards": 2},
    "concepts": {"min_residues": 3, "min_clusters": 2},
    "train": {"topk": SAE, "relu": None, "frozen": None},
}


def write_inside_run(folder: Path) -> Path:
    """``results`` in a folder, with all that edits need, and the model beside it."""
    results = folder / "results"
    (results / "proteins").mkdir(parents=True)
    (results / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    config = read_run_config(results)
    proteins = results / "proteins" / "proteins.parquet"
    write_proteins(proteins, protein_rows(24))
    write_annotations(results / "proteins" / "annotations.parquet", protein_rows(24))
    permuted = results / "models" / "esm2_tiny-permuted.pt"
    permuted.parent.mkdir()
    models = {"esm2_tiny": save_tiny(folder), "esm2_tiny-permuted": permuted}
    assert main(["randomise", "--model", str(models["esm2_tiny"]), "--output", str(permuted)]) == 0
    for name, path in models.items():
        for number, shard in enumerate(shard_names(config)):
            of_site = {
                site: results / "activations" / f"{name}-{site}" / f"shard-{shard}.h5"
                for site in inside_sites(config)
            }
            output = results / "activations" / name / f"shard-{shard}.h5"
            for file in (output, *of_site.values()):
                file.parent.mkdir(parents=True, exist_ok=True)
            words = ["--proteins", proteins, "--shard", number, "--shards", 2, "--output", output]
            words += ["--inside", *(f"{site}={file}" for site, file in of_site.items())]
            words += ["--model", path, "--layers", LAYER, "--dtype", "float32", "--device", "cpu"]
            words += ["--sites", *SITES]
            assert main(["embed", *map(str, words)]) == 0
    for name, layer in model_layers(config):
        shards = sorted((results / "activations" / name).glob("shard-*.h5"))
        own = Path(name) / f"layer-{layer}"
        files = ["--activations", *shards, "--proteins", proteins]
        saes = ["--saes", json.dumps({"topk": SAE}), "--layer", int(layer), "--device", "cpu"]
        output = results / "sae" / own
        train = ["train", *saes, "--batch", 31, *files, "--output", output]
        assert main([*map(str, train)]) == 0
        for shard in shards:
            codes = results / "codes" / own / shard.name
            codes.parent.mkdir(parents=True, exist_ok=True)
            encode = ["encode", "--sae", output / "topk", "--activations", shard]
            encode += ["--proteins", proteins, "--output", codes]
            assert main([*map(str, encode)]) == 0
    return results
