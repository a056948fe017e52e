"""Pretraining through its command line: resuming, what it writes, and one line for each mistake."""

import gzip
import json
import shutil
from pathlib import Path

import esm
import numpy as np
import pandas as pd
import pytest
import torch

from protsae.cli import main
from protsae.config.stage_settings import PretrainSettings
from protsae.plm.esm2 import pretraining
from protsae.plm.esm2.load import load_esm
from protsae.provenance import file_sha256
from protsae.stages import pretrain_model
from protsae.stages.outputs import pretrained_model
from tests.helpers.tiny_esm import ALPHABET, random_sequence

STEPS, EVALUATE_EVERY = 7, 3
TINY = [
    *("--layers", "2", "--width", "8", "--heads", "2", "--steps", str(STEPS)),
    *("--evaluate-every", str(EVALUATE_EVERY), "--tokens-per-batch", "256", "--row-tokens", "41"),
    *(
        "--warmup-steps",
        "2",
        "--decay-steps",
        "5",
        "--device",
        "cpu",
        "--valid",
        "0.1",
        "--lr",
        "0.01",
    ),
]
SEQUENCES = [random_sequence(length) for length in range(30, 60)]
WRITTEN = [
    *("esm2_x-contact-regression.pt", "esm2_x.curve.tsv", "esm2_x.json", "esm2_x.pt"),
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with a FASTA file; every sequence is a cluster of its own."""
    monkeypatch.chdir(tmp_path)
    write_fasta(SEQUENCES)
    monkeypatch.setattr(
        pretrain_model, "cluster_sequences", lambda found, **_: np.arange(len(found))
    )
    return tmp_path


def write_fasta(sequences, path="x.fasta"):
    Path(path).write_text("".join(f">{i}\n{s}\n" for i, s in enumerate(sequences)))


def pretrain(*more, output="out/esm2_x.pt", path="x.fasta"):
    return main(["pretrain", "--input", path, "--output", output, *TINY, *more])


def names(folder="out"):
    return sorted(path.name for path in Path(folder).iterdir())


def test_what_is_written(folder, capsys):
    assert pretrain() == 0
    assert capsys.readouterr().out == "wrote out/esm2_x.pt\n"
    assert names() == WRITTEN

    curve = pd.read_csv("out/esm2_x.curve.tsv", sep="\t")
    assert list(curve) == ["step", "residues", "train_loss", "valid_loss"]
    assert curve["step"].tolist() == [3, 6, 7]
    assert (curve["residues"].diff().dropna() > 0).all()
    report = json.loads(Path("out/esm2_x.json").read_text())
    assert report["input_sha256"] == file_sha256("x.fasta")
    assert report["weights_sha256"] == file_sha256("out/esm2_x.pt")
    # 3 of 30 sequences are a tenth.
    assert report["sequences"] == {"train": 27, "valid": 3, "dropped": 0}
    assert report["residues_seen"] == curve["residues"].iloc[-1]
    assert report["settings"]["steps"] == STEPS
    assert report["perplexity"]["model"] == pytest.approx(
        np.exp(curve["valid_loss"].iloc[-1]), rel=1e-3
    )
    # Even frequencies: near 20, and a little above for the held-out sample. So few neighbours are
    # worth no more.
    assert report["perplexity"]["unigram"] == pytest.approx(20, abs=0.7)
    assert report["perplexity"]["neighbours"] == pytest.approx(20, abs=0.7)
    # Only residues are counted: rows of 41 tokens, six to a step, some of them <cls> and <eos>.
    assert 0.93 * 7 * 246 < report["residues_seen"] < 7 * 246


def test_fair_esm_loads_it_and_gives_the_logits_of_the_rounded_model(folder, monkeypatch):
    trained = []
    save = pretrained_model.save_esm
    monkeypatch.setattr(
        pretrained_model,
        "save_esm",
        lambda model, *rest: trained.append(model) or save(model, *rest),
    )
    assert pretrain() == 0
    loaded, alphabet = esm.pretrained.load_model_and_alphabet_local("out/esm2_x.pt")
    _, _, tokens = ALPHABET.get_batch_converter()([("", SEQUENCES[0])])

    assert alphabet.to_dict() == ALPHABET.to_dict()
    with torch.no_grad():
        found = loaded.eval()(tokens)["logits"]
        assert torch.equal(found, trained[0].half().float().eval()(tokens)["logits"])
        ours = load_esm("out/esm2_x.pt", "cpu").model
        assert torch.equal(found, ours(tokens)["logits"])


# At step 5 the last checkpoint is of step 3; at step 2 there is none yet; at "save" all is done.
@pytest.mark.parametrize(("stop_at", "steps_left"), [(5, 4), (2, 7), ("save", 0)])
def test_an_interrupted_run_ends_in_the_same_bytes(folder, monkeypatch, stop_at, steps_left):
    assert pretrain() == 0
    Path("out").rename("uninterrupted")
    real, taken = pretraining.train_step, []

    def step(state, *rest):
        if state.step == stop_at:
            raise KeyboardInterrupt
        taken.append(state.step)
        return real(state, *rest)

    def save(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as interrupted:
        interrupted.setattr(pretraining, "train_step", step)
        if stop_at == "save":
            interrupted.setattr(pretrained_model, "save_esm", save)
        with pytest.raises(KeyboardInterrupt):
            pretrain()
    left = names() if Path("out").exists() else []
    assert left == ([] if stop_at == 2 else ["esm2_x.checkpoint.safetensors"])

    taken.clear()
    torch.manual_seed(1234)
    monkeypatch.setattr(pretraining, "train_step", step)
    stop_at = None
    assert pretrain() == 0
    assert len(taken) == steps_left
    assert names() == WRITTEN
    for name in WRITTEN:
        assert Path("out", name).read_bytes() == Path("uninterrupted", name).read_bytes(), name


def test_a_checkpoint_of_other_settings_is_not_gone_on_from(folder, monkeypatch):
    def save(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as interrupted:
        interrupted.setattr(pretrained_model, "save_esm", save)
        with pytest.raises(KeyboardInterrupt):
            pretrain()
    assert pretrain("--seed", "5") == 0
    resumed = Path("out/esm2_x.pt").read_bytes()
    shutil.rmtree("out")
    assert pretrain("--seed", "5") == 0
    assert Path("out/esm2_x.pt").read_bytes() == resumed


def pretrain_until(step, monkeypatch, *flags):
    """Train until a kill before ``step``."""
    real = pretraining.train_step

    def train_step(state, *rest):
        if state.step == step:
            raise KeyboardInterrupt
        return real(state, *rest)

    with monkeypatch.context() as killed:
        killed.setattr(pretraining, "train_step", train_step)
        with pytest.raises(KeyboardInterrupt):
            pretrain(*flags)


LONG = ["--steps", "14", "--decay-steps", "5"]  # constant up to step 9


def test_a_run_is_lengthened_before_its_decay(folder, monkeypatch):
    assert pretrain(*LONG) == 0
    Path("out").rename("uninterrupted")
    # Seven steps with one of decay are constant up to step 6, where a checkpoint is.
    pretrain_until(6, monkeypatch, "--decay-steps", "1")
    assert pretrain(*LONG) == 0
    for name in WRITTEN:
        assert Path("out", name).read_bytes() == Path("uninterrupted", name).read_bytes(), name


def test_a_run_in_its_decay_is_not_lengthened(folder, monkeypatch):
    assert pretrain(*LONG) == 0
    Path("out").rename("uninterrupted")
    pretrain_until(6, monkeypatch)  # in decay since step 2
    assert pretrain(*LONG) == 0  # anew
    name = "esm2_x.pt"
    assert Path("out", name).read_bytes() == Path("uninterrupted", name).read_bytes()


def test_a_run_that_should_have_decayed_by_now(folder, monkeypatch, capsys):
    pretrain_until(9, monkeypatch, *LONG)
    capsys.readouterr()
    assert pretrain("--steps", "10", "--decay-steps", "5") == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "protsae pretrain: out/esm2_x.checkpoint.safetensors: has taken 9 steps at the full "
        "learning rate; this run takes 5 before its decay; raise steps, lower decay_steps, or "
        "delete it"
    )


def test_held_out_proteins_of_your_own(folder, capsys):
    write_fasta(SEQUENCES[:5], "held_out.fasta")
    write_fasta([*SEQUENCES[5:], "MKT"])
    assert pretrain("--held-out", "held_out.fasta") == 0
    report = json.loads(Path("out/esm2_x.json").read_text())
    assert report["sequences"] == {"train": 25, "valid": 5, "dropped": 1}
    assert report["held_out_sha256"] == file_sha256("held_out.fasta")
    assert "25 sequences to train on, 5 held out, 1 dropped" in capsys.readouterr().err


def test_gzip_lower_case_and_what_is_dropped(folder):
    # Blanks within a line are no part of the sequence; 30 residues is the shortest kept.
    kept = {"M" * 30: "M" * 30, "M K" * 20: "MK" * 20, SEQUENCES[5].lower(): SEQUENCES[5]}
    dropped = ["M" * 29, "MKT*" * 11, "MK1" * 11, ""]
    text = "".join(f">{i}\n{s}\n" for i, s in enumerate([*kept, *dropped]))
    Path("x.fasta.gz").write_bytes(gzip.compress(text.encode()))
    assert pretrain_model.read_training_sequences("x.fasta.gz") == (list(kept.values()), 4)


@pytest.mark.parametrize(
    ("valid", "n_held_out"),
    # 12 sequences in four clusters of three: 1.2 wanted is one cluster, 3.6 are two.
    [(0.0, 3), (0.1, 3), (0.3, 6), (0.9, 12), (1.0, 12)],
)
def test_whole_clusters_are_held_out(monkeypatch, valid, n_held_out):
    clusters = np.repeat([0, 3, 6, 9], 3)
    asked = {}
    monkeypatch.setattr(
        pretrain_model,
        "cluster_sequences",
        lambda _, **settings: asked.update(settings) or clusters,
    )
    settings = PretrainSettings(valid=valid)
    held_out = pretrain_model.held_out_clusters(["M" * 30] * 12, settings, threads=5)

    assert asked == {"identity": 0.3, "coverage": 0.8, "cascade": True, "threads": 5}
    assert held_out.sum() == n_held_out
    assert set(held_out.reshape(4, 3).sum(axis=1)) <= {0, 3}
    assert np.array_equal(
        held_out, pretrain_model.held_out_clusters(["M" * 30] * 12, settings, threads=5)
    )


def refused(capsys, *more, **arguments):
    assert pretrain(*more, **arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert not Path("out").exists()
    start, line, end = printed.err.partition("protsae pretrain: ")
    assert (start, end.count("\n")) == ("", 1)
    assert line
    return end.strip()


@pytest.mark.parametrize("output", ["out/mine.pt", "out/esm2_x", "out/esm2_x.bin"])
def test_a_name_that_fair_esm_would_not_recognise(folder, capsys, output):
    # Said before the training, not after it.
    assert refused(capsys, output=output) == (
        f"--output {output}: fair-esm recognises an ESM-2 by its file name; expected esm2*.pt"
    )


FORMATS = "UniProt JSON, Swiss-Prot flat text or FASTA, plain or gzipped"


def test_no_input(folder, capsys):
    assert refused(capsys, path="none.fasta") == f"none.fasta: no such file; expected {FORMATS}"


def test_a_damaged_gzip(folder, capsys):
    Path("x.fasta.gz").write_bytes(gzip.compress(b">0\n" + b"MKT" * 99)[:-9])
    assert refused(capsys, path="x.fasta.gz").startswith(
        "x.fasta.gz: gzip data cut short or damaged (Compressed file ended before"
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", f"empty file; expected {FORMATS}"),
        ("no FASTA", f"begins with 'no FASTA'; expected {FORMATS}"),
        (">0\nMKT\n>1\nMKT*\n", "no usable sequence among 2 records"),
    ],
)
def test_no_usable_sequence(folder, capsys, text, found):
    Path("x.fasta").write_text(text)
    assert refused(capsys) == f"x.fasta: {found}"


def test_nothing_to_train_on(folder, capsys):
    write_fasta(SEQUENCES[:1])
    assert refused(capsys) == (
        "x.fasta: nothing left to train on: 1 sequences in the homology clusters held out; give "
        "more diverse sequences or a smaller valid"
    )


def test_heads_that_do_not_divide_the_width(folder, capsys):
    assert refused(capsys, "--heads", "3") == (
        "command line: width / heads must be an even whole number (rotary positions)"
    )


def test_rows_longer_than_a_batch(folder, capsys):
    assert refused(capsys, "--row-tokens", "257") == (
        "command line: row_tokens 257 must not exceed tokens_per_batch 256"
    )
