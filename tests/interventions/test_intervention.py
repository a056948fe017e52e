"""What an intervention changes, and what it leaves alone."""

import pytest
import torch

from protsae.config.sae_settings import TrainSettings
from protsae.interventions.intervention import (
    ACTIONS,
    Directions,
    Intervention,
    feature_directions,
    first_layer,
    hooks,
    plain_direction,
)
from protsae.plm.esm2.places import Inside
from protsae.sae.architectures import ARCHITECTURES

D_MODEL, N_FEATURES, N_RESIDUES = 7, 13, 11
ALL = torch.ones(N_RESIDUES, dtype=torch.bool)


def random_sae(architecture):
    settings = TrainSettings(architecture=architecture, k=3)
    sae = ARCHITECTURES[architecture].build(D_MODEL, N_FEATURES, settings).init_weights(0)
    with torch.no_grad():
        sae.b_dec.copy_(torch.linspace(-1, 1, D_MODEL))
    return sae.eval().requires_grad_(False)


def random_rows(dtype=torch.float32):
    return torch.randn(N_RESIDUES, D_MODEL, generator=torch.Generator().manual_seed(1)).to(dtype)


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_an_edit_of_features_moves_the_reconstruction_and_keeps_its_error(architecture):
    sae, x_ND = random_sae(architecture), random_rows()
    chosen = [5, 2]
    f_NF = sae.encode(x_ND)
    assert f_NF[:, chosen].count_nonzero()  # or there is nothing to ablate
    rest_NF = f_NF.clone()
    rest_NF[:, chosen] = 0.0

    ablated = Intervention(3, feature_directions(sae, chosen), "ablate", ()).edited(x_ND, ALL)

    error_ND = x_ND - sae.decode(f_NF)
    torch.testing.assert_close(ablated, sae.decode(rest_NF) + error_ND)


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
@pytest.mark.parametrize(("action", "amount"), [("scale", 1.0), ("add", 0.0)])
def test_a_null_edit_changes_no_bit(architecture, action, amount):
    features = feature_directions(random_sae(architecture), [5, 2])
    x_ND = random_rows()
    assert torch.equal(Intervention(3, features, action, (amount,) * 2).edited(x_ND, ALL), x_ND)


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_where_a_feature_is_silent_ablating_it_changes_no_bit(architecture):
    sae, x_ND = random_sae(architecture), random_rows()
    is_silent = sae.encode(x_ND)[:, 5] == 0
    assert is_silent.any()
    assert not is_silent.all()
    ablated = Intervention(3, feature_directions(sae, [5]), "ablate", ()).edited(x_ND, ALL)
    assert torch.equal(ablated[is_silent], x_ND[is_silent])
    assert (ablated[~is_silent] != x_ND[~is_silent]).any(1).all()


@pytest.mark.parametrize("action", ACTIONS)
def test_other_residues_stay_to_the_bit(action):
    x_ND, rows_N = random_rows(), torch.arange(N_RESIDUES) % 3 == 1
    edit = Intervention(3, plain_direction(torch.arange(1.0, 8.0)), action, (2.5,))
    edited = edit.edited(x_ND, rows_N)
    assert torch.equal(edited[~rows_N], x_ND[~rows_N])
    assert (edited[rows_N] != x_ND[rows_N]).any(1).all()


def test_actions_by_hand():
    # One number, read off the first coordinate, written to the second with weight 10.
    directions = Directions(lambda x_ND: x_ND[:, :1], torch.tensor([[0.0, 10.0]]))
    x_ND, both = torch.tensor([[2.0, 0.0], [-1.0, 0.0]]), torch.tensor([True, True])

    def second(action, amount, where_active=False):
        edit = Intervention(0, directions, action, (amount,), where_active=where_active)
        return edit.edited(x_ND, both)[:, 1].tolist()

    assert second("ablate", 0.0) == [-20.0, 10.0]
    assert second("clamp", 3.0) == [10.0, 40.0]
    assert second("scale", 3.0) == [40.0, -20.0]
    assert second("add", 3.0) == [30.0, 30.0]
    assert second("clamp", 3.0, where_active=True) == [10.0, 0.0]


def test_each_direction_has_its_own_amount():
    directions = Directions(lambda x_ND: x_ND, torch.eye(2))
    edit = Intervention(0, directions, "clamp", (3.0, 5.0))
    assert edit.edited(torch.zeros(1, 2), torch.tensor([True])).tolist() == [[3.0, 5.0]]


def test_interventions_at_one_place_act_one_after_another():
    along = plain_direction(torch.tensor([1.0, 0.0]))
    add, double = (Intervention(2, along, a, (v,)) for a, v in (("add", 3.0), ("scale", 2.0)))
    one = torch.tensor([True])
    x_ND = torch.tensor([[1.0, 7.0]])
    assert hooks([add, double], [one, one])[2](x_ND).tolist() == [[8.0, 7.0]]
    assert hooks([double, add], [one, one])[2](x_ND).tolist() == [[5.0, 7.0]]
    assert [*hooks([add, Intervention(3, along, "ablate", ())], [one, one])] == [2, 3]


def test_the_model_runs_from_below_the_first_place():
    along = plain_direction(torch.ones(2))

    def first(*places):
        return first_layer([Intervention(place, along, "ablate", ()) for place in places])

    assert first(5, 3) == 3
    assert first(Inside(3, "mlp_hidden"), 4) == 2
