"""What a kernel does to the voxels of its arrays, written down while it is called with stand-ins for them.

NumPy asks the arguments of its functions whether they would rather deal with the call themselves: a stand-in answers by
writing it down.
"""

import functools
import operator

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

# What can be written down, and what becomes of it in a program for a single voxel.
OPERATIONS = {
    np.add: "{} + {}",
    np.subtract: "{} - {}",
    np.multiply: "{} * {}",
    np.divide: "{} / {}",
    np.negative: "-{}",
    np.square: "{0} * {0}",
    np.absolute: "abs({})",
    np.conjugate: "np.conj({})",
    np.sqrt: "np.sqrt({})",
    np.exp: "np.exp({})",
    np.log: "np.log({})",
    np.maximum: "np.maximum({}, {})",
    np.minimum: "np.minimum({}, {})",
    np.less: "{} < {}",
    np.less_equal: "{} <= {}",
    np.greater: "{} > {}",
    np.greater_equal: "{} >= {}",
    np.where: "{1} if {0} else {2}",
}
OF_SUMS = (np.add, np.subtract, np.negative)  # may be done to the parts of a sum instead
COMPARISONS = (np.less, np.less_equal, np.greater, np.greater_equal)
MOST = 500  # steps: a longer program takes seconds to compile


class Recording:
    """Steps (what, of which earlier steps, by their places), those of the same numbers once, and the kernel's results.

    Beside OPERATIONS there are ("voxel", argument, component, offset), ("number", argument), ("constant", which).
    shape   of the grid, two axes or more.
    shapes  of the arguments: they end in the grid's axes, or are () for a number.
    Raises TypeError where the kernel does what cannot be written down, or what the kernel raises.
    """

    def __init__(self, kernel, shape, shapes):
        self.shape, self.steps, self.constants, self._places = shape, [], [], {}
        self.results = list(kernel(*(self._stand_in(k, of) for k, of in enumerate(shapes))))
        for result in self.results:
            if not isinstance(result, StandIn) or result.truth or not self._looks_at_voxels(result):
                raise TypeError("a result that is no array of numbers on the grid, nor a sum of them")
        self.needed = self._needed(self.results)  # the steps that lead to the results, {place: step}, in their order
        if len(self.needed) > MOST:
            raise TypeError(f"more than {MOST} steps")

    def note(self, *step):
        """The place of this step."""
        if step not in self._places:
            self._places[step] = len(self.steps)
            self.steps.append(step)
        return self._places[step]

    def constant(self, value):
        if np.ndim(value) or np.asarray(value).dtype.kind not in "fiu":
            raise TypeError("an array that is no argument, or no real number")
        self.constants.append(float(value))
        return self.note("constant", len(self.constants) - 1)

    def moved(self, place, axis, by):
        """The same step, done to the voxel that lies so many further along this axis of the grid."""

        @functools.cache
        def there(place):
            what, *of = self.steps[place]
            if what == "voxel":
                *which, offset = of
                return self.note(what, *which, tuple(o + by * (k == axis) for k, o in enumerate(offset)))
            return place if what in ("number", "constant") else self.note(what, *map(there, of))

        return there(place)

    def _looks_at_voxels(self, result):
        return any(what == "voxel" for what, *_ in self._needed([result]).values())

    def _needed(self, results):
        found, waiting = {}, [int(place) for result in results for place in result.places.flat]
        while waiting:
            place = waiting.pop()
            if place not in found:
                what, *of = found[place] = self.steps[place]
                waiting += of if what in OPERATIONS else []
        return dict(sorted(found.items()))

    def _stand_in(self, k, shape):
        if not shape:
            return StandIn(self, self.note("number", k))
        components, grid = shape[: -len(self.shape)], shape[-len(self.shape) :]
        if grid != self.shape:
            raise TypeError(f"an array on another grid, {grid}")
        here = (0,) * len(grid)
        places = [self.note("voxel", k, component, here) for component in np.ndindex(components)]
        return StandIn(self, np.reshape(places, components))


class StandIn(NDArrayOperatorsMixin):
    """In place of an array on the grid: for each component (axes before the grid's), the place of a step.

    summed  in place of a sum over the grid: it holds what a voxel adds.
    truth   of whether something is so: good for `where`, and nothing else.
    """

    def __init__(self, recording, places, summed=False, truth=False):
        self.recording, self.places, self.summed, self.truth = recording, np.asarray(places, int), summed, truth

    @property
    def shape(self):
        return self.places.shape + self.recording.shape

    @property
    def ndim(self):
        return len(self.shape)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, k):
        if not self.places.ndim or not isinstance(k, (int, slice)):
            raise TypeError("a part of the grid")
        return StandIn(self.recording, self.places[k], self.summed, self.truth)

    def __bool__(self):
        raise TypeError("one decision for all voxels")

    def __array__(self, *_, **__):
        raise TypeError("values, before there are any")

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        if ufunc is np.power and type(inputs[1]) is int and inputs[1] == 2:
            ufunc, inputs = np.square, inputs[:1]
        if method != "__call__" or options or ufunc not in OPERATIONS:
            return NotImplemented  # of which NumPy makes a TypeError
        return _noted(ufunc, *inputs)

    def __array_function__(self, function, types, inputs, options):
        return _FUNCTIONS[function](*inputs, **options) if function in _FUNCTIONS else NotImplemented


def _noted(what, *inputs):
    volumes = [a for a in inputs if isinstance(a, StandIn)]
    recording, summed = volumes[0].recording, any(volume.summed for volume in volumes)
    if summed and not (what in OF_SUMS and len(volumes) == len(inputs) and all(volume.summed for volume in volumes)):
        raise TypeError("a sum, before it is known")
    if any(isinstance(a, StandIn) and a.truth for a in (inputs[1:] if what is np.where else inputs)):
        raise TypeError("a computation with truth values")
    places = [a.places if isinstance(a, StandIn) else recording.constant(a) for a in inputs]
    note = np.frompyfunc(functools.partial(recording.note, what), len(places), 1)
    return StandIn(recording, note(*places), summed, truth=what in COMPARISONS)


def _where(condition, a, b):
    return _noted(np.where, condition, a, b)


def _sum(a, axis=None, dtype=None):
    if axis is not None or a.summed or a.truth:
        raise TypeError("a sum along an axis, of sums, or of truth values")
    parts = [StandIn(a.recording, place) for place in a.places.flat]
    return StandIn(a.recording, functools.reduce(np.add, parts).places, summed=True)


def _inner(a, b):
    if np.shape(a) != np.shape(b):
        raise TypeError("arrays of two shapes")
    return _sum(a * b)


def _roll(a, shift, axis):
    along = range(a.ndim)[axis] - a.places.ndim
    if along < 0 or a.summed:
        raise TypeError("an axis that is not the grid's")
    move = np.frompyfunc(lambda place: a.recording.moved(place, along, -operator.index(shift)), 1, 1)
    return StandIn(a.recording, move(a.places), truth=a.truth)


def _stack(volumes):
    if any(volume.summed or volume.truth for volume in volumes):
        raise TypeError("what is no array of numbers")
    return StandIn(volumes[0].recording, np.stack([volume.places for volume in volumes]))


_FUNCTIONS = {
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.where: _where,
    np.sum: _sum,
    np.vdot: _inner,
    np.roll: _roll,
    np.stack: _stack,
}
