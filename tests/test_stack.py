import numpy as np
import pytest

from course_utils.stack import Stack

VOXEL = (0.3, 0.1, 0.1)


def test_stack_keeps_integers_exactly_as_float32():
    data = np.array([[[0, 1, 65535]]], dtype=np.uint16)
    stack = Stack(data, VOXEL)
    assert stack.data.dtype == np.float32
    assert np.array_equal(stack.data, data)


def test_stack_knows_its_size_in_micrometres():
    stack = Stack(np.zeros((4, 5, 6)), VOXEL)
    assert stack.shape == (4, 5, 6)
    assert stack.extent == pytest.approx((1.2, 0.5, 0.6))
    assert stack.anisotropy == pytest.approx(3)


def test_with_data_keeps_the_voxel_and_not_the_data():
    stack = Stack(np.zeros((4, 5, 6)), VOXEL).with_data(np.ones((2, 2, 2)))
    assert stack.voxel_size == VOXEL
    assert stack.shape == (2, 2, 2)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_max_projection_is_the_brightest_voxel_along_the_axis(axis):
    data = np.random.default_rng(0).random((3, 4, 5))
    assert np.array_equal(Stack(data, VOXEL).max_projection(axis), data.astype(np.float32).max(axis))


def test_asarray_of_a_stack_is_its_data():
    stack = Stack(np.ones((2, 3, 4)), VOXEL)
    assert np.asarray(stack).dtype == np.float32
    assert np.asarray(stack, dtype=float).shape == (2, 3, 4)


def test_stack_says_what_it_is():
    assert "2 × 3 × 4 voxels of 0.3 × 0.1 × 0.1 µm" in repr(Stack(np.ones((2, 3, 4)), VOXEL))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((5, 6)), r"three axes.*2 axes.*np\.newaxis"),
        (np.zeros((2, 3, 5, 6)), r"three axes.*4 axes.*one channel or time point"),
        (np.zeros((0, 5, 6)), "at least one voxel"),
        (np.full((2, 2, 2), np.nan), "8 of 8 voxels are NaN"),
        (np.array([[[1.0, np.inf]]]), "1 of 2 voxels are NaN or infinite"),
        (np.zeros((2, 2, 2), complex), "real numbers; got dtype complex128"),
        (np.array([[["a"]]]), "real numbers"),
        (np.full((1, 1, 2), 1e300), "do not fit float32"),
    ],
)
def test_stack_refuses_data_that_are_no_volume(data, message):
    with pytest.raises(ValueError, match=message):
        Stack(data, VOXEL)


@pytest.mark.parametrize(
    "voxel_size", [(0.1, 0.1), 0.1, (0.1, 0, 0.1), (0.1, -1, 0.1), (0.1, np.nan, 1), ("z", 1, 1), None]
)
def test_stack_refuses_a_voxel_that_is_none(voxel_size):
    with pytest.raises(ValueError, match=r"three positive lengths in µm, \(dz, dy, dx\)"):
        Stack(np.zeros((2, 2, 2)), voxel_size)


def test_stack_cannot_be_changed():
    with pytest.raises(AttributeError):
        Stack(np.zeros((2, 2, 2)), VOXEL).voxel_size = (1, 1, 1)
