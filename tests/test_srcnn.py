import numpy as np
import pytest

import data_fetch
from course_utils import compare, srcnn, training
from course_utils.srcnn import recipes as srcnn_recipes


def test_srcnn_has_the_parameters_of_the_paper():
    assert srcnn.srcnn().count_params() == 8129
    assert srcnn.srcnn((9, 5, 5)).count_params() == 57281


@pytest.mark.parametrize("kernels, field", [((9, 1, 5), 13), ((9, 5, 5), 17), ((9, 3, 5), 15), ((1, 1, 1), 1)])
def test_receptive_field_adds_up_the_kernels(kernels, field):
    assert srcnn.receptive_field(srcnn.srcnn(kernels)) == field


def test_padding_is_done_once_and_by_reflection():
    from course_utils.training.keras_parts import ReflectionPad

    model = srcnn.srcnn()
    pads = [layer for layer in model.layers if isinstance(layer, ReflectionPad)]
    convolutions = [layer for layer in model.layers if hasattr(layer, "kernel_size")]
    assert [pad.width for pad in pads] == [6] and [layer.padding for layer in convolutions] == ["valid"] * 3
    image = np.random.default_rng(0).random((1, 12, 15, 1)).astype(np.float32)
    around = np.pad(image, [(0, 0), (6, 6), (6, 6), (0, 0)], mode="reflect")
    valid = srcnn.srcnn(padding=False)
    np.testing.assert_allclose(model.predict_on_batch(image), valid.predict_on_batch(around), atol=1e-5)


def test_without_padding_a_patch_of_33_gives_21():
    assert srcnn.srcnn(padding=False).compute_output_shape((16, 33, 33, 1)) == (16, 21, 21, 1)


def test_rectifiers_follow_the_first_two_layers_only():
    convolutions = [layer for layer in srcnn.srcnn().layers if hasattr(layer, "kernel_size")]
    assert [layer.activation.__name__ for layer in convolutions] == ["relu", "relu", "linear"]


@pytest.mark.parametrize("kernels", [(9, 1, 5), (9, 5, 5)])
def test_identity_start_hands_the_image_through(kernels):
    image = np.random.default_rng(1).random((20, 31)).astype(np.float32)
    model = srcnn.srcnn(kernels, start="identity")
    np.testing.assert_allclose(training.predict(model, image), image, atol=1e-5)


def test_identity_start_can_still_learn():
    rng = np.random.default_rng(2)
    sharp = rng.random((16, 15, 15, 1))
    model = srcnn.srcnn(start="identity")
    before = [w.copy() for w in model.get_weights()]
    training.fit(model, training.Pairs(sharp, sharp[:, ::-1]), epochs=2, progress=False)
    assert all(np.any(a != b) for a, b in zip(before, model.get_weights(), strict=True))


def test_paper_start_has_the_deviation_of_the_paper_and_zero_biases():
    first, bias, *_ = srcnn.srcnn(start="paper").get_weights()
    assert first.std() == pytest.approx(0.001, rel=0.05) and not bias.any()


def test_first_weights_follow_the_seed_alone():
    first, again, other = (srcnn.srcnn(seed=s).get_weights()[0] for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"kernels": (9, 2, 5)}, "three odd sizes"),
        ({"kernels": (9, 5)}, "three odd sizes"),
        ({"start": "zeros"}, "start must be one of 'random', 'identity', 'paper'"),
    ],
)
def test_networks_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        srcnn.srcnn(**arguments)


@pytest.mark.parametrize("name", [*srcnn_recipes.TRAINING, srcnn_recipes.VALIDATION, srcnn_recipes.TEST])
def test_pictures_need_no_download(name, monkeypatch):
    monkeypatch.setattr("socket.socket.connect", None)
    image = srcnn_recipes.natural_image(name)
    assert image.ndim == 2 and image.dtype == np.float32 and 0 <= image.min() < image.max() <= 1


def test_psf_in_focus_has_unit_sum_and_its_peak_in_the_middle():
    plane = srcnn_recipes.in_focus(data_fetch.load("microtubules", size="small").psf)
    assert plane.shape == (21, 21) and plane.sum() == pytest.approx(1, abs=1e-5) and plane.argmax() == 220


def test_natural_pairs_differ_by_blur_and_noise_only():
    psf = srcnn_recipes.in_focus(data_fetch.load("microtubules", size="small").psf)
    pairs, validation, _ = srcnn_recipes.natural_data(psf, count=60)
    assert len(pairs) == 60 and len(validation) == 512
    assert pairs.inputs.mean() == pytest.approx(pairs.targets.mean(), rel=0.02)
    assert 15 < compare.psnr(pairs.inputs, pairs.targets, data_range=1) < 30


def test_sim_is_matched_on_the_planes_of_the_training_only():
    bundle = data_fetch.load("microtubules", size="small")
    widefield, sim, normaliser = srcnn_recipes.matched_sim(bundle, slice(0, 9))
    for stack in (widefield, sim):
        np.testing.assert_allclose(np.percentile(normaliser(stack.data[:9]), [1, 99.9]), [0, 1], atol=1e-3)
    assert compare.psnr(compare.match_affine(bundle.reference, sim), sim) > 100


def _srcnn_on_planes(planes, test):
    bundle = data_fetch.load("microtubules")
    widefield, sim, _ = srcnn_recipes.matched_sim(bundle, planes)
    restored = training.pretrained("srcnn-microscopy")(widefield.data[test])
    return (
        compare.psnr(compare.match_affine(x, sim.data[test]), sim.data[test]) for x in (restored, widefield.data[test])
    )


def test_shipped_microscopy_network_reaches_the_figures_of_its_card():
    card = training.pretrained("srcnn-microscopy").card
    restored, raw = _srcnn_on_planes(
        slice(0, card["planes"]["training"][1] + 1), slice(card["planes"]["test"][0], None)
    )
    assert restored == pytest.approx(card["test PSNR against SIM, affine match (dB), SIM's range"], abs=0.05)
    assert restored > raw + 5


def test_shipped_natural_network_restores_a_picture_it_never_saw():
    trained = training.pretrained("srcnn-natural")
    psf = srcnn_recipes.in_focus(data_fetch.load("microtubules").psf)
    image = srcnn_recipes.natural_image(srcnn_recipes.TEST)
    seen = srcnn_recipes.blurred(image, psf, rng=np.random.default_rng(1))
    restored, raw = (compare.psnr(x / srcnn_recipes.PHOTONS, image, data_range=1) for x in (trained(seen), seen))
    assert restored == pytest.approx(trained.card["test PSNR (dB), range 1"], abs=0.05)
    assert restored > raw + 2
