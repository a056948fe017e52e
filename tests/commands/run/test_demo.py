"""The demo is a run with settings of its own, which says what it leaves out."""

import pytest

from protsae.cli import main
from protsae.commands.run import run as workflow
from protsae.config.settings import Config, parse_settings
from protsae.config.shipped_defaults import merge_settings, pipeline_folder, shipped_defaults
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
    given = read_yaml(pipeline / "config" / "demo.yaml")
    config = parse_settings(
        Config, merge_settings(shipped_defaults(pipeline / "config.yaml", pipeline), given)
    )
    assert config.embed.layers == (3, 6)
    assert {name: sae.architecture for name, sae in config.train.items()} == {"topk": "topk"}
    assert config.train["topk"].steps == 300
    assert not config.onehot
    assert not config.permuted_layers
    assert config.results == "results-demo"
