import functools

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from scipy import fft

from course_utils import compare, formation, isonet, optics, robustness, training
from course_utils.compare.otf_support import otf_support, spectrum_outside_support
from course_utils.isonet import recipes as isonet_recipes
from course_utils.isonet.recipes import gaussian
from course_utils.robustness import figures, recipes
from course_utils.stack import Stack

WATER = optics.Optics(NA=1.0, wavelength=0.52, n_immersion=1.33)


@functools.cache
def _twin(seed=5, kind="both", size=48, **options):
    return robustness.twin(kind, seed=seed, size=size, **options)


@functools.cache
def _networks():
    """Untrained: one that changes nothing, one that changes its input."""
    some = isonet.unet(filters=4)
    kernel, bias = some.layers[-2].get_weights()
    some.layers[-2].set_weights([np.random.default_rng(1).normal(0, 3, kernel.shape), bias])
    return {"none": isonet.unet(filters=2), "some": some}


# ---- twins


def test_twin_is_the_stack_of_chapter_7():
    truth, stack = isonet_recipes.take(isonet_recipes.isotropic_specimen(5, size=48), rng=np.random.default_rng(5))
    test = _twin()
    np.testing.assert_array_equal(test.truth.data, truth.data)
    np.testing.assert_array_equal(test.stack.data, stack.data)
    assert test.planes == isonet.isotropic(stack).shape[0]


@pytest.mark.parametrize("kind", robustness.SPECIMENS)
def test_twin_of_every_class_is_lit_to_the_peak_and_follows_its_seed(kind):
    one, other = (_twin(seed, kind, psf=(2.5, 1.0, 1.0), peak=50.0) for seed in (5, 6))
    assert formation.expect(one.truth, one.psf).data.max() == pytest.approx(50, rel=1e-3)
    again = robustness.twin(kind, seed=5, size=48, psf=(2.5, 1.0, 1.0), peak=50.0)
    np.testing.assert_array_equal(one.stack.data, again.stack.data)
    assert compare.nrmse(one.truth, other.truth) > 0.3


def test_twin_scores_its_aims_as_perfect_and_sees_no_gain_nor_offset():
    test = _twin()
    for aim in ("truth", "lateral resolution"):
        goal = test.aim(aim)
        assert test.psnr(3 * goal + 7, aim) > 80
        assert test.psnr(goal[::-1], aim) < 40
    assert test.aim("truth").std() > test.aim("lateral resolution").std()


def test_unknown_class_and_aim_are_refused():
    with pytest.raises(ValueError, match="no specimen 'cats'; there are: filaments, shells"):
        robustness.twin("cats", seed=1)
    with pytest.raises(ValueError, match="one of 'truth', 'lateral resolution'; got 'sim'"):
        _twin().aim("sim")


@pytest.mark.parametrize("depth", [0.0, 5.0, 10.0])
def test_wide_field_psf_is_brightest_in_its_middle_plane(depth):
    oil = optics.Optics(NA=1.2, wavelength=0.52, n_immersion=1.515, depth=depth)
    psf = robustness.wide_field_psf(oil, shape=(41, 25, 25))
    assert psf.shape == (41, 25, 25)
    assert np.unravel_index(psf.data.argmax(), psf.shape) == (20, 12, 12)
    assert psf.data.sum(dtype=float) == pytest.approx(1)


def test_wide_field_psf_is_about_as_wide_as_chapter_7s():
    wide, narrow = optics.fwhm(robustness.wide_field_psf()), optics.fwhm(gaussian(isonet_recipes.SIGMA))
    np.testing.assert_allclose(wide, narrow, rtol=0.15)


# ---- networks


def test_random_cases_lie_within_their_ranges_and_vary():
    rng = np.random.default_rng(2)
    cases = [recipes.random_case(rng) for _ in range(200)]
    assert {case.kind for case in cases} == set(recipes.RANDOM_KINDS)
    for values, (low, high) in (
        ([case.sigma[0] for case in cases], recipes.RANDOM_Z),
        ([case.sigma[2] for case in cases], recipes.RANDOM_X),
        (np.log([case.peak for case in cases]), np.log(recipes.RANDOM_PEAK)),
    ):
        assert low <= np.min(values) and np.max(values) <= high
        assert np.mean(values) == pytest.approx((low + high) / 2, abs=0.08 * (high - low))
    assert all(case.sigma[1] == case.sigma[2] < case.sigma[0] for case in cases)


def test_training_data_differ_from_choosing_data_and_follow_the_seed():
    options = {"stacks": 2, "size": 40, "patch": 32, "count": 8}
    pairs, choosing = recipes.training_data(recipes.fixed("shells"), **options)
    again, _ = recipes.training_data(recipes.fixed("shells"), **options)
    assert len(pairs) == 8 and len(choosing) == recipes.CHOOSING
    np.testing.assert_array_equal(pairs.inputs, again.inputs)
    assert not any(np.array_equal(a, b) for a in pairs.targets for b in choosing.targets)


def test_patches_of_dim_and_bright_stacks_are_on_one_scale():
    options = {"stacks": 2, "size": 40, "patch": 32, "count": 16}
    tops = [
        np.percentile(
            recipes.training_data(lambda rng, p=p: recipes.Case("shells", (4, 1.2, 1.2), p), **options)[0].targets, 99
        )
        for p in (50.0, 2000.0)
    ]
    assert tops[0] == pytest.approx(tops[1], rel=0.3)


def test_training_gives_a_network_with_its_card():
    model, normaliser, card = recipes.train(
        recipes.random_case, data="a test", filters=2, epochs=1, count=32, stacks=2, size=40, patch=32, progress=False
    )
    assert model.count_params() == isonet.unet(filters=2).count_params()
    assert normaliser.scale > 0
    assert {"network", "data", "training", "seed", "licence"} <= set(card)
    assert "32 patches of 32 × 32" in card["training"]


def test_restore_follows_gain_and_offset_of_the_stack():
    network, stack = _networks()["some"], _twin().stack
    one = robustness.restore(network, stack, views=("xz",)).data
    other = robustness.restore(network, stack.with_data(5 * stack.data + 100), views=("xz",)).data
    np.testing.assert_allclose(other, 5 * one + 100, rtol=1e-3, atol=1e-3 * np.ptp(other))


# ---- experiments


def test_matrix_puts_each_network_into_its_row_and_each_twin_into_its_column():
    twins = {"short": _twin(psf=(2.5, 1.2, 1.2)), "long": _twin(6)}
    found = robustness.matrix(_networks(), twins, views=("xz",))
    assert (found.networks, found.data) == (("none", "some"), ("short", "long"))
    np.testing.assert_allclose(found.gain[0], 0, atol=1e-3)  # untrained, a residual U-Net changes nothing
    restored = robustness.restore(_networks()["some"], twins["long"].stack, views=("xz",))
    assert found.psnr[1, 1] == pytest.approx(twins["long"].psnr(restored, "lateral resolution"), abs=1e-6)
    assert np.all(np.abs(found.gain[1]) > 0.1)
    assert found.before[0] > found.before[1]
    assert found.slices["some", "long"].shape == (twins["long"].planes, 48)


def test_shipped_networks_are_best_at_the_psf_they_were_made_for():
    networks = {s: training.pretrained(f"small-psf-{s:g}") for s in (2.5, 6.0)}
    twins = {s: _twin(6, psf=(s, 1.2, 1.2)) for s in networks}
    gain = robustness.matrix(networks, twins, views=("xz",)).gain
    assert np.all(gain.diagonal() > 1)
    assert np.all(gain.diagonal() > gain[::-1].diagonal() + 1)


def test_the_right_psf_is_the_best_of_its_curve():
    test, chosen = _twin(), robustness.choose(_twin(4), n_iter=20, admm_iter=20, strengths=(0.03,))
    psfs = [gaussian((4.0 * (1 + e), 1.2, 1.2)) for e in (-0.5, 0.0, 0.75)]
    for values in robustness.wrong_psf(test, psfs, chosen).values():
        assert values.argmax() == 1
        assert np.ptp(values) > 0.3


def test_a_psf_off_centre_moves_the_estimate_and_moving_back_mends_it():
    test, chosen = _twin(), robustness.Chosen(8, 0.03, 15)
    right = gaussian((4.0, 1.2, 1.2))
    off = right.with_data(np.pad(right.data, [(6, 0), (0, 0), (0, 0)]))  # its centre n // 2 moved by 3
    found = robustness.wrong_psf(test, [right, off], chosen, moved=[0, 3])
    for name in ("Richardson–Lucy", "ADMM, TV"):
        as_it_is, mended = found[name], found[f"{name}, moved back"]
        assert as_it_is[0] == mended[0]
        assert as_it_is[0] - as_it_is[1] > max(1, 2 * (mended[0] - mended[1]))


def test_choice_is_the_best_on_the_twin_it_was_made_on():
    test = _twin(4)
    chosen = robustness.choose(test, n_iter=15, admm_iter=10, strengths=(1e-2, 10.0))
    scores = [test.psnr(x) for x in robustness.richardson_lucy_estimates(test, test.psf, n_iter=15)]
    assert chosen.iterations == int(np.argmax(scores[: chosen.iterations + 3])) + 1
    assert (chosen.strength, chosen.admm_iterations) == (1e-2, 10)


def test_more_light_is_better_and_the_ladder_follows_its_seed():
    pairs = {peak: tuple(_twin(seed, size=36, peak=peak) for seed in (5, 4)) for peak in (10.0, 1000.0)}
    options = {"n_iter": 8, "admm_iter": 6, "strengths": (0.03,)}
    found, again = (robustness.ladder(pairs, {"U-Net": _networks()["none"]}, **options) for _ in range(2))
    assert found.peaks == (10.0, 1000.0) and len(found.chosen) == 2
    for aim in ("truth", "lateral resolution"):
        for name, values in found.psnr[aim].items():
            assert values[1] > values[0]
            np.testing.assert_array_equal(values, again.psnr[aim][name])
        np.testing.assert_allclose(found.psnr[aim]["U-Net"], found.psnr[aim]["interpolation"], atol=1e-3)


# ---- outside the support


def _volume(seed, keep=None, shape=(32, 33, 34)):
    """White noise; of its spectrum only the part inside or outside the support, if asked for."""
    x = np.random.default_rng(seed).standard_normal(shape)
    if keep:
        inside = otf_support(WATER, shape, (0.1,) * 3)
        x = fft.irfftn(fft.rfftn(x) * (inside if keep == "inside" else ~inside), shape)
    return Stack(x, (0.1,) * 3)


def test_a_band_limited_volume_has_nothing_outside():
    found = robustness.outside(_volume(1, "inside"), _volume(2), WATER, taper=0)
    assert found.share == pytest.approx(0, abs=1e-8)
    assert robustness.outside(_volume(1, "outside"), _volume(2), WATER, taper=0).share == pytest.approx(1)


def test_the_truth_agrees_with_itself_and_noise_with_nothing():
    truth, noise = _volume(3), _volume(4)
    same, other = (robustness.outside(x, truth, WATER) for x in (truth, noise))
    assert (same.correlation, same.ratio) == (pytest.approx(1), pytest.approx(1))
    assert abs(other.correlation) < 0.05
    np.testing.assert_allclose(same.agreement, 1)
    half = robustness.outside(truth.with_data((truth.data + noise.data) / 2), truth, WATER)
    assert half.correlation == pytest.approx(np.sqrt(0.5), abs=0.05)


def test_share_is_that_of_compare_and_power_is_that_of_white_noise():
    x = _volume(5)
    found = robustness.outside(x, _volume(6), WATER)
    assert found.share == pytest.approx(spectrum_outside_support(x, WATER))
    np.testing.assert_allclose(found.power, 1, rtol=0.5)
    assert found.power.mean() == pytest.approx(1, rel=0.1)
    assert len(found.kz) == 17 and found.kz[-1] == pytest.approx(5)


def test_power_along_kz_stands_at_its_frequency():
    z, x = np.arange(32)[:, None, None], np.arange(34)
    wave = Stack(np.cos(2 * np.pi * (5 * z / 32 - 6 * x / 34)) + np.zeros((32, 33, 34)), (0.1,) * 3)
    found = robustness.outside(wave, wave, WATER, taper=0)
    assert found.power.argmax() == 5
    assert found.power[5] == pytest.approx(found.power.sum())


def test_pure_noise_has_no_truth_to_agree_with():
    found = robustness.outside(_volume(7), _volume(7).with_data(np.ones((32, 33, 34))), WATER)
    assert np.isnan(found.correlation) and np.isnan(found.ratio) and found.share > 0.5


def test_volumes_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match="must have the same shape"):
        robustness.outside(_volume(1), _volume(1, shape=(30, 33, 34)), WATER)


# ---- figures


def test_numbers_writes_every_value_and_a_dash_for_none():
    values = np.array([[1.25, -0.5], [np.nan, 10.0]])
    figure = figures.numbers(
        {"a": values}, rows=["r", "s"], columns=["c", "d"], unit="dB", xlabel="data", ylabel="network", diverging=True
    )
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["1.2", "-0.50", "–", "10.0"]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["c", "d"]
    assert axes.images[0].norm.vmin == -10
    assert figure.axes[1].get_ylabel() == "dB"


def test_numbers_can_be_read_on_every_colour():
    figure = figures.numbers(
        {"a": np.linspace(0, 1, 20).reshape(4, 5)},
        rows=list("abcd"),
        columns=list("efghi"),
        unit="",
        xlabel="",
        ylabel="",
    )
    image, texts = figure.axes[0].images[0], figure.axes[0].texts
    for value, text in zip(np.linspace(0, 1, 20), texts, strict=True):
        light = np.dot((0.3, 0.59, 0.11), image.cmap(image.norm(value))[:3])
        assert abs(np.mean(to_rgb(text.get_color())) - light) > 0.4


def test_curves_draws_all_panels_marks_and_one_legend():
    x = np.arange(1, 4)
    figure = figures.curves(
        {"a": {"U-Net": (x, x), "truth": (x, 2 * x)}, "b": {"U-Net": (x, x)}}, xlabel={"a": "one", "b": "two"},
        ylabel="PSNR (dB)", marks={"b": (2, "limit")}, logx=True, points=("truth",),
    )  # fmt: skip
    first, second = figure.axes
    assert (first.get_xlabel(), second.get_xlabel(), first.get_ylabel()) == ("one", "two", "PSNR (dB)")
    assert first.get_xscale() == "log" and first.lines[1].get_linestyle() == "None"
    assert [text.get_text() for text in second.texts] == ["limit"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["U-Net", "truth"]
    assert first.lines[0].get_color() == second.lines[0].get_color()
