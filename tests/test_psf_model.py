import warnings
from pathlib import Path

import numpy as np
import pytest

import data_fetch
from course_utils import optics
from course_utils.optics import Optics
from course_utils.psf_estimation.model_fit import fit_optics
from course_utils.stack import Stack

VOXEL = (0.3, 0.13, 0.13)
SHAPE = (11, 19, 18)
AIR = Optics(0.85, 0.52, 1.0, 1.0)
MEASURED = (
    Path(__file__).parents[2] / "shared/data/read_only/measured_widefield_psf/psf_wl520nm_z300nm_x130nm_na0.85_n1.0.tif"
)


def measured(objective, zernike=None, photons=5000, seed=0, shape=SHAPE, voxel=VOXEL, roll=(0, 0, 0)):
    """Counts of one bead, so many photons a plane, on a background of 5."""
    psf = optics.pupil_psf(objective, shape, voxel, zernike=zernike)
    light = np.roll(psf.data.astype(float), roll, (0, 1, 2)) * photons * shape[0] + 5
    return Stack(np.random.default_rng(seed).poisson(light), voxel)


def test_known_optics_and_aberrations_are_recovered():
    true = {(2, 2): 0.04, (3, 1): -0.05}
    fit = fit_optics(measured(Optics(0.82, 0.52, 1.0, 1.0), true), AIR, zernike=tuple(true))
    assert pytest.approx(0.82, abs=0.005) == fit.optics.NA
    assert fit.zernike == pytest.approx(true, abs=0.006)
    assert fit.correlation > fit.before + 0.02
    assert fit.position == pytest.approx([n // 2 for n in SHAPE], abs=0.1)
    assert fit.brightness == pytest.approx(5000 * SHAPE[0], rel=0.03)
    assert fit.background == pytest.approx(5, rel=0.03)
    truth = optics.pupil_psf(Optics(0.82, 0.52, 1.0, 1.0), SHAPE, VOXEL, zernike=true)
    assert np.linalg.norm(fit.psf.data - truth.data) < 0.03 * np.linalg.norm(truth.data)
    assert not fit.confused and not fit.at_bound


def test_uncertainties_are_what_the_results_scatter_by():
    deviations = []
    for seed in range(8):
        fit = fit_optics(measured(Optics(0.82, 0.52, 1.0, 1.0), {(4, 0): 0.03}, 1000, seed), AIR, zernike=[(4, 0)])
        deviations.append(
            [(fit.optics.NA - 0.82) / fit.uncertainties["NA"], (fit.zernike[4, 0] - 0.03) / fit.uncertainties[4, 0]]
        )
    assert np.all(np.sqrt(np.mean(np.square(deviations), axis=0)) < 2)
    assert np.all(np.sqrt(np.mean(np.square(deviations), axis=0)) > 0.4)


@pytest.mark.parametrize(("mode", "amount"), [((2, 2), -0.05), ((4, 0), -0.05), ((4, 0), 0.05)])
def test_sign_of_even_modes_is_seen_through_focus(mode, amount):
    fit = fit_optics(measured(AIR, {mode: amount}), AIR, free=(), zernike=[mode])
    assert fit.zernike[mode] == pytest.approx(amount, abs=0.005)


def test_position_brightness_and_background_do_not_matter():
    stack = measured(AIR, {(4, 0): 0.04}, roll=(1, -2, 3))
    fit = fit_optics(stack, AIR, zernike=[(4, 0)])
    counts = fit_optics(stack.with_data(3 * stack.data), AIR, zernike=[(4, 0)])
    assert fit.position == pytest.approx(np.array(SHAPE) // 2 + (1, -2, 3), abs=0.1)
    assert counts.zernike == pytest.approx(fit.zernike, abs=1e-3)
    assert counts.brightness == pytest.approx(3 * fit.brightness, rel=1e-3)
    assert np.unravel_index(fit.psf.data.argmax(), SHAPE) == tuple(n // 2 for n in SHAPE)


def test_depth_is_recovered_and_named_as_alike_to_the_position():
    deep = Optics(1.2, 0.52, 1.33, 1.36, depth=3.0)
    stack = measured(deep, photons=30000, shape=(32, 32, 33), voxel=(0.2, 0.08, 0.08))
    fit = fit_optics(stack, Optics(1.2, 0.52, 1.33, 1.36, depth=1.0), free="depth")
    assert fit.optics.depth == pytest.approx(3, abs=0.25)
    assert ("z", "depth") in [pair[:2] for pair in fit.confused]
    assert "not told apart from z" in repr(fit)


def test_parameters_that_the_data_do_not_tell_apart_are_named():
    deep = Optics(1.2, 0.52, 1.33, 1.36, depth=3.0)
    stack = measured(deep, photons=30000, shape=(32, 32, 33), voxel=(0.2, 0.08, 0.08))
    fit = fit_optics(stack, Optics(1.2, 0.52, 1.33, 1.36, depth=2.0), free=("depth", "n_specimen"))
    (r,) = [pair[2] for pair in fit.confused if pair[:2] == ("depth", "n_specimen")]
    assert abs(r) > 0.95
    assert "not told apart from" in repr(fit) and "depth" in fit._repr_html_()


def test_a_parameter_without_effect_is_said_to_be_none():
    fit = fit_optics(measured(AIR), AIR, free=("NA", "n_specimen"), shape=(11, 16, 16))
    assert fit.uncertainties["n_specimen"] == np.inf
    assert "has no effect here" in repr(fit)
    assert np.isfinite(fit.uncertainties["NA"])


@pytest.mark.parametrize(
    ("objective", "options", "message"),
    [
        (AIR, {"free": ("wavelength",)}, "free may name NA, n_immersion, n_specimen, depth; got 'wavelength'"),
        (AIR, {"free": ()}, "name each parameter to be fitted once"),
        (AIR, {"free": ("NA", "NA")}, "name each parameter to be fitted once"),
        (AIR, {"zernike": [(2, 1)]}, "no Zernike mode"),
        (AIR, {"zernike": [(1, 1)]}, r"\(1, 1\) is the position or the brightness"),
        (AIR, {"zernike": [(2, 0)]}, r"\(2, 0\) is the position or the brightness"),
        (AIR, {"shape": (0, 3, 3)}, "three positive whole numbers"),
        (Optics(1.4, 0.52, 1.515, 1.33), {}, "not less than n_specimen"),
    ],
)
def test_impossible_input_is_refused(objective, options, message):
    with pytest.raises(ValueError, match=message):
        fit_optics(measured(AIR), objective, **options)


def test_an_empty_stack_is_refused():
    with pytest.raises(ValueError, match="nothing stands out"):
        fit_optics(Stack(np.ones(SHAPE), VOXEL), AIR)


def test_a_fit_that_nears_the_index_stays_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = fit_optics(measured(Optics(0.97, 0.52, 1.0, 1.0)), Optics(0.9, 0.52, 1.0, 1.0))
    assert pytest.approx(0.97, abs=0.02) == fit.optics.NA


@pytest.mark.skipif(not MEASURED.is_file(), reason="the downloadable data are not beside the checkout")
def test_real_psf_has_about_its_objective_s_NA():
    stack = data_fetch.read_stack(MEASURED, VOXEL)
    fit = fit_optics(stack, AIR, zernike=[(4, 0)], shape=(25, 40, 40))
    assert pytest.approx(0.85, rel=0.1) == fit.optics.NA
    assert fit.correlation > 0.95 and fit.correlation > fit.before
