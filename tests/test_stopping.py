import numpy as np
import pytest
from phantoms import asymmetric_psf, cells, gaussian_psf, installed_backends

import data_fetch
from course_utils import backend, compare, operators, richardson_lucy, stopping
from data_fetch import cache

BACKGROUND = 10.0
SEED = 5


@pytest.fixture(scope="module")
def exposure(tmp_path_factory):
    """Function of a level: the small course volume at that many times its light. (truth, photons, H, background).

    Blurred and deblurred with periodic edges, on a grid of an eighth of the voxels, to be quick.
    """
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(cache.VARIABLE, str(folder))
        volume = data_fetch.load("microtubules", size="small")

    psf = np.asarray(volume.psf)[12:35]  # to the depth of the volume
    H = operators.blur(psf / psf.sum(dtype=float), volume.stack.shape, xp=backend.get("numpy"))

    def expose(level):
        truth = level * volume.truth.data
        expected = np.maximum(H(truth), 0) + level * BACKGROUND
        return truth, np.random.default_rng(SEED).poisson(expected).astype(np.float32), H, level * BACKGROUND

    return expose


def _errors(estimates, truth):
    return [compare.psnr(x, truth) for x in estimates]


@pytest.mark.parametrize(("level", "n_iter"), [(0.1, 45), (1.0, 60), (10.0, 90)])
def test_held_out_photons_stop_within_half_a_decibel_of_the_best(exposure, level, n_iter):
    truth, y, H, background = exposure(level)
    algorithm = richardson_lucy.biggs_andrews
    errors = _errors(algorithm(y, H, n_iter=n_iter, background=background), truth)
    assert 0 < np.argmax(errors) < n_iter - 1, "the best estimate lies between the first and the last"
    kept, held = stopping.thin(y, 0.5, np.random.default_rng(SEED))
    score = stopping.held_out(held, H, share=0.5, background=background)
    estimates = algorithm(kept, H, n_iter=n_iter, background=0.5 * background)
    _, k = stopping.first_minimum(estimates, score)
    assert errors[k - 1] > max(errors) - 0.5


def test_discrepancy_stops_early_but_before_the_noise(exposure):
    """A dB and more below the best of this algorithm: it is no close rule."""
    truth, y, H, background = exposure(0.1)
    estimates = list(richardson_lucy.biggs_andrews(y, H, n_iter=40, background=background))
    errors = _errors(estimates, truth)
    _, k = stopping.first_minimum(estimates, stopping.discrepancy(y, H, background=background))
    assert 5 < k < np.argmax(errors)
    assert errors[k - 1] > errors[0] + 4


@pytest.fixture(scope="module")
def problem():
    rng, psf = np.random.default_rng(0), gaussian_psf((7, 7, 7), (1.6, 1.2, 1.2))
    truth = cells((16, 32, 31), rng, n=8, photons=60)
    H = operators.blur(psf, truth.shape, xp=backend.get("numpy"))
    return truth, rng.poisson(np.maximum(H(truth), 0) + 5).astype(np.float32), H


def test_consensus_ends_by_itself_near_the_best(problem):
    truth, y, H = problem
    errors = [compare.psnr(x, truth) for x in richardson_lucy.plain(y, H, n_iter=300, background=5)]
    estimates = stopping.gradient_consensus(y, H, n_iter=300, background=5, rng=np.random.default_rng(1))
    found = [compare.psnr(x, truth) for x in estimates]
    assert len(found) < 300
    assert found[-1] > max(errors) - 0.5
    assert found[-1] > errors[-1] + 0.5, "the plain estimate has long gone on to the noise"


def test_consensus_begins_as_the_plain_step(problem):
    _, y, H = problem
    x = next(stopping.gradient_consensus(y, H, n_iter=1, background=5, rng=np.random.default_rng(1)))
    plain = next(richardson_lucy.plain(y, H, n_iter=1, background=5))
    changed = ~np.isclose(x, x.flat[np.argmin(np.abs(x - plain))])
    same = np.isclose(x, plain, rtol=1e-4)
    start = richardson_lucy.mean_signal(y, 5)
    assert np.all(same | np.isclose(x, start))
    assert same.mean() > 0.5 and changed.any()


@pytest.mark.parametrize("other", [name for name in installed_backends() if name != "numpy"])
def test_consensus_is_the_same_on_all_backends(problem, other):
    _, y, H = problem
    elsewhere = operators.blur(gaussian_psf((7, 7, 7), (1.6, 1.2, 1.2)), y.shape, xp=backend.get(other))
    results = []
    for A in (H, elsewhere):
        *_, x = stopping.gradient_consensus(y, A, n_iter=5, background=5, rng=np.random.default_rng(1))
        results.append(np.asarray(x))
    # where the agreement is next to zero, rounding decides whether a voxel takes part
    assert np.linalg.norm(results[1] - results[0]) < 1e-3 * np.linalg.norm(results[0])


def test_thinned_parts_are_independent_poisson_exposures():
    y = np.random.default_rng(2).poisson(8.0, (40, 50, 60))
    kept, held = stopping.thin(y, 0.7, np.random.default_rng(3))
    assert np.array_equal(kept + held, y)
    assert kept.mean() == pytest.approx(0.7 * 8, rel=0.01)
    for part in (kept, held):
        assert part.var() == pytest.approx(part.mean(), rel=0.02)
    assert abs(np.corrcoef(kept.ravel(), held.ravel())[0, 1]) < 0.01


@pytest.mark.parametrize("mean", [0.01, 0.3, 1.0, 4.0, 20.0, 80.0, 1000.0])
def test_noise_divergence_is_that_of_poisson_noise(mean):
    y = np.random.default_rng(4).poisson(mean, 400_000)
    found = richardson_lucy.i_divergence(y, np.full(y.shape, mean)) / y.size
    assert float(stopping.noise_divergence(mean)) == pytest.approx(found, rel=0.02)


def test_discrepancy_of_the_truth_is_next_to_nothing(problem):
    """Also where few photons are counted, and ½ a voxel would be wrong."""
    truth, _, H = problem
    faint = 0.01 * truth
    y = np.random.default_rng(5).poisson(np.maximum(H(faint), 0) + 0.05)
    assert stopping.discrepancy(y, H, background=0.05)(faint) < 0.01
    mean = richardson_lucy.i_divergence(y, np.maximum(H(faint), 0) + 0.05) / y.size
    assert mean < 0.3


def test_held_out_score_is_lowest_for_the_truth(problem):
    truth, y, H = problem
    kept, held = stopping.thin(y, 0.6, np.random.default_rng(6))
    score = stopping.held_out(held, H, share=0.6, background=5)
    at_truth = score(0.6 * truth)
    assert at_truth < score(0.7 * truth)
    assert at_truth < score(0.5 * truth)
    assert at_truth < score(0.6 * np.roll(truth, 2, 1))


def test_first_minimum_waits_and_gives_the_best():
    scores = [5.0, 3.0, 4.0, 2.0, 2.5, 2.6, 2.7, 1.0]
    asked = []
    estimates = (asked.append(i) or i for i in range(len(scores)))
    assert stopping.first_minimum(estimates, scores.__getitem__, patience=3) == (3, 4)
    assert asked == [0, 1, 2, 3, 4, 5, 6]
    assert stopping.first_minimum(iter([9]), lambda x: np.nan) == (9, 1)


def test_bad_input_is_refused_with_a_sentence(problem):
    _, y, H = problem
    rng = np.random.default_rng(7)
    with pytest.raises(ValueError, match="share is the part of the photons that is kept, between 0 and 1; got 1"):
        stopping.thin(y, 1, rng)
    with pytest.raises(ValueError, match="Do not subtract the background"):
        stopping.thin(y - 5, 0.5, rng)
    with pytest.raises(ValueError, match="y has shape"):
        stopping.held_out(y[1:], H, share=0.5)
    with pytest.raises(ValueError, match="y has shape"):
        stopping.discrepancy(y[1:], H)
    with pytest.raises(ValueError, match="no estimate to choose from"):
        stopping.first_minimum(iter([]), len)
    wrong = operators.blur(asymmetric_psf((3, 3, 3), rng), (4, 5, 6), xp=H.xp)
    with pytest.raises(ValueError, match="y has shape"):
        next(stopping.gradient_consensus(y, wrong, n_iter=1, rng=rng))


def test_best_predicted_is_the_lowest_score_of_the_held_out_half(exposure):
    _, y, H, background = exposure(0.1)
    given = {"n_iter": 20, "background": background}
    watched = []

    def watch(estimates):
        for x in estimates:
            watched.append(x)
            yield x

    found = stopping.best_predicted(richardson_lucy.plain, y, H, **given, rng=np.random.default_rng(4), watch=watch)
    kept, held = stopping.thin(y, 0.5, np.random.default_rng(4))
    score = stopping.held_out(held, H, share=0.5, background=background)
    scores = [score(x) for x in richardson_lucy.plain(kept, H, n_iter=20, background=0.5 * background)]
    assert found == 1 + int(np.argmin(scores))
    assert found <= len(watched) <= 20
