import numpy as np
import psutil
import pytest
from phantoms import asymmetric_psf, cells, gaussian_psf, installed_backends

import data_fetch
from course_utils import backend, compare, formation, operators
from course_utils import deconvolve as deconvolving
from course_utils.counts import find_gain
from course_utils.deconvolve import METHODS, deconvolve, find_background, memory_needed
from course_utils.formation import Camera
from course_utils.stack import Stack

VOXEL = (0.2, 0.1, 0.1)
SHAPE = (16, 28, 26)


@pytest.fixture(scope="module")
def problem():
    """Truth, measured photons on a background of 10, and the PSF: Stacks. The world goes on beyond the stack."""
    rng, psf = np.random.default_rng(0), gaussian_psf((9, 9, 9), (2.2, 1.4, 1.4))
    A = formation.forward(psf, SHAPE, xp=backend.get("numpy"))
    world = cells(A.shape_in, rng, n=14, photons=300)
    y = rng.poisson(np.maximum(A(world), 0) + 10)
    truth = operators.crop(SHAPE, A.shape_in, xp=A.xp)(world)
    return Stack(truth, VOXEL), Stack(y.astype(np.uint16), VOXEL), Stack(psf, VOXEL)


@pytest.mark.parametrize("name", installed_backends())
def test_deconvolution_comes_closer_to_the_truth(problem, name):
    truth, y, psf = problem
    x = deconvolve(y, psf, n_iter=30, backend=name, progress=False)
    blurred = y.with_data(np.maximum(y.data - 10, 0))
    assert x.shape == y.shape
    assert x.voxel_size == VOXEL
    assert x.data.min() >= 0
    assert compare.psnr(x, truth) > compare.psnr(blurred, truth) + 1.5


@pytest.mark.parametrize("method", METHODS)
def test_methods_with_all_defaults_come_close_to_their_best(problem, method):
    """Within 0.8 dB of those iterations that a look at the truth would choose; larger volumes come closer."""
    truth, y, psf = problem
    chosen = compare.psnr(deconvolve(y, psf, method=method, progress=False), truth)
    best = max(
        compare.psnr(deconvolve(y, psf, method=method, n_iter=n, progress=False), truth) for n in (10, 20, 40, 80, 160)
    )
    assert chosen > best - 0.8, (chosen, best)


def test_total_variation_comes_closest_for_even_bodies(problem):
    truth, y, psf = problem
    tv, plain = (deconvolve(y, psf, method=method, n_iter=150, progress=False) for method in ("rl-tv", "rl"))
    assert compare.psnr(tv, truth) > compare.psnr(plain, truth) + 1


def test_gain_does_not_change_what_auto_chooses(problem):
    """In counts of an unknown gain, the noise tells how many photons there were."""
    _, y, psf = problem
    counts = y.with_data(4 * y.data)
    x, scaled = (deconvolve(stack, psf, method="rl-fast", progress=False) for stack in (y, counts))
    assert compare.nrmse(scaled.data / 4, x) < 0.15
    assert find_gain(counts) == pytest.approx(4 * find_gain(y), rel=1e-5)


@pytest.mark.parametrize("gain", [0.5, 1.0, 3.0])
def test_gain_is_found_from_the_noise(gain):
    rng, xp = np.random.default_rng(4), backend.get("numpy")
    blur = operators.blur(gaussian_psf((9, 9, 9), (2.2, 1.4, 1.4)), (12, 64, 66), xp=xp)
    expected = np.maximum(blur(cells((12, 64, 66), rng, n=20, photons=200)), 0) + 10
    assert find_gain(Stack(gain * rng.poisson(expected), VOXEL)) == pytest.approx(gain, rel=0.1)


def test_gain_of_a_stack_without_noise_is_harmless():
    assert find_gain(Stack(np.ones((3, 4, 5)), VOXEL)) == 1
    assert find_gain(Stack(np.ones((3, 2, 2)), VOXEL)) == 1


def test_a_stack_without_noise_is_deconvolved(problem):
    truth, _, psf = problem
    smooth = operators.blur(psf.data, truth.shape, xp=backend.get("numpy"))(truth.data)
    for scale in (1, 1e-3):
        stack = truth.with_data(scale * np.maximum(smooth, 0))
        x = deconvolve(stack, psf, method="rl-fast", edges="periodic", progress=False)
        assert compare.nrmse(x.data / scale, truth) < compare.nrmse(stack.data / scale, truth)


def test_tiles_take_the_iterations_of_the_brightest(problem, monkeypatch):
    *_, psf = problem
    rng, seen = np.random.default_rng(3), []
    data = rng.poisson(10, (20, 70, 60))
    data[:, 40:60, 20:40] += 50
    y = Stack(data, VOXEL)

    def first(run, photons, A, *rest):
        seen.append(photons.max())
        return 2

    monkeypatch.setattr(deconvolving, "_choose", first)
    with pytest.warns(UserWarning, match=r"Working in [2-9] tiles"):
        deconvolve(y, psf, max_memory=memory_needed(y.shape, psf.shape) // 2, progress=False, camera=Camera())
    assert seen == [data.max()]


def test_counts_with_a_camera_give_photons(problem):
    _, y, psf = problem
    camera = Camera(gain=2.2, offset=100, read_noise=0)
    counts = y.with_data(2.2 * y.data + 100)
    x = deconvolve(counts, psf, camera=camera, background=10, n_iter=10, progress=False)
    assert np.allclose(x.data, deconvolve(y, psf, background=10, n_iter=10, progress=False).data, rtol=1e-2, atol=0.05)


def test_counts_below_the_offset_are_read_noise_and_do_no_harm(problem):
    truth, y, psf = problem
    rng, camera = np.random.default_rng(1), Camera(gain=2.0, offset=100, read_noise=8)
    counts = y.with_data(2 * (y.data - 10) + 100 + 8 * rng.standard_normal(SHAPE))
    assert camera.photons(counts).data.min() < 0
    x = deconvolve(counts, psf, camera=camera, background=0, n_iter=20, progress=False)
    assert compare.psnr(x, truth) > compare.psnr(camera.photons(counts), truth) + 1


def test_background_is_found_low_but_not_too_low(problem):
    _, y, _ = problem
    assert 5 < find_background(y) < 15


def test_tiles_show_no_seams(problem):
    *_, psf = problem
    rng = np.random.default_rng(3)
    y = Stack(rng.poisson(10 + cells((20, 70, 60), rng, n=30, photons=100)), VOXEL)
    whole = deconvolve(y, psf, n_iter=10, progress=False)
    limit = memory_needed(y.shape, psf.shape, n_iter=10) // 2
    with pytest.warns(UserWarning, match=r"needs .* GB, and .* GB may be used\. Working in [2-9] tiles"):
        tiled = deconvolve(y, psf, n_iter=10, max_memory=limit, progress=False)
    assert compare.nrmse(tiled, whole) < 0.01
    assert np.abs(tiled.data - whole.data).max() < 0.02 * whole.data.max()


def test_memory_that_will_never_do_is_refused_before_the_run(problem):
    _, y, psf = problem
    with pytest.raises(MemoryError, match=r"a stack of 16 × 28 × 26 needs .*Crop the stack or the PSF"):
        deconvolve(y, psf, max_memory=1000)
    with pytest.raises(MemoryError, match="Periodic edges cannot be tiled"):
        deconvolve(y, psf, edges="periodic", max_memory=1000)


def test_free_memory_is_asked_for_where_no_limit_is_given(problem, monkeypatch):
    _, y, psf = problem
    little = type("Memory", (), {"available": memory_needed(y.shape, psf.shape, n_iter=1)})
    monkeypatch.setattr(psutil, "virtual_memory", lambda: little)
    with pytest.warns(UserWarning, match="needs 0.000995 GB, and 0.000896 GB may be used"):  # nine tenths
        deconvolve(y, psf, n_iter=1, progress=False)


def test_the_given_stack_is_left_as_it_was(problem):
    _, y, psf = problem
    before = y.data.copy()
    deconvolve(y, psf, n_iter=2, progress=False)
    assert np.array_equal(y.data, before)


def test_progress_is_shown_in_iterations(problem, capsys):
    _, y, psf = problem
    deconvolve(y, psf, n_iter=3)
    assert "3/3" in capsys.readouterr().err


def _other_voxel(psf):
    return Stack(psf.data, (0.1, 0.1, 0.1))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (lambda y, p: {"stack": y.data, "psf": p}, TypeError, "stack must be a Stack.*got ndarray"),
        (lambda y, p: {"stack": y, "psf": p.data}, TypeError, "psf must be a Stack"),
        (lambda y, p: {"stack": y, "psf": _other_voxel(p)}, ValueError, r"optics\.resample\(psf, stack\.voxel_size\)"),
        (
            lambda y, p: {"stack": y, "psf": p, "method": "magic"},
            ValueError,
            "one of 'rl', 'rl-tv', 'rl-fast'; got 'magic'",
        ),
        (lambda y, p: {"stack": y, "psf": p, "n_iter": "many"}, ValueError, "or 'auto'; got 'many'"),
        (lambda y, p: {"stack": y, "psf": p, "weight": 0.1}, ValueError, "weight is that of total variation"),
        (
            lambda y, p: {"stack": y, "psf": p, "method": "rl-tv", "weight": "much"},
            ValueError,
            "weight must be a number",
        ),
        (lambda y, p: {"stack": y, "psf": p, "method": "rl-tv", "weight": -1, "n_iter": 1}, ValueError, "got -1"),
        (lambda y, p: {"stack": y, "psf": p, "n_iter": 0}, ValueError, "n_iter must be a whole number"),
        (lambda y, p: {"stack": y, "psf": p, "n_iter": 2.5}, ValueError, "n_iter must be a whole number"),
        (lambda y, p: {"stack": y, "psf": p, "background": "none"}, ValueError, "a number, or 'auto'"),
        (lambda y, p: {"stack": y, "psf": p, "background": None}, ValueError, "got None"),
        (lambda y, p: {"stack": y, "psf": p, "background": 1e4}, ValueError, "no light is left"),
        (
            lambda y, p: {"stack": y, "psf": p, "camera": Camera(gain=2, offset=1e4, read_noise=3)},
            ValueError,
            "no light is left",
        ),
        (lambda y, p: {"stack": y, "psf": p, "method": "rl-tv", "weight": None}, ValueError, "weight must be a number"),
        (lambda y, p: {"stack": y, "psf": p, "n_iter": None}, ValueError, "n_iter must be a whole number"),
        (
            lambda y, p: {"stack": data_fetch.Bundle(y, p), "psf": p},
            TypeError,
            r"got Bundle\..*the part called \.stack",
        ),
        (lambda y, p: {"stack": Stack(y.data, (200, 100, 100)), "psf": p}, ValueError, "Are these nm"),
        (
            lambda y, p: {"stack": y, "psf": p, "background": -3},
            ValueError,
            "background must be finite and not negative",
        ),
        (lambda y, p: {"stack": y, "psf": p, "backend": "cupy"}, ValueError, "backend must be one of"),
        (lambda y, p: {"stack": y, "psf": p, "edges": "zero"}, ValueError, "edges must be"),
        (lambda y, p: {"stack": y.with_data(y.data - 50), "psf": p}, ValueError, "Do not subtract the background"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(problem, arguments, error, message):
    _, y, psf = problem
    with pytest.raises(error, match=message):
        deconvolve(**{"progress": False, **arguments(y, psf)})


def test_a_psf_larger_than_the_stack_is_fine(problem):
    _, y, _ = problem
    thin = Stack(y.data[:3], VOXEL)
    psf = Stack(asymmetric_psf((9, 9, 9), np.random.default_rng(2)), VOXEL)
    assert np.isfinite(deconvolve(thin, psf, n_iter=3, progress=False).data).all()
