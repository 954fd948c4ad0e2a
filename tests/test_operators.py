import concurrent.futures

import numpy as np
import pytest
from phantoms import PSF_SHAPES, SHAPES, asymmetric_psf, installed_backends
from scipy import ndimage

from course_utils import backend, formation, operators

EXACT = 1e-12  # float64
SINGLE = 1e-5  # float32
VOXEL = (0.3, 0.1, 0.12)


def _every_operator(shape, psf, xp):
    smaller = tuple(max(n - 2, 1) for n in shape)
    yield "blur", operators.blur(psf, shape, xp=xp)
    yield "crop", operators.crop(smaller, shape, xp=xp)
    yield "bin_z", operators.bin_z(2, shape, xp=xp)
    yield "identity", operators.identity(shape, xp=xp)
    yield "gradient", operators.gradient(shape, VOXEL, xp=xp)
    yield "hessian", operators.hessian(shape, VOXEL, xp=xp)
    yield "open edges", formation.forward(psf, shape, xp=xp)
    yield "open edges, binned", formation.forward(psf, shape, bin_z=2, xp=xp)
    yield "periodic, binned", formation.forward(psf, shape, edges="periodic", bin_z=2, xp=xp)


# every grid and PSF in NumPy, and one even and one odd in TensorFlow, where a dense matrix takes long to build
DENSE = [("numpy", shape, psf_shape) for shape in SHAPES for psf_shape in PSF_SHAPES]
DENSE += [("tensorflow", (5, 4, 7), (2, 3, 4)), ("tensorflow", (4, 5, 6), (3, 4, 2))]


@pytest.mark.parametrize(("name", "shape", "psf_shape"), DENSE)
def test_adjoint_is_the_transposed_matrix(name, shape, psf_shape):
    xp, rng = backend.get(name, "float64"), np.random.default_rng(1)
    for what, A in _every_operator(shape, asymmetric_psf(psf_shape, rng), xp):
        assert np.allclose(operators.dense(A.T), operators.dense(A).T, atol=EXACT), what
        assert operators.dense(A).any(), what


@pytest.mark.parametrize("name", installed_backends())
@pytest.mark.parametrize("psf_shape", PSF_SHAPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_adjoint_gap_is_rounding_only(name, shape, psf_shape):
    rng = np.random.default_rng(2)
    dtypes = {"float32": SINGLE} if name == "jax" else {"float32": SINGLE, "float64": EXACT}
    for dtype, bound in dtypes.items():
        for what, A in _every_operator(shape, asymmetric_psf(psf_shape, rng), backend.get(name, dtype)):
            assert operators.adjoint_gap(A, rng) < bound, (what, dtype)


@pytest.mark.parametrize("shape", SHAPES)
def test_adjoint_gap_shows_a_flipped_psf(shape):
    """The commonest wrong adjoint: blur with the PSF flipped in space, where the grid or the PSF is even."""
    xp, rng = backend.get("numpy", "float64"), np.random.default_rng(3)
    psf = asymmetric_psf((2, 3, 4), rng)
    right, flipped = operators.blur(psf, shape, xp=xp), operators.blur(psf[::-1, ::-1, ::-1], shape, xp=xp)
    wrong = operators.Linear(right.forward, flipped.forward, shape, shape, xp)
    assert operators.adjoint_gap(wrong, rng) > 1e-3
    assert operators.adjoint_gap(right, rng) < EXACT


@pytest.mark.parametrize("shape", [(8, 9, 10), (7, 8, 9)])
@pytest.mark.parametrize("psf_shape", PSF_SHAPES)
def test_blur_is_scipys_periodic_convolution(shape, psf_shape):
    """Against another package: ndimage.convolve puts a kernel's centre at n // 2, as the course does."""
    rng = np.random.default_rng(4)
    x, psf = rng.random(shape), asymmetric_psf(psf_shape, rng)
    mine = operators.blur(psf, shape, xp=backend.get("numpy", "float64"))(x)
    assert np.allclose(mine, ndimage.convolve(x, psf, mode="wrap"), atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_blur_of_a_point_is_the_psf_around_it(shape):
    psf = asymmetric_psf((3, 3, 3), np.random.default_rng(5))
    point = np.zeros(shape)
    point[1, 2, 2] = 1
    image = operators.blur(psf, shape, xp=backend.get("numpy", "float64"))(point)
    assert np.allclose(image[:3, 1:4, 1:4], psf)


@pytest.mark.parametrize("name", installed_backends())
def test_blur_keeps_the_light(name):
    xp, rng = backend.get(name), np.random.default_rng(6)
    x = rng.random((6, 7, 8)).astype(np.float32)
    A = operators.blur(asymmetric_psf((3, 4, 5), rng), x.shape, xp=xp)
    assert float(xp.sum(A(x))) == pytest.approx(x.sum(dtype=float), rel=1e-6)
    assert float(xp.sum(A.T(x))) == pytest.approx(x.sum(dtype=float), rel=1e-6)


def test_transfer_of_the_adjoint_is_the_conjugate():
    A = operators.blur(asymmetric_psf((3, 4, 5), np.random.default_rng(7)), (6, 7, 8), xp=backend.get("numpy"))
    assert np.allclose(A.T.transfer, np.conj(A.transfer))
    assert abs(A.transfer[0, 0, 0] - 1) < 1e-6


def test_composition_is_the_product_of_matrices():
    xp = backend.get("numpy", "float64")
    A = operators.bin_z(2, (4, 3, 3), xp=xp)
    B = operators.blur(asymmetric_psf((3, 2, 3), np.random.default_rng(8)), (4, 3, 3), xp=xp)
    assert np.allclose(operators.dense(A @ B), operators.dense(A) @ operators.dense(B))


def test_a_product_knows_its_factors_and_so_does_its_adjoint():
    xp = backend.get("numpy", "float64")
    psf = asymmetric_psf((3, 2, 3), np.random.default_rng(9))
    H = formation.forward(psf, (4, 5, 6), bin_z=2, xp=xp)
    bin_z, crop, blur = H.factors
    assert np.allclose(operators.dense(bin_z @ crop @ blur), operators.dense(H))
    assert blur.transfer is not None
    first, *_ = H.T.factors
    assert np.allclose(first.transfer, np.conj(blur.transfer))
    assert len((H.T).factors) == 3
    assert blur.factors == ()


def test_bin_z_keeps_plane_zero_and_every_factor_th():
    ramp = np.arange(7.0)[:, None, None] * np.ones((7, 2, 2))
    planes = operators.bin_z(3, ramp.shape, xp=backend.get("numpy"))(ramp)
    assert np.array_equal(planes[:, 0, 0], [0, 3, 6])


@pytest.mark.parametrize("name", installed_backends())
@pytest.mark.parametrize("shape", [(7,), (4, 5), (3, 4, 5), (1, 4, 6)])
def test_gradient_is_periodic_and_has_its_adjoint(name, shape):
    rng, voxel = np.random.default_rng(1), (2, 1, 0.5)[-len(shape) :]
    steps = [voxel[-1] / d for d in voxel]
    A = operators.gradient(shape, voxel, xp=backend.get(name))
    x, u = rng.standard_normal(shape), rng.standard_normal(A.shape_out)
    expected = np.stack([(np.roll(x, -1, axis) - x) * step for axis, step in enumerate(steps)])
    back = sum((np.roll(u[axis], 1, axis) - u[axis]) * step for axis, step in enumerate(steps))
    assert np.allclose(np.asarray(A(x)), expected, atol=1e-5)
    assert np.allclose(np.asarray(A.T(u)), back, atol=1e-5)
    assert operators.adjoint_gap(A, rng) < 1e-5


def test_gradient_is_per_lateral_voxel():
    shape, xp = (5, 6, 7), backend.get("numpy", "float64")
    z, y, x = np.indices(shape) * np.array([0.3, 0.1, 0.1])[:, None, None, None]
    slope = operators.gradient(shape, (0.3, 0.1, 0.1), xp=xp)(2 * z + 3 * y + 5 * x)
    assert np.allclose(slope[:, 1, 1, 1], [0.2, 0.3, 0.5])
    assert np.allclose(slope[0, :-1], 0.2)


def test_hessian_is_per_lateral_voxel_squared_and_counts_mixed_bends_twice():
    shape, xp = (6, 7, 8), backend.get("numpy", "float64")
    z, y, x = np.indices(shape) * np.array([0.3, 0.1, 0.1])[:, None, None, None]
    bends = operators.hessian(shape, (0.3, 0.1, 0.1), xp=xp)(z * z + 3 * x * x + 5 * z * y)[:, 1, 1, 1]
    assert np.allclose(bends, np.array([2, 5 * 2**0.5, 0, 0, 0, 6]) * 0.01)


def test_gradient_of_a_constant_vanishes_everywhere():
    slope = operators.gradient((3, 4, 5), VOXEL, xp=backend.get("numpy"))(np.ones((3, 4, 5)))
    assert not slope.any()


@pytest.mark.parametrize("inner", [(3, 4, 5), (1, 1, 1), (6, 7, 8)])
def test_crop_takes_the_centre(inner):
    outer = (6, 7, 8)
    window = operators.crop(inner, outer, xp=backend.get("numpy"))(np.arange(336.0).reshape(outer))
    start = [(n - m) // 2 for n, m in zip(outer, inner, strict=True)]
    assert window.shape == inner
    assert window[0, 0, 0] == np.ravel_multi_index(start, outer)


def test_bad_input_is_refused_with_a_sentence():
    xp = backend.get("numpy")
    with pytest.raises(ValueError, match=r"PSF, shape \(5, 3, 3\), must fit into the grid.*edges='open'"):
        operators.blur(np.ones((5, 3, 3)), (4, 4, 4), xp=xp)
    with pytest.raises(ValueError, match="does not fit"):
        operators.crop((5, 5, 5), (4, 6, 6), xp=xp)
    with pytest.raises(ValueError, match="whole number from 1 to the number of planes, 4; got 5"):
        operators.bin_z(5, (4, 4, 4), xp=xp)
    A = operators.blur(np.ones((1, 1, 1)), (4, 4, 4), xp=xp)
    with pytest.raises(ValueError, match=r"takes shape \(4, 4, 4\); got \(4, 4, 5\)"):
        A(np.ones((4, 4, 5)))
    with pytest.raises(ValueError, match="A takes"):
        operators.bin_z(2, (6, 4, 4), xp=xp) @ A


@pytest.mark.parametrize("edges", ["periodic", "open"])
@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("shape", [(6, 7, 8), (5, 9, 7)])
@pytest.mark.parametrize("name", installed_backends())
def test_there_and_back_is_the_operator_then_its_adjoint(name, shape, reverse, keep, edges, monkeypatch):
    if name == "fftw":  # several blocks of planes and of columns, the last ones shorter
        monkeypatch.setattr("course_utils.fftw_planes.PLANES", 2 * shape[1] * shape[2])
        monkeypatch.setattr("course_utils.fftw_planes.COLUMNS", 4 * shape[0] * (shape[2] // 2 + 1))
    H = formation.forward(asymmetric_psf((3, 5, 4), np.random.default_rng(1)), shape, edges=edges, xp=backend.get(name))
    there, back = (H.T, H) if reverse else (H, H.T)
    rng = np.random.default_rng(0)
    x, y, z = (rng.standard_normal(s).astype(np.float32) for s in (there.shape_in, there.shape_out, there.shape_in))
    run = operators.there_and_back(
        H, lambda v, y: (2 * v + y,), lambda w, x, z: (w * x - z, H.xp.sum(w)), reverse=reverse, keep=keep
    )
    x, y, z = map(H.xp.asarray, (x, y, z))
    for _ in range(2):  # what a backend keeps from call to call does not spoil the next
        *kept, result, total = run(x, (y,), (x, z))
        v = 2 * np.asarray(there(x)) + np.asarray(y)
        w = np.asarray(back(v))
        assert np.allclose(np.asarray(result), w * np.asarray(x) - np.asarray(z), atol=1e-4)
        assert float(total) == pytest.approx(w.sum(dtype=float), abs=1e-2)
        assert len(kept) == keep
        assert all(np.allclose(np.asarray(a), v, atol=1e-4) for a in kept)
    (alone,) = operators.there_and_back(H, lambda v, y: (2 * v + y,), reverse=reverse)(x, (y,))
    assert np.allclose(np.asarray(alone), w, atol=1e-4)


def test_two_threads_may_share_a_blur():
    pytest.importorskip("pyfftw")
    H = operators.blur(asymmetric_psf((3, 5, 4), np.random.default_rng(1)), (12, 80, 80), xp=backend.get("fftw"))
    run = operators.there_and_back(H, lambda v: (v,))
    volumes = [np.random.default_rng(seed).random(H.shape_in, dtype=np.float32) for seed in range(8)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda x: run(x, ())[0], volumes))
    for x, result in zip(volumes, together, strict=True):
        assert np.allclose(result, H.T(H(x)), atol=1e-5)
