"""The tiny run of `run_folder` with its configuration, so that it opens as a run."""

from pathlib import Path

import yaml

from tests.helpers.run_folder import LAYERS, MODEL, VARIANTS, write_run


def write_configured_run(results: Path) -> Path:
    """`write_run`, and the config.yaml of its model, layers and SAEs."""
    write_run(results)
    config = {
        "embed": {"model": f"{MODEL}.pt", "layers": [n for name, n in LAYERS if name == MODEL]},
        "permuted_layers": [],
        "train": {name: {"architecture": name} for name in VARIANTS} | {"frozen": None},
    }
    (results / "config.yaml").write_text(yaml.safe_dump(config))
    return results
