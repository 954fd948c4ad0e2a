import functools

import numpy as np
import pytest

from course_utils import checks, training


def _field(layers, too_early=False):
    field, step = 1, 1
    for kernel, stride in layers:
        field, step = field + (kernel - 1) * step * (stride if too_early else 1), step * stride
    return field


FIELDS = [
    (lambda layers: sum(k for k, _ in layers), "kernels were added up"),
    (lambda layers: int(np.prod([k for k, _ in layers])), "kernels were multiplied"),
    (lambda layers: _field(layers) - 1, "one pixel is missing"),
    (lambda layers: _field(layers) // 2, "reach to one side"),
    (lambda layers: max(k for k, _ in layers), "largest kernel"),
    (lambda layers: 1 + sum(k // 2 for k, _ in layers), "this counts one of them"),
    (lambda layers: _field([(2 * (k // 2) + 1, s) for k, s in layers]), "for odd kernels only"),
    (lambda layers: 1 + sum((k - 1) * s for k, s in layers), "its own layer's stride"),
    (lambda layers: _field([(k, 1) for k, _ in layers]), "strides were left out"),
    (lambda layers: _field(layers, too_early=True), "own stride counts for the layers behind"),
    (
        lambda layers: 1 + sum((k - 1) * s for (k, _), (_, s) in zip(layers, [(1, 1), *layers[:-1]], strict=True)),
        "two pool",
    ),
    (lambda layers: functools.reduce(lambda f, layer: (f - 1) * layer[1] + layer[0], layers, 1), "in reverse"),
    (lambda layers: 99, "not yet right"),
    (lambda layers: [13, 13], "one number"),
]


def _crop(labels, field):
    m = field // 2
    return labels[:, m : labels.shape[1] - m, m : labels.shape[2] - m]


CROPS = [
    (lambda a, f: a[:, f // 2 :, f // 2 :], "half of the field was cut off in all"),
    (lambda a, f: a[:, f // 2 : -f // 2, f // 2 : -f // 2], "one pixel too many"),
    (lambda a, f: a[:, f : a.shape[1] - f, f : a.shape[2] - f], "whole field was cut off on each side"),
    (lambda a, f: a[:, f // 2 : a.shape[1] - f // 2], "must have shape"),
    (lambda a, f: a[0], "must have shape"),
    (lambda a, f: a[f // 2 : -(f // 2), f // 2 : -(f // 2)], "axis 0 counts the patches"),
    (lambda a, f: a, "nothing was cut off"),
    (lambda a, f: a[:, f // 2 : -(f // 2), f // 2 : -(f // 2)], "nothing is left"),
    (lambda a, f: a[:, : a.shape[1] - f + 1, : a.shape[2] - f + 1], "upper left corner"),
    (lambda a, f: a[:, f - 1 :, f - 1 :], "lower right corner"),
    (lambda a, f: _crop(np.roll(a, -1, (1, 2)), f), "one pixel beside the middle"),
    (lambda a, f: 2 * _crop(a, f), "not yet right"),
]


def _loss(g, x, eps, peak=None, error=None):
    error = np.mean((g - x) ** 2, axis=(1, 2, 3)) if error is None else error
    peak = g.max((1, 2, 3)) if peak is None else peak
    return 10 * np.log10((error + eps) / (peak**2 + eps))


LOSSES = [
    (lambda g, x, eps: -_loss(g, x, eps), "sign is reversed"),
    (lambda g, x, eps: _loss(g, x, eps).mean(), "one number for all patches"),
    (
        lambda g, x, eps: (
            10 * np.log10(np.mean((g - x) ** 2, (1, 2, 3)) + 1e-300 * 0) - 20 * np.log10(g.max((1, 2, 3)))
        ),
        "inf",
    ),
    (lambda g, x, eps: _loss(g, x, eps, peak=g.max()), "that of all patches"),
    (lambda g, x, eps: _loss(g, x, eps, peak=x.max((1, 2, 3))), "taken from the estimate"),
    (lambda g, x, eps: _loss(g, x, eps, peak=np.ptp(g, axis=(1, 2, 3))), "not its range"),
    (lambda g, x, eps: _loss(g, x, eps, peak=np.sqrt(g.max((1, 2, 3)))), "peak is squared"),
    (lambda g, x, eps: _loss(g, x, eps, error=((g - x) ** 2).sum((1, 2, 3))), "sum of squares"),
    (lambda g, x, eps: _loss(g, x, eps, error=np.sqrt(np.mean((g - x) ** 2, (1, 2, 3)))), "root of the MSE"),
    (lambda g, x, eps: 2 * _loss(g, x, eps), "factor is 10, not 20"),
    (lambda g, x, eps: _loss(g, x, eps) * np.log(10), "natural logarithm"),
    (lambda g, x, eps: 10 * np.log10(np.mean((g - x) ** 2, (1, 2, 3)) + eps), "peak is missing"),
    (
        lambda g, x, eps: (
            10 * np.log10((np.mean((g - x) ** 2, (1, 2, 3)) + eps) / (g.max((1, 2, 3)) ** 2 + eps * g.any()))
        ),
        "empty",
    ),
    (lambda g, x, eps: _loss(g, x, eps) + 1, "not yet right"),
]


def _split(n, n_test, guard):
    return np.arange(n - n_test - guard), np.arange(n - n_test, n)


SPLITS = [
    (lambda n, t, g: np.arange(n), "two things"),
    (lambda n, t, g: (np.arange(n), np.arange(n - t, n)), "is in both parts"),
    (lambda n, t, g: (np.arange(0, n, 2), np.arange(1, n, 2)), "scattered among the others"),
    (lambda n, t, g: (np.arange(n - t - g + 1), np.arange(n - t, n)), "one too few"),
    (lambda n, t, g: (np.arange(n - t), np.arange(n - t, n)), "0 planes lie between"),
    (lambda n, t, g: (n - t - g, t), "not how many"),
    (lambda n, t, g: (np.arange(n) < n - t - g, np.arange(n) >= n - t), "of a mask"),
    (lambda n, t, g: (np.arange(n - t - g), np.arange(n - t - 1, n - 1)), "the test is the last 8 planes"),
    (lambda n, t, g: ({*range(n - t - g - 1)}, {*range(n - t, n)}), "None should be wasted"),
    (lambda n, t, g: (np.arange(t + g, n), np.arange(t)), "the test is the last 8 planes"),
    (lambda n, t, g: (np.arange(n - t - g - 1), np.arange(n - t, n)), "None should be wasted"),
    (lambda n, t, g: ([], np.arange(n - t, n)), "one of the two parts is empty"),
]

ANSWERS = {
    checks.receptive_field: (_field, FIELDS),
    checks.crop_label: (_crop, CROPS),
    checks.psnr_loss: (_loss, LOSSES),
    checks.block_split: (_split, SPLITS),
}


@pytest.mark.parametrize("check", ANSWERS, ids=lambda check: check.__name__)
def test_the_solution_passes(check, capsys):
    check(ANSWERS[check][0])
    assert capsys.readouterr().out.count("✓") >= 2


@pytest.mark.parametrize(
    "check, wrong, message", [(check, *case) for check, (_, cases) in ANSWERS.items() for case in cases]
)
def test_typical_mistakes_are_diagnosed(check, wrong, message):
    with np.errstate(all="ignore"), pytest.raises(checks.NotYet, match=message):
        check(wrong)


@pytest.mark.parametrize("check", ANSWERS, ids=lambda check: check.__name__)
def test_an_untouched_exercise_says_that_it_is_your_turn(check):
    def untouched(*arguments):
        raise NotImplementedError("your turn: think")

    with pytest.raises(checks.NotYet, match="not written yet. Your turn: think"):
        check(untouched)


def test_the_solutions_are_what_the_package_does():
    from course_utils import srcnn

    checks.psnr_loss(lambda g, x, eps: np.asarray(training.psnr_loss(g.astype(np.float32), x.astype(np.float32))))
    checks.block_split(lambda n, t, g: _package_split(n, t, g))
    assert _field([(9, 1), (1, 1), (5, 1)]) == srcnn.receptive_field(srcnn.srcnn())


def _package_split(n, n_test, guard):
    """The validation block of the package, of one plane, and its guard band given back to the training."""
    parts = training.split_blocks(n, guard=guard, validation=1e-9, test=n_test / n)
    return np.arange(parts.test.start - guard), parts.test
