import numpy as np
import pytest
from phantoms import asymmetric_psf, cells, gaussian_psf, installed_backends

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


VOXEL = (0.2, 0.1, 0.1)
PSF = Stack(gaussian_psf((9, 9, 9), (1.5, 1.2, 1.2)), VOXEL)


def _specimen(shape=(12, 24, 22), seed=0):
    return Stack(cells(shape, np.random.default_rng(seed), photons=80), VOXEL)


def test_expect_keeps_the_light_of_what_lies_inside():
    point = np.zeros((15, 21, 21))
    point[7, 10, 10] = 1000
    image = formation.expect(Stack(point, VOXEL), PSF, background=3.0)
    assert image.data.sum(dtype=float) == pytest.approx(1000 + 3 * point.size, rel=1e-4)
    assert image.data.min() >= 3


def test_expect_keeps_every_nth_plane_with_its_voxel():
    fine, coarse = formation.expect(_specimen(), PSF), formation.expect(_specimen(), PSF, bin_z=4)
    assert coarse.voxel_size == pytest.approx((0.8, 0.1, 0.1))
    assert np.array_equal(coarse.data, fine.data[::4])


def test_subsampling_commutes_with_lateral_blur_and_not_with_axial():
    """S (h ⊗ f) = h ⊗ (S f) holds for a blur within the planes; a blur across them needs the planes left out."""
    truth = _specimen()
    for sigma, commutes in (((0.01, 1.5, 1.5), True), ((1.5, 0.01, 0.01), False)):
        psf = Stack(gaussian_psf((7, 7, 7), sigma), VOXEL)
        blurred_first = formation.expect(truth, psf, bin_z=3).data
        every_third = Stack(truth.data[::3], VOXEL)
        sampled_first = formation.expect(every_third, psf).data
        assert np.allclose(blurred_first, sampled_first, atol=2e-3) == commutes


def test_photons_have_the_mean_and_variance_of_theory():
    """Five standard errors; counts have gain² · photons + read_noise² + 1/12 (rounding) as variance."""
    camera, rng, photons = Camera(gain=2.5, offset=100, read_noise=4), np.random.default_rng(1), 40.0
    counts = camera.expose(Stack(np.full((50, 60, 60), photons), VOXEL), rng).data.astype(float)
    variance = 2.5**2 * photons + 4**2 + 1 / 12
    assert abs(counts.mean() - (2.5 * photons + 100)) < 5 * np.sqrt(variance / counts.size)
    assert abs(counts.var() - variance) < 5 * variance * np.sqrt(2 / counts.size) * 1.1  # Poisson: a little more


def test_counts_are_whole_and_saturate():
    camera = Camera(gain=3.0, offset=100, full_well=255)
    counts = camera.expose(Stack(np.full((4, 20, 20), 60.0), VOXEL), np.random.default_rng(2)).data
    assert np.array_equal(counts, np.rint(counts))
    assert counts.max() == 255


def test_the_same_seed_gives_the_same_stack():
    camera = Camera(gain=2.0, offset=100, read_noise=2)
    one, same = (formation.acquire(_specimen(), PSF, camera, background=5, rng=np.random.default_rng(3)) for _ in "ab")
    assert np.array_equal(one.data, same.data)
    expected = formation.expect(_specimen(), PSF, background=5).data
    assert np.array_equal(expected, np.rint(1024 * expected) / 1024)  # what makes it the same on another computer


def test_poisson_photons_have_as_much_variance_as_mean():
    """Read noise of variance s² photons² is taken along as s² photons more, in the data and in the background."""
    camera, expected = Camera(gain=2.0, offset=100, read_noise=6), Stack(np.full((20, 100, 100), 40.0), VOXEL)
    y, background = camera.poisson(camera.expose(expected, np.random.default_rng(5)), 25.0)
    assert background == pytest.approx(25 + 9)
    assert y.data.mean() == pytest.approx(40 + 9, abs=5 * 7 / y.data.size**0.5)
    assert y.data.var() == pytest.approx(y.data.mean(), rel=0.02)
    dark, _ = camera.poisson(Stack(np.zeros((2, 3, 4)), VOXEL))
    assert (dark.data == 0).all(), "below the offset: not negative"


def test_acquire_is_expect_with_noise():
    camera = Camera(gain=2.0, offset=100, read_noise=1)
    stacks = [
        camera.photons(formation.acquire(_specimen(), PSF, camera, background=5, rng=np.random.default_rng(i))).data
        for i in range(30)
    ]
    expected = formation.expect(_specimen(), PSF, background=5).data
    error = (np.mean(stacks, axis=0) - expected) / np.sqrt((expected + 0.25) / 30)
    assert abs(error.mean()) < 5 / np.sqrt(error.size)
    assert error.std() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("read_noise", [0.0, 4.0])
def test_calibration_recovers_gain_and_offset(read_noise):
    camera, rng = Camera(gain=2.2, offset=100, read_noise=read_noise), np.random.default_rng(4)
    light = Stack(np.broadcast_to(np.linspace(0, 400, 200), (4, 200, 200)), VOXEL)
    found = formation.calibrate(camera.expose(light, rng), camera.expose(light, rng), read_noise=read_noise)
    assert found.gain == pytest.approx(2.2, rel=0.02)
    assert found.offset == pytest.approx(100, rel=0.02)


def test_calibration_needs_dark_and_bright_places():
    camera, rng = Camera(gain=2.2, offset=100), np.random.default_rng(5)
    even = Stack(np.full((4, 100, 100), 200.0), VOXEL)
    with pytest.raises(ValueError, match="too even"):
        formation.calibrate(camera.expose(even, rng), camera.expose(even, rng))


def test_impossible_photons_are_refused():
    with pytest.raises(ValueError, match="cannot be negative; got -2"):
        Camera().expose(Stack(np.full((2, 2, 2), -2.0), VOXEL), np.random.default_rng(0))
    with pytest.raises(ValueError, match="background is photons"):
        formation.expect(_specimen(), PSF, background=-1)
    with pytest.raises(ValueError, match="full_well"):
        Camera(offset=300, full_well=255)
