import numpy as np
import pytest

from course_utils import isonet, srcnn, training


def _image(shape, seed=0):
    return np.random.default_rng(seed).random(shape).astype(np.float32)


NETWORKS = {
    "srcnn": (lambda: srcnn.srcnn(seed=3), 13),
    "valid": (lambda: srcnn.srcnn(padding=False), 13),
    "isonet1": (isonet.isonet1, 17),
    "isonet2": (isonet.isonet2, 64),
    "unet": (isonet.unet, 44),
}


@pytest.fixture(params=NETWORKS, scope="module")
def network(request):
    make, field = NETWORKS[request.param]
    return make(), field


def test_receptive_field_is_that_of_the_layers(network):
    model, field = network
    assert training.receptive_field(model) == field


def test_receptive_field_is_what_a_pixel_depends_on():
    model = srcnn.srcnn((5, 3, 3), seed=1)
    image = _image((1, 31, 31, 1))
    changed = image.copy()
    changed[0, 15, 15, 0] += 1
    rows = np.flatnonzero(np.ptp(model.predict_on_batch(changed) - model.predict_on_batch(image), axis=(0, 2, 3)))
    assert rows[-1] - rows[0] + 1 == training.receptive_field(model) == 9


def test_receptive_field_knows_dilation_strides_and_transposed_convolutions():
    from keras import Input, Model, layers

    image = Input((None, None, 1))
    x = layers.Conv2D(2, 3, dilation_rate=2, padding="same")(image)  # 5
    x = layers.Conv2D(2, 3, strides=2, padding="same")(x)  # 7
    x = layers.Conv2D(2, (3, 1), padding="same")(x)  # 7 + 2 · 2 = 11
    x = layers.Conv2DTranspose(1, 3, strides=2, padding="same")(x)  # 11 + 2 = 13
    assert training.receptive_field(Model(image, x)) == 13


def test_a_layer_used_twice_has_no_known_receptive_field():
    from keras import Input, Model, layers

    image, twice = Input((None, None, 1)), layers.Conv2D(1, 3, padding="same")
    with pytest.raises(ValueError, match="a layer in it is used more than once"):
        training.receptive_field(Model(image, twice(twice(image))))


def test_a_model_within_a_model_has_no_known_receptive_field():
    from keras import Input, Model

    image, inner = Input((None, None, 1)), srcnn.srcnn()
    with pytest.raises(ValueError, match="or is a model of its own"):
        training.receptive_field(Model(image, inner(image)))


def _expect_no_seams(model, shape, tile):
    image = _image(shape)
    whole = training.predict(model, image, tile=256)
    assert whole.shape == shape and whole.dtype == np.float32
    np.testing.assert_allclose(training.predict(model, image, tile=tile), whole, atol=1e-4 * np.ptp(whole))


def test_prediction_does_not_depend_on_the_tile(network):
    _expect_no_seams(network[0], shape=(37, 53), tile=19)


@pytest.mark.parametrize("shape, tile", [((9, 60), 8), ((32, 32), 16), ((5, 4), 2)])
def test_prediction_does_not_depend_on_the_tile_for_any_shape(shape, tile):
    _expect_no_seams(srcnn.srcnn(), shape, tile)


def test_a_smaller_overlap_would_leave_seams(monkeypatch):
    """The test above can fail: with less margin than half of the field it does."""
    from course_utils.training import prediction

    model, image = isonet.isonet1(), _image((37, 53))
    whole = training.predict(model, image, tile=256)
    monkeypatch.setattr(prediction, "_field_and_stride", lambda model: (9, 1))
    assert np.abs(training.predict(model, image, tile=19) - whole).max() > 1e-3 * np.ptp(whole)


def test_valid_convolutions_and_padding_in_front_predict_the_same():
    padded, valid = srcnn.srcnn(seed=5), srcnn.srcnn(seed=5, padding=False)
    image = _image((40, 33))
    a, b = (training.predict(model, image, tile=21) for model in (padded, valid))
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_stack_is_predicted_plane_by_plane():
    model, stack = srcnn.srcnn(), _image((3, 20, 27))
    each = np.stack([training.predict(model, plane) for plane in stack])
    np.testing.assert_allclose(training.predict(model, stack), each, atol=1e-6)


def test_normaliser_is_applied_and_undone():
    model, image = srcnn.srcnn(start="identity"), 300 + 100 * _image((20, 27))
    restored = training.predict(model, image, normaliser=training.Normaliser(300, 100))
    np.testing.assert_allclose(restored, image, rtol=1e-5)


def test_the_border_of_an_even_image_stays_even():
    restored = training.predict(srcnn.srcnn(seed=2), np.full((30, 22), 0.7))
    np.testing.assert_allclose(restored, restored[15, 11], rtol=1e-5)


@pytest.mark.parametrize(
    "images, tile, message",
    [
        (np.ones((2, 3, 4, 1)), 16, r"images must be \(height, width\), or a stack"),
        (np.full((8, 8), np.nan), 16, "NaN"),
        (np.ones((8, 8)), 0, "tile must be a whole number"),
    ],
)
def test_images_that_cannot_be_predicted_are_refused(images, tile, message):
    with pytest.raises(ValueError, match=message):
        training.predict(srcnn.srcnn(), images, tile=tile)
