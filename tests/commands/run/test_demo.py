"""The demo is a run with settings of its own, which says what it leaves out."""

from pathlib import Path

import pytest
from snakemake.utils import update_config

from protsae.cli import main
from protsae.commands.run import run as workflow
from protsae.config.settings import Config, parse_settings
from protsae.config.shipped_defaults import pipeline_folder, shipped_defaults
from protsae.config.yaml_text import read_yaml


def test_the_settings_of_the_demo_come_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that those given beside it are over them; all other words go to Snakemake."""
    calls: list[list[str]] = []
    monkeypatch.setattr(workflow, "replace_process", lambda command: calls.append(list(command)))
    assert main(["demo", "embed", "--cores", "3", "--config", "results=there"]) == 0
    assert calls[0][1:5] == ["-P", "-m", "snakemake", "--configfile"]
    assert calls[0][5:8] == ["config/demo.yaml", "--config", "results=there"]
    assert calls[0][-3:] == ["embed", "--cores", "3"]
    assert capsys.readouterr().out.startswith("A demo: layers 3 and 6, one TopK SAE each, trained")


def test_what_the_demo_says_is_what_its_settings_are() -> None:
    pipeline = pipeline_folder()
    settings = shipped_defaults(pipeline / "config.yaml", pipeline)
    update_config(settings, read_yaml(pipeline / "config" / "demo.yaml"))
    config = parse_settings(Config, settings)
    assert config.embed.layers == (3, 6)
    assert config.effect_layers == (6,)
    assert {name: sae.architecture for name, sae in config.train.items()} == {"topk": "topk"}
    assert config.train["topk"].steps == 300
    assert not config.onehot
    assert not config.permuted_layers
    assert config.results == "results-demo"


def test_settings_of_the_folder_would_change_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("onehot: false\n")
    assert main(["demo"]) == 2
    assert capsys.readouterr().err == (
        f"protsae demo: {tmp_path}/config.yaml: its settings would change the demo; expected a "
        "folder without a config.yaml; run the demo in another folder, or protsae run in this one\n"
    )
