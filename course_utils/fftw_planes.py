"""Through Fourier space and back by FFTW, a few planes and a few columns at a time, so that they stay in the cache.

A Fourier transform in 3D is one of each plane, then one along z. Between the transform along z and the one back stands
only what is done to each coefficient; between the transform of a plane back, and its next one, what is done to each
voxel. Who goes through the whole volume for each of them fetches it from memory every time, and waits for it.
"""

import threading

import numpy as np
import pyfftw

from course_utils.backend import share

PLANES, COLUMNS = 1 << 18, 1 << 17  # voxels, and coefficients, that go through together, at most: 1 MB each
ROW = 8  # coefficients: 64 bytes or more, which any processor's alignment divides


class Filter:
    """The function of so many volumes of this shape that gives as many others, by way of their spectra, in their place.

    by_rows  function (spectra) → the function (rows) that changes these rows of them, in all planes.
    As many volumes as are given stay reserved. Calls from two threads take turns.
    """

    def __init__(self, by_rows, count, shape, real, threads, workers):
        self._blocks = _slices(shape[0], PLANES // (shape[1] * shape[2]), workers)
        self._space = _Space(shape, real, count, {_length(block) for block in self._blocks}, threads, workers)
        self._change = by_rows(self._space.spectra)

    def __call__(self, *volumes):
        space = self._space

        def begin(plans, block):
            for volume, spectrum in zip(volumes, space.spectra, strict=True):
                planes = np.multiply(volume[block], space.scale, out=plans["room"][: _length(block)])
                space.into(plans, planes, spectrum[block])

        def end(plans, block):
            for volume, spectrum in zip(volumes, space.spectra, strict=True):
                volume[block] = space.out_of(plans, spectrum[block])

        with space.turn:
            space.each(begin, self._blocks)
            space.columns(self._change)
            space.each(end, self._blocks)
        return volumes


class Convolution:
    """Periodic convolution of volumes of this shape with a kernel, given by its transfer function on the half grid.

    window   slices with start and stop: the part of the grid that is seen after the convolution, and that the adjoint
             begins from.
    threads  a concurrent.futures.Executor with so many workers; each gets plans of its own.
    reverse  the adjoint first.
    Three volumes stay reserved. Calls from two threads take turns.
    """

    def __init__(self, transfer, shape, window, threads, workers, *, reverse=False):
        whole, seen = (_Part(part, shape, workers) for part in (tuple(slice(0, n) for n in shape), window))
        self._ends, self._middle = (seen, whole) if reverse else (whole, seen)
        lengths = {_length(block) for part in (whole, seen) for block in part.blocks}
        self._space = _Space(shape, transfer.real.dtype, 1, lengths, threads, workers)
        scaled = transfer * self._space.scale
        self._transfers = (np.conj(scaled), scaled) if reverse else (scaled, np.conj(scaled))

    def there_and_back(self, x, change, finish):
        """Convolve x; change(planes, block), in place; convolve that by the adjoint; finish(planes, block).

        block are the indices of these few planes in what is seen of the volume there. Their array is overwritten later.
        """
        ends, middle, space = self._ends, self._middle, self._space

        def begin(plans, block):
            planes = plans["room"][: _length(block)]
            ends.seen(planes)[...] = x[block]
            self._in(plans, planes, block, ends)

        def turn(plans, block):
            planes = self._out(plans, block, middle)
            change(middle.seen(planes), block)
            self._in(plans, planes, block, middle)

        with space.turn:
            space.each(begin, ends.blocks)
            self._multiply(self._transfers[0], ends)
            space.each(turn, middle.blocks)
            self._multiply(self._transfers[1], middle)
            space.each(lambda plans, block: finish(ends.seen(self._out(plans, block, ends)), block), ends.blocks)

    def _in(self, plans, planes, block, part):
        part.clear_around(planes)
        self._space.into(plans, planes, self._space.spectra[0][part.in_grid(block)])

    def _out(self, plans, block, part):
        return self._space.out_of(plans, self._space.spectra[0][part.in_grid(block)])

    def _multiply(self, transfer, part):
        """The spectrum of this part of the volume, all else being zero, times the transfer function."""
        spectrum = self._space.spectra[0]
        part.clear_before_and_after(spectrum)
        self._space.columns(lambda rows: np.multiply(spectrum[:, rows], transfer[:, rows], out=spectrum[:, rows]))


class _Space:
    """So many spectra of volumes of this shape, plane by plane, and each worker's plans for their transforms.

    lengths  of the blocks of planes that will go through together.
    scale    by what to multiply on the way there and back: FFTW leaves the number of voxels in.
    turn     to be held from the first step to the last.
    """

    def __init__(self, shape, real, count, lengths, threads, workers):
        columns = shape[2] // 2 + 1
        kind = np.result_type(real, np.complex64)
        self.spectra = [_rows_aligned((*shape[:2], columns), kind) for _ in range(count)]
        self.scale, self.turn = real.type(1 / np.prod(shape, dtype=float)), threading.Lock()
        self._rows = _slices(shape[1], COLUMNS // (shape[0] * columns * count), workers)
        self._threads, self._plans = threads, [self._make_plans(shape, real, lengths) for _ in range(workers)]

    def each(self, do, parts):
        """do(plans, part) for each part, on all cores."""
        share(self._threads, self._plans, do, parts)

    def into(self, plans, planes, spectrum):
        """Transform the planes into their part of a spectrum."""
        plans["in", len(planes)](planes, spectrum)

    def out_of(self, plans, spectrum):
        """The planes of this part of a spectrum: in memory that is used again."""
        planes = plans["room"][: len(spectrum)]
        plans["out", len(planes)](spectrum, planes)
        return planes

    def columns(self, change):
        """Along z forward, change(rows) for these rows of all planes, and back."""

        def do(plans, rows):
            parts = [spectrum[:, rows] for spectrum in self.spectra]
            for part in parts:
                plans["down", _length(rows)](part, part)
            change(rows)
            for part in parts:
                plans["up", _length(rows)](part, part)

        self.each(do, self._rows)

    def _make_plans(self, shape, real, lengths):
        """For each length of block a function (from, to): of planes in and out, of columns down and up."""
        spectrum, room = self.spectra[0], pyfftw.empty_aligned((max(lengths), *shape[1:]), real)
        plans = {"room": room}
        for n in lengths:
            plans["in", n] = _plan(room[:n], spectrum[:n], (1, 2), "FFTW_FORWARD")
            plans["out", n] = _plan(spectrum[:n], room[:n], (1, 2), "FFTW_BACKWARD", "FFTW_DESTROY_INPUT")
        for n in {_length(rows) for rows in self._rows}:
            part = spectrum[:, :n]
            plans["down", n] = _plan(part, part, (0,), "FFTW_FORWARD")
            plans["up", n] = _plan(part, part, (0,), "FFTW_BACKWARD")
        return plans


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
