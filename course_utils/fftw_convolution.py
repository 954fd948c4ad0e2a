"""A blur and its adjoint by FFTW, a few planes and a few columns at a time, so that each is dealt with in the cache.

A Fourier transform in 3D is one of each plane, then one along z. Between the transform along z and the one back stands
only a product; between the transform of a plane back, and its next one, only what is done to each voxel by itself.
Who goes through the whole volume for each of them fetches it from memory every time, and waits for it.
"""

import threading

import numpy as np
import pyfftw

from course_utils.backend import share

PLANES, COLUMNS = 1 << 18, 1 << 17  # voxels, and coefficients, that go through together, at most: 1 MB each
ROW = 8  # coefficients: 64 bytes or more, which any processor's alignment divides


class Convolution:
    """Periodic convolution of volumes of this shape with a kernel, given by its transfer function on the half grid.

    window   slices with start and stop: the part of the grid that is seen after the convolution, and that the adjoint
             begins from.
    threads  a concurrent.futures.Executor with so many workers; each gets plans of its own.
    reverse  the adjoint first.
    Three volumes stay reserved. Calls from two threads take turns.
    """

    def __init__(self, transfer, shape, window, threads, workers, *, reverse=False):
        real = transfer.real.dtype
        scaled = transfer * real.type(1 / np.prod(shape, dtype=float))  # FFTW leaves the number of voxels in
        self._transfers = (np.conj(scaled), scaled) if reverse else (scaled, np.conj(scaled))
        self._spectrum = _rows_aligned(transfer.shape, transfer.dtype)
        self._threads = threads
        whole, seen = (_Part(part, shape, workers) for part in (tuple(slice(0, n) for n in shape), window))
        self._ends, self._middle = (seen, whole) if reverse else (whole, seen)
        self._columns = _slices(shape[1], COLUMNS // (shape[0] * transfer.shape[2]), workers)
        self._plans, self._turn = [self._make_plans(shape, real) for _ in range(workers)], threading.Lock()

    def there_and_back(self, x, change, finish):
        """Convolve x; change(planes, block), in place; convolve that by the adjoint; finish(planes, block).

        block are the indices of these few planes in what is seen of the volume there. Their array is overwritten later.
        """
        ends, middle = self._ends, self._middle

        def begin(plans, block):
            planes = plans["room"][: _length(block)]
            ends.seen(planes)[...] = x[block]
            self._in(plans, planes, block, ends)

        def turn(plans, block):
            planes = self._out(plans, block, middle)
            change(middle.seen(planes), block)
            self._in(plans, planes, block, middle)

        with self._turn:
            self._each(begin, ends.blocks)
            self._multiply_columns(self._transfers[0], ends)
            self._each(turn, middle.blocks)
            self._multiply_columns(self._transfers[1], middle)
            self._each(lambda plans, block: finish(ends.seen(self._out(plans, block, ends)), block), ends.blocks)

    def _in(self, plans, planes, block, part):
        part.clear_around(planes)
        plans["in", len(planes)](planes, self._spectrum[part.in_grid(block)])

    def _out(self, plans, block, part):
        planes = plans["room"][: _length(block)]
        plans["out", len(planes)](self._spectrum[part.in_grid(block)], planes)
        return planes

    def _multiply_columns(self, transfer, part):
        """The spectrum of this part of the volume, all else being zero, times the transfer function."""
        part.clear_before_and_after(self._spectrum)
        self._each(lambda plans, rows: self._multiply(plans, rows, transfer), self._columns)

    def _multiply(self, plans, rows, transfer):
        """Along z forward, times a transfer function, and back, in place."""
        part = self._spectrum[:, rows]
        plans["down", _length(rows)](part, part)
        part *= transfer[:, rows]
        plans["up", _length(rows)](part, part)

    def _make_plans(self, shape, real):
        """For each length of block a function (from, to): of planes in and out, of columns down and up."""
        lengths = {_length(block) for part in (self._ends, self._middle) for block in part.blocks}
        room = pyfftw.empty_aligned((max(lengths), *shape[1:]), real)
        plans = {"room": room}
        for n in lengths:
            plans["in", n] = _plan(room[:n], self._spectrum[:n], (1, 2), "FFTW_FORWARD")
            plans["out", n] = _plan(self._spectrum[:n], room[:n], (1, 2), "FFTW_BACKWARD", "FFTW_DESTROY_INPUT")
        for n in {_length(rows) for rows in self._columns}:
            part = self._spectrum[:, :n]
            plans["down", n] = _plan(part, part, (0,), "FFTW_FORWARD")
            plans["up", n] = _plan(part, part, (0,), "FFTW_BACKWARD")
        return plans

    def _each(self, do, parts):
        share(self._threads, self._plans, do, parts)


class _Part:
    """The planes of a volume that are seen through a window of slices, and the blocks of them that go together."""

    def __init__(self, window, shape, workers):
        self._z, *lateral = window
        self._lateral = (slice(None), *lateral)
        self.blocks = _slices(_length(self._z), PLANES // (shape[1] * shape[2]), workers)

    def in_grid(self, block):
        return slice(self._z.start + block.start, self._z.start + block.stop)

    def seen(self, planes):
        return planes[self._lateral]

    def clear_around(self, planes):
        _, y, x = self._lateral
        planes[:, : y.start] = planes[:, y.stop :] = 0
        planes[:, y, : x.start] = planes[:, y, x.stop :] = 0

    def clear_before_and_after(self, volume):
        volume[: self._z.start] = volume[self._z.stop :] = 0


def _rows_aligned(shape, dtype):
    """A volume whose rows, and so its planes, all begin where FFTW wants them.

    One row more in each plane, unused: with a power of two for the distance from plane to plane, as is usual, a column
    would find its coefficients in one corner of the cache, where one drives out another.
    """
    planes, rows, n = shape
    return pyfftw.zeros_aligned((planes, rows + 1, -(-n // ROW) * ROW), dtype)[:, :rows, :n]


def _plan(source, goal, axes, direction, *flags):
    """A function (from, to) that transforms arrays of these shapes and strides.

    They must begin at multiples of pyfftw.simd_alignment bytes, as these do: then the processor takes several numbers
    at once, which saves a quarter of the whole step. The plan is made by trying: for pieces so small that takes half a
    second, and gains more than it does for a volume.
    """
    plan = pyfftw.FFTW(source, goal, axes=axes, direction=direction, flags=("FFTW_MEASURE", *flags))

    def run(a, b):
        plan.update_arrays(a, b)
        plan.execute()

    return run


def _slices(n, most, workers):
    """Parts of at most so many, all of one length but the last, and as many for each worker."""
    parts = -(-n // max(most, 1))
    step = -(-n // (parts + -parts % workers))
    return [slice(a, min(a + step, n)) for a in range(0, n, step)]


def _length(part):
    return part.stop - part.start
