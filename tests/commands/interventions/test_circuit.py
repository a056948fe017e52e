"""protsae circuit on a run: files, screen, one line for every mistake; and Run.circuit."""

import re
from dataclasses import replace
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch

from protsae import read_run
from protsae.cli import main
from protsae.errors import UserError
from protsae.interventions.circuits.esm_layers import sae_dictionary
from protsae.interventions.circuits.find_circuit import Search
from protsae.plm.esm2.load import load_esm
from protsae.plm.esm2.tokens import CLS, EOS, MASK, tokenise
from protsae.stages.tracing.circuit_files import GRAPHML, JSON, SVG, read_circuit
from protsae.stages.tracing.trace_circuit import site_circuit
from protsae.stages.tracing.traced_sites import TracedSite, concept_sites
from tests.helpers.circuit_pass import random_sae
from tests.helpers.finished_run import RESULTS
from tests.helpers.tiny_esm import build_esm, random_sequence, save_tiny

SEQUENCE = random_sequence(40)
SITE = 9
"""A tryptophan, of which all features of layer 1 change log p by 0.8 nats."""


def circuit(output: Path, *words: object) -> int:
    first = ["circuit", "--run", RESULTS, "--output", str(output), "--sae", "topk"]
    return main([*first, *map(str, words)])


def log_p(folder: Path, sequence: str, position: int) -> np.ndarray:
    """Of the 33 tokens at a masked residue, by fair-esm's own model."""
    esm = load_esm(str(folder / "esm2_tiny.pt"), "cpu")
    tokens = torch.tensor([[CLS, *tokenise(sequence).tolist(), EOS]])
    tokens[0, position] = MASK
    with torch.no_grad():
        return esm.model(tokens)["logits"][0, position].log_softmax(-1).numpy()


def test_files_and_screen(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert circuit(tmp_path / "out", "--sequence", SEQUENCE, "--residue", SITE) == 0
    graph = read_circuit(tmp_path / "out" / JSON)
    stated = graph.graph
    assert stated["output"] == "log p(W) at W9 of sequence"
    assert stated["clean_output"] == pytest.approx(log_p(folder, SEQUENCE, SITE)[22], abs=1e-4)
    assert stated["at_stake"] == pytest.approx(0.8, abs=0.05)
    assert abs(1 - stated["faithfulness"]) <= 0.2
    assert stated["layers"] == [1]
    features = [data for _, data in graph.nodes(data=True) if data["kind"] == "feature"]
    assert len(features) == stated["n_nodes"] >= 1
    assert all(SEQUENCE[data["position"] - 1] == data["residue"] for data in features)
    assert set(graph["1/topk/error@9"]) == {"output"}

    other = nx.parse_graphml((tmp_path / "out" / GRAPHML).read_text(), force_multigraph=True)
    assert dict(other.nodes(data=True)) == dict(graph.nodes(data=True))
    assert (tmp_path / "out" / SVG).read_text().startswith("<svg ")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(
        "log p(W) at W9 of sequence: -3.07 with the residue masked, -3.89 with"
    )
    assert lines[-2:] == [
        "note: the graph was judged at the one residue that it was chosen for",
        f"wrote {tmp_path / 'out'}/: circuit.json, circuit.graphml and circuit.svg",
    ]


def test_equal_inputs_give_equal_bytes_and_python_the_same_graph(
    folder: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        assert circuit(tmp_path / name, "--sequence", SEQUENCE, "--residue", SITE) == 0
    for name in (JSON, GRAPHML, SVG):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    graph = read_run(RESULTS).circuit(SEQUENCE, SITE, "topk")
    assert nx.utils.graphs_equal(graph, read_circuit(tmp_path / "one" / JSON))


def test_log_odds_of_a_variant(folder: Path) -> None:
    graph = read_run(RESULTS).circuit(SEQUENCE, SITE, "topk", to="K")
    expected = log_p(folder, SEQUENCE, SITE)
    assert graph.graph["output"] == "log p(K) - log p(W) at W9 of sequence"
    assert graph.graph["clean_output"] == pytest.approx(expected[15] - expected[22], abs=1e-4)


def test_of_several_layers_and_of_a_window_of_a_long_protein(folder: Path) -> None:
    tracing = read_run(RESULTS).tracing("topk")
    later = sae_dictionary(random_sae(24, 5, width=31))
    both = {"layers": (1, 2), "dictionaries": (*tracing.dictionaries, later)}
    tracing = replace(tracing, **both, context=30, overlap=10)
    search = Search(share=0.5, steps=3, most_nodes=10, draws=3)
    graph = site_circuit(tracing, TracedSite("P1", SEQUENCE, 33), search)
    layers = {data.get("layer") for _, data in graph.nodes(data=True)}
    assert layers == {1, 2, None}
    positions = {data["position"] for _, data in graph.nodes(data=True) if "position" in data}
    # The window of the last 30 residues, between <cls> and <eos>.
    assert positions <= set(range(10, 42))
    for _, data in graph.nodes(data=True):
        if 10 < data.get("position", 0) < 41:
            assert data["residue"] == SEQUENCE[data["position"] - 1]
    for source, target, kind in graph.edges(keys=True):
        ends = [graph.nodes[name].get("layer", 3) for name in (source, target)]
        assert ends in ([1, 2], [2, 3]), kind


def test_sites_of_a_concept_are_of_different_clusters_of_test(folder: Path) -> None:
    run = read_run(RESULTS)
    halves = concept_sites(run.tracing("topk"), "residue: C", 7, seed=0)
    assert [len(half) for half in halves] == [4, 3]
    sites = [site for half in halves for site in half]
    assert {site.residue for site in sites} == {"C"}
    own = run.proteins.set_index("accession").loc[[site.name for site in sites]]
    assert own["cluster"].is_unique
    assert set(own["split"]) == {"test"}


def test_a_concept_is_judged_at_other_sites(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--concept", "residue: W", "--sites", 6, "--most-nodes", 20, "--draws", 5)
    assert circuit(tmp_path, *words) == 0
    graph = read_circuit(tmp_path / JSON)
    stated = graph.graph
    assert len(stated["found_on"]) == len(stated["judged_on"]) == stated["n_judged"] == 3
    assert not set(stated["found_on"]) & set(stated["judged_on"])
    assert stated["faithfulness_low"] <= stated["faithfulness_high"]
    assert all("position" not in data for _, data in graph.nodes(data=True))
    out = " ".join(capsys.readouterr().out.split())
    assert "log p of the true residue, mean over residues with residue: W: " in out
    assert "at 3 other sites" in out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--sequence", "MKV"), r"--residue: missing; give the residue whose prediction is"),
        (("--sequence", "MKV", "--residue", 4), r"--residue 4: sequence has 3 residues; expected"),
        (("--sequence", "MXV", "--residue", 2), r"--residue 2: X is none of the 20 amino acids"),
        (("--sequence", "MKV", "--residue", 2, "--to", "B"), r"--to: B is none of the 20 amino"),
        (("--sequence", "MKV", "--residue", 2, "--to", "K"), r"--to K: residue 2 of sequence is K"),
        (("--protein", "P0", "--residue", 2), r"--protein: no 'P0' among the \d+ proteins of resu"),
        (("--concept", "SIGNAL", "--residue", 2), r"--concept: has residues of its own; leave"),
        (("--concept", "NONE"), r"--concept: no concept 'NONE' among the \d+ of results"),
        (("--concept", "SIGNAL", "--sites", 3), r"--sites 3; expected 4 or more"),
        (("--sequence", "MKV", "--residue", 2, "--share", 1), r"--share 1; expected a share above"),
        (
            ("--sequence", "MKV", "--residue", 2, "--steps", 0),
            r"--steps 0, .*; expected at least 1",
        ),
        (("--sequence", "MKV", "--residue", 2, "--layers", 7), r"results: no layer 7 of esm2_tiny"),
        (("--sequence", "MKV", "--residue", 2, "--sae", "b"), r"results: no SAE 'b'; it has topk"),
    ],
)
def test_a_mistake_is_one_line(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[object, ...],
    line: str,
) -> None:
    assert circuit(tmp_path / "out", *words) == 2
    [said] = capsys.readouterr().err.splitlines()
    assert said.startswith("protsae circuit: ")
    assert re.search(line, said), said
    assert not (tmp_path / "out").exists()


def test_where_features_do_nothing_there_is_no_circuit(folder: Path) -> None:
    tracing = read_run(RESULTS).tracing("topk")
    [own] = tracing.dictionaries
    silent = replace(own, encode=lambda x_ND: 0 * own.encode(x_ND))
    site = TracedSite("P1", SEQUENCE, SITE)
    with pytest.raises(
        UserError, match=r"^log p\(W\) at W9 of P1: ablating all features of all lay"
    ):
        site_circuit(replace(tracing, dictionaries=(silent,)), site, Search())


def test_another_model_is_refused(folder: Path, tmp_path: Path) -> None:
    save_tiny(tmp_path, model=build_esm(seed=3))
    with pytest.raises(UserError, match="weights_sha256"):
        read_run(RESULTS).tracing("topk", model=str(tmp_path / "esm2_tiny.pt"))


def test_a_changed_file_is_refused(folder: Path, tmp_path: Path) -> None:
    assert circuit(tmp_path, "--sequence", SEQUENCE, "--residue", SITE) == 0
    path = tmp_path / JSON
    path.write_text(path.read_text().replace('"position": 9', '"position": 8'))
    with pytest.raises(UserError, match="changed since it was written"):
        read_circuit(path)
