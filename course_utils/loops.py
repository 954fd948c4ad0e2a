"""A kernel as one loop over the voxels: NumPy's arithmetic, by a program that Numba compiles.

NumPy fetches whole arrays for each + and each √; a loop fetches a voxel once, and does to it all that is to be done.
The kernel remains the Python function that all backends share: what it does is recorded (see `recording`), and written
out as the body of a loop. Of `lambda x: (0.5 * x + np.roll(x, 1, 0),)`, on a plane, becomes

    def loop(start, stop, n0, n1, a0, c0, r0):
     for i0 in range(start, stop):
      i0_minus_1 = (i0 + -1) % n0
      for i1 in range(0, n1 - 0):
       t0 = a0[i0, i1]
       t1 = c0
       t2 = t1 * t0
       t3 = a0[i0_minus_1, i1]
       t4 = t2 + t3
       r0[i0, i1] = t4
     return ()

with a for arguments, c for constants, r for results, and t for what comes of each step.
"""

import contextlib
import functools
import itertools
import threading
import weakref

import numpy as np

from course_utils.recording import OPERATIONS, Recording


def loop(kernel, shape, arrays, into, dtype):
    """The loop that does kernel(*arrays) on a grid of this shape, or None where it cannot be written as one.

    kernel, arrays, into  as for `backend.NumPy.stencil`. The kernel is to do the same each time that it is called.
    dtype                 of single numbers.
    Returns (run, results): run(start, stop) fills these planes of the results, and returns their share of each sum; in
    the results, None stands for a sum.
    """
    if not (_numba() and _are_numbers(arrays, dtype)):
        return None
    with _ONE_AT_A_TIME:
        recorded = _recorded(kernel, tuple(shape), tuple(np.shape(a) for a in arrays))
    if not recorded:
        return None
    recording, programs = recorded
    results = _rooms(recording, arrays, into)
    if results is None:
        return None
    # A result that lies where an argument does has its name, too: else the compiler must fear that any two arrays
    # overlap, and takes one voxel at a time, at a quarter of the speed.
    names = {id(a): f"a{k}" for k, a in enumerate(arrays)}
    goals = tuple(f"sum{k}" if a is None else names.get(id(a), f"r{k}") for k, a in enumerate(results))
    given = {f"a{k}": a for k, a in enumerate(arrays)}
    given |= {f"c{k}": value for k, value in enumerate(recording.constants)}
    given |= {goal: a for goal, a in zip(goals, results, strict=True) if a is not None}
    with _ONE_AT_A_TIME:
        if (goals, dtype) not in programs:
            programs[goals, dtype] = _compiled(_source(recording, goals, given, np.dtype(dtype).name))
    values = [a if np.ndim(a) else np.dtype(dtype).type(a) for a in given.values()]
    program = programs[goals, dtype]

    def run(start, stop):
        return program(start, stop, *shape, *values)

    return run, results


_ONE_AT_A_TIME = threading.RLock()  # a kernel may compute something else, in a loop of its own, while it is recorded
_RECORDINGS = weakref.WeakKeyDictionary()  # {kernel: {shapes: (recording, {where its results lie: program})}}


def _are_numbers(arrays, dtype):
    """Whether all are arrays of this dtype, or its complex one, or real numbers."""
    kinds = (np.dtype(dtype), np.result_type(dtype, np.complex64))
    volumes = [a for a in arrays if np.ndim(a)]
    rest = [np.asarray(a).dtype.kind for a in arrays if not np.ndim(a)]
    return volumes and all(a.dtype in kinds for a in volumes) and all(kind in "fiu" for kind in rest)


def _recorded(kernel, shape, shapes):
    try:
        known = _RECORDINGS.setdefault(kernel, {})
    except TypeError:  # it cannot be a key, or not as long as it lives
        return None
    if (shape, shapes) not in known:
        known[shape, shapes] = None
        with contextlib.suppress(Exception):  # whatever it is: NumPy will do it, or say what is wrong
            recording = Recording(kernel, shape, shapes)
            if len(shape) > 1 and shape[-1] >= 2 * _reach(recording):
                known[shape, shapes] = recording, {}
    return known[shape, shapes]


def _rooms(recording, arrays, into):
    """For each result an array, that of `into` where its old values are no longer needed; None for a sum.

    None at all where it would take more to know the kind of a result than that of the arrays: of complex ones.
    """
    steps, volumes = recording.needed.values(), [a for a in arrays if np.ndim(a)]
    looked_around = [arrays[step[1]] for step in steps if step[0] == "voxel" and any(step[3])]
    kind, rooms = np.result_type(*volumes), []
    for result, old in itertools.zip_longest(recording.results, into[: len(recording.results)]):
        fits = old is not None and (old.shape, old.dtype) == (result.shape, kind) and not result.summed
        # the array itself may be overwritten, voxel by voxel, but nothing that overlaps with it in another way
        others = [a for a in volumes if a is not old] + looked_around
        if fits and not any(np.may_share_memory(old, a) for a in others):
            rooms.append(old)
        elif kind.kind == "c":
            return None
        else:
            rooms.append(None if result.summed else np.empty(result.shape, kind))
    return rooms


def _source(recording, goals, given, dtype):
    """The program: def loop(start, stop, n0, n1, n2, …), for the planes from start to stop.

    Neighbours beyond the rim lie at the other one. Along the last axis that is told apart: a loop without exceptions
    lets the processor take several voxels at once. So does a row that keeps what is to be added up, until it is whole.
    """
    offsets, body, last = _offsets(recording), _body(recording, goals), len(recording.shape) - 1
    reach = _reach(recording)
    sums = [goal for goal in goals if goal.startswith("sum")]
    lines = [f"def loop(start, stop, {', '.join(f'n{axis}' for axis in range(last + 1))}, {', '.join(given)}):"]
    lines += [f" {goal}, total_{goal} = np.empty(n{last}, np.{dtype}), 0.0" for goal in sums]
    for axis in range(last):
        lines.append(f"{' ' * (axis + 1)}for i{axis} in range({'start, stop' if axis == 0 else f'n{axis}'}):")
        lines += [f"{' ' * (axis + 2)}{_index(axis, by)} = (i{axis} + {by}) % n{axis}" for by in offsets[axis]]
    row, i, n = " " * (last + 1), f"i{last}", f"n{last}"
    inner = [f"{_index(last, by)} = {i} + {by}" for by in offsets[last]]
    outer = [f"{i} = k % {n}", *(f"{_index(last, by)} = ({i} + {by}) % {n}" for by in offsets[last])]
    lines += [f"{row}for {i} in range({reach}, {n} - {reach}):", *(f"{row} {line}" for line in inner + body)]
    lines += [f"{row}for k in range({-reach}, {reach}):", *(f"{row} {line}" for line in outer + body)] if reach else []
    lines += [f"{row}total_{goal} += add_up({goal})" for goal in sums]
    return "\n".join([*lines, f" return ({''.join(f'total_{goal}, ' for goal in sums)})"])


def _body(recording, goals):
    """What is done to one voxel: all is read before anything is written."""
    lines = [f"t{place} = {_expression(step)}" for place, step in recording.needed.items()]
    here = (0,) * len(recording.shape)
    for goal, result in zip(goals, recording.results, strict=True):
        for component, place in np.ndenumerate(result.places):
            where = f"i{len(here) - 1}" if result.summed else _voxel(component, here)
            lines.append(f"{goal}[{where}] = t{place}")
    return lines


def _expression(step):
    what, *of = step
    if what == "voxel":
        return f"a{of[0]}[{_voxel(*of[1:])}]"
    if what in OPERATIONS:
        return OPERATIONS[what].format(*(f"t{place}" for place in of))
    return f"{'a' if what == 'number' else 'c'}{of[0]}"


def _voxel(component, offset):
    return ", ".join([*map(str, component), *(_index(axis, by) for axis, by in enumerate(offset))])


def _index(axis, by):
    return f"i{axis}" if by == 0 else f"i{axis}_{'plus' if by > 0 else 'minus'}_{abs(by)}"


def _offsets(recording):
    """For each axis, how far along it the kernel looks, other than 0."""
    seen = [step[3] for step in recording.needed.values() if step[0] == "voxel"]
    return [sorted({*along} - {0}) for along in zip(*seen, strict=True)]


def _reach(recording):
    """How far along the last axis the kernel looks."""
    return max(map(abs, _offsets(recording)[-1]), default=0)


@functools.cache
def _numba():
    """The package, or None where it is missing, or refuses a NumPy that is newer than itself."""
    try:
        import numba
    except ImportError:
        return None
    return numba


@functools.cache
def _compiled(source):
    compiler = _numba()
    space = {"np": np, "add_up": compiler.njit(fastmath={"reassoc"})(_add_up)}  # several numbers at once, in any order
    exec(source, space)
    # without Python's lock, so that threads share the planes; and x / 0 is infinite, as in NumPy
    return compiler.njit(nogil=True, error_model="numpy")(space["loop"])


def _add_up(row):
    total = 0.0
    for value in row:
        total += value
    return total
