import numpy as np
import pytest

from course_utils import training


@pytest.mark.parametrize("n, guard", [(32, 5), (44, 9), (24, 0), (12, 3)])
def test_blocks_keep_their_distance_and_use_every_other_plane(n, guard):
    blocks = training.split_blocks(n, guard=guard)
    used = [np.arange(n)[block] for block in blocks]
    assert all(len(part) for part in used)
    for first, second in ((0, 1), (1, 2)):
        assert used[second].min() - used[first].max() == guard + 1
    assert used[0][0] == 0 and used[2][-1] == n - 1


def test_blocks_have_the_shares_asked_for():
    blocks = training.split_blocks(100, guard=4, validation=0.1, test=0.3)
    assert blocks == (slice(0, 52), slice(56, 66), slice(70, 100))
    assert blocks.training == slice(0, 52) and blocks.test == slice(70, 100)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"guard": 12}, r"24 planes are too few: two guard bands of 12"),
        ({"guard": -1}, "whole number of planes"),
        ({"guard": 2.5}, "whole number of planes"),
        ({"guard": 2, "test": 0.0}, "together below 1"),
        ({"guard": 2, "validation": 0.5, "test": 0.5}, "together below 1"),
    ],
)
def test_blocks_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        training.split_blocks(24, **arguments)


def test_specimens_are_in_one_part_only():
    parts = training.split(11, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(11))
    assert [len(part) for part in parts] == [6, 2, 3]
    again = training.split(11, rng=np.random.default_rng(0))
    assert all(np.array_equal(a, b) for a, b in zip(parts, again, strict=True))
    assert not np.array_equal(parts.training, np.arange(6))


def test_too_few_specimens_are_refused():
    with pytest.raises(ValueError, match="2 specimens are too few .* split_blocks"):
        training.split(2, rng=np.random.default_rng(0))


def test_psf_depth_counts_the_planes_that_are_bright():
    psf = np.zeros((9, 5, 7))
    psf[:, 2, 3] = [0, 0.01, 0.2, 0.5, 1, 0.5, 0.05, 0.02, 0]
    assert training.psf_depth(psf) == 4
    assert training.psf_depth(psf, share=0.015) == 6
