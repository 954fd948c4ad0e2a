"""Checks of notebook 09."""

import numpy as np

from course_utils.checks.answer import NotYet, call, compare, holds


def saturated_share(answer):
    """Exercise of notebook 09: answer(counts, full) → the share of voxels at the camera's largest value."""
    rng = np.random.default_rng(90)
    for full, cut, dtype in ((4095, 7, np.uint16), (255, 3, np.uint8), (4095, 0, np.uint16)):
        counts = rng.integers(full // 8, full // 2, (4, 5, 6)).astype(dtype)
        counts.ravel()[rng.permutation(counts.size)[:cut]] = full
        counts[0, 0, :2] = full if cut else (full - 1, full - 9)  # as bright as can be, and not saturated
        at = np.count_nonzero(counts == full)
        mistakes = {
            "this is how many voxels are saturated; the share of all is asked for": at,
            "this was divided by the number of planes; divide by that of all voxels": at / len(counts),
            "this is in per cent; the share lies between 0 and 1": 100 * at / counts.size,
            "none was found. No voxel can be above the largest value: those cut off are *at* it (>=, not >); and "
            "compare with full, not with the largest number of the file's type": 0.0,
            "this is the share of planes in which a voxel is saturated": np.mean((counts == full).any(axis=(1, 2))),
            "this is the share of voxels that are not saturated": 1 - at / counts.size,
        }
        if not cut:
            own = np.mean(counts == counts.max())
            mistakes = {
                "this stack is not saturated: its brightest voxel is at 4094, the camera goes to 4095. Compare with "
                "full, not with the stack's own maximum": own,
                "this stack is not saturated: nearly as bright as can be is not cut off": np.mean(counts > 0.9 * full),
            }
        compare(call(answer, counts, full), np.array(at / counts.size), mistakes)
    holds("the share of all voxels", "cut off at the camera's largest value, not at the stack's own")


def coarseness(answer):
    """Exercise of notebook 09: answer(voxel_size, NA, wavelength, n) → (along z, across): voxel / Nyquist step."""
    for voxel, NA, wavelength, n in (
        ((0.3, 0.08, 0.08), 1.4, 0.52, 1.515),
        ((0.5, 0.16, 0.26), 0.8, 0.6, 1.0),
        ((0.4, 0.2, 0.13), 1.2, 0.6, 1.33),
    ):
        lateral, axial = wavelength / (4 * NA), wavelength / (2 * (n - np.sqrt(n**2 - NA**2)))
        exact = np.array([voxel[0] / axial, max(voxel[1:]) / lateral])
        mistakes = {
            "half of what it should be: λ/2NA is the finest *period*, and a period takes two voxels": exact / 2,
            "upside down: the voxel over the step; above 1 is too coarse": 1 / exact,
            "along z, this is the formula for small angles, nλ/NA²; it is far too long at a large NA. The axial "
            "cut-off is (n − √(n² − NA²))/λ": np.array([voxel[0] * NA**2 / (n * wavelength), exact[1]]),
            "along z too large by 2: two voxels to the finest period, 1/(2 · cut-off)": exact * [2, 1],
            "along z half of what it should be: two voxels to the finest period, 1/(2 · cut-off)": exact * [0.5, 1],
            "across half of what it should be: λ/2NA is the finest *period*, and a period takes two voxels": exact
            * [1, 0.5],
            "the order is (along z, across)": exact[::-1],
            "across, the coarser of the two sides decides": np.array([exact[0], min(voxel[1:]) / lateral]),
            "across, the coarser of the two sides decides, not their mean": np.array(
                [exact[0], np.mean(voxel[1:]) / lateral]
            ),
            "along z the lateral step was used": np.array([voxel[0] / lateral, exact[1]]),
            "along z the index n is lost: the axial cut-off is (n − √(n² − NA²))/λ": np.array(
                [voxel[0] * 2 * (1 - np.sqrt(max(1 - (NA / n) ** 2, 0))) / wavelength, exact[1]]
            ),
            "λ is the wavelength in vacuum; these cut-offs hold n already. Do not divide λ by it": exact * n,
        }
        result = call(answer, voxel, NA, wavelength, n)
        if np.shape(result) != (2,):
            raise NotYet("give back two numbers: return along_z, across.")
        compare(result, exact, mistakes)
    holds("along z by the exact cut-off", "across by the coarser side", "above 1 is too coarse")


def preview_window(answer):
    """Exercise of notebook 09: answer(start, stop, m, n) → (first, end), the place and its margin along one axis."""
    for start, stop, m, n in ((40, 72, 21, 200), (4, 36, 21, 200), (160, 192, 21, 200), (5, 60, 31, 64)):
        reach = m // 2
        exact = np.array([max(start - reach, 0), min(stop + reach, n)])
        mistakes = {
            "no margin: light that enters from beside the place would be put into it": (start, stop),
            "the margin is only on one side": (exact[0], stop),
            "the margin is only on one side; light comes from both": (start, exact[1]),
            "the first voxel is negative: in Python x[-6:…] counts from the end, and the preview would be empty. The "
            "stack begins at 0": (start - reach, exact[1]),
            "the window ends beyond the stack": (exact[0], stop + reach),
            "the window leaves the stack on both sides": (start - reach, stop + reach),
            "more than is needed: from its centre a PSF of m voxels reaches m // 2 far": (
                max(start - m, 0),
                min(stop + m, n),
            ),
            "a voxel too many at the end: stop is already the one after the last": (exact[0], min(stop + reach + 1, n)),
            "a voxel too few at the end: the window ends, as a slice does, with the voxel after its last": (
                exact[0],
                min(stop + reach, n) - 1,
            ),
            "each side got a quarter of the PSF, not a half": (max(start - m // 4, 0), min(stop + m // 4, n)),
        }
        mistakes = {text: np.array(wrong) for text, wrong in mistakes.items() if tuple(wrong) != tuple(exact)}
        result = call(answer, start, stop, m, n)
        if np.shape(result) != (2,):
            raise NotYet("give back two whole numbers: return first, end.")
        compare(result, exact, mistakes)
    holds("half of the PSF on each side", "and never beyond the stack")


def missing_facts(answer):
    """Exercise of notebook 09: answer(facts) → the names of the facts that a reader of the methods would still need."""
    facts = {
        "voxel size": (0.2, 0.1, 0.1), "NA": None, "wavelength": 0.52, "depth": 0.0, "PSF": "computed",
        "method": "rl", "weight": None, "iterations": "auto", "stopping rule": "", "background": 0, "gain": None,
    }  # fmt: skip
    with_tv = {"method": "rl-tv", "weight": None, "iterations": 40, "background": "auto", "offset": 0.0}
    for case, needed in (
        (facts, ["NA", "iterations", "stopping rule", "gain"]),
        (with_tv, ["weight", "background"]),
        ({"method": "rl-tv", "weight": 0.0, "NA": 1.2}, []),
        ({"method": "rl-fast", "weight": None, "iterations": 12}, []),
    ):
        found = _names(call(answer, dict(case)), case)
        if set(found) != set(needed):
            raise NotYet(_diagnosis(set(found), set(needed), case))
    holds(
        "what is unknown, empty or left to a program is missing",
        "0 is a value",
        "a weight is needed where there is one",
    )


def _names(result, case):
    if isinstance(result, str) or not np.iterable(result):
        raise NotYet(f"give back a list of names; got {result!r}.")
    strange = [name for name in result if name not in case]
    if strange:
        raise NotYet(
            f"{strange[0]!r} is not the name of a fact in this dictionary; go through facts.items(), and give back "
            "names, not values."
        )
    return list(result)


def _diagnosis(found, needed, case):
    """What is most likely wrong with this set of names."""
    if found == set(case) - needed:
        return "these are the facts that are known; the missing ones are asked for."
    for name in sorted(found - needed):
        if name == "weight" and case[name] is None:
            return "a weight is not missing where the method has none: only 'rl-tv' has."
        if case[name] == 0:
            return f"{name} is 0, and that is a value: a reader is told it. (`not 0` is True: compare with None.)"
        return f"{name} is known: {case[name]!r}."
    name = sorted(needed - found)[0]
    if name == "weight":
        return "the method is 'rl-tv', and its weight is None: nobody could repeat that."
    if case[name] == "auto":
        return f"{name} is 'auto': that is what the program was told, not what it did. A reader needs the number."
    if case[name] == "":
        return f"{name} is empty: that, too, is missing."
    return f"{name} is None, and was not found missing."
