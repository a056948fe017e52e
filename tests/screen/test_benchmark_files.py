"""Times and memory from Snakemake's benchmark files, whole, empty and damaged."""

from pathlib import Path

from protsae.screen.benchmark_files import StageCost, read_costs

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def test_costs_of_stages(tmp_path: Path) -> None:
    folder = tmp_path / "benchmarks"
    (folder / "train/esm2").mkdir(parents=True)
    (folder / "fetch.tsv").write_text(HEAD + "0.4\t0:00:00\tNA\tNA\tNA\tNA\tNA\tNA\tNA\tNA\n")
    row = "{}\t0:00:07\t{}\t0\t0\t0\t0\t0\t0\t{}\n"
    (folder / "train/esm2/layer-01.tsv").write_text(HEAD + row.format(7.0, 3.0, 5.0))
    (folder / "train/esm2/layer-02.tsv").write_text(HEAD + row.format(11.0, 2.0, 13.0))
    (folder / "train/esm2/layer-03.tsv").write_text(HEAD)
    (folder / "split.tsv").write_bytes(b"\xff\xfe")
    assert read_costs(tmp_path) == [
        StageCost("fetch", 1, 0.4, 0.0, 0.0),
        StageCost("train", 2, 18.0, 18.0, 3.0 * 2**20),
    ]
    assert read_costs(tmp_path / "none") == []
