import subprocess
import sys

import numpy as np
import pytest
from phantoms import asymmetric_psf, cells, gaussian_psf
from scipy import ndimage, signal

import data_fetch
from course_utils import compare, isonet, optics, training
from course_utils.formation import Camera, expect
from course_utils.isonet import cells as flat_cells
from course_utils.isonet import recipes as isonet_recipes
from course_utils.stack import Stack
from course_utils.training import model_files
from data_fetch import simulated

VOXEL = (0.1, 0.1, 0.1)


def _gaussian(sigma, step=1.0, across=41):
    """A Gaussian PSF of these widths in lateral pixels, sampled along z at this step."""
    planes = 2 * int(6 * sigma[0] / step) + 1
    return Stack(gaussian_psf((planes, across, across), (sigma[0] / step, *sigma[1:])), (0.1 * step, 0.1, 0.1))


def _width(kernel, axis):
    line = kernel.sum(axis=1 - axis)
    i = np.arange(len(line)) - len(line) // 2
    return np.sqrt((line * i**2).sum() - (line * i).sum() ** 2)


def _fwhm(kernel):
    return np.array(optics.fwhm(Stack(kernel[None], (1, 1, 1)))[1:])


# ---- the sampling operator


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 5, 2.5, 1.5468])
@pytest.mark.parametrize("n", [17, 18])
def test_ramp_along_z_survives_sampling_and_interpolation(factor, n):
    ramp = 3.0 + 0.5 * np.arange(n, dtype=np.float32)[:, None, None] + np.zeros((1, 2, 3), np.float32)
    back = isonet.interpolate(isonet.subsample(ramp, factor, axis=0), factor, axis=0)
    assert n - factor - 1 < len(back) <= n
    np.testing.assert_allclose(back, ramp[: len(back)], rtol=2e-6)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_subsample_is_a_slice_and_interpolation_keeps_its_planes(axis):
    x = np.random.default_rng(1).random((9, 10, 11)).astype(np.float32)
    kept = isonet.subsample(x, 4, axis=axis)
    every = tuple(slice(None, None, 4) if i == axis else slice(None) for i in range(3))
    np.testing.assert_array_equal(kept, x[every])
    np.testing.assert_array_equal(isonet.interpolate(kept, 4, axis=axis)[every], kept)


def test_interpolation_is_not_zooms_corner_to_corner_grid():
    ramp = np.arange(13.0)[:, None, None] + np.zeros((1, 2, 2))
    stretched = ndimage.zoom(ramp[::4], (4, 1, 1), order=1)
    assert abs(stretched[4, 0, 0] - 4) > 0.5  # what is tested above can fail
    assert isonet.interpolate(ramp[::4], 4, axis=0)[4, 0, 0] == 4


@pytest.mark.parametrize("step, factor", [(0.3, 3.0), (0.2, 2.0), (0.25, 2.5)])
def test_isotropic_takes_the_factor_from_the_voxel(step, factor):
    stack = Stack(np.random.default_rng(2).random((5, 6, 7)), (step, 0.1, 0.1))
    fine = isonet.isotropic(stack)
    assert fine.shape == (int(4 * factor) + 1, 6, 7)
    np.testing.assert_allclose(fine.voxel_size, VOXEL, rtol=1e-6)
    np.testing.assert_array_equal(isonet.isotropic(stack, factor=1).data, stack.data)


def test_factor_below_one_is_refused():
    stack = Stack(np.ones((4, 4, 4)), (0.05, 0.1, 0.1))
    with pytest.raises(ValueError, match=r"factor is the step along z over that across, and not below 1; got 0\.5"):
        isonet.isotropic(stack)


# ---- the axial blur


@pytest.mark.parametrize("sigma_z, sigma_x", [(4.0, 1.2), (6.0, 2.0), (3.0, 0.8), (5.0, 3.0)])
def test_split_blur_of_gaussians_subtracts_variances_along_z_and_is_a_line_across(sigma_z, sigma_x):
    kernel = isonet.axial_blur(_gaussian((sigma_z, sigma_x, sigma_x)))
    assert kernel.sum() == pytest.approx(1) and kernel.min() >= 0
    assert _width(kernel, 0) == pytest.approx(np.sqrt(sigma_z**2 - sigma_x**2), rel=0.015)
    assert kernel[:, kernel.shape[1] // 2].sum() > 0.98


@pytest.mark.parametrize("step, across", [(1.0, 41), (2.5, 40), (4.0, 31)])
def test_lateral_blur_and_split_blur_together_are_the_axial_psf(step, across):
    psf = _gaussian((4.0, 1.2, 1.2), step, across)
    full, split = (isonet.axial_blur(psf, method=method) for method in ("full", "split"))
    lateral = gaussian_psf((1, 31, 31), (1, 1.2, 1.2))[0]
    np.testing.assert_allclose(_fwhm(signal.fftconvolve(split, lateral)), _fwhm(full), rtol=0.025)
    assert np.all(_fwhm(signal.fftconvolve(full, lateral)) > 1.03 * _fwhm(full))  # "full" blurs too much


def test_full_blur_is_the_axial_section_on_the_lateral_grid():
    psf = _gaussian((4.0, 1.2, 1.2), step=2.0)
    kernel = isonet.axial_blur(psf, method="full")
    sigma = np.sqrt(8 * np.log(2))
    np.testing.assert_allclose(_fwhm(kernel) / sigma, (4.0, 1.2), rtol=0.05)
    assert np.unravel_index(kernel.argmax(), kernel.shape) == tuple(n // 2 for n in kernel.shape)


def test_blur_of_an_uneven_psf_keeps_the_direction_of_z():
    z = np.arange(21) - 10
    along = np.where(z < 0, np.exp(-(z**2) / 8), np.exp(-(z**2) / 50))  # a longer tail towards higher z
    data = along[:, None, None] * gaussian_psf((1, 15, 15), (1, 1.2, 1.2))
    for method in ("full", "split"):
        line = isonet.axial_blur(Stack(data / data.sum(), VOXEL), method=method).sum(axis=1)
        assert line[len(line) // 2 + 1 :].sum() > 1.3 * line[: len(line) // 2].sum()


def test_real_psf_is_split_to_its_axial_width():
    optics_ = optics.Optics(NA=1.4, wavelength=0.52, n_immersion=1.515, n_specimen=1.515)
    psf = optics.gibson_lanni_psf(optics_, (41, 63, 63), (0.2, 0.08, 0.08))
    full, split = (isonet.axial_blur(psf, method=method) for method in ("full", "split"))
    lateral = psf.data[20] / psf.data[20].sum()
    np.testing.assert_allclose(_fwhm(signal.fftconvolve(split, lateral)), _fwhm(full), rtol=0.08)


def test_axial_blur_refuses_an_unknown_method_and_oblong_pixels():
    psf = _gaussian((4.0, 1.2, 1.2))
    with pytest.raises(ValueError, match="method must be 'full' or 'split'; got 'half'"):
        isonet.axial_blur(psf, method="half")
    with pytest.raises(ValueError, match="a lateral slice needs square pixels"):
        isonet.axial_blur(Stack(psf.data, (0.1, 0.1, 0.2)))


# ---- degraded slices


def test_degraded_slices_match_an_explicit_sum():
    rng = np.random.default_rng(3)
    x, kernel = rng.random((2, 9, 8)), asymmetric_psf((1, 4, 3), rng)[0]
    blurred = np.stack([ndimage.convolve(image, np.pad(kernel, [(0, 1), (0, 0)]), mode="mirror") for image in x])
    expected = isonet.interpolate(blurred[:, ::2], 2, axis=1)
    np.testing.assert_allclose(isonet.degrade(x, kernel, factor=2), expected, rtol=1e-5)


def test_degraded_slice_of_a_sheet_is_the_axial_slice_of_the_stack():
    """One picture, standing in a volume that is even along y, or lying in one that is even along z."""
    rng = np.random.default_rng(4)
    image = ndimage.gaussian_filter(rng.random((57, 40)), 1.0)[:, :40]
    psf = _gaussian((4.0, 1.2, 1.2), across=15)
    upright = Stack(np.repeat(image[:, None], 31, axis=1), VOXEL)  # (z, y, x), even along y
    lying = Stack(np.repeat(image[None], 61, axis=0), VOXEL)  # (z, y, x), even along z
    axial = isonet.isotropic(expect(upright, psf, bin_z=4)).data[:, 15]
    lateral = expect(lying, psf).data[30]
    made = isonet.degrade(lateral[None], isonet.axial_blur(psf), factor=4)[0]
    inner = (slice(20, 37), slice(8, -8))  # neither border
    np.testing.assert_allclose(made[inner], axial[inner], rtol=0.02)


def test_noise_of_degraded_slices_has_the_gain_and_comes_after_the_blur():
    camera, even = Camera(gain=3.0, offset=100.0), np.full((1, 21, 20_000), 250.0)
    x = isonet.degrade(even, np.ones((5, 1)) / 5, factor=4, camera=camera, rng=np.random.default_rng(5))[0]
    assert x[8].mean() == pytest.approx(250, rel=0.01)
    assert x[8].var() == pytest.approx(3 * 150, rel=0.05)
    assert x[10].var() == pytest.approx(3 * 150 / 2, rel=0.05)  # halfway between two planes, each with its own noise


def test_noise_without_a_generator_is_refused():
    with pytest.raises(ValueError, match="the camera's noise needs a generator: pass rng="):
        isonet.degrade(np.ones((1, 9, 9)), np.ones((1, 1)), factor=2, camera=Camera())


# ---- training pairs


@pytest.fixture(scope="module")
def taken():
    """A small specimen, its stack of every second plane, and the kernel."""
    rng = np.random.default_rng(6)
    truth = Stack(ndimage.gaussian_filter(cells((48, 48, 40), rng, n=30, photons=100.0), 0.8), VOXEL)
    psf = _gaussian((2.5, 1.0, 1.0), across=11)
    stack = Camera().expose(expect(truth, psf, background=2.0, bin_z=2), rng)
    return truth, stack, isonet.axial_blur(psf)


def test_targets_are_patches_of_the_stack_and_inputs_their_degraded_twins(taken):
    _, stack, kernel = taken
    pairs = isonet.training_pairs(stack, kernel, camera=None, size=16, count=12, rng=np.random.default_rng(7))
    assert pairs.inputs.shape == pairs.targets.shape == (12, 16, 16, 1)
    planes = np.concatenate([stack.data, stack.data[:, ::-1], stack.data[:, :, ::-1], stack.data[:, ::-1, ::-1]])
    for target in pairs.targets[..., 0]:
        places = [
            np.lib.stride_tricks.sliding_window_view(p, (16, 16), (1, 2)) for p in (planes, planes.swapaxes(1, 2))
        ]
        assert any((place == target).all(axis=(-1, -2)).any() for place in places)
    errors = np.abs(pairs.inputs - pairs.targets).mean()
    assert 0 < errors < 0.5 * np.abs(pairs.targets - pairs.targets.mean()).mean()  # alike, not equal


def test_pairs_are_blurred_along_z_of_the_input_only(taken):
    _, stack, kernel = taken
    pairs = isonet.training_pairs(stack, kernel, camera=None, size=24, count=40, rng=np.random.default_rng(8))
    along, across = (np.abs(np.diff(pairs.inputs, axis=axis)).mean() for axis in (1, 2))
    assert along < 0.7 * across
    along, across = (np.abs(np.diff(pairs.targets, axis=axis)).mean() for axis in (1, 2))
    assert along == pytest.approx(across, rel=0.1)


def test_pairs_repeat_with_the_seed_and_are_normalised(taken):
    _, stack, kernel = taken
    normaliser = training.Normaliser(10.0, 50.0)
    raw, normal, other = (
        isonet.training_pairs(
            [stack, stack], kernel, camera=Camera(), size=16, count=8, rng=np.random.default_rng(seed), normaliser=n
        )
        for seed, n in ((9, None), (9, normaliser), (10, None))
    )
    np.testing.assert_allclose(normaliser.undo(normal.inputs), raw.inputs, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(normaliser.undo(normal.targets), raw.targets, rtol=1e-5, atol=1e-4)
    assert not np.array_equal(raw.inputs, other.inputs)


def test_pairs_refuse_oblong_pixels(taken):
    _, stack, kernel = taken
    with pytest.raises(ValueError, match="lateral slices need square pixels"):
        isonet.training_pairs(Stack(stack.data, (0.3, 0.1, 0.12)), kernel, camera=None, rng=np.random.default_rng(0))


# ---- the networks


def test_importing_isonet_leaves_tensorflow_alone():
    code = "import sys, course_utils.isonet, course_utils.isonet.recipes; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    "build, parameters, field",
    [
        (lambda: isonet.isonet1(), 57_283, 17),
        (lambda: isonet.isonet1(third="linear", start="he_normal"), 57_283, 17),
        (lambda: isonet.isonet2(), 251_841, 64),
        (lambda: isonet.isonet2(skips=True), 314_561, 64),
        (lambda: isonet.unet(), 83_377, 44),
    ],
)
def test_network_has_the_published_size(build, parameters, field):
    model = build()
    assert model.count_params() == parameters
    assert training.receptive_field(model) == field


def test_first_weights_depend_on_the_seed_alone():
    one, same, other = (isonet.unet(seed=seed).get_weights()[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.01


def test_untrained_unet_is_the_identity(taken):
    _, stack, _ = taken
    normaliser = training.Normaliser(3.0, 80.0)
    restored = isonet.restore(isonet.unet(), stack, normaliser=normaliser)
    np.testing.assert_allclose(restored.data, isonet.isotropic(stack).data, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(restored.voxel_size, VOXEL, rtol=1e-6)


def _awake(model):
    """With a last layer that is not zero."""
    kernel, bias = model.layers[-2].get_weights()
    model.layers[-2].set_weights([np.random.default_rng(11).normal(0, 0.3, kernel.shape), bias])
    return model


@pytest.mark.parametrize("build", [isonet.isonet1, isonet.isonet2, lambda: _awake(isonet.unet())])
def test_prediction_does_not_depend_on_the_size_of_the_tiles(build):
    image = np.random.default_rng(12).random((61, 54)).astype(np.float32)
    model = build()
    whole, tiled = (training.predict(model, image, tile=tile) for tile in (64, 24))
    assert whole.std() > 1e-3
    np.testing.assert_allclose(tiled, whole, atol=1e-4 * np.abs(whole).max())


def test_unet_overfits_one_patch(taken):
    _, stack, kernel = taken
    pair = isonet.training_pairs(
        stack, kernel, camera=None, size=16, count=1, flat=1.0, rng=np.random.default_rng(13),
        normaliser=training.Normaliser.fit([stack.data]),
    )  # fmt: skip
    model = isonet.unet()
    before = np.abs(pair.inputs - pair.targets).mean()
    training.fit(model, pair, epochs=150, batch=1, learning_rate=3e-3, progress=False)
    assert np.abs(model.predict_on_batch(pair.inputs) - pair.targets).mean() < 0.2 * before


def test_isonet1_is_dead_where_its_third_layer_is_negative_everywhere():
    """What happens to the network as published with some seeds, and cannot with a linear third layer."""
    x, y = np.random.default_rng(14).random((2, 1, 16, 16, 1)).astype(np.float32)
    for third, learns in (("relu", False), ("linear", True)):
        model = isonet.isonet1(third=third)
        weights, bias = model.layers[3].get_weights()
        model.layers[3].set_weights([-np.abs(weights), bias - 1])
        earlier = model.get_weights()[:6]
        model.compile(optimizer="sgd", loss="mae", run_eagerly=True)
        model.train_on_batch(x, y)
        moved = any(np.abs(a - b).max() > 0 for a, b in zip(earlier, model.get_weights()[:6], strict=True))
        assert moved == learns


# ---- restoring


def test_restore_takes_each_view_apart_and_puts_it_back(monkeypatch):
    stack = Stack(np.random.default_rng(15).random((3, 4, 5)), (0.2, 0.1, 0.1))
    fine = isonet.isotropic(stack).data
    seen = []

    def predict(model, images, *, normaliser=None, tile=256):
        seen.append((images.shape, tile))
        return np.sqrt(images) if len(seen) % 2 else images**2

    monkeypatch.setattr(training, "predict", predict)
    both = isonet.restore(None, stack, tile=32)
    assert seen == [((4, 5, 5), 32), ((5, 5, 4), 32)]
    np.testing.assert_allclose(both.data, (np.sqrt(fine) + fine**2) / 2, rtol=1e-5)
    one = isonet.restore(None, stack, views=("yz",))
    np.testing.assert_allclose(one.data, np.sqrt(fine), rtol=1e-5)


def test_restore_refuses_unknown_views():
    stack = Stack(np.ones((3, 4, 5)), (0.2, 0.1, 0.1))
    for views in (("xy",), ()):
        with pytest.raises(ValueError, match="views must be some of 'xz', 'yz'; got"):
            isonet.restore(None, stack, views=views)


def test_short_training_beats_interpolation(taken):
    truth, stack, kernel = taken
    normaliser = training.Normaliser.fit([stack.data])
    pairs = isonet.training_pairs(
        stack, kernel, camera=Camera(), size=24, count=64, normaliser=normaliser, rng=np.random.default_rng(16)
    )
    model = isonet.unet(filters=8)
    training.fit(model, pairs, epochs=15, learning_rate=3e-3, progress=False)
    lateral = expect(truth, _gaussian((1.0, 1.0, 1.0), across=11), background=2.0).data[:47]
    restored, interpolated = isonet.restore(model, stack, normaliser=normaliser), isonet.isotropic(stack)
    error, of_interpolation = (np.mean((x.data - lateral) ** 2) for x in (restored, interpolated))
    assert error < 0.5 * of_interpolation  # 3 dB


# ---- data consistency


def test_consistent_data_and_estimate_stay_what_they_are():
    rng = np.random.default_rng(17)
    x, psf = Stack(rng.random((9, 12, 11)), VOXEL), _gaussian((1.0, 0.6, 0.6), across=3)
    psf = psf.with_data(psf.data / psf.data.sum())
    flat = x.with_data(np.full(x.shape, 7.0))
    np.testing.assert_allclose(isonet.data_consistency(flat, flat, psf).data, 7.0, rtol=1e-5)
    far = isonet.data_consistency(x, flat, psf, mu=1e6)  # the data count nothing
    np.testing.assert_allclose(far.data, x.data, atol=1e-4)


def test_data_consistency_is_the_minimum_of_its_objective():
    """On a periodic picture nothing tells its edges: the dense solution of (H'H + μ) x = H'y + μ·estimate."""
    rng = np.random.default_rng(18)
    line = rng.random(8)
    estimate, observed = (np.tile(np.r_[a, a[-2:0:-1]], 3) for a in (line, rng.random(8)))  # even around both ends
    psf = np.zeros((1, 1, 5))
    psf[0, 0] = [0.0, 0.1, 0.5, 0.25, 0.15]
    n = len(estimate)
    H = np.stack([np.roll(np.r_[psf[0, 0], np.zeros(n - 5)], i - 2) for i in range(n)], axis=1)
    exact = np.linalg.solve(H.T @ H + 0.1 * np.eye(n), H.T @ observed + 0.1 * estimate)
    a, b = (Stack(v[None, None] * np.ones((1, 2, 1)), VOXEL) for v in (estimate, observed))
    found = isonet.data_consistency(a, b, Stack(psf, VOXEL), mu=0.1).data[0, 0]
    np.testing.assert_allclose(found[10:-10], exact[10:-10], rtol=0.02)


def test_data_consistency_takes_an_invention_back():
    truth = Stack(ndimage.gaussian_filter(cells((20, 24, 22), np.random.default_rng(19)), 1.0), VOXEL)
    psf = _gaussian((1.5, 0.8, 0.8), across=7)
    observed = expect(truth, psf)
    invented = truth.data.copy()
    invented[8:12, 10:14, 10:14] += 100
    mended = isonet.data_consistency(truth.with_data(invented), observed, psf, mu=0.01)
    inner = (slice(5, -5),) * 3
    before, after = (np.linalg.norm((x - truth.data)[inner]) for x in (invented, mended.data))
    assert after < 0.5 * before


def test_data_consistency_refuses_other_grids_and_no_weight():
    x, psf = Stack(np.ones((6, 6, 6)), VOXEL), _gaussian((1.0, 1.0, 1.0), across=7)
    with pytest.raises(ValueError, match=r"must be on one grid; got shapes \(6, 6, 6\) and \(5, 6, 6\)"):
        isonet.data_consistency(x, Stack(np.ones((5, 6, 6)), VOXEL), psf)
    with pytest.raises(ValueError, match="must be on one grid"):
        isonet.data_consistency(x, Stack(x.data, (0.4, 0.1, 0.1)), psf)
    with pytest.raises(ValueError, match="mu must be positive"):
        isonet.data_consistency(x, x, psf, mu=0)
    with pytest.raises(ValueError, match="differs from the stack's"):
        isonet.data_consistency(x, x, Stack(psf.data, (0.2, 0.1, 0.1)))


# ---- the recipes


def test_specimen_looks_alike_along_all_axes():
    f = isonet_recipes.isotropic_specimen(3, size=64).data
    roughness = [np.abs(np.diff(f, axis=axis)).mean() for axis in range(3)]
    assert max(roughness) < 1.25 * min(roughness)


def test_taken_stack_has_the_photons_asked_for():
    truth, stack = isonet_recipes.take(
        isonet_recipes.isotropic_specimen(1, size=48), peak=500.0, rng=np.random.default_rng(20)
    )
    assert stack.shape == (12, 48, 48)
    assert stack.anisotropy == pytest.approx(4)
    assert 400 < stack.data.max() < 650
    assert np.median(stack.data) >= 5  # the background


def _shipped(name):
    if name not in training.pretrained_names():
        pytest.skip(f"{name} has not been trained yet: python -m course_utils.pretrain {name}")
    assert (model_files.SHIPPED / f"{name}.keras").stat().st_size < 1.5e6
    trained = training.pretrained(name)
    assert {"data", "seed", "minutes", "licence", "version"} <= set(trained.card)
    return trained


@pytest.mark.parametrize("name", ["isonet1", "isonet2", "unet", "unet-1", "unet-2"])
def test_shipped_network_restores_better_than_interpolation(name):
    trained = _shipped(name)
    truth, stack = isonet_recipes.take(isonet_recipes.isotropic_specimen(6, size=48), rng=np.random.default_rng(21))
    restored = isonet.restore(trained, stack, views=("xz",))
    found, before = (isonet_recipes.score(x, truth) for x in (restored, isonet.isotropic(stack)))
    assert found["lateral"] > before["lateral"] + 3
    assert found["truth"] > before["truth"] + 1


def test_three_shipped_unets_differ_in_their_seeds_alone():
    networks = [_shipped(name) for name in ("unet", "unet-1", "unet-2")]
    assert [set(network.card.pop("seed").values()) for network in networks] == [{0}, {1}, {2}]
    for key in ("network", "data", "training"):
        assert len({network.card[key] for network in networks}) == 1
    first, *others = (network.model.get_weights() for network in networks)
    assert all(np.abs(a - b).max() > 0.01 for weights in others for a, b in zip(first[::2], weights[::2], strict=True))


def test_shipped_network_for_the_course_volume_restores_it_at_every_fifth_plane():
    trained, bundle = _shipped("unet-microtubules"), data_fetch.load("microtubules", size="small")
    stack, truth = (s.with_data(s.data[:, :64, :64]) for s in (bundle.stack, bundle.truth))
    errors = []
    for x in (isonet.restore(trained, stack), isonet.isotropic(stack)):
        np.testing.assert_allclose(x.voxel_size, (0.08,) * 3, rtol=1e-6)
        matched = compare.match_affine(x.data[::5], truth.data[::2])
        errors.append(np.mean((matched - truth.data[::2]) ** 2))
    assert errors[0] < 0.85 * errors[1]


@pytest.mark.parametrize("name", ["unet-cells", "unet-cells-1", "unet-cells-2"])
def test_network_of_simulated_cells_restores_another_cell(name):
    trained, bundle = _shipped(name), data_fetch.load("microtubules", size="small")
    goals = flat_cells.aims(bundle)
    found, before = (
        {goal: flat_cells.psnr(x, aim) for goal, aim in goals.items()}
        for x in (isonet.restore(trained, bundle.stack), isonet.isotropic(bundle.stack))
    )
    assert found["lateral resolution"] > before["lateral resolution"] + 5
    assert found["truth"] > before["truth"] + 1.5


def test_simulated_cell_is_as_bright_as_the_course_volume_and_lies_on_both_grids():
    bundle = data_fetch.load("microtubules", size="small")
    stack, target = flat_cells.simulated_cell(simulated.SEED, bundle)
    assert stack.shape == bundle.stack.shape
    np.testing.assert_allclose(stack.voxel_size, bundle.stack.voxel_size, rtol=1e-6)
    assert target.shape == isonet.isotropic(stack).shape
    photons = [bundle.camera.photons(s).data.mean() for s in (stack, bundle.stack)]
    assert photons[0] == pytest.approx(photons[1], rel=0.05)  # the same filaments: the seed is the course volume's
    planes = flat_cells.aims(bundle)["lateral resolution"]
    # this grid's planes lie 0.08 µm lower, two fifths of a plane: more alike than to any other plane
    alike = [
        np.corrcoef(target[:: flat_cells.STEPS].ravel(), np.roll(planes, k, axis=0).ravel())[0, 1] for k in (-1, 0, 1)
    ]
    assert int(np.argmax(alike)) == 1 and alike[1] > 0.9


def test_training_data_of_simulated_cells_pairs_what_lies_at_one_place():
    pairs, validation, normaliser = flat_cells.training_data(size=32, count=60, cells=(1,), volume="small")
    assert len(pairs) == 60 and len(validation) == 6
    assert normaliser.offset > 100  # of the camera, in counts
    x, y = pairs.inputs[..., 0], pairs.targets[..., 0]
    together, apart = (np.corrcoef(x.ravel(), np.roll(y, k, axis=1).ravel())[0, 1] for k in (0, 6))
    assert together > 0.6 and together > apart + 0.1
