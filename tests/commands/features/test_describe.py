"""``protsae describe`` on a tiny run with a stand-in on loopback: cost, key, resuming, scores."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from protsae.cli import main
from protsae.io.llm.chat_client import KEY_VARIABLE
from protsae.io.table_files.parquet import read_metadata, read_table
from protsae.schema.features.description_table import DESCRIPTIONS
from protsae.schema.features.llm_description_table import LLM_DESCRIPTIONS
from tests.helpers.chat_server import ChatServer, Reply, chat_server, completion, refusal
from tests.helpers.finished_run import RESULTS, finished_run

KEY = "sk-secret-13579"
LAYER = Path("annotation", "esm2_tiny", "layer-01")
FIVE = ("--max-features", "5")


def answer(body: dict[str, Any]) -> Reply:
    """As an LLM would that sees one letter in what it is shown."""
    shown = body["messages"][1]["content"].split("Windows in which it is silent")[0]
    letter = re.findall(r"([ACDEFGHIKLMNPQRSTVWY])9", shown)[0]
    rule = [{"term": "letters", "letters": letter}]
    return completion(json.dumps({"label": f"{letter}!", "sentence": "So.", "rule": rule}))


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server(answer) as served:
        yield served


@pytest.fixture
def results(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy without what is not needed: activations."""
    left_out = shutil.ignore_patterns("activations", "report.html")
    source = finished_run(tmp_path_factory) / RESULTS
    return shutil.copytree(source, tmp_path / "results", ignore=left_out)


def words(results: Path, endpoint: str, *more: str) -> list[str]:
    own = ["describe", "--results", str(results), "--layer", "1", "--variant", "topk"]
    return [*own, "--endpoint", endpoint, "--llm", "some-llm", *more]


def table(results: Path) -> pd.DataFrame:
    return read_table(results / LAYER / "topk" / "llm_descriptions.parquet", LLM_DESCRIPTIONS)


def test_from_cost_to_scores(
    results: Path,
    server: ChatServer,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    server.replies = [
        completion("I do not know."),
        completion('{"label": "x", "sentence": "y", "rule": []}'),
        refusal(503, f"overloaded, {KEY}"),
    ]
    prices = ("--price-input", "2", "--price-output", "10")
    assert main(words(results, server.url, *FIVE, *prices)) == 0
    screen = capfd.readouterr()
    lines = screen.out.splitlines()
    assert lines[0] == f"5 requests to {server.url}, one after another, for some-llm"
    estimate = re.fullmatch(
        r"estimated: ([\d,]+) tokens of prompts \(3 characters a token\), 750 of answers \(150 "
        r"each; an LLM that thinks first needs more\); 0.0\d at your prices",
        lines[1],
    )
    assert estimate
    asked = [*server.asked[:2], *server.asked[3:]]  # one was asked twice
    assert server.asked[2] == server.asked[3]
    texts = [message["content"] for body in asked for message in body["messages"]]
    assert int(estimate[1].replace(",", "")) == sum(-(-len(text) // 3) for text in texts)
    assert "the endpoint: HTTP 503: overloaded, ***; try 1 of 9; again in 1 s" in lines
    assert lines[-5].startswith("all 5 answers, by the endpoint's own count: 5,045 tokens of ")
    assert lines[-5].endswith("prompts and 265 of answers; 0.01 at your prices")
    assert (
        lines[-4] == "1 of 5 answers were no rule that protsae can score; 1 say that they know none"
    )
    assert lines[-1] == f"wrote {results / LAYER}/topk/llm_descriptions.parquet"
    rows = table(results)
    assert rows["rule"].isna().tolist() == [True, True, False, False, False]
    assert rows["problem"].tolist() == ["no JSON object with a rule", *[None] * 4]
    assert rows["auroc"].isna().tolist()[:2] == [True, True]
    assert (rows["llm"] == "some-llm").all()
    assert (rows.loc[2:, "label"].str[1:] == "!").all()
    every = [path for path in results.rglob("*") if path.is_file()]
    assert not [path for path in every if KEY.encode() in path.read_bytes()]
    assert KEY not in screen.out + screen.err


def test_the_score_is_that_of_protsaes_own_rules(results: Path, server: ChatServer) -> None:
    """An LLM that answers with protsae's rules gets protsae's scores, and no difference."""
    own = read_table(results / LAYER / "descriptions.parquet", DESCRIPTIONS)
    own = own[own["variant"] == "topk"].reset_index(drop=True)
    server.replies = [
        completion(json.dumps({"label": "l", "rule": json.loads(rule) if rule else []}))
        for rule in own["rule"]
    ]
    assert main(words(results, server.url)) == 0
    rows = table(results)
    shared = ["auroc", "homologous_auroc", "composition_auroc", "correlation", "recall"]
    shared += ["precision", "known_share", "n_clusters"]
    pd.testing.assert_frame_equal(rows[shared], own[shared])
    assert (rows["auroc_difference"].dropna() == 0).all()
    pd.testing.assert_series_equal(rows["protsae_auroc"], own["auroc"], check_names=False)


def test_what_is_sent_is_of_train(results: Path, server: ChatServer) -> None:
    assert main(words(results, server.url)) == 0
    proteins = pd.read_parquet(results / "proteins" / "proteins.parquet")
    train = set(proteins.loc[proteins["split"] == "train", "sequence"])
    n_windows = 0
    for body in server.asked:
        for line in body["messages"][1]["content"].splitlines():
            if found := re.match(r"- residues (\d+) to (\d+) of (\d+): ([A-Za-z1-9]+)", line):
                start, end, length = map(int, found.groups()[:3])
                window = re.sub("[1-9]", "", found[4]).upper()
                own = [each for each in train if each[start - 1 : end] == window]
                assert any(len(each) == length for each in own), line
                n_windows += 1
        assert not any(name in str(body) for name in proteins["accession"])
    assert n_windows > 100


def test_a_dry_run_asks_and_writes_nothing(
    results: Path, server: ChatServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(results, server.url, *FIVE, "--dry-run")) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("5 requests to ")
    assert "cost unknown, as no prices are given" in printed
    assert "\n[user]\nWindows in which the feature is active" in printed
    assert server.asked == []
    assert not (results / LAYER / "topk").exists()


def test_nothing_is_asked_twice(results: Path, server: ChatServer) -> None:
    """A run that fails half-way goes on there; more features, another LLM ask what is new."""
    three = [refusal(400, "no")]
    server.replies = [answer({"messages": [{}, {"content": "A9"}]})] * 2 + three
    assert main(words(results, server.url, *FIVE)) == 2
    assert not (results / LAYER / "topk" / "llm_descriptions.parquet").exists()
    assert main(words(results, server.url, *FIVE)) == 0
    assert len(server.asked) == 3 + 3
    assert len({json.dumps(body) for body in server.asked}) == 5
    before = (results / LAYER / "topk" / "llm_descriptions.parquet").read_bytes()
    assert main(words(results, server.url, *FIVE)) == 0
    assert len(server.asked) == 6
    assert (results / LAYER / "topk" / "llm_descriptions.parquet").read_bytes() == before
    assert main(words(results, server.url, "--max-features", "7")) == 0
    assert len(server.asked) == 8
    assert main([*words(results, server.url, *FIVE), "--llm", "other"]) == 0
    assert len(server.asked) == 13


def test_a_killed_run_goes_on(results: Path, tmp_path: Path) -> None:
    """Killed while the third answer is on its way: two are kept, three are asked for."""
    killed: list[int] = []

    def kill_at_the_third(body: dict[str, Any]) -> Reply:
        if len(served.asked) == 3 and not killed:
            killed.append(process.pid)
            process.send_signal(signal.SIGKILL)
        return answer(body)

    with chat_server(kill_at_the_third) as served:
        command = [sys.executable, "-m", "protsae", *words(results, served.url, *FIVE)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        assert process.wait(timeout=120) == -signal.SIGKILL
        assert main(words(results, served.url, *FIVE)) == 0
        assert len(served.asked) == 3 + 3
        assert len({json.dumps(body) for body in served.asked}) == 5
    assert len(table(results)) == 5


def test_show_and_verify_know_of_it(
    results: Path, server: ChatServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(results, server.url)) == 0
    capsys.readouterr()
    row = table(results).iloc[0]
    assert main(["show", "1/topk/0", "--results", str(results)]) == 0
    assert f"  LLM         {row['label']} (some-llm; confidence: " in capsys.readouterr().out
    assert main(["verify", str(results)]) == 2  # activations and page are left out here
    assert "llm_" not in capsys.readouterr().out
    stated = read_metadata(results / LAYER / "topk" / "llm_descriptions.parquet")
    assert (stated["stage"], list(stated["saes"])) == ("describe", ["topk"])
    path = results / LAYER / "topk" / "llm_descriptions.parquet"
    os.truncate(path, path.stat().st_size - 9)
    assert main(["verify", str(results)]) == 2
    assert "llm_descriptions.parquet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (("--layer", "7"), "no layer 7 of esm2_tiny"),
        (("--variant", "gated"), "no SAE 'gated'"),
        (("--features", "0", "99999"), "--features: no feature 99999; there are 0 to "),
        (("--max-features", "0"), "--max-features is 0; expected 1 or more"),
        (("--price-input", "2"), "--price-input and --price-output: expected both, 0 or more"),
        (("--endpoint", "ftp://x"), "--endpoint is 'ftp://x'; expected http(s)://host"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    results: Path,
    server: ChatServer,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    line: str,
) -> None:
    assert main(words(results, server.url, *more)) == 2
    [found] = capsys.readouterr().err.splitlines()
    assert line in found
    assert server.asked == []
