import os
import subprocess
import sys

import numpy as np
import pytest
from phantoms import installed_backends

from course_utils import backend

SHAPES = [(7,), (4, 5), (5, 6), (4, 5, 6), (5, 6, 7), (3, 4, 4)]


@pytest.mark.parametrize("name", installed_backends())
@pytest.mark.parametrize("shape", SHAPES)
def test_rfftn_is_numpys_and_irfftn_its_inverse(name, shape):
    xp = backend.get(name)
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    spectrum = np.asarray(xp.rfftn(xp.asarray(x)))
    assert np.allclose(spectrum, np.fft.rfftn(x), atol=1e-4)
    assert np.allclose(np.asarray(xp.irfftn(xp.rfftn(xp.asarray(x)), shape)), x, atol=1e-5)


@pytest.mark.parametrize("name", installed_backends())
def test_functions_equal_numpys(name):
    xp = backend.get(name)
    x = np.random.default_rng(0).random((3, 4, 5)).astype(np.float32) + 0.5
    a = xp.asarray(x)
    for mine, theirs in [
        (xp.sqrt(a), np.sqrt(x)),
        (xp.log(a), np.log(x)),
        (xp.abs(-a), x),
        (xp.maximum(a, 1.0), np.maximum(x, 1)),
        (xp.where(a > 1, a, xp.zeros(x.shape)), np.where(x > 1, x, 0)),
        (xp.roll(a, -1, 2), np.roll(x, -1, 2)),
        (xp.stack([a, a]), np.stack([x, x])),
        (xp.pad(a, [(1, 0), (0, 2), (1, 1)]), np.pad(x, [(1, 0), (0, 2), (1, 1)])),
        (xp.full((2, 3), 7.0), np.full((2, 3), 7.0)),
        (xp.conj(xp.rfftn(a)), np.conj(np.fft.rfftn(x))),
        (a[1:, ::2], x[1:, ::2]),
        (xp.times_conj(xp.rfftn(a), xp.rfftn(a)), np.abs(np.fft.rfftn(x)) ** 2),
        (xp.min(a), x.min()),
        (xp.max(a), x.max()),
    ]:
        assert np.allclose(np.asarray(mine), theirs, atol=1e-4)
    spread = np.asarray(xp.upsample_z(a, 2, 6))
    assert np.array_equal(spread[::2], x)
    assert not spread[1::2].any()


@pytest.mark.parametrize("name", installed_backends())
def test_sum_adds_up_in_float64(name):
    xp = backend.get(name)
    x = np.full((300, 300, 30), 0.1, np.float32)
    assert float(xp.sum(xp.asarray(x))) == pytest.approx(x.size * float(np.float32(0.1)), rel=1e-9)


@pytest.mark.parametrize("name", installed_backends())
@pytest.mark.parametrize("shape", [(50,), (70, 300), (3, 130, 150), (40, 30, 50)])
def test_pointwise_is_the_function_and_its_sums(name, shape):
    """Grids of one block and of many, along the first axis or the second, and arrays with an axis before the grid's."""
    xp, rng = backend.get(name), np.random.default_rng(2)
    a, many = rng.random(shape).astype(np.float32), rng.random((2, *shape)).astype(np.float32)

    def f(a, many, factor):
        product = a * many * factor
        return product, a + many[0], xp.square_sum(product)

    expected = 3.0 * a.astype(float) * many, a.astype(float) + many[0]
    arrays = xp.asarray(a.copy()), xp.asarray(many.copy()), xp.asarray(3.0)
    step = xp.compile(lambda *arrays: xp.pointwise(f, shape, arrays, into=(arrays[1],)))
    product, total, square = step(*arrays)
    assert np.allclose(np.asarray(product), expected[0], rtol=1e-5)
    assert np.allclose(np.asarray(total), expected[1], rtol=1e-5)
    assert float(square) == pytest.approx(np.sum(expected[0] ** 2), rel=1e-4)
    if isinstance(xp, backend.NumPy):
        assert product is arrays[1]
        assert np.array_equal(arrays[0], a)


@pytest.mark.parametrize("name", installed_backends())
def test_sums_within_a_step_are_as_those_outside(name):
    xp, rng = backend.get(name), np.random.default_rng(3)
    a, b = rng.random((2, 20, 60, 70)).astype(np.float32)
    step = xp.compile(lambda a, b: (xp.inner(a, b), xp.sum(a)))
    inner, total = step(xp.asarray(a), xp.asarray(b))
    assert float(inner) == pytest.approx(np.sum(a.astype(float) * b), rel=1e-6)
    assert float(total) == pytest.approx(a.sum(dtype=float), rel=1e-6)


@pytest.mark.parametrize("name", installed_backends())
@pytest.mark.parametrize("shape", [(6,), (4, 5), (5, 6, 7), (9, 16, 20), (11, 12, 14)])
def test_through_fourier_space_is_there_and_back(name, shape, monkeypatch):
    """Of two volumes at once; by FFTW in more than one block of planes and of columns, once as a loop."""
    if shape[0] == 11:
        monkeypatch.setattr(backend, "HUGE", 0)
    if name == "fftw":
        monkeypatch.setattr("course_utils.fftw_planes.PLANES", 2 * np.prod(shape[-2:]))
        monkeypatch.setattr("course_utils.fftw_planes.COLUMNS", 4 * shape[0] * (shape[-1] // 2 + 1))
    xp, rng = backend.get(name), np.random.default_rng(4)
    a, b, kernel = rng.standard_normal((3, *shape)).astype(np.float32)
    transfer = np.fft.rfftn(kernel)
    expected = np.fft.irfftn(np.fft.rfftn(a) * transfer + np.fft.rfftn(b), shape, range(len(shape))), b

    def change(a, b, transfer):
        return a * transfer + b, b

    go = xp.through_fourier_space(change, shape, 2, (xp.rfftn(xp.asarray(kernel)),))
    for _ in range(2):  # the second time in memory that was used before
        results = go(xp.asarray(a.copy()), xp.asarray(b.copy()))
        assert np.allclose(np.asarray(results[0]), expected[0], atol=1e-5 * np.abs(expected[0]).max())
        assert np.allclose(np.asarray(results[1]), expected[1], atol=1e-5)


def test_scratch_is_only_what_shares_no_memory_with_what_is_kept():
    xp, a = backend.get("numpy"), np.zeros((4, 5))
    assert xp.scratch(a, np.ones(3)) is a
    assert xp.scratch(a[1:], np.ones(3), a) is None


@pytest.mark.parametrize("fourier", [True, False])
@pytest.mark.parametrize("name", installed_backends())
def test_compile_gives_the_same_numbers_and_traces_once(name, fourier):
    xp = backend.get(name)
    traced = []
    captured = xp.asarray(np.arange(6.0))

    def step(x):
        traced.append(1)
        return xp.maximum(x - 1.0, 0) * captured

    compiled, x = xp.compile(step, fourier=fourier), xp.full((6,), 5.0)
    for _ in range(3):
        x = compiled(x)
    expected = np.full(6, 5.0)
    for _ in range(3):
        expected = np.maximum(expected - 1, 0) * np.arange(6.0)
    assert np.allclose(np.asarray(x), expected)
    assert len(traced) == (3 if isinstance(xp, backend.NumPy) else 1)


@pytest.mark.parametrize("name", [name for name in installed_backends() if name != "jax"])
def test_dtype_is_kept(name):
    for dtype in ("float32", "float64"):
        xp = backend.get(name, dtype)
        assert np.asarray(xp.irfftn(xp.rfftn(xp.full((4, 5, 6), 1)), (4, 5, 6))).dtype == dtype


def test_get_gives_the_same_backend_each_time():
    assert backend.get("numpy") is backend.get("numpy")


@pytest.mark.parametrize(("has_gpu", "name"), [(True, "tensorflow"), (False, "numpy")])
def test_default_is_tensorflow_where_it_sees_a_gpu_else_numpy(has_gpu, name, monkeypatch):
    sees = type("TensorFlow", (), {"name": "tensorflow", "has_gpu": has_gpu})
    numpy = backend.get("numpy")
    monkeypatch.setattr(backend, "get", {"numpy": numpy, "tensorflow": sees}.__getitem__)
    monkeypatch.setattr(backend, "GPU_DEVICES", ("/",))  # there is a device, so TensorFlow is asked
    assert backend.default.__wrapped__().name == name


def test_default_does_not_wait_for_tensorflow_where_there_is_no_gpu_device(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(backend, "GPU_DEVICES", ("/no/such/device",))
    monkeypatch.setitem(backend._BACKENDS, "tensorflow", lambda dtype: pytest.fail("TensorFlow was asked"))
    assert backend.default.__wrapped__().name == "numpy"


@pytest.mark.parametrize(
    ("name", "dtype", "message"), [("cupy", "float32", "one of 'numpy'"), ("numpy", "int8", "dtype must be")]
)
def test_get_refuses_what_it_does_not_know(name, dtype, message):
    with pytest.raises(ValueError, match=message):
        backend.get(name, dtype)


@pytest.mark.parametrize(("name", "package"), [("jax", "jax"), ("fftw", "pyfftw")])
def test_a_missing_package_is_named_with_what_to_do(monkeypatch, name, package):
    monkeypatch.setitem(sys.modules, package, None)
    backend._make.cache_clear()
    with pytest.raises(ImportError, match=f"pip install {package}, or use another backend"):
        backend.get(name)
    backend._make.cache_clear()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_computes_too():
    """The threads of its parent are not there; a queue that waits for them would wait for ever."""
    code = (
        "import os, numpy as np; from course_utils import backend; xp = backend.get('numpy'); shape = (8, 256, 256);"
        "f = lambda: xp.pointwise(lambda x: (x - 1,), shape, (np.ones(shape, 'float32'),))[0].sum(); f();"
        "child = os.fork();"
        "os._exit(int(f())) if child == 0 else exit(os.waitpid(child, 0)[1])"
    )
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], timeout=60, check=False).returncode == 0
