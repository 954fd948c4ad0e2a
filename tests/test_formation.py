import numpy as np
import pytest
from phantoms import asymmetric_psf, installed_backends

from course_utils import backend, formation, operators
from course_utils.formation import Camera
from course_utils.stack import Stack


@pytest.mark.parametrize("shape", [(5, 6, 7), (4, 4, 9)])
@pytest.mark.parametrize("psf_shape", [(3, 3, 3), (4, 3, 5), (2, 4, 6)])
def test_open_edges_are_the_middle_of_a_larger_world(shape, psf_shape):
    """What the field of view sees does not change when the periodic grid around it grows: nothing wraps around."""
    rng, xp = np.random.default_rng(0), backend.get("numpy", "float64")
    psf = asymmetric_psf(psf_shape, rng)
    A = formation.forward(psf, shape, xp=xp)
    x = rng.random(A.shape_in)
    larger = tuple(n + 2 * m for n, m in zip(A.shape_in, psf_shape, strict=True))
    world = operators.crop(A.shape_in, larger, xp=xp).T(x)
    seen = operators.crop(A.shape_in, larger, xp=xp)(operators.blur(psf, larger, xp=xp)(world))
    assert np.allclose(A(x), operators.crop(shape, A.shape_in, xp=xp)(seen), atol=1e-12)


def test_open_edges_let_no_light_wrap_around():
    psf = asymmetric_psf((5, 5, 5), np.random.default_rng(1))
    shape = (6, 7, 8)
    for edges, expected in (("open", 0.0), ("periodic", 1.0)):
        A = formation.forward(psf, shape, edges=edges, xp=backend.get("numpy"))
        corner = operators.crop(shape, A.shape_in, xp=A.xp).T(np.zeros(shape))
        corner[tuple((n - m) // 2 for n, m in zip(A.shape_in, shape, strict=True))] = 1
        wrapped = A(corner)[-2:].sum() / A(corner)[:2].sum()
        assert (wrapped > 0.05) == bool(expected), (edges, wrapped)


@pytest.mark.parametrize("name", installed_backends())
def test_bin_z_keeps_planes_of_the_fine_blur(name):
    rng, xp = np.random.default_rng(2), backend.get(name)
    psf, shape = asymmetric_psf((3, 3, 3), rng), (7, 6, 5)
    fine, coarse = formation.forward(psf, shape, xp=xp), formation.forward(psf, shape, bin_z=3, xp=xp)
    x = rng.random(fine.shape_in)
    assert coarse.shape_out == (3, 6, 5)
    assert np.allclose(np.asarray(coarse(x)), np.asarray(fine(x))[::3], atol=1e-5)


def test_forward_takes_a_stack_as_psf():
    psf = asymmetric_psf((3, 3, 3), np.random.default_rng(3))
    a = formation.forward(Stack(psf, (1, 1, 1)), (4, 5, 6), xp=backend.get("numpy"))
    assert np.allclose(a.forward(np.ones(a.shape_in, np.float32)), 1, atol=1e-6)


def test_edges_must_be_known():
    with pytest.raises(ValueError, match="'open' or 'periodic'; got 'reflect'"):
        formation.forward(np.ones((1, 1, 1)), (4, 4, 4), edges="reflect", xp=backend.get("numpy"))


def test_camera_photons_undoes_gain_and_offset_and_keeps_dark_noise_negative():
    counts = Stack(np.array([[[90, 100, 300]]], np.uint16), (1, 1, 1))
    assert np.allclose(Camera(gain=2, offset=100).photons(counts).data, [[[-5, 0, 100]]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"gain": 0}, "gain"), ({"gain": -1}, "gain"), ({"offset": np.nan}, "offset"), ({"read_noise": -1}, "read_noise")],
)
def test_camera_refuses_what_no_camera_has(arguments, message):
    with pytest.raises(ValueError, match=message):
        Camera(**arguments)
