"""A planted world of benchmarks/planted_look_alikes.py, small."""

import pytest

from benchmarks import planted_look_alikes
from benchmarks.planted_look_alikes import KINDS, fails, measure


def test_look_alikes_that_are_five_times_as_common(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planted_look_alikes, "N_CLUSTERS", 300)
    found = measure(KINDS["plain"], seed=1)
    assert found["found"] == 1
    assert found["more common, without"] > 1.5
    assert abs(found["more common"] - 1) < 0.5 * (found["more common, without"] - 1)


def test_a_world_fails_if_a_number_is_not_as_asked_for() -> None:
    row = {"found": 1.0, "more common": 1.0, "rate too low": 1.0, "rate too high": 1.0}
    assert not fails({"world": "plain", **row})
    assert fails({"world": "plain", **row, "rate too high": 0.6})
    assert fails({"world": "plain", **row, "found": 0.5})
    assert fails({"world": "plain", **row, "more common": 1.6})
    assert not fails({"world": "beside", **row, "found": 0.0, "more common": 1.6})
    assert fails({"world": "beside", **row, "found": 0.0, "rate too high": 0.6})
    assert fails({"world": "no look-alike", **row})
