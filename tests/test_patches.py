import numpy as np
import pytest

from course_utils.training import Normaliser, Pairs, patches


def _places(*shapes):
    """Images whose pixels tell where they are: 1000 · row + column."""
    return [np.add.outer(1000.0 * np.arange(h), np.arange(w)) for h, w in shapes]


def test_pairs_keep_float32_and_can_be_chosen_and_joined():
    pairs = Pairs(np.arange(24).reshape(3, 2, 4, 1), np.ones((3, 2, 4, 1)))
    assert pairs.inputs.dtype == pairs.targets.dtype == np.float32
    assert len(pairs) == 3 and len(pairs[:2]) == 2 and len(pairs + pairs[:1]) == 4
    np.testing.assert_array_equal(pairs[np.array([2])].inputs, pairs.inputs[2:])


@pytest.mark.parametrize(
    "inputs, targets, message",
    [
        (np.ones((3, 4, 4, 1)), np.ones((2, 4, 4, 1)), "same number and size"),
        (np.ones((3, 4, 4, 1)), np.ones((3, 4, 5, 1)), "same number and size"),
        (np.ones((3, 4, 4)), np.ones((3, 4, 4)), r"inputs must be patches of shape .*newaxis"),
        (np.ones((0, 4, 4, 1)), np.ones((0, 4, 4, 1)), "at least one"),
        (np.ones((3, 4, 4, 1)), np.full((3, 4, 4, 1), np.nan), "targets hold NaN"),
    ],
)
def test_pairs_that_do_not_fit_are_refused(inputs, targets, message):
    with pytest.raises(ValueError, match=message):
        Pairs(inputs, targets)


@pytest.mark.parametrize("augment", [False, True, "transpose"])
def test_patches_come_from_the_same_place_of_input_and_target(augment):
    images = _places((20, 31), (9, 40))
    pairs = patches(images, [5 + x for x in images], size=7, count=200, augment=augment, rng=np.random.default_rng(1))
    assert pairs.inputs.shape == (200, 7, 7, 1)
    np.testing.assert_array_equal(pairs.targets, pairs.inputs + 5)


def _directions(augment):
    pairs = patches(
        _places((20, 31)), _places((20, 31)), size=6, count=300, augment=augment, rng=np.random.default_rng(2)
    )
    x = pairs.inputs[..., 0]
    return {(int(a), int(b)) for a, b in zip(x[:, 1, 0] - x[:, 0, 0], x[:, 0, 1] - x[:, 0, 0], strict=True)}


def test_augmentation_mirrors_and_swaps_axes_only_where_asked():
    mirrored = {(1000, 1), (-1000, 1), (1000, -1), (-1000, -1)}
    assert _directions(False) == {(1000, 1)}
    assert _directions(True) == mirrored
    assert _directions("transpose") == mirrored | {(b, a) for a, b in mirrored}


def test_patches_of_any_shape_reach_every_corner():
    image = _places((10, 12))[0]
    cut = patches([image], [image], size=(3, 5), count=900, augment=False, rng=np.random.default_rng(3)).inputs
    assert cut.min() == 0 and cut.max() == image.max() and cut.shape[1:3] == (3, 5)


def test_the_same_rng_cuts_the_same_patches():
    images = _places((20, 31))
    first, again, other = (patches(images, images, size=6, count=5, rng=np.random.default_rng(s)) for s in (4, 4, 5))
    np.testing.assert_array_equal(first.inputs, again.inputs)
    assert not np.array_equal(first.inputs, other.inputs)


def test_flat_targets_are_dropped_where_asked():
    rng = np.random.default_rng(6)
    target = np.zeros((40, 40))
    target[:, 30:] = rng.random((40, 10))
    kept, every = (patches([target], [target], size=8, count=100, flat=f, rng=rng).targets for f in (0.1, 0.0))
    assert kept.std(axis=(1, 2)).min() > 0
    assert np.mean(every.std(axis=(1, 2)) == 0) > 0.4


def test_images_that_are_nearly_all_flat_are_refused():
    target = np.zeros((200, 200))
    target[0, 0] = 1
    with pytest.raises(ValueError, match="not flat; lower flat=0.5"):
        patches([target], [target], size=4, count=10, flat=0.5, rng=np.random.default_rng(7))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"size": 9}, r"9 × 9 do not fit into the smallest image, \(8, 10\)"),
        ({"size": (2, 3), "augment": "transpose"}, "only square patches"),
        ({"size": 4, "augment": "rotate"}, "augment must be"),
        ({"size": 4, "targets": np.ones((2, 8, 9))}, "each pair on the same grid"),
        ({"size": 4, "targets": np.ones((1, 8, 10))}, "as many 2D images"),
    ],
)
def test_patches_that_cannot_be_cut_are_refused(arguments, message):
    images = np.ones((2, 8, 10))
    arguments = {"targets": images, "count": 2, "rng": np.random.default_rng(8)} | arguments
    with pytest.raises(ValueError, match=message):
        patches(images, **arguments)


def test_normaliser_takes_percentiles_to_zero_and_one_and_back():
    images = [np.linspace(0, 500, 101), np.linspace(500, 1000, 101)]
    normaliser = Normaliser.fit(images, low=10, high=90)
    np.testing.assert_allclose(normaliser([normaliser.offset, normaliser.offset + normaliser.scale]), [0, 1], atol=1e-6)
    assert normaliser.offset == pytest.approx(100, abs=6) and normaliser.scale == pytest.approx(800, abs=10)
    np.testing.assert_allclose(normaliser.undo(normaliser(images[0])), images[0], rtol=1e-5, atol=1e-3)
    assert normaliser(images[0]).dtype == np.float32


def test_normaliser_of_a_constant_image_is_refused():
    with pytest.raises(ValueError, match="Are the training images constant"):
        Normaliser.fit(np.ones((3, 4, 4)))
