"""Times and memory of stages, from logs that end as they should and logs that do not."""

from pathlib import Path

from protsae.run.job_cost import JobCost, cost_line
from protsae.screen.stage_costs import StageCost, read_costs


def test_costs_of_stages(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    (folder / "train/esm2").mkdir(parents=True)
    (folder / "fetch.log").write_text("note: 3 left out\n" + cost_line(JobCost(0.4, 0.3, 2e6)))
    for layer, cost in ((1, JobCost(7, 5, 3e6)), (2, JobCost(11, 13, 2e6))):
        (folder / f"train/esm2/layer-0{layer}.log").write_text(cost_line(cost) + "\n")
    (folder / "train/esm2/layer-03.log").write_text(cost_line(JobCost(7, 5, 3e6)) + "\nKilled\n")
    (folder / "train/esm2/layer-04.log").write_text("")
    (folder / "split.log").write_bytes(b"\xff\xfe")
    assert read_costs(tmp_path) == [
        StageCost("fetch", 1, 0.4, 0.3, 2e6),
        StageCost("train", 2, 18.0, 18.0, 3e6),
    ]
    assert read_costs(tmp_path / "none") == []
