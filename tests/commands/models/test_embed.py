"""The stage through its command line: the file it writes, and one line for each mistake."""

import json
import time
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import torch

from protsae import __version__
from protsae.cli import main
from protsae.config.stage_settings import EmbedSettings
from protsae.errors import UserError
from protsae.io import disk_space
from protsae.io.hdf5.activation_cache import KIND, LayerCache
from protsae.io.hdf5.attributes import read_attributes
from protsae.plm.embedding import Embedder
from protsae.plm.esm2.save import save_esm
from protsae.plm.esm2.tokens import windows
from protsae.provenance import file_sha256, protein_set_sha256
from protsae.stages.embed_proteins import make_embedder
from tests.helpers.tiny_esm import (
    build_esm,
    fair_esm_layers,
    random_sequence,
    save_tiny,
    write_proteins,
)

SEQUENCES = [
    random_sequence(31),
    "MJUOBZXJ" + random_sequence(5),
    random_sequence(2),
    random_sequence(113),
    "M",
    random_sequence(17),
    random_sequence(7),
]
LAYERS = (0, 1, 3)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with a model and proteins, so that messages have short paths."""
    monkeypatch.chdir(tmp_path)
    save_tiny(Path())
    write_proteins(Path("proteins.parquet"), SEQUENCES)
    return tmp_path


def embed(*arguments, model="esm2_tiny.pt", shard=0, shards=1):
    return main(
        [
            *("embed", "--proteins", "proteins.parquet", "--output", "out/x.h5"),
            *("--shard", str(shard), "--shards", str(shards), "--model", str(model)),
            *("--device", "cpu", *map(str, arguments)),
        ]
    )


def refused(capsys, *arguments, **more):
    """The line on standard error; nothing is left in the output folder."""
    before = Path("out/x.h5").read_bytes() if Path("out/x.h5").exists() else None
    assert embed(*arguments, **more) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    left = sorted(path.name for path in Path("out").iterdir()) if Path("out").exists() else []
    if before is None:
        assert left == []
    else:
        assert left == ["x.h5"]
        assert Path("out/x.h5").read_bytes() == before
    line, end = printed.err.rsplit("protsae embed: ", 1)[1].split("\n", 1)
    assert end == ""
    return line


@pytest.fixture
def free(monkeypatch):
    """Sets how many bytes of the disk are free."""

    def set_free(n_bytes):
        monkeypatch.setattr(
            disk_space.shutil, "disk_usage", lambda _: SimpleNamespace(free=n_bytes)
        )

    return set_free


def test_what_does_not_fit_on_the_disk_is_not_begun(folder, free, capsys, monkeypatch):
    """184 residues, three layers of 24 dimensions, float16: 26,496 bytes."""
    monkeypatch.setattr(Embedder, "__call__", lambda *_: pytest.fail("embedding has begun"))
    free(26_495)
    assert refused(capsys, "--layers", *LAYERS) == (
        "out/x.h5: activations of 184 residues in 3 layers and sites take 2.6e-05 GB, but "
        "2.6e-05 GB of its disk are free; make room, or store less (embed.layers, embed.sites, "
        "mlp, embed.dtype)"
    )


def test_what_just_fits_or_is_compressed_is_embedded(folder, free):
    free(26_496)
    assert embed("--layers", *LAYERS) == 0
    free(0)
    assert embed("--layers", *LAYERS, "--compression", "gzip") == 0


def test_later_shards_that_do_not_fit_are_told_of(folder, free, capsys):
    """The second and third shard have 113 and 25 residues, each 24 float32 in two layers."""
    options = ("--layers", 1, 3, "--dtype", "float32")
    needed = (113 + 25) * 24 * 2 * 4
    free(needed)
    assert embed(*options, shards=3) == 0
    assert "after this one" not in capsys.readouterr().out
    free(needed - 1)
    assert embed(*options, shards=3) == 0
    assert (
        "note: the 2 shards after this one take 2.6e-05 GB, but 2.6e-05 GB of the disk are free\n"
    ) in capsys.readouterr().out
    free(25 * 24 * 2 * 4)
    assert embed(*options, shard=2, shards=3) == 0
    assert "after this one" not in capsys.readouterr().out


def rounded_model():
    return build_esm().half().float()


def test_the_file(folder, capsys):
    assert embed("--layers", 0, 1, 3) == 0
    with h5py.File("out/x.h5") as file:
        stated = {layer: file[f"layers/{layer:02d}"].attrs["relative_error"] for layer in LAYERS}
    errors = ", ".join(f"{error:.2g} in layer {layer}" for layer, error in stated.items())
    assert capsys.readouterr().out == (
        "7 proteins, 184 residues, 3 layers in float32 on cpu\n"
        f"|error| / |x| of precision and storage: {errors}\n"
        "note: 2 J read as X (ESM-2 has no J)\n"
    )
    assert [path.name for path in Path("out").iterdir()] == ["x.h5"]
    accessions = [f"P{i:05d}" for i in range(7)]
    with h5py.File("out/x.h5") as file:
        attributes = read_attributes(file)
        settings = json.loads(attributes.pop("settings"))
        assert len(attributes.pop("header_xxh3")) == 32
        assert attributes == {
            "format": "protsae-activations",
            "format_version": KIND.version,
            "complete": True,
            "model": "esm2_tiny",
            "weights_sha256": file_sha256("esm2_tiny.pt"),
            "protein_set_sha256": protein_set_sha256(accessions, SEQUENCES),
            "code_version": __version__,
        }
        assert settings["layers"] == [0, 1, 3]
        assert settings["model"] == "esm2_tiny.pt"
        assert sorted(file) == ["checksums", "layers", "proteins"]
        table = file["proteins"][:]
        assert table["accession"].tolist() == [name.encode() for name in accessions]
        assert table["length"].tolist() == [31, 13, 2, 113, 1, 17, 7]
        assert table["offset"].tolist() == [0, 31, 44, 46, 159, 160, 177]
        assert list(file["layers"]) == ["00", "01", "03"]
        for dataset in file["layers"].values():
            assert (dataset.shape, dataset.dtype) == ((184, 24), np.float16)
            assert dataset.chunks is None
            assert dataset.compression is None
            # Rounding to 11 bits: at most 2^-11 of a value, 2^-11 / sqrt(3) on average.
            assert 1e-4 < dataset.attrs["relative_error"] < 3e-4


@pytest.mark.parametrize("tokens_per_batch", [1, 127, 4096])
def test_float32_rows_equal_fair_esms(folder, tokens_per_batch):
    more = ("--layers", *LAYERS, "--dtype", "float32", "--tokens-per-batch", tokens_per_batch)
    assert embed(*more) == 0
    expected = [fair_esm_layers(rounded_model(), sequence, LAYERS) for sequence in SEQUENCES]
    with h5py.File("out/x.h5") as file:
        for layer in LAYERS:
            rows = file[f"layers/{layer:02d}"][:]
            assert rows.dtype == np.float32
            whole = np.concatenate([protein[layer] for protein in expected])
            assert np.abs(rows - whole).max() < 1e-5


def test_float16_rows_are_the_rounded_float32_rows(folder):
    rows = {}
    for dtype in ("float32", "float16"):
        assert embed("--layers", 2, "--dtype", dtype) == 0
        with h5py.File("out/x.h5") as file:
            rows[dtype] = file["layers/02"][:]
    assert np.array_equal(rows["float16"], rows["float32"].astype(np.float16))


def test_shards_together_are_the_whole_and_a_reader_maps_them(folder):
    assert embed("--layers", 2) == 0
    with h5py.File("out/x.h5") as file:
        whole = file["layers/02"][:].astype(np.float32)
    for shard in range(3):
        assert embed("--layers", 2, shard=shard, shards=3) == 0
        Path("out/x.h5").rename(f"{shard}.h5")

    digest = protein_set_sha256([f"P{i:05d}" for i in range(7)], SEQUENCES)
    cache = LayerCache(["0.h5", "1.h5", "2.h5"], 2, digest)
    # 184 residues; cuts nearest to 61.3 and 122.7 lie after 46 and 159 residues.
    assert cache.index.proteins["shard"].tolist() == [0, 0, 0, 1, 2, 2, 2]
    assert cache.index.proteins["offset"].tolist() == [0, 31, 44, 0, 0, 1, 18]
    parts = [cache.read(0, 0, 46), cache.read(1, 0, 113), cache.read(2, 0, 25)]
    # Another batch has another padding, which moves the last bit of float32 and rarely float16.
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=2e-3)


def test_same_input_same_bytes(folder):
    assert embed("--layers", 1) == 0
    first = Path("out/x.h5").read_bytes()
    time.sleep(1.1)  # HDF5 can store when a dataset was made, in seconds
    assert embed("--layers", 1) == 0
    assert Path("out/x.h5").read_bytes() == first


def test_a_protein_of_5000_residues(folder):
    sequence = random_sequence(5000)
    model = build_esm(layers=2, width=8, heads=2)
    save_tiny(Path(), "esm2_small", model)
    write_proteins(Path("proteins.parquet"), [sequence, "MKT"])
    assert embed("--layers", 2, "--dtype", "float32", model="esm2_small.pt") == 0

    reference = build_esm(layers=2, width=8, heads=2).half().float()
    with h5py.File("out/x.h5") as file:
        assert file["proteins"]["length"].tolist() == [5000, 3]
        rows = file["layers/02"][:5000]
    covered = 0
    for w in windows(0, 5000, context=1022, overlap=256):
        seen = fair_esm_layers(reference, sequence[w.start : w.stop], [2])[2]
        kept = slice(w.keep_start - w.start, w.keep_stop - w.start)
        assert np.abs(rows[w.keep_start : w.keep_stop] - seen[kept]).max() < 1e-5
        covered += w.keep_stop - w.keep_start
    assert covered == 5000


@pytest.mark.parametrize("layers", [(99,), (1, 4)])
def test_an_unknown_layer(folder, capsys, layers):
    assert refused(capsys, "--layers", *layers) == (
        f"embed.layers: layer {layers[-1]} is not in this model; expected 0 to 3 (0 = embedding, "
        "3 = after the final layer norm)"
    )


def test_a_failure_leaves_the_file_of_an_earlier_run(folder, capsys):
    assert embed("--layers", 1) == 0
    capsys.readouterr()
    assert "layer 99" in refused(capsys, "--layers", 99)


def save_large(weight):
    """A model whose last layer is as large as ``weight``."""
    model = build_esm()
    with torch.no_grad():
        model.emb_layer_norm_after.weight.fill_(weight)
    save_esm(model, "esm2_large.pt", torch.float32)


def test_a_layer_that_does_not_fit_float16_is_stored_in_float32(folder, capsys):
    save_large(1e6)
    assert embed("--layers", 1, 3, model="esm2_large.pt") == 0
    assert capsys.readouterr().err.splitlines()[0] == (
        "note: layer 3: float16 would lose inf of a residue's norm; storing it in float32, "
        "from the start"
    )
    with h5py.File("out/x.h5") as file:
        assert file["layers/01"].dtype == np.float16
        assert file["layers/03"].dtype == np.float32
        rows = file["layers/03"][:]
    assert embed("--layers", 3, "--dtype", "float32", model="esm2_large.pt") == 0
    with h5py.File("out/x.h5") as file:
        assert np.array_equal(rows, file["layers/03"][:])


def test_float64_gives_the_same_bytes_however_proteins_are_batched(folder):
    """A product of other rows rounds otherwise, as do other processors; in float64 unseen."""
    found = {}
    for precision in ("float32", "float64"):
        for tokens in (1, 4096):
            more = ("--precision", precision, "--tokens-per-batch", tokens, "--dtype", "float32")
            assert embed(*more, "--layers", 3) == 0
            with h5py.File("out/x.h5") as file:
                found[precision, tokens] = file["layers/03"][:]
                assert file["layers/03"].attrs["relative_error"] == pytest.approx(0, abs=1e-7)
    assert np.array_equal(found["float64", 1], found["float64", 4096])
    assert not np.array_equal(found["float32", 1], found["float32", 4096])
    assert np.abs(found["float64", 1] - found["float32", 1]).max() < 1e-5


@pytest.mark.parametrize("precision", ["bfloat16", "float16", "int8"])
def test_low_precision_and_its_error(folder, precision, capsys):
    assert embed("--layers", 0, 3, "--dtype", "float32") == 0
    with h5py.File("out/x.h5") as file:
        exact = file["layers/03"][:]
        assert file["layers/03"].attrs["relative_error"] == 0
    more = ("--precision", precision, "--dtype", "float32", "--layers", 0, 3)
    assert embed(*more) == 0
    with h5py.File("out/x.h5") as file:
        assert file["layers/00"].attrs["relative_error"] == 0  # nothing multiplied yet
        rows, stated = file["layers/03"][:], file["layers/03"].attrs["relative_error"]
    # All proteins here are in the sample that the error is measured on.
    assert stated == pytest.approx(np.linalg.norm(rows - exact) / np.linalg.norm(exact), rel=1e-3)
    assert 1e-4 < stated < 3e-2
    printed = capsys.readouterr().out
    assert (
        f"|error| / |x| of precision and storage: 0 in layer 0, {stated:.2g} in layer 3" in printed
    )
    told = (
        "note: products of 8-bit integers (embed.precision: int8) change activations by "
        f"0 to {100 * stated:.2g} % of their norm, by layer\n"
    )
    assert (told in printed) == (precision == "int8")


def test_int8_is_for_cpus(folder, capsys):
    assert refused(capsys, "--precision", "int8", "--device", "cuda") == (
        "command line: precision: int8 is for CPUs; set bfloat16, or device: cpu"
    )
    settings = EmbedSettings(precision="int8", device="auto")
    with pytest.raises(UserError, match=r"^embed\.precision: int8 is for CPUs"):
        make_embedder(SimpleNamespace(device=torch.device("cuda")), settings, 1)


@pytest.mark.parametrize(
    ("has", "chosen", "why"),
    [
        ({"avx512_bf16": True}, "bfloat16", "which this processor has instructions for"),
        ({"avx2": True}, "float32", "as this processor has no instructions for bfloat16"),
    ],
)
def test_auto_is_what_the_processor_is_fast_at(folder, capsys, monkeypatch, has, chosen, why):
    """The same bytes as with its name, which the file states, too."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    assert embed("--layers", 3, "--precision", chosen) == 0
    named = Path("out/x.h5").read_bytes()
    assert "note: embed.precision" not in capsys.readouterr().out
    assert embed("--layers", 3, "--precision", "auto") == 0
    assert Path("out/x.h5").read_bytes() == named
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == f"note: embed.precision: auto is {chosen} here, {why}"
    assert second.endswith(f" layers in {chosen} on cpu")


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_a_precision_that_is_slow_here_is_told(folder, capsys, monkeypatch, precision):
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert embed("--layers", 3, "--precision", precision) == 0
    assert capsys.readouterr().out.splitlines()[0] == (
        f"note: embed.precision: matrix products in {precision} are several times slower than in "
        "float32 on this processor, which has no instructions for them; set auto or float32"
    )


def test_shards_of_machines_that_chose_differently_are_not_mixed(folder, monkeypatch):
    for shard, has in enumerate(({"avx512_bf16": True}, {})):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda has=has: has)
        assert embed("--layers", 3, "--precision", "auto", shard=shard, shards=2) == 0
        Path("out/x.h5").rename(f"{shard}.h5")
    proteins = protein_set_sha256([f"P{i:05d}" for i in range(7)], SEQUENCES)
    with pytest.raises(UserError, match=r'^1.h5: settings is .*"precision":"float32"'):
        LayerCache(["0.h5", "1.h5"], 3, proteins)


def test_memory_that_ran_out_is_told(folder, capsys, monkeypatch):
    real = Embedder._rows

    def rows(self, chosen, sequences):
        if sum(window.length for window in chosen) > 120:
            raise torch.OutOfMemoryError
        return real(self, chosen, sequences)

    monkeypatch.setattr(Embedder, "_rows", rows)
    assert embed("--layers", 1) == 0
    # 184 residues in one batch, halved.
    assert capsys.readouterr().out.splitlines()[-1] == (
        "note: the GPU's memory ran out 1 times; it ended with 92 tokens in a batch "
        "(embed.tokens_per_batch)"
    )


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_values_that_are_no_numbers_are_refused(folder, capsys, dtype):
    save_large(float("nan"))
    line = refused(capsys, "--layers", 3, "--dtype", dtype, model="esm2_large.pt")
    assert line.startswith("esm2_large.pt: 'encoder.sentence_encoder.emb_layer_norm_")
    assert " has values that are NaN or infinite; delete it and download or copy it again" in line


def test_more_shards_than_proteins(folder, capsys):
    assert refused(capsys, "--layers", 1, shards=8) == (
        "cache.shards: 8 shards for 7 proteins; expected at most 7"
    )


@pytest.mark.parametrize("shard", [-1, 2])
def test_a_shard_that_is_none(folder, capsys, shard):
    line = refused(capsys, "--layers", 1, shard=shard, shards=2)
    assert line == f"--shard {shard}: expected 0 to 1 with --shards 2"


def test_a_checkpoint_that_is_no_esm2(folder, capsys):
    torch.save({"weights": torch.zeros(5)}, "esm2_tiny.pt")
    assert refused(capsys, "--layers", 1) == (
        "esm2_tiny.pt: holds no 'model', where fair-esm's checkpoints have their weights; "
        "delete it and download or copy it again"
    )


def test_no_checkpoint(folder, capsys):
    assert refused(capsys, "--layers", 1, model="esm2_none.pt") == (
        "esm2_none.pt: no such file; fair-esm wants esm2_none.pt and "
        "esm2_none-contact-regression.pt together; put both into one folder"
    )


def test_no_proteins(folder, capsys):
    Path("proteins.parquet").unlink()
    assert refused(capsys, "--layers", 1) == (
        "proteins.parquet: no such file; run the stage that writes it first"
    )


def test_windows_that_would_not_advance(folder, capsys):
    assert refused(capsys, "--layers", 1, "--context", 31, "--overlap", 31) == (
        "command line: overlap must be smaller than context"
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_cuda_where_there_is_none(folder, capsys):
    assert refused(capsys, "--layers", 1, "--device", "cuda") == (
        "device: cuda was asked for, but torch finds no CUDA device; set auto or cpu"
    )


def test_an_interruption_leaves_nothing(folder, monkeypatch):
    def interrupted(*arguments):
        yield next(pieces(*arguments))
        raise KeyboardInterrupt

    pieces = Embedder.__call__
    monkeypatch.setattr(Embedder, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        embed("--layers", 1)
    assert list(Path("out").iterdir()) == []


def of_fc1(model, sequence, block):
    """What fair-esm's fc1 of a block is given for a sequence alone, <cls> and <eos> dropped."""
    seen = []
    module = model.layers[block - 1].fc1
    handle = module.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    fair_esm_layers(model, sequence, [block])
    handle.remove()
    return seen[0][1 : len(sequence) + 1, 0].numpy()


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_what_mlps_read_has_a_file_of_its_own(folder, dtype):
    """Beside layers, whose file stays as it is; layer 0 has no MLP."""
    assert embed("--layers", *LAYERS, "--dtype", dtype) == 0
    alone = Path("out/x.h5").read_bytes()
    assert embed("--layers", *LAYERS, "--dtype", dtype, "--inside", "mlp_in=in/y.h5") == 0
    assert Path("out/x.h5").read_bytes() == alone
    digest = protein_set_sha256([f"P{i:05d}" for i in range(7)], SEQUENCES)
    for layer in (1, 3):
        found = LayerCache(["in/y.h5"], layer, digest)
        source = LayerCache(["out/x.h5"], layer, digest).source
        assert vars(found.source) == vars(source) | {"model": "esm2_tiny-mlp_in"}
        expected = np.concatenate([of_fc1(rounded_model(), s, layer) for s in SEQUENCES])
        most = 1e-5 if dtype == "float32" else 2**-11 * np.abs(expected).max() + 1e-5
        assert np.abs(found.read(0, 0, 184) - expected).max() < most
    with pytest.raises(UserError, match=r"^in/y.h5: layer 0 is not in this cache; it has 1, 3$"):
        LayerCache(["in/y.h5"], 0, digest)


def test_sites_of_a_long_protein_come_from_its_windows(folder):
    sequence = random_sequence(113)
    write_proteins(Path("proteins.parquet"), [sequence, "MKT"])
    cut = ("--context", 31, "--overlap", 13, "--dtype", "float32")
    assert embed("--layers", 2, *cut, "--inside", "mlp_in=y.h5") == 0
    with h5py.File("y.h5") as file:
        rows = file["layers/02"][:113]
    for w in windows(0, 113, context=31, overlap=13):
        seen = of_fc1(rounded_model(), sequence[w.start : w.stop], 2)
        kept = slice(w.keep_start - w.start, w.keep_stop - w.start)
        assert np.abs(rows[w.keep_start : w.keep_stop] - seen[kept]).max() < 1e-5


def test_a_site_that_float16_cannot_hold_is_stored_in_float32(folder, capsys):
    model = build_esm()
    with torch.no_grad():
        model.layers[0].final_layer_norm.weight.mul_(1e6)
        model.layers[0].fc2.weight.zero_()
    save_esm(model, "esm2_large.pt", torch.float32)
    assert embed("--layers", 1, "--inside", "mlp_in=y.h5", model="esm2_large.pt") == 0
    assert capsys.readouterr().err.splitlines()[0] == (
        "note: layer 1, mlp_in: float16 would lose inf of a residue's norm; storing it in float32, "
        "from the start"
    )
    with h5py.File("y.h5") as inside, h5py.File("out/x.h5") as layers:
        assert (inside["layers/01"].dtype, layers["layers/01"].dtype) == (np.float32, np.float16)


def test_a_site_with_saes_needs_a_file(folder, capsys):
    sites = ("--sites", "residual", "mlp_out", "--inside", "mlp_in=y.h5")
    assert refused(capsys, "--layers", 1, *sites) == (
        "embed.sites: mlp_out has no file; give it one: --inside mlp_out=FILE"
    )


def test_sites_do_not_change_what_a_cache_says_of_itself(folder):
    assert embed("--layers", 1) == 0
    alone = Path("out/x.h5").read_bytes()
    sites = ("--sites", "residual", "mlp_hidden", "--inside", "mlp_hidden=y.h5")
    assert embed("--layers", 1, *sites) == 0
    assert Path("out/x.h5").read_bytes() == alone
    with h5py.File("y.h5") as file:
        assert file["layers/01"].shape == (184, 4 * 24)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (
            ["mlp=y.h5"],
            "'mlp=y.h5'; expected SITE=FILE, where SITE is one of attention, mlp_in, mlp_hidden, "
            "mlp_out",
        ),
        (
            ["mlp_in="],
            "'mlp_in='; expected SITE=FILE, where SITE is one of attention, mlp_in, mlp_hidden, "
            "mlp_out",
        ),
        (["mlp_in=y.h5", "mlp_in=z.h5"], "mlp_in is named twice; give each site once"),
    ],
    ids=["no site", "no file", "twice"],
)
def test_sites_that_cannot_be_embedded(folder, capsys, words, problem):
    assert refused(capsys, "--layers", 1, "--inside", *words) == f"--inside: {problem}"
