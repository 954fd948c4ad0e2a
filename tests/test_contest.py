from dataclasses import replace

import numpy as np
import pytest

from course_utils import compare, formation
from course_utils.compare import cases, contest, restorations
from course_utils.richardson_lucy import plain
from course_utils.stack import Stack

FAST = ("Wiener", "RL, oracle", "RL, held-out photons", "accelerated RL", "TV-RL", "ADMM, TV", "ADMM, sparsity")


@pytest.fixture(scope="module")
def case():
    """Filaments and shells, 21 voxels along each axis, every fourth plane taken."""
    return cases.isotropic("filaments and shells", size=21)


@pytest.fixture(scope="module")
def methods():
    return contest.methods(n_iter=12, n_prior=4)


@pytest.fixture(scope="module")
def result(case, methods):
    return contest.contest(case, {row: methods[row] for row in FAST}, rng=np.random.default_rng(0))


def test_cases_have_a_twin_of_another_specimen_taken_in_the_same_way(case):
    assert case.stack.shape == (6, 21, 21) == case.twin.stack.shape
    assert case.stack.voxel_size == pytest.approx((0.4, 0.1, 0.1)) and case.H.shape_out == case.stack.shape
    assert (case.twin.background, case.twin.bin_z, case.twin.twin) == (case.background, 4, None)
    assert not np.array_equal(case.twin.truth, case.truth)


def test_exposure_of_a_case_scales_truth_and_background(case):
    bright = cases.isotropic("filaments and shells", size=21, light=4)
    np.testing.assert_allclose(bright.truth, 4 * case.truth.data, rtol=1e-5)
    assert bright.background == pytest.approx(4 * case.background) == pytest.approx(4 * bright.twin.background / 4)


def test_expected_light_of_a_case_is_what_its_model_says():
    case = cases.microtubules(shape=(12, 24, 24), twin=False)
    expected = formation.expect(case.truth, case.psf, background=case.background)
    residual = (case.stack.data - expected.data) / np.sqrt(expected.data)
    assert abs(residual.mean()) < 4 / np.sqrt(residual.size)
    assert residual.std() == pytest.approx(1, abs=0.05)


def test_reference_is_on_the_scale_of_the_truth():
    case = cases.microtubules(shape=(12, 24, 24), light=2.0, twin=False)
    assert case.reference.data.sum() == pytest.approx(case.truth.data.sum(), rel=0.1)
    assert compare.psnr(case.reference, case.truth) > compare.psnr(case.raw, case.truth) + 3


def test_course_volume_is_a_case_with_its_own_stack():
    case = cases.course_volume("small")
    assert case.twin is None and case.stack.shape == case.truth.shape == case.reference.shape == (24, 96, 96)
    assert case.reference.data.sum() == pytest.approx(case.truth.data.sum(), rel=0.1)


def test_case_without_a_truth_lives_on_the_grid_of_its_stack(case):
    coarse = restorations.coarse_psf(case)
    real = replace(case, truth=None, bin_z=1, psf=coarse, twin=None)
    assert real.grid is real.stack and real.H.shape_out == real.stack.shape
    assert restorations.last(restorations.iterations(plain, real, 2)).shape == real.stack.shape


def test_half_of_a_case_has_half_of_its_background(case):
    half = case.half(case.stack.data / 2)
    assert half.background == case.background / 2 and half.stack.voxel_size == case.stack.voxel_size


@pytest.mark.parametrize(
    "arguments, message",
    [({"kind": "cats"}, "kind must be one of 'filaments and shells', 'round cells'; got 'cats'"),
     ({"kind": "round cells", "size": 20}, "multiple of 4 and one more, such as 65; got 20")],
)  # fmt: skip
def test_cases_refuse_what_they_cannot_make(arguments, message):
    with pytest.raises(ValueError, match=message):
        cases.isotropic(**arguments)


def test_every_method_gives_the_truths_grid(case, result):
    assert list(result.estimates) == list(FAST)
    for row, x in result.estimates.items():
        assert (x.shape, x.voxel_size) == (case.truth.shape, case.truth.voxel_size), row
        assert result.seconds[row] > 0


def test_peak_memory_is_that_of_a_few_volumes_of_the_grid(case):
    peaks = contest.peak_memory(case, contest.CHOSEN["round cells"] | {"Wiener": 0.01})
    volume = 4e-6 * np.prod(case.H.shape_in)
    assert set(FAST) < set(peaks) and "U-Net" not in peaks
    assert all(3 * volume < peaks[row] < 40 * volume for row in FAST if row != "Wiener"), peaks
    assert peaks["ADMM, Hessian"] > peaks["ADMM, TV"] > peaks["RL, oracle"]


def test_methods_beat_the_interpolated_stack(case, result):
    before = contest.score(case.interpolated, case)
    for row in ("Wiener", "RL, oracle", "RL, held-out photons", "accelerated RL", "TV-RL"):
        assert contest.score(result.estimates[row], case) > before, row


def test_only_the_oracle_looks_at_the_tested_truth(case, methods, result):
    hidden = replace(case, truth=case.truth.with_data(np.zeros(case.truth.shape)))
    hidden.truth.data[5, 5, 5] = 1.0
    again = contest.contest(hidden, {row: methods[row] for row in FAST}, rng=np.random.default_rng(0))
    for row in set(FAST) - {"RL, oracle"}:
        assert again.settings[row] == result.settings[row], row
        np.testing.assert_array_equal(again.estimates[row], result.estimates[row], err_msg=row)


def test_oracle_is_the_best_of_its_iterations(case, result):
    scores = [contest.score(x, case) for x in restorations.iterations(plain, case, 12)]
    assert contest.score(result.estimates["RL, oracle"], case) == max(scores)
    assert result.settings["RL, oracle"] == 1 + np.argmax(scores)


def test_setting_of_a_prior_is_the_twins_best_but_for_a_rise_behind_it(case, methods, result):
    scores = {w: contest.score(methods["TV-RL"].run(case.twin, w), case.twin) for w in contest.WEIGHTS}
    tried = list(scores.values())
    stop = next((k for k in range(1, len(tried)) if tried[k] <= tried[k - 1]), len(tried))
    assert result.settings["TV-RL"] == contest.WEIGHTS[stop - 1]


def test_known_settings_are_taken_and_the_others_chosen(case, methods):
    few = {row: methods[row] for row in ("TV-RL", "accelerated RL, held-out photons")}
    result = contest.contest(replace(case, twin=None), few, settings={"TV-RL": 0.07}, rng=np.random.default_rng(0))
    assert result.settings["TV-RL"] == 0.07 and 1 <= result.settings["accelerated RL, held-out photons"] <= 6


def test_choice_without_a_twin_is_refused(case, methods):
    with pytest.raises(ValueError, match="no twin to choose a setting by; make it with cases.isotropic"):
        methods["ADMM, TV"].choose(replace(case, twin=None), None)


def test_settings_of_priors_fall_with_the_root_of_the_light():
    settings = {"Wiener": 0.1, "TV-RL": 0.01, "ADMM, Hessian": 0.002, "accelerated RL": 7, "U-Net, then RL": 9}
    assert contest.at_exposure(settings, 4) == {"TV-RL": 0.005, "ADMM, Hessian": 0.001, "U-Net, then RL": 9}


def test_marked_rows_are_networks_away_from_home(case):
    rows = dict.fromkeys(["Wiener", "SRCNN, natural", "IsoNet-1", "U-Net, then RL"])
    assert list(contest.marked(rows, case)) == ["Wiener", "SRCNN, natural *", "IsoNet-1", "U-Net, then RL"]
    assert list(contest.marked(rows, replace(case, home=()))) == [
        "Wiener", "SRCNN, natural *", "IsoNet-1 *", "U-Net, then RL *",
    ]  # fmt: skip


def test_chosen_settings_are_those_of_rows_that_choose_on_the_twin(methods):
    tuned = {"TV-RL", "ADMM, TV", "ADMM, Hessian", "ADMM, sparsity", "U-Net, then data", "U-Net, then RL"}
    assert set(contest.CHOSEN) == {*cases.KINDS, "microtubules"} and tuned <= set(methods)
    assert all(set(settings) == tuned for settings in contest.CHOSEN.values())


def test_coarse_psf_keeps_the_centre_and_unit_sum():
    for n in (9, 10, 33):
        psf = Stack(np.exp(-np.abs(np.arange(n) - n // 2))[:, None, None] * np.ones((1, 3, 3)), (0.1, 0.1, 0.1))
        case = cases.Case(None, psf, psf, 0.0, 4)
        coarse = restorations.coarse_psf(case)
        assert coarse.data.sum() == pytest.approx(1) and coarse.voxel_size[0] == pytest.approx(0.4)
        assert coarse.data[:, 1, 1].argmax() == len(coarse.data) // 2


def test_wiener_on_the_stacks_grid_leaves_flat_light_alone():
    flat = Stack(np.full((4, 13, 13), 60.0), (0.4, 0.1, 0.1))
    truth = Stack(np.full((13, 13, 13), 50.0), (0.1, 0.1, 0.1))
    case = cases.Case(truth, flat, cases.recipes.gaussian((4.0, 1.2, 1.2)), 10.0, 4)
    np.testing.assert_allclose(restorations.wiener_filter(case, 1e-6), 50, rtol=1e-3)


def test_networks_stand_on_the_truths_grid_and_bring_their_background(case, methods):
    for row in ("SRCNN, natural", "U-Net", "U-Net, then RL"):
        result = contest.contest(case, {row: methods[row]}, settings={"U-Net, then RL": 2}, rng=None)
        x = result.estimates[row]
        assert x.shape == case.truth.shape
        assert abs(compare.flux_error(x, case.truth)) < 0.5
    score = contest.score(x, case)
    assert score > contest.score(case.interpolated, case)
    assert score > contest.score(x.with_data(np.roll(x.data, 1, axis=0)), case)  # where it should be along z


def test_network_of_steps_that_do_not_fit_comes_back_to_every_plane(methods):
    case = cases.microtubules(shape=(8, 24, 24), twin=False)
    x = methods["U-Net"].run(case, None)
    assert x.shape == (8, 24, 24) and x.voxel_size == case.truth.voxel_size
    assert np.corrcoef(x.data.ravel(), case.stack.data.ravel())[0, 1] > 0.8
