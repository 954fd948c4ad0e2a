import functools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from phantoms import asymmetric_psf, cells, gaussian_psf, installed_backends

import data_fetch
from course_utils import backend, compare, formation, operators, richardson_lucy
from course_utils.deconvolve import VOLUMES
from data_fetch import cache

SHAPE = (9, 16, 15)
PSF_SHAPE = (5, 6, 7)
TV = functools.partial(richardson_lucy.tv, weight=0.01, voxel_size=(0.2, 0.1, 0.1))
MOMENTUM = [richardson_lucy.heavy_ball, richardson_lucy.biggs_andrews]
FAST = [*MOMENTUM, richardson_lucy.line_search]
LIKELIHOOD = [richardson_lucy.plain, *FAST]  # those whose limit is the most likely estimate
ALL = [*LIKELIHOOD, TV]


def _problem(edges="periodic", background=0.0, xp=None, seed=0, photons=100.0):
    rng = np.random.default_rng(seed)
    psf = asymmetric_psf(PSF_SHAPE, rng)
    exact = formation.forward(psf, SHAPE, edges=edges, xp=backend.get("numpy", "float64"))  # the same data for all
    truth = cells(exact.shape_in, rng, photons=photons)
    y = rng.poisson(np.maximum(exact(truth), 0) + background).astype(np.float32)
    return truth, y, formation.forward(psf, SHAPE, edges=edges, xp=xp or backend.get("numpy"))


def _last(estimates):
    *_, x = estimates
    return np.asarray(x)


@pytest.mark.parametrize("algorithm", ALL)
@pytest.mark.parametrize("edges", ["periodic", "open"])
@pytest.mark.parametrize("background", [0.0, 5.0])
@pytest.mark.parametrize("other", [name for name in installed_backends() if name != "numpy"])
def test_backends_agree_after_twenty_iterations(algorithm, other, background, edges):
    results = []
    for name in ("numpy", other):
        _, y, H = _problem(edges, background, backend.get(name))
        results.append(_last(algorithm(y, H, n_iter=20, background=background)))
    # in the dark, the direction of a slope that is next to zero hangs on rounding
    bound = 2e-3 if algorithm is TV and background == 0 else 1e-4
    # steps three times as long carry rounding further where the data say little: with open edges up to 2e-4
    single = 3e-4 if algorithm is richardson_lucy.line_search and edges == "open" else bound
    assert np.linalg.norm(results[1] - results[0]) < bound * np.linalg.norm(results[0])
    assert np.abs(results[1] - results[0]).max() < single * results[0].max()


@pytest.mark.parametrize("algorithm", [richardson_lucy.plain, *MOMENTUM])
@pytest.mark.parametrize("name", installed_backends())
def test_light_is_kept_at_every_iteration_without_background(algorithm, name):
    _, y, H = _problem(xp=backend.get(name))
    for x in algorithm(y, H, n_iter=10):
        assert np.sum(x, dtype=float) == pytest.approx(y.sum(dtype=float), rel=1e-5)


def test_with_background_the_light_is_what_the_update_says():
    _, y, H = _problem(background=5.0)
    x, update = None, richardson_lucy.plain(y, H, n_iter=5, background=5.0)
    for new in update:
        if x is not None:
            model = np.asarray(H(x), float)
            assert new.sum(dtype=float) == pytest.approx(np.sum(y * model / (model + 5)), rel=1e-4)
        x = new


@pytest.mark.parametrize("algorithm", LIKELIHOOD)
@pytest.mark.parametrize("edges", ["periodic", "open"])
@pytest.mark.parametrize("background", [0.0, 5.0])
def test_divergence_never_rises_and_estimates_stay_positive(algorithm, edges, background):
    _, y, H = _problem(edges, background, backend.get("numpy", "float64"))
    divergence = []
    for x in algorithm(y, H, n_iter=60, background=background):
        assert x.min() >= 0
        divergence.append(richardson_lucy.i_divergence(y, np.maximum(H(x), 0) + background))
    assert all(b <= a * (1 + 1e-9) for a, b in zip(divergence, divergence[1:], strict=False))
    assert divergence[-1] < 0.5 * divergence[0]


@pytest.mark.parametrize("algorithm", LIKELIHOOD)
@pytest.mark.parametrize("background", [0.0, 5.0])
def test_truth_is_a_fixed_point_of_noise_free_data(algorithm, background):
    truth, _, H = _problem(xp=backend.get("numpy", "float64"))
    truth = truth + 1.0
    x = _last(algorithm(H(truth) + background, H, n_iter=5, background=background, start=truth))
    assert np.allclose(x, truth, rtol=1e-9)


def test_noise_free_data_are_undone():
    """With a PSF whose transfer function has no zeros, the iterations lead back to the truth."""
    rng, xp = np.random.default_rng(1), backend.get("numpy", "float64")
    truth = rng.uniform(50, 100, SHAPE)
    H = operators.blur(gaussian_psf((3, 3, 3), (0.6, 0.6, 0.6)), SHAPE, xp=xp)
    x = _last(richardson_lucy.plain(H(truth), H, n_iter=2000))
    assert np.linalg.norm(x - truth) < 0.02 * np.linalg.norm(truth - truth.mean())


@pytest.mark.parametrize("algorithm", ALL)
def test_scaling_data_and_background_scales_the_estimate(algorithm):
    _, y, H = _problem(background=5.0)
    one = _last(algorithm(y, H, n_iter=20, background=5.0))
    many = _last(algorithm(1000 * y, H, n_iter=20, background=5000.0))
    assert np.allclose(many, 1000 * one, rtol=1e-3, atol=1e-3 * many.max())


@pytest.mark.parametrize("algorithm", ALL)
def test_shifting_the_data_shifts_the_estimate(algorithm):
    _, y, H = _problem()
    x = _last(algorithm(y, H, n_iter=20))
    shifted = _last(algorithm(np.roll(y, (2, 5, 3), (0, 1, 2)), H, n_iter=20))
    assert np.allclose(shifted, np.roll(x, (2, 5, 3), (0, 1, 2)), atol=1e-3 * x.max())


def test_permuting_the_axes_permutes_the_estimate():
    rng, xp = np.random.default_rng(2), backend.get("numpy")
    psf, y = asymmetric_psf(PSF_SHAPE, rng), rng.poisson(20, SHAPE).astype(np.float32)
    x = _last(richardson_lucy.plain(y, operators.blur(psf, SHAPE, xp=xp), n_iter=10))
    turned_H = operators.blur(psf.transpose(2, 0, 1), (15, 9, 16), xp=xp)
    turned = _last(richardson_lucy.plain(y.transpose(2, 0, 1), turned_H, n_iter=10))
    assert np.allclose(turned, x.transpose(2, 0, 1), atol=1e-3 * x.max())


@pytest.mark.parametrize("algorithm", ALL)
def test_estimate_is_not_shifted_by_half_a_voxel(algorithm):
    """A wrong adjoint shifts the estimate; the centre of mass of a blurred cell is where the cell was."""
    rng, xp = np.random.default_rng(3), backend.get("numpy")
    truth = np.zeros((16, 16, 16))
    truth[6:10, 5:9, 7:11] = 100
    H = operators.blur(asymmetric_psf((4, 4, 4), rng), truth.shape, xp=xp)
    x = _last(algorithm(np.maximum(H(truth), 0), H, n_iter=50))
    for axis, centre in enumerate((7.5, 6.5, 8.5)):
        profile = x.sum(axis=tuple(i for i in range(3) if i != axis), dtype=float)
        assert profile @ np.arange(16) / profile.sum() == pytest.approx(centre, abs=0.02)


def test_open_edges_halve_the_error_at_the_border():
    rng, xp = np.random.default_rng(4), backend.get("numpy")
    psf, shape = gaussian_psf((9, 9, 9), (2.0, 1.5, 1.5)), (16, 24, 24)
    A = formation.forward(psf, shape, xp=xp)
    world = cells(A.shape_in, rng, n=25, photons=200)
    y = rng.poisson(np.maximum(A(world), 0) + 5).astype(np.float32)
    truth, rim = operators.crop(shape, A.shape_in, xp=xp)(world), np.ones(shape, bool)
    rim[3:-3, 3:-3, 3:-3] = False
    errors = {}
    for edges in ("open", "periodic"):
        H = formation.forward(psf, shape, edges=edges, xp=xp)
        x = operators.crop(shape, H.shape_in, xp=xp)(_last(richardson_lucy.plain(y, H, n_iter=30, background=5)))
        errors[edges] = np.linalg.norm((x - truth)[rim]) / np.linalg.norm(truth[rim])
    assert errors["open"] < 0.55 * errors["periodic"], errors


@pytest.fixture(scope="module")
def course_volume(tmp_path_factory):
    """The small course volume in photons, its background with the read noise, and periodic edges."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(cache.VARIABLE, str(tmp_path_factory.mktemp("cache")))
        volume = data_fetch.load("microtubules", size="small")
    y, background = volume.camera.poisson(volume.stack, 10)
    psf = np.asarray(volume.psf)[12:35]  # to the depth of the volume
    H = operators.blur(psf / psf.sum(dtype=float), y.shape, xp=backend.get("numpy"))
    return y.data, H, background


def _objective(x, y, H, background):
    return richardson_lucy.i_divergence(y, np.maximum(H(x), 0) + background)


@pytest.mark.parametrize("algorithm", FAST)
def test_momentum_reaches_in_thirty_iterations_what_takes_a_hundred(algorithm, course_volume):
    y, H, background = course_volume
    goal = _objective(_last(richardson_lucy.plain(y, H, n_iter=100, background=background)), y, H, background)
    assert _objective(_last(algorithm(y, H, n_iter=30, background=background)), y, H, background) < goal


@pytest.mark.parametrize("algorithm", MOMENTUM)
def test_momentum_begins_anew_where_it_raised_the_objective(algorithm, monkeypatch):
    """From a point far beyond the estimate the objective rises: that step is taken back, and the next ones lower it."""
    _, y, H = _problem(background=5.0, xp=backend.get("numpy", "float64"))
    for momentum in (richardson_lucy._GrowingMomentum, richardson_lucy._AlikeMomentum):
        monkeypatch.setattr(momentum, "__call__", lambda self, x, p: 30.0)
    divergence = [_objective(x, y, H, 5.0) for x in algorithm(y, H, n_iter=30, background=5.0)]
    assert all(b <= a * (1 + 1e-9) for a, b in zip(divergence, divergence[1:], strict=False))
    assert divergence[-1] < 0.9 * divergence[0]


def test_line_search_takes_the_best_point_on_the_way():
    """No point between two estimates, nor a little beyond where it stopped short, explains the data better."""
    _, y, H = _problem(background=5.0, xp=backend.get("numpy", "float64"), photons=1000.0)
    estimates, short = list(richardson_lucy.line_search(y, H, n_iter=12, background=5.0)), 0
    for a, b in zip(estimates, estimates[1:], strict=False):
        objective = [_objective(np.maximum(a + c * (b - a), 0), y, H, 5.0) for c in (0.5, 0.9, 1.0, 1.02)]
        assert objective[2] <= min(objective[:2]) * (1 + 1e-6)
        short += objective[3] > objective[2]
    assert short, "in none of the steps was the aim too far"


def test_line_search_makes_up_for_the_light_that_it_cut_off():
    _, y, H = _problem()
    light = [np.sum(x, dtype=float) / y.sum(dtype=float) for x in richardson_lucy.line_search(y, H, n_iter=30)]
    assert max(abs(ratio - 1) for ratio in light[2:]) < 0.02
    assert light[-1] == pytest.approx(1, abs=0.005)


def test_line_search_needs_four_fourier_transforms_an_iteration():
    calls = []
    _, y, H = _problem(background=5.0)
    counted = operators.Linear(
        lambda x: calls.append("A") or H.forward(x), lambda u: calls.append("A'") or H.adjoint(u), SHAPE, SHAPE, H.xp
    )
    estimates = richardson_lucy.line_search(y, counted, n_iter=100, background=5.0)
    next(estimates)
    calls.clear()
    for _ in range(10):
        next(estimates)
    assert sorted(calls) == 10 * ["A"] + 10 * ["A'"]


def _round_cells():
    rng, shape = np.random.default_rng(0), (24, 64, 64)
    truth, psf = cells(shape, rng, n=14, photons=200), gaussian_psf((9, 9, 9), (2.2, 1.4, 1.4))
    H = operators.blur(psf, shape, xp=backend.get("numpy"))
    return truth, rng.poisson(np.maximum(H(truth), 0) + 5).astype(np.float32), H


def test_total_variation_beats_the_best_plain_estimate_of_round_cells_and_stays_there():
    truth, y, H = _round_cells()
    plain = [compare.psnr(x, truth) for x in richardson_lucy.plain(y, H, n_iter=150, background=5)]
    tv = [compare.psnr(x, truth) for x in richardson_lucy.tv(y, H, weight=0.01, n_iter=300, background=5)]
    assert tv[149] > max(plain) + 2
    assert tv[299] > max(tv) - 0.1, "more iterations do no harm"


def test_total_variation_smooths_noise_and_does_not_sharpen_it():
    """With its sign reversed the prior is a reward for edges."""
    rng, shape = np.random.default_rng(1), (8, 16, 17)
    y = rng.poisson(50, shape).astype(np.float32)
    H = operators.blur(asymmetric_psf((3, 3, 4), rng), shape, xp=backend.get("numpy"))
    spread = [_last(richardson_lucy.tv(y, H, weight=weight, n_iter=30)).std() for weight in (0.0, 0.01, 0.02)]
    assert spread[1] < 0.5 * spread[0]
    assert spread[2] < 0.5 * spread[1]


def test_total_variation_is_the_formula():
    _, y, H = _problem(background=5.0, xp=backend.get("numpy", "float64"))
    x = np.random.default_rng(2).uniform(1, 20, SHAPE)
    steps = np.array([0.5, 1, 1])[:, None, None, None]
    slope = steps * np.stack([np.roll(x, -1, axis) - x for axis in range(3)])
    unit = slope / np.sqrt((slope**2).sum(0) + (1e-3 * richardson_lucy.mean_signal(y, 5.0)) ** 2)
    div = sum(s * (u - np.roll(u, 1, axis)) for axis, (s, u) in enumerate(zip(steps, unit, strict=True)))
    expected = x * H.T(y / (H(x) + 5)) / (1 - 0.05 * div)
    found = next(richardson_lucy.tv(y, H, weight=0.05, voxel_size=(2, 1, 1), n_iter=1, background=5.0, start=x))
    assert np.allclose(found, expected, rtol=1e-5)


def test_total_variation_of_weight_zero_is_plain():
    _, y, H = _problem()
    plain = _last(richardson_lucy.plain(y, H, n_iter=5))
    assert np.allclose(_last(richardson_lucy.tv(y, H, weight=0, n_iter=5)), plain, rtol=1e-5)


def test_total_variation_stays_positive_for_any_weight():
    _, y, H = _problem("open", 5.0)
    for x in richardson_lucy.tv(y, H, weight=3.0, n_iter=20, background=5.0):
        assert np.isfinite(x).all() and x.min() >= 0


def test_a_negative_weight_is_refused():
    _, y, H = _problem()
    with pytest.raises(ValueError, match="weight of total variation must be finite and not negative; got -1"):
        next(richardson_lucy.tv(y, H, weight=-1, n_iter=1))


@pytest.mark.parametrize("algorithm", ALL)
@pytest.mark.parametrize("name", [name for name in ("numpy", "fftw") if name in installed_backends()])
def test_data_start_and_earlier_estimates_are_left_as_they_were(algorithm, name):
    """NumPy's steps overwrite their intermediate results, and nothing else."""
    _, y, H = _problem(xp=backend.get(name))
    start = np.full(SHAPE, 3, np.float32)
    for A in (H, operators.identity(SHAPE, xp=H.xp), operators.bin_z(1, SHAPE, xp=H.xp)):
        before, estimates, copies = y.copy(), [], []
        for x in algorithm(y, A, n_iter=5, background=1.0, start=start):
            estimates.append(x)
            copies.append(np.array(x))
        assert np.array_equal(y, before) and (start == 3).all()
        assert all(map(np.array_equal, estimates, copies))


def test_total_variation_wants_one_length_an_axis():
    """A plane is deblurred like a stack whose planes are all alike."""
    xp, psf = backend.get("numpy"), gaussian_psf((1, 3, 3), (1, 1, 1))
    y = np.random.default_rng(5).poisson(20, (8, 9)).astype(np.float32)
    H, thick = operators.blur(psf[0], (8, 9), xp=xp), operators.blur(psf, (2, 8, 9), xp=xp)
    flat = _last(richardson_lucy.tv(y, H, weight=0.02, n_iter=20))
    assert np.allclose(_last(richardson_lucy.tv(np.stack([y, y]), thick, weight=0.02, n_iter=20)), flat, rtol=1e-3)
    with pytest.raises(ValueError, match=r"one length an axis, 2 in all; got \(1, 1, 1\)"):
        next(richardson_lucy.tv(y, H, weight=0.02, voxel_size=(1, 1, 1), n_iter=1))


@pytest.mark.parametrize("edges", ["periodic", "open"])
def test_adjoint_of_the_operator_in_use_is_exact(edges):
    _, _, H = _problem(edges)
    assert operators.adjoint_gap(H, np.random.default_rng(3)) < 1e-5


@pytest.mark.parametrize("algorithm", ALL)
def test_dark_data_without_background_stay_finite(algorithm):
    H = operators.blur(asymmetric_psf((3, 3, 3), np.random.default_rng(5)), (4, 5, 6), xp=backend.get("numpy"))
    y = np.zeros((4, 5, 6), np.float32)
    assert np.isfinite(_last(algorithm(y, H, n_iter=5))).all()
    y[2, 2, 2] = 100
    assert np.isfinite(_last(algorithm(y, H, n_iter=50))).all()


def test_a_generator_computes_only_what_is_asked_for():
    steps = []
    _, y, H = _problem()
    counted = operators.Linear(lambda x: steps.append(1) or H(x), H.T.forward, H.shape_in, H.shape_out, H.xp)
    estimates = richardson_lucy.plain(y, counted, n_iter=1000)
    next(estimates), next(estimates)
    assert len(steps) == 2


@pytest.mark.parametrize("algorithm", ALL)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: y[1:], "y has shape"),
        (lambda y: y - 50, "negative values.*Do not subtract the background"),
        (lambda y: y * np.nan, "NaN"),
    ],
)
def test_data_that_are_no_photons_are_refused(algorithm, change, message):
    _, y, H = _problem()
    with pytest.raises(ValueError, match=message):
        next(algorithm(change(y), H, n_iter=1))


@pytest.mark.parametrize("algorithm", ALL)
def test_a_negative_background_is_refused(algorithm):
    _, y, H = _problem()
    with pytest.raises(ValueError, match="background must be finite and not negative; got -1"):
        next(algorithm(y, H, n_iter=1, background=-1))


def test_i_divergence_is_zero_only_for_the_data_themselves():
    y = np.random.default_rng(6).poisson(3, 1000).astype(float)
    assert richardson_lucy.i_divergence(y, y + 1e-12) == pytest.approx(0, abs=1e-6)
    assert richardson_lucy.i_divergence(y, y + 0.5) > 1
    assert richardson_lucy.i_divergence([0, 2.0], [1.0, 1.0]) == pytest.approx(2 * np.log(2))


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc, which only Linux has")
@pytest.mark.parametrize(
    ("name", "method", "edges"),
    [(name, "rl", "open") for name in installed_backends()]
    + [("numpy", "rl-tv", "open"), ("numpy", "rl-fast", "open"), ("fftw", "rl-tv", "open"), ("fftw", "rl", "periodic")],
)
def test_peak_memory_stays_within_what_is_announced(name, method, edges):
    # in a process of its own, from the top folder
    command = [sys.executable, "-m", "benchmarks.memory", name, method, edges]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1])
    assert run.returncode == 0, run.stderr
    volumes = float(run.stdout)
    assert 3 < volumes <= VOLUMES[name][method], f"{name}: {volumes:.2f} volumes"
