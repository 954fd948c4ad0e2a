import concurrent.futures
import functools
import gc
import operator
import sys

import numpy as np
import pytest

from course_utils import admm, backend, formation, loops, operators, recording, richardson_lucy

SHAPES = [(3, 4), (4, 5, 6), (5, 3, 7), (1, 4, 6), (2, 1, 2)]
NUMPY = backend.get("numpy")


@pytest.fixture(autouse=True)
def _any_grid_is_worth_a_loop(monkeypatch):
    monkeypatch.setattr(backend, "HUGE", 0)
    yield
    gc.collect()  # kernels that are gone, and with them what was recorded of them


def _volume(*shape, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def _compare(x, y, b):  # the middle of a Richardson–Lucy step
    model = NUMPY.maximum(NUMPY.abs(x) + b, 1e-3)
    ratio = NUMPY.abs(y) / model
    return ratio, NUMPY.inner(y, NUMPY.log(NUMPY.maximum(ratio, 1e-30))) + NUMPY.sum(model - y)


def _decide(x, y, b):
    return NUMPY.where(x > y, -x, b * y), np.exp(np.minimum(x, y)), NUMPY.where(x <= 0, 0, np.square(x))


def _smooth(x, y, b):
    bends = sum(np.roll(x, 1, axis) - 2 * x + np.roll(x, -1, axis) for axis in range(x.ndim))
    return x + b * np.roll(bends * y, 2, -1), NUMPY.square_sum(bends)


POINTWISE, STENCILS = (_compare, _decide), (_compare, _decide, _smooth)


def _check(results, expected):
    """Arrays but for the last bits of exp and log, for the same operations are done in the same order; sums nearly."""
    assert len(results) == len(expected)
    for result, wanted in zip(results, expected, strict=True):
        if np.ndim(wanted):
            assert result.dtype == wanted.dtype
            if result.dtype.kind == "f":
                np.testing.assert_array_max_ulp(result, wanted, maxulp=2)
            else:
                np.testing.assert_array_equal(result, wanted)
        else:
            assert result == pytest.approx(wanted, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kernel", STENCILS)
def test_a_loop_gives_numpys_numbers(kernel, shape, dtype):
    xp = backend.get("numpy", dtype)
    arrays = _volume(*shape, dtype=dtype), _volume(*shape, seed=1, dtype=dtype), np.asarray(0.3, dtype)
    narrow = kernel is _smooth and shape[-1] < 2 * 3  # it looks three voxels far
    assert (loops.loop(kernel, shape, arrays, (), dtype) is None) == narrow
    _check(xp.stencil(kernel, shape, arrays), kernel(*arrays))
    if kernel in POINTWISE:
        _check(xp.pointwise(kernel, shape, arrays), kernel(*arrays))


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 6), (3, 3, 4)])
@pytest.mark.parametrize("prior", [admm.total_variation, admm.hessian])
def test_priors_are_loops_with_operator_and_prox_together(prior, shape):
    prior = prior(0.2, (0.3, 0.2, 0.1)[-len(shape) :])
    D = prior.operator(shape, NUMPY)

    def kernel(x, u):
        v = D.forward(x) + u
        return prior.prox(v, prior.weight, NUMPY), D.adjoint(v)

    arrays = _volume(*shape), _volume(*D.shape_out, seed=1)
    assert loops.loop(kernel, shape, arrays, (), "float32") is not None
    results = NUMPY.stencil(kernel, shape, arrays)
    backend.HUGE = 10**9
    _check(results, kernel(*arrays))


def test_complex_numbers_and_parts_of_larger_arrays():
    shape = (4, 5, 6)
    a, b = (_volume(4, 5, 12, seed=k).view(np.complex64) for k in (0, 1))
    whole = np.zeros((4, 7, 9), np.complex64)
    room = whole[:, 1:6, 2:8]

    def kernel(a, b):
        return (np.conj(a) * b + a,)

    (result,) = NUMPY.pointwise(kernel, shape, (a, b), into=(room,))
    assert result is room
    np.testing.assert_allclose(room, kernel(a, b)[0], rtol=1e-6)
    assert np.count_nonzero(whole) == room.size


def test_results_lie_where_they_may_and_nowhere_else():
    shape = (4, 5, 6)
    x, u, before = _volume(*shape), _volume(*shape, seed=1), _volume(*shape)
    expected = x + u, x - u

    def kernel(x, u):
        return x + u, x - u

    results = NUMPY.pointwise(kernel, shape, (x, u), into=(u,))
    assert results[0] is u
    _check(results, expected)
    np.testing.assert_array_equal(x, before)


def test_what_neighbours_still_need_is_not_overwritten():
    shape, x = (4, 5, 6), _volume(4, 5, 6)

    def kernel(x):
        return (x + np.roll(x, 1, 0),)

    expected = kernel(x)
    results = NUMPY.stencil(kernel, shape, (x,), into=(x,))
    assert results[0] is not x
    _check(results, expected)


def test_sums_are_added_up_in_float64():
    x = np.full((70, 300, 300), 0.1, np.float32)
    (total,) = NUMPY.pointwise(lambda x: (NUMPY.sum(x),), x.shape, (x,))
    assert total == pytest.approx(x.size * float(np.float32(0.1)), rel=1e-7)


@pytest.mark.parametrize(
    "kernel",
    [
        lambda x, y: (x if (x > 0).all() else y,),
        lambda x, y: (x if x[0, 0, 0] > 0 else y,),
        lambda x, y: (x**3 + y,),
        lambda x, y: (operator.iadd(x.copy() if isinstance(x, np.ndarray) else x, y),),
        lambda x, y: (NUMPY.sum(x) * NUMPY.sum(y),),
        lambda x, y: (np.cumsum(x, axis=0) + y,),
        lambda x, y: (np.add(x, y, out=y.copy()),),
        lambda x, y: (x + y / NUMPY.sum(x),),
        lambda x, y: (x + _volume(4, 5, 6),),
        lambda x, y: (x + y, np.float32(1)),
        lambda x, y: (np.roll(x, 1) + y,),
        lambda x, y: (np.stack([x, y])[0, 1],),
        lambda x, y: (np.sum(np.stack([x, y]), 0),),
        lambda x, y: (x * ((x > 0) + (y > 0)),),
        lambda x, y: (np.exp(x > 0) + y,),
        lambda x, y: (np.where(x > 0, x > y, y),),
        lambda x, y: (x > y,),
        lambda x, y: (np.stack([NUMPY.sum(x), NUMPY.sum(y)]),),
        lambda x, y: (2 * NUMPY.sum(x) + y,),
        lambda x, y: (np.complex64(1j) * x + y,),
        lambda x, y: (np.roll(functools.reduce(lambda a, _: np.sqrt(a * a + 1), range(2000), x), 1, 0) + y,),
        lambda x, y: (x + y.max(),),
        lambda x, y: (x + len(np.where(y > 0)[0]),),
    ],
)
def test_what_cannot_be_a_loop_is_left_to_numpy(kernel):
    arrays = _volume(4, 5, 6), _volume(4, 5, 6, seed=1)
    expected = list(kernel(*arrays))
    assert loops.loop(kernel, (4, 5, 6), arrays, (), "float32") is None
    _check(list(NUMPY.stencil(kernel, (4, 5, 6), arrays)), expected)


def test_a_line_and_arrays_on_other_grids_are_left_to_numpy():
    line, plane, volume = _volume(6), _volume(5, 6), _volume(4, 5, 6)
    for shape, arrays in [((6,), (line, line)), ((4, 5, 6), (volume, plane)), ((4, 5, 6), (volume, volume[:, :1]))]:
        assert loops.loop(lambda x, y: (x + y,), shape, arrays, (), "float32") is None
        _check(NUMPY.stencil(lambda x, y: (x + y,), shape, arrays), [arrays[0] + arrays[1]])


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float16", ">f4", "float64", "bool"])
def test_other_kinds_of_numbers_are_left_to_numpy(dtype):
    x = (10 * np.abs(_volume(4, 5, 6))).astype(dtype)

    def kernel(x):
        return (0.3 * x + 1,)

    assert loops.loop(kernel, x.shape, (x,), (), "float32") is None
    _check(list(NUMPY.stencil(kernel, x.shape, (x,))), kernel(x))


@pytest.mark.parametrize("argument", [None, "text", 1j, np.complex64(1j), True])
def test_arguments_that_are_no_real_numbers_are_left_to_numpy(argument):
    x = _volume(4, 5, 6)

    def kernel(x, of):
        return (x if of is None or of == "text" else x * abs(of),)

    assert loops.loop(kernel, x.shape, (x, argument), (), "float32") is None
    _check(list(NUMPY.stencil(kernel, x.shape, (x, argument))), kernel(x, argument))


def test_results_of_numbers_only_and_kernels_that_are_no_keys_are_left_to_numpy():
    class Unhashable:
        __hash__ = None

        def __call__(self, x):
            return (x + 1,)

    x = _volume(4, 5, 6)
    for kernel, arrays in [(lambda x, r: (x * r, r / 2), (x, 3.0)), (lambda r: (r,), (3.0,)), (Unhashable(), (x,))]:
        assert loops.loop(kernel, x.shape, arrays, (), "float32") is None


def test_an_array_that_overlaps_with_another_is_not_overwritten():
    shape, both = (4, 5, 6), _volume(3, 4, 5, 6)
    big = _volume(5, 5, 6)
    cases = [
        (lambda x, v: (x - np.roll(v[1], 1, 0),), (both[1], both), both[1]),
        (lambda low, high: (low + high,), (big[:4], big[1:]), big[:4]),
        (lambda x, y: (x + np.roll(y, 1, 0),), (both[0], both[1]), both[1][:]),
    ]
    for kernel, arrays, room in cases:
        (expected,) = kernel(*arrays)
        (result,) = NUMPY.stencil(kernel, shape, arrays, into=(room,))
        _check([result], [expected])


def test_a_sum_adds_up_parts_of_either_sign():
    x, y = _volume(4, 5, 6), _volume(4, 5, 6, seed=1)
    (total,) = NUMPY.pointwise(lambda x, y: (NUMPY.sum(x) - NUMPY.inner(x, y) + -NUMPY.sum(y),), x.shape, (x, y))
    assert total == pytest.approx(float(x.sum() - np.vdot(x, y) - y.sum()), rel=1e-4)


def test_comparisons_at_equality():
    x = np.rint(2 * _volume(4, 5, 6)).astype(np.float32)
    for kernel in [lambda x, so=so: (np.where(so(x, 1), x, 7.0),) for so in recording.COMPARISONS]:
        assert loops.loop(kernel, x.shape, (x,), (), "float32") is not None
        _check(NUMPY.pointwise(kernel, x.shape, (x,)), kernel(x))


def test_the_same_kernel_in_two_precisions():
    def kernel(x):
        return x / 3, NUMPY.sum(x / 3)

    for dtype in ("float32", "float64"):
        x = _volume(4, 5, 6, dtype=dtype)
        result, total = backend.get("numpy", dtype).pointwise(kernel, x.shape, (x,))
        assert result.dtype == dtype
        assert total == pytest.approx((x / 3).sum(dtype=float), rel=1e-5 if dtype == "float32" else 1e-12)


def test_what_is_no_number_stays_none():
    x = _volume(4, 5, 6)
    x[1, 2, 3] = np.nan
    for f in (np.maximum, np.minimum):
        (result,) = NUMPY.pointwise(lambda x, f=f: (f(x, 0.0) + f(0.0, x),), x.shape, (x,))
        assert np.isnan(result[1, 2, 3])
        assert np.count_nonzero(np.isnan(result)) == 1


def test_squares_and_operators_as_they_are_called():
    shape = (4, 5, 6)
    D = operators.gradient(shape, (2, 1, 1), xp=NUMPY)

    def kernel(x):
        return sum(D(x)[k] ** 2 for k in range(3)), 1 / (x - x)

    x = _volume(*shape)
    with np.errstate(divide="ignore"):
        expected = kernel(x)
    assert loops.loop(kernel, shape, (x,), (), "float32") is not None
    _check(NUMPY.stencil(kernel, shape, (x,)), expected)


def test_threads_share_a_kernel():
    shape, x = (6, 20, 30), _volume(6, 20, 30)

    def kernel(x, r):
        return (x + r * np.roll(x, 1, 1),)

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda r: NUMPY.stencil(kernel, shape, (x, np.float32(r)))[0], range(40)))
    for r, result in enumerate(results):
        _check([result], kernel(x, np.float32(r)))


def test_a_kernel_may_compute_something_else_on_its_way():
    """As a prox does that follows the edges of another image: which is no argument, so that NumPy does it."""
    shape, guide = (4, 5, 6), _volume(4, 5, 6, seed=2)
    D = operators.gradient(shape, (1, 1, 1), xp=NUMPY)
    kernels = {}
    for name, weight in [("an array", lambda: NUMPY.abs(D(guide))), ("a number", lambda: float(np.sum(D(guide) ** 2)))]:
        kernels[name] = lambda v, weight=weight: (v / (1 + weight()),)
    v = _volume(3, *shape)
    assert loops.loop(kernels["an array"], shape, (v,), (), "float32") is None
    assert loops.loop(kernels["a number"], shape, (v,), (), "float32") is not None
    for kernel in kernels.values():
        _check(NUMPY.pointwise(lambda v, kernel=kernel: kernel(v), shape, (v,)), kernel(v))


def test_an_error_of_the_kernel_is_numpys():
    with pytest.raises(TypeError, match="takes 1 positional argument"):
        NUMPY.pointwise(lambda x: (x,), (4, 5, 6), (_volume(4, 5, 6), _volume(4, 5, 6)))


def test_other_numbers_and_grids_take_the_same_program():
    loops._compiled.cache_clear()
    for shape, factor in [((4, 5, 6), 2.0), ((4, 5, 6), 3.0), ((5, 6, 7), 3.0)]:
        x = _volume(*shape)
        _check(NUMPY.pointwise(lambda x, factor=factor: (factor * x + 1,), shape, (x,)), [np.float32(factor) * x + 1])
    assert loops._compiled.cache_info().currsize == 1


def test_a_kernel_is_recorded_once_for_each_grid():
    calls = []

    def kernel(x):
        calls.append(np.shape(x))
        return (2 * x,)

    for shape in [(4, 5, 6), (4, 5, 6), (5, 5, 6)]:
        NUMPY.pointwise(kernel, shape, (_volume(*shape),))
    assert calls == [(4, 5, 6), (5, 5, 6)]


def test_without_numba_numpy_does_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    loops._numba.cache_clear()
    try:
        x = _volume(4, 5, 6)
        assert loops.loop(lambda x: (x + 1,), x.shape, (x,), (), "float32") is None
        _check(NUMPY.pointwise(lambda x: (x + 1,), x.shape, (x,)), [x + 1])
    finally:
        monkeypatch.undo()
        loops._numba.cache_clear()


@pytest.mark.parametrize("prior", [None, admm.total_variation, admm.hessian, "sparsity"])
@pytest.mark.parametrize("geometry", ["open", "periodic", "every second plane"])
@pytest.mark.parametrize("name", ["numpy", "fftw"])
def test_admm_is_the_same_by_loops(name, geometry, prior, monkeypatch):
    """The whole method: what lies in the arrays of the iteration before must not be needed any more."""
    xp, rng = backend.get(name), np.random.default_rng(3)
    psf = rng.random((3, 5, 4)).astype(np.float32)
    y = rng.poisson(20, (6, 12, 10)).astype(np.float32)
    edges, bin_z = ("open", 2) if geometry == "every second plane" else (geometry, 1)
    H = formation.forward(psf / psf.sum(), (6 * bin_z, 12, 10), edges=edges, bin_z=bin_z, xp=xp)
    prior = admm.sparsity(0.05) if prior == "sparsity" else prior and prior(0.05, (2, 1, 1))
    runs = []
    for huge in (0, 10**9):
        monkeypatch.setattr(backend, "HUGE", huge)
        runs.append(list(admm.poisson(y, H, prior=prior, n_iter=12, background=1.0)))
    for mine, theirs in zip(*runs, strict=True):
        np.testing.assert_allclose(mine.x, theirs.x, atol=2e-5 * y.mean())
        assert mine.primal_residual == pytest.approx(theirs.primal_residual, rel=1e-5)
        assert mine.dual_residual == pytest.approx(theirs.dual_residual, rel=1e-4)


@pytest.mark.parametrize("edges", ["open", "periodic"])
@pytest.mark.parametrize("name", ["plain", "tv", "heavy_ball", "biggs_andrews", "line_search", "admm"])
def test_all_kernels_of_the_course_are_loops(name, edges, monkeypatch):
    made = []
    monkeypatch.setattr(loops, "loop", lambda *args, loop=loops.loop: made.append(loop(*args)) or made[-1])
    rng = np.random.default_rng(3)
    psf = rng.random((3, 5, 4)).astype(np.float32)
    y = rng.poisson(20, (6, 12, 10)).astype(np.float32)
    H = formation.forward(psf / psf.sum(), y.shape, edges=edges, xp=NUMPY)
    options = {"tv": {"weight": 0.01}, "admm": {"prior": admm.hessian(0.05, (2, 1, 1))}}.get(name, {})
    method = admm.poisson if name == "admm" else getattr(richardson_lucy, name)
    for _ in method(y, H, n_iter=5, background=1.0, **options):
        pass
    assert len(made) >= 5
    assert None not in made
