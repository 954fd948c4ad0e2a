"""The array functions that kernels need, for NumPy, TensorFlow and JAX: a kernel is written once and runs on all.

``xp = get("numpy")`` gives an object with these functions. Arrays of a backend support ``+ - * /`` and slicing by
themselves; what differs between the packages (names, Fourier transforms, compilation) stands here.
"""

import concurrent.futures
import contextlib
import functools
import itertools
import math
import os
import sys
import threading

import numpy as np

from course_utils.recording import StandIn

LARGE = 1 << 18  # voxels: from here on it pays to hand out work to threads
HUGE = 1 << 21  # and from here on, where an iteration takes a hundredth of a second or more, to compile a loop
GPU_DEVICES = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")  # on Linux: NVIDIA, Windows' subsystem for Linux, AMD


def get(name, dtype="float32"):
    """The backend called "numpy", "fftw", "tensorflow" or "jax", computing in float32 (or float64, to test exactness).

    The package behind it is imported at the first call. Raises ValueError for an unknown name, ImportError where
    the package is not installed.
    """
    if name not in _BACKENDS:
        raise ValueError(f"backend must be one of {', '.join(map(repr, _BACKENDS))}; got {name!r}.")
    if dtype not in ("float32", "float64"):
        raise ValueError(f"dtype must be 'float32' or 'float64'; got {dtype!r}.")
    return _make(name, dtype)


@functools.cache
def default():
    """TensorFlow where it sees a GPU, else NumPy (whose Fourier transforms use all cores)."""
    if sys.platform == "linux" and not any(map(os.path.exists, GPU_DEVICES)):
        return get("numpy")  # without the seconds that it takes to ask TensorFlow
    try:
        xp = get("tensorflow")
    except ImportError:
        return get("numpy")
    return xp if xp.has_gpu else get("numpy")


class Backend:
    """What is built of the others' functions, where a backend has no faster way."""

    def through_fourier_space(self, change, shape, count, given):
        """The function of so many volumes, which may be overwritten, that gives as many others by way of their spectra.

        change  function (*spectra, *given) → spectra, pointwise on the half grid, on which the arrays `given` are, too.
        """

        def go(*volumes):
            spectra = [self.rfftn(volume) for volume in volumes]
            changed = self.pointwise(change, spectra[0].shape, (*spectra, *given), into=spectra)
            return [self.irfftn(spectrum, shape) for spectrum in changed]

        return go

    def in_one_go(self, transfer, shape, window, change, finish, reverse, keep):
        """The function of `operators.there_and_back` for a blur on a grid of this shape, where the backend has a
        faster way; else None. window: slices, the part of the grid that is seen after the blur."""
        return None


class NumPy(Backend):
    """numpy, with Fourier transforms by scipy.fft on all cores."""

    name = "numpy"

    def __init__(self, dtype):
        import scipy.fft

        self.dtype = dtype
        self._fft = scipy.fft
        self._workers = os.cpu_count()
        self._begin_threads()
        if hasattr(os, "register_at_fork"):  # a child process has none of its parent's threads
            os.register_at_fork(after_in_child=self._begin_threads)

    def _begin_threads(self):
        self._threads = concurrent.futures.ThreadPoolExecutor(self._workers)  # started by the first task

    def asarray(self, a):
        """An array of this backend with its dtype; no copy where none is needed."""
        return a if isinstance(a, StandIn) else np.asarray(a, dtype=self.dtype)

    def zeros(self, shape):
        return np.zeros(shape, dtype=self.dtype)

    def full(self, shape, value):
        return np.full(shape, value, dtype=self.dtype)

    def rfftn(self, x):
        """Fourier transform of a real array over all its axes (the last one halved)."""
        return self._fft.rfftn(x, workers=self._workers)

    def irfftn(self, spectrum, shape):
        """The real array of this shape whose `rfftn` is the spectrum (which may be overwritten)."""
        # scipy's own irfftn is a third slower: it does not work in place along the leading axes
        leading = tuple(range(len(shape) - 1))
        if leading:
            spectrum = self._fft.ifftn(spectrum, axes=leading, workers=self._workers, overwrite_x=True)
        return self._fft.irfft(spectrum, shape[-1], workers=self._workers, overwrite_x=True)

    conj = staticmethod(np.conj)
    abs = staticmethod(np.abs)
    sqrt = staticmethod(np.sqrt)
    log = staticmethod(np.log)
    maximum = staticmethod(np.maximum)
    min = staticmethod(np.min)
    max = staticmethod(np.max)
    where = staticmethod(np.where)
    roll = staticmethod(np.roll)
    stack = staticmethod(np.stack)

    def times_conj(self, spectrum, transfer):
        """spectrum · conj(transfer); the spectrum, which must be the caller's own, may be overwritten.

        A fresh array of that size costs NumPy more time than the arithmetic, since the system clears its pages.
        """
        np.conj(spectrum, out=spectrum)
        spectrum *= transfer
        return np.conj(spectrum, out=spectrum)

    def pointwise(self, f, shape, arrays, into=()):
        """f(*arrays), where f treats every voxel of a grid of this shape alike: its results, arrays and sums.

        f is to do the same at each call: what it finds outside its arguments may be looked up only once.

        arrays  end in the grid's axes, or are single numbers.
        into    for each array that f gives, one that may be overwritten with it, or None.
        NumPy does it in one loop over the voxels where that is worth a second's compilation (see `loops`), else block
        by block: what f computes on its way stays in the processor's cache.
        """
        results = self._in_a_loop(f, shape, arrays, into)
        if results is None:
            pieces = _Pieces(shape, into)
            self._each(lambda block: pieces.put(block, f(*_cut(arrays, block))), _blocks(shape), math.prod(shape))
            results = pieces.whole()
        return results

    def stencil(self, f, shape, arrays, into=()):
        """As `pointwise`, but f may look at neighbours, too: by `roll`, along axes of the grid."""
        results = self._in_a_loop(f, shape, arrays, into)
        return f(*arrays) if results is None else results

    def _in_a_loop(self, f, shape, arrays, into):
        """The results of f, or None where that is not worth a loop, or f cannot be written as one."""
        if any(isinstance(a, StandIn) for a in arrays):
            return f(*arrays)  # a part of what is being recorded
        made = self._loop(f, shape, shape, arrays, into)
        if made is None:
            return None
        (run, results), sums = made, []
        planes, step = shape[0], -(-shape[0] // (2 * self._workers))
        self._each(lambda a: sums.append(run(a, min(a + step, planes))), range(0, planes, step), math.prod(shape))
        totals = map(math.fsum, zip(*sums, strict=True))
        return [next(totals) if result is None else result for result in results]

    def _loop(self, f, whole, shape, arrays, into):
        """For a grid of this shape, a part of a whole that is or is not worth it."""
        if math.prod(whole) <= HUGE:
            return None
        from course_utils import loops

        return loops.loop(f, shape, arrays, into, self.dtype)

    def _each(self, f, parts, voxels):
        """f(part) for each part, on all cores where so many voxels are worth it: NumPy lets go of Python's lock."""
        if voxels > LARGE:
            share(self._threads, range(self._workers), lambda _, part: f(part), parts)
        else:
            for part in parts:
                f(part)

    def room(self, shape):
        """Memory for a result of `pointwise`, time and again: to get new memory cleared takes as long as to compute."""
        return np.empty(shape, dtype=self.dtype)

    def is_view(self, a, b):
        """Whether what is written into a is written into b, a part of which it is."""
        return np.may_share_memory(a, b)

    def scratch(self, a, *kept):
        """a, where `pointwise` may overwrite it: if it shares no memory with these; else None."""
        return None if any(np.ndim(other) and np.may_share_memory(a, other) for other in kept) else a

    def square_sum(self, x):
        """Σ x², within a step too."""
        return np.vdot(x, x)

    def inner(self, a, b):
        """Σ a b, within a step too."""
        return np.vdot(a, b)

    def pad(self, x, widths):
        """Zeros around x; widths ((before, after), …), one pair an axis."""
        return np.pad(x, widths)

    def upsample_z(self, x, factor, length):
        """Planes of x at 0, factor, 2·factor …, with zeros between them, `length` planes in all."""
        out = self.zeros((length, *x.shape[1:]))
        out[::factor] = x
        return out

    def sum(self, x):
        """The sum over all elements, added up in float64."""
        return np.sum(x, dtype=np.float64)

    def compile(self, step, fourier=True):
        """The same function: NumPy has nothing to compile. Say fourier=False of a step without Fourier transforms."""
        return step


class FFTW(NumPy):
    """numpy, with Fourier transforms by FFTW, through pyfftw (an extra): in half to three quarters of scipy's time."""

    name = "fftw"

    def __init__(self, dtype):
        import pyfftw.interfaces.scipy_fft

        super().__init__(dtype)
        self._fft = pyfftw.interfaces.scipy_fft
        # Plans are made without trying: that takes seconds for each new shape, and gains a few per cent. They are kept
        # from one iteration to the next, but not for long: each holds on to the arrays that it transformed last.
        pyfftw.interfaces.cache.enable()
        pyfftw.interfaces.cache.set_keepalive_time(10)
        self._plan = {"planner_effort": "FFTW_ESTIMATE", "workers": self._workers}

    def rfftn(self, x):
        return self._fft.rfftn(x, **self._plan)

    def irfftn(self, spectrum, shape):
        return self._fft.irfftn(spectrum, shape, overwrite_x=True, **self._plan)

    # What treats each voxel alone is done to a few planes at a time, while they lie in the cache; what treats each
    # coefficient alone, to a few columns. In 3D only.

    def through_fourier_space(self, change, shape, count, given):
        if len(shape) != 3:
            return super().through_fourier_space(change, shape, count, given)
        from course_utils.fftw_planes import Filter

        def by_rows(spectra):
            arrays = [a.swapaxes(0, 1) for a in (*spectra, *given)]
            made = self._loop(change, shape, arrays[0].shape, arrays, arrays[:count])
            if made:
                run, _ = made
                return lambda rows: run(rows.start, rows.stop)

            def do(rows):
                parts = [a[rows] for a in arrays]
                for part, changed in zip(parts[:count], change(*parts), strict=True):
                    part[...] = changed

            return do

        return Filter(by_rows, count, shape, np.dtype(self.dtype), self._threads, self._workers)

    def in_one_go(self, transfer, shape, window, change, finish, reverse, keep):
        if len(shape) != 3:
            return None
        from course_utils.fftw_planes import Convolution

        convolution = Convolution(transfer, shape, window, self._threads, self._workers, reverse=reverse)
        seen = tuple(part.stop - part.start for part in window)

        def go(x, a, b=()):
            changed, finished = (_Pieces(shape), _Pieces(seen)) if reverse else (_Pieces(seen), _Pieces(shape))

            def between(planes, block):
                first, *rest = change(planes, *_cut(a, block))
                changed.put(block, [first, *rest] if keep else rest)
                planes[...] = first

            def after(planes, block):
                finished.put(block, finish(planes, *_cut(b, block)) if finish else (planes,))

            convolution.there_and_back(x, between, after)
            return *changed.whole(), *finished.whole()

        return go


class Compiled(Backend):
    """What TensorFlow and JAX have in common: their compilers find by themselves what may be overwritten."""

    def times_conj(self, spectrum, transfer):
        # rather than conj(transfer), which would take a volume for itself
        return self.conj(self.conj(spectrum) * transfer)

    def pointwise(self, f, shape, arrays, into=()):
        return f(*arrays)

    def stencil(self, f, shape, arrays, into=()):
        return f(*arrays)

    def room(self, shape):
        return None

    def is_view(self, a, b):
        return False

    def scratch(self, a, *kept):
        return None

    def square_sum(self, x):
        return self.inner(x, x)

    def inner(self, a, b):
        return self.sum(a * b)


class TensorFlow(Compiled):
    """tensorflow; a step is compiled once, with XLA on a GPU (on a CPU, XLA's Fourier transforms are slower)."""

    name = "tensorflow"

    def __init__(self, dtype):
        with _without_startup_log():
            import tensorflow as tf

            self.has_gpu = _let_gpu_memory_grow(tf)
        self._tf = tf
        self.dtype = dtype
        self.conj, self.abs, self.sqrt, self.log = tf.math.conj, tf.abs, tf.sqrt, tf.math.log
        self.maximum, self.where, self.roll, self.stack = tf.maximum, tf.where, tf.roll, tf.stack
        self.min, self.max = tf.reduce_min, tf.reduce_max

    def asarray(self, a):
        if self._tf.is_tensor(a):
            return self._tf.cast(a, self.dtype)
        # DeepCopy puts the values where TensorFlow wants them; else each compiled step would begin with a copy
        return self._tf.raw_ops.DeepCopy(x=np.asarray(a, dtype=self.dtype))

    def zeros(self, shape):
        return self._tf.zeros(shape, dtype=self.dtype)

    def full(self, shape, value):
        return self._tf.fill(shape, self._tf.cast(value, self.dtype))

    def rfftn(self, x):
        signal = self._tf.signal
        return (signal.rfft, signal.rfft2d, signal.rfft3d)[len(x.shape) - 1](x)

    def irfftn(self, spectrum, shape):
        signal = self._tf.signal
        inverse = (signal.irfft, signal.irfft2d, signal.irfft3d)[len(shape) - 1]
        return inverse(spectrum, fft_length=shape)  # without fft_length an odd last axis would come back even

    def pad(self, x, widths):
        return self._tf.pad(x, widths)

    def upsample_z(self, x, factor, length):
        planes = self._tf.range(x.shape[0]) * factor
        return self._tf.scatter_nd(planes[:, None], x, (length, *x.shape[1:]))

    def sum(self, x):
        return self._tf.reduce_sum(self._tf.cast(x, "float64"))

    def inner(self, a, b):
        # each row in float32: a volume of doubles would take XLA as long as all that a step computes beside
        return self.sum(self._tf.reduce_sum(a * b, axis=-1))

    def compile(self, step, fourier=True):
        return self._tf.function(step, autograph=False, jit_compile=self.has_gpu or not fourier)


class Jax(Compiled):
    """jax, an optional extra; float64 needs its own switch (jax_enable_x64), so only float32 is offered."""

    name = "jax"

    def __init__(self, dtype):
        if dtype != "float32":
            raise ValueError("the jax backend computes in float32; use get('numpy', 'float64') to test exactness.")
        import jax

        jnp = jax.numpy
        self._jax, self._jnp = jax, jnp
        self.dtype = dtype
        self.has_gpu = jax.default_backend() == "gpu"
        self.conj, self.abs, self.sqrt, self.log = jnp.conj, jnp.abs, jnp.sqrt, jnp.log
        self.maximum, self.where, self.roll, self.stack = jnp.maximum, jnp.where, jnp.roll, jnp.stack
        self.pad, self.rfftn, self.min, self.max = jnp.pad, jnp.fft.rfftn, jnp.min, jnp.max

    def asarray(self, a):
        return self._jnp.asarray(a, dtype=self.dtype)

    def zeros(self, shape):
        return self._jnp.zeros(shape, dtype=self.dtype)

    def full(self, shape, value):
        return self._jnp.full(shape, value, dtype=self.dtype)

    def irfftn(self, spectrum, shape):
        return self._jnp.fft.irfftn(spectrum, shape)

    def upsample_z(self, x, factor, length):
        return self.zeros((length, *x.shape[1:])).at[::factor].set(x)

    def sum(self, x):
        if isinstance(x, self._jax.core.Tracer):  # in a step, without float64: axis by axis, rounding stays small
            return functools.reduce(lambda part, _: part.sum(-1), x.shape, x)
        return np.sum(np.asarray(x), dtype=np.float64)

    def square_sum(self, x):
        return self._jnp.vdot(x, x)

    def compile(self, step, fourier=True):
        # Arrays that the step captures become arguments of the program: as constants of it, XLA would take minutes.
        # It is traced at the first call, and is to be called with the same shapes ever after.
        jax, program = self._jax, []

        def compiled(*args):
            if not program:
                closed, result = jax.make_jaxpr(step, return_shape=True)(*args)
                run = jax.jit(functools.partial(jax.core.eval_jaxpr, closed.jaxpr))
                program.extend((run, closed.consts, jax.tree.structure(result)))
            run, captured, structure = program
            return jax.tree.unflatten(structure, run(captured, *jax.tree.leaves(args)))

        return compiled


def share(threads, workers, do, parts):
    """do(worker, part) for each part: each worker, in a thread of its own, takes the next one as soon as it is free.

    A task for each worker, not for each part: to hand over a task takes Python as long as some parts take to be done.
    """
    rest = iter(parts)

    def work(worker):
        for part in rest:
            do(worker, part)

    list(threads.map(work, workers))  # to its end, where errors are raised


def _blocks(shape, size=1 << 16):
    """Indices that cut a grid into blocks of about so many voxels, whatever axes come before those of the grid."""
    blocks = [()]
    for axis, n in enumerate(shape[:-1]):
        step = max(1, size // math.prod(shape[axis + 1 :]))
        blocks = [block + (slice(a, a + step),) for block in blocks for a in range(0, n, step)]
    return [(..., *block, slice(None)) for block in blocks]


def _cut(arrays, block):
    """That part of each array; numbers as they are."""
    return [a[block] if np.ndim(a) else a for a in arrays]


class _Pieces:
    """What a function gives block by block, from several threads: arrays put together, numbers added up.

    into  for each array, one that may be overwritten with it, or None.
    """

    def __init__(self, shape, into=()):
        self._shape, self._into, self._rooms, self._numbers = tuple(shape), into, None, []
        self._lock = threading.Lock()

    def put(self, block, parts):
        with self._lock:
            if self._rooms is None:
                self._rooms = [self._room(part, old) for part, old in itertools.zip_longest(parts, self._into)]
        for room, part in zip(self._rooms, parts, strict=True):
            if room is not None:
                room[block] = part
        self._numbers.append([float(part) for room, part in zip(self._rooms, parts, strict=True) if room is None])

    def whole(self):
        sums = map(math.fsum, zip(*self._numbers, strict=True))  # exact, in whatever order the blocks came
        return [next(sums) if room is None else room for room in self._rooms]

    def _room(self, part, old):
        if not np.ndim(part):
            return None
        shape = part.shape[: -len(self._shape)] + self._shape
        return np.empty(shape, dtype=part.dtype) if old is None else old


_BACKENDS = {"numpy": NumPy, "fftw": FFTW, "tensorflow": TensorFlow, "jax": Jax}
NAMES = tuple(_BACKENDS)


@functools.cache
def _make(name, dtype):
    try:
        return _BACKENDS[name](dtype)
    except ImportError as error:
        package = "pyfftw" if name == "fftw" else name
        raise ImportError(
            f"the {name} backend needs the package {package}, which is not installed ({error}). "
            f"Install it with: pip install {package}, or use another backend."
        ) from error


def _let_gpu_memory_grow(tf):
    """Whether there is a GPU; if so, take its memory as needed, not all of it at once."""
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # the caller has used the GPU already: its memory is arranged, and works
            break
    return bool(gpus)


@contextlib.contextmanager
def _without_startup_log():
    """Keep TensorFlow's first log lines, which read like errors where there is no GPU, out of the notebook.

    They come from C++, past sys.stderr, whatever the log level; TF_CPP_MIN_LOG_LEVEL=0 in the environment shows them.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        yield
        return
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
