import itertools
import logging
import subprocess
import sys

import numpy as np
import pytest

from course_utils import isonet, srcnn, training


def _pairs(n=24, size=15, seed=0):
    """Random patches, and the same doubled: what one filter can learn."""
    x = np.random.default_rng(seed).random((n, size, size, 1))
    return training.Pairs(x, 2 * x)


def _small(seed=0, **options):
    return srcnn.srcnn((3, 1, 3), (4, 3), seed=seed, **options)


def _fit(model, pairs, **options):
    return training.fit(model, pairs, **{"epochs": 3, "batch": 8, "progress": False} | options)


def _same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True))


def test_training_can_be_imported_without_tensorflow():
    code = "import sys; from course_utils import training, srcnn; print({'tensorflow', 'keras'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_a_network_overfits_one_patch():
    rng = np.random.default_rng(1)
    blurred, sharp = rng.random((2, 1, 9, 9, 1))
    history = _fit(srcnn.srcnn(), training.Pairs(blurred, sharp), epochs=160, batch=1, loss="mse", learning_rate=4e-3)
    assert history.loss[-1] < 0.02 * sharp.var()


def test_the_same_seeds_give_the_same_weights():
    models = [_small() for _ in range(3)]
    for model, seed in zip(models, (5, 5, 6), strict=True):
        _fit(model, _pairs(), seed=seed)
    assert _same(models[0], models[1]) and not _same(models[0], models[2])


def test_training_leaves_the_global_random_numbers_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    _fit(_small(), _pairs())
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_the_rate_falls_along_half_a_cosine_unless_the_optimizer_is_given(monkeypatch):
    from keras import optimizers

    model, rates = _small(), []
    monkeypatch.setattr(model, "train_on_batch", lambda x, y: rates.append(float(model.optimizer.learning_rate)) or 0.0)
    _fit(model, _pairs(), epochs=4, learning_rate=0.01)
    np.testing.assert_allclose(rates, 0.005 * (1 + np.cos(np.pi * np.arange(12) / 12)), rtol=1e-5)
    rates.clear()
    _fit(model, _pairs(), epochs=2, optimizer=optimizers.SGD(0.3))
    np.testing.assert_allclose(rates, 0.3, rtol=1e-6)


def test_the_weights_best_on_the_validation_data_are_kept(monkeypatch):
    from course_utils.training import fitting

    model, scores, seen = _small(), iter([3.0, 1.0, 2.0]), []
    monkeypatch.setattr(
        fitting, "_mean_loss", lambda *a: seen.append([w.copy() for w in model.get_weights()]) or next(scores)
    )
    history = _fit(model, _pairs(), validation=_pairs(seed=1))
    assert history.best == 1 and history.validation == [3.0, 1.0, 2.0]
    for kept, best, last in zip(model.get_weights(), seen[1], seen[2], strict=True):
        np.testing.assert_array_equal(kept, best)
        assert not np.array_equal(kept, last)


def test_validation_loss_is_that_of_the_weights_kept():
    model, held = _small(), _pairs(16, seed=1)
    history = _fit(model, _pairs(), validation=held, loss="mse")
    error = np.mean((model.predict_on_batch(held.inputs) - held.targets) ** 2)
    assert min(history.validation) == pytest.approx(error, rel=1e-4)


def _interrupt_at(model, monkeypatch, call):
    """The user stops the training within this batch."""
    count, train = iter(range(10**6)), model.train_on_batch

    def stopped(x, y):
        if next(count) == call:
            raise KeyboardInterrupt
        return train(x, y)

    monkeypatch.setattr(model, "train_on_batch", stopped)


def test_an_interrupt_leaves_the_best_weights_so_far(monkeypatch):
    model, whole = _small(), _small()
    _interrupt_at(model, monkeypatch, call=5)
    history = _fit(model, _pairs(), validation=_pairs(seed=1), epochs=9)
    assert history.stopped == "interrupted" and len(history.loss) == 1 and history.best == 0
    monkeypatch.undo()
    _interrupt_at(whole, monkeypatch, call=3)  # the first batch of the second epoch
    _fit(whole, _pairs(), validation=_pairs(seed=1), epochs=9)
    assert _same(model, whole)


def test_an_interrupt_before_the_first_epoch_ends_is_clean(monkeypatch):
    model = _small()
    _interrupt_at(model, monkeypatch, call=0)
    history = _fit(model, _pairs())
    assert history.stopped == "interrupted" and history.loss == [] and history.best is None


def test_a_resumed_training_ends_like_one_that_never_stopped(monkeypatch, tmp_path):
    options = {"validation": _pairs(seed=1), "epochs": 5}
    whole, resumed, path = _small(), _small(), tmp_path / "deeper" / "state.npz"
    expected = _fit(whole, _pairs(), **options)
    _interrupt_at(resumed, monkeypatch, call=7)
    assert _fit(resumed, _pairs(), checkpoint=path, **options).stopped == "interrupted"
    monkeypatch.undo()
    fresh = _small(seed=99)
    history = _fit(fresh, _pairs(), checkpoint=path, **options)
    assert _same(fresh, whole)
    assert (history.loss, history.validation, history.best) == (expected.loss, expected.validation, expected.best)
    assert history.stopped == "finished" and list(path.parent.iterdir()) == [path]


def test_a_finished_training_is_not_done_again(monkeypatch, tmp_path):
    first, again = _small(), _small(seed=99)
    _fit(first, _pairs(), checkpoint=tmp_path / "state.npz")
    monkeypatch.setattr(again, "train_on_batch", None)
    assert len(_fit(again, _pairs(), checkpoint=tmp_path / "state.npz").loss) == 3
    assert _same(first, again)


def test_the_checkpoint_of_another_model_is_refused(tmp_path):
    _fit(_small(), _pairs(), checkpoint=tmp_path / "state.npz")
    with pytest.raises(ValueError, match="written for another model or optimizer"):
        _fit(srcnn.srcnn((3, 3, 3), (4, 3)), _pairs(), checkpoint=tmp_path / "state.npz")


@pytest.mark.parametrize("first", [True, False])
def test_a_checkpoint_goes_on_with_validation_data_if_it_was_begun_with_them(first, tmp_path):
    with_and_without = {True: {"validation": _pairs(seed=1)}, False: {}}
    path = tmp_path / "state.npz"
    _fit(_small(), _pairs(), epochs=1, checkpoint=path, **with_and_without[first])
    with pytest.raises(ValueError, match=f"written {'with' if first else 'without'} validation data"):
        _fit(_small(), _pairs(), checkpoint=path, **with_and_without[not first])


def test_a_training_that_ran_out_of_time_is_not_gone_on_with(tmp_path):
    lengths = [
        len(_fit(_small(), _pairs(), epochs=10**6, seconds=1e-9, checkpoint=tmp_path / "state.npz").loss)
        for _ in range(2)
    ]
    assert lengths == [1, 1]


def test_patches_that_a_pooling_model_cannot_take_are_refused():
    with pytest.raises(ValueError, match=r"does not take patches of 34 × 34: a model that pools"):
        _fit(isonet.unet(), _pairs(size=34))


def test_the_clock_ends_a_training():
    history = _fit(_small(), _pairs(), epochs=10**6, seconds=1e-9)
    assert history.stopped == "out of time" and len(history.loss) == 1


def test_seconds_are_those_of_the_clock_given():
    ticks = itertools.count(100)
    history = _fit(_small(), _pairs(), epochs=10**6, seconds=40, clock=lambda: float(next(ticks)))
    assert history.stopped == "out of time" and 35 < history.seconds < 45


def test_a_loss_that_is_no_number_ends_a_training():
    from keras import optimizers

    history = _fit(_small(), _pairs(), epochs=50, loss="mse", optimizer=optimizers.SGD(1e6))
    assert history.stopped == "diverged" and len(history.loss) < 50


def test_more_epochs_do_not_compile_again():
    import keras

    class Counting(keras.layers.Layer):
        traced = 0

        def call(self, x):
            Counting.traced += 1
            return 1.0 * x

    counts = []
    for epochs in (1, 4):
        image = keras.Input((None, None, 1))
        model = keras.Model(image, keras.layers.Conv2D(1, 3, padding="same")(Counting()(image)))
        Counting.traced = 0
        _fit(model, _pairs(27), epochs=epochs, validation=_pairs(11, seed=1))  # neither fills whole batches
        counts.append(Counting.traced)
    assert counts[0] == counts[1]


class Messages(logging.Handler):
    """Keeps what a logger hands on."""

    def __init__(self):
        super().__init__()
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage())


def test_many_networks_bring_no_warning_of_retracing_and_other_warnings_stay():
    import keras

    logger, messages = logging.getLogger("tensorflow"), Messages()
    logger.addHandler(messages)
    try:
        for _ in range(7):
            image = keras.Input((None, None, 1))
            keras.Model(image, keras.layers.Conv2D(1, 1)(image)).predict_on_batch(np.zeros((1, 4, 4, 1)))
        logger.warning("something else")
    finally:
        logger.removeHandler(messages)
    assert messages.texts == ["something else"]


def test_targets_of_valid_convolutions_are_cropped_around_their_middle():
    x = np.random.default_rng(3).random((16, 15, 15, 1))
    model = _small(padding=False, start="identity")
    assert _fit(model, training.Pairs(x, x), epochs=1, learning_rate=0.0).loss[0] < 1e-6
    moved = training.Pairs(x, np.roll(x, 1, axis=1))
    assert _fit(model, moved, epochs=1, learning_rate=0.0).loss[0] > 0.1


def test_psnr_loss_is_minus_the_psnr_of_each_patch():
    rng = np.random.default_rng(4)
    target, estimate = rng.random((2, 3, 6, 5, 1)).astype(np.float32)
    expected = [
        -20 * np.log10(g.max()) + 10 * np.log10(np.mean((g - x) ** 2)) for g, x in zip(target, estimate, strict=True)
    ]
    np.testing.assert_allclose(training.psnr_loss(target, estimate), expected, rtol=1e-3)


def test_psnr_loss_of_perfect_and_of_empty_patches_is_finite():
    zero, one = np.zeros((1, 4, 4, 1), np.float32), np.ones((1, 4, 4, 1), np.float32)
    np.testing.assert_allclose(training.psnr_loss(one, one), -60, atol=0.01)
    np.testing.assert_allclose(training.psnr_loss(zero, one), 60, atol=0.01)
    assert np.asarray(training.psnr_loss(-one, -one)) == 0


def test_psnr_loss_trains_by_its_name():
    history = _fit(_small(), _pairs(), epochs=10, loss="psnr", learning_rate=1e-2)
    assert history.loss[-1] < history.loss[0] - 3


def test_estimate_leaves_the_model_as_it_is():
    model, untouched = _small(), _small()
    found = training.estimate(model, _pairs(), epochs=5, batch=8)
    assert _same(model, untouched)
    assert found.seconds > 0 and found.report.rows[0][0] == "training" and "GB" in str(found)


def test_estimated_memory_counts_every_layer():
    pairs, model = _pairs(16, 11), _small(padding=False)
    pixels = 11 * 11 + 9 * 9 * (4 + 3) + 7 * 7
    expected = 4 * (2 * 16 * pixels + 4 * model.count_params()) + 2 * pairs.inputs.nbytes
    assert training.estimate(model, pairs, epochs=1, batch=16).memory == expected


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"batch": 25}, "24 pairs do not fill one batch of 25"),
        ({"epochs": 0}, "must be at least 1"),
        ({"validation": _pairs(8, 9)}, r"validation patches must have the size .* \(15, 15\)"),
    ],
)
def test_trainings_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        _fit(_small(), _pairs(), **arguments)


def test_a_model_that_gives_another_size_is_refused():
    from keras import Input, Model, layers

    image = Input((None, None, 1))
    with pytest.raises(ValueError, match="turns patches of 15 × 15 into 30 × 30; expected the same size"):
        _fit(Model(image, layers.UpSampling2D()(image)), _pairs())


def test_the_loss_of_an_epoch_is_the_mean_of_its_batches():
    model, pairs = _small(), _pairs(16)
    loss = _fit(model, pairs, epochs=1, learning_rate=0.0, loss="mse").loss[0]
    assert loss == pytest.approx(np.mean((model.predict_on_batch(pairs.inputs) - pairs.targets) ** 2), rel=1e-5)
