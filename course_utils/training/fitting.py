"""Training of a network: Adam, a rate that falls to nothing along half a cosine, the best weights kept."""

import math
import time
from dataclasses import dataclass

import numpy as np
import psutil
from tqdm.auto import tqdm

from course_utils.report import Report
from course_utils.training.checkpoints import State


def fit(
    model,
    pairs,
    *,
    validation=None,
    epochs,
    batch=16,
    learning_rate=1e-3,
    loss="mae",
    optimizer=None,
    seconds=None,
    clock=time.perf_counter,
    seed=0,
    checkpoint=None,
    progress=True,
):
    """Train a Keras model with Pairs; its weights change. Returns the History.

    validation     Pairs that it is not trained with: the weights of the epoch that is best on them are kept. Without
                   them, the last.
    epochs, batch  each pair is seen once an epoch, in a new order; what does not fill a batch is left out until then.
    learning_rate  at the beginning; from there it falls along half a cosine, to zero at the end.
    loss           "mae", "mse", another loss of Keras, "psnr" (`psnr_loss`), or a function.
    optimizer      Adam if None; else a Keras optimizer, whose rate is left as it is.
    seconds        an end by the clock, if it comes before that of the epochs; the rate falls with it.
    clock          what tells the seconds; time.process_time counts the work of all cores, however busy they are else.
    seed           of the order of the pairs. No global seed is set: the first weights are the model's own matter.
    checkpoint     a file (.npz): the state after each epoch goes there, and a training that finds it there goes on
                   from it, as if it had never stopped.
    An interrupt (the notebook's stop button) ends the training, and leaves the model with what it has learned.
    A model of valid convolutions gives less than the patch: its targets are cropped around their middle.
    Raises ValueError where pairs do not fill one batch, do not fit the model, or the checkpoint is another model's,
    or of a training with validation where this one has none, or the reverse.
    """
    _check(pairs, validation, epochs, batch)
    data, held = _aligned(model, pairs), _aligned(model, validation) if validation else None
    _compile(model, loss, optimizer)
    state = State(model, checkpoint)
    history = state.history
    if history.loss and bool(history.validation) != bool(validation):
        raise ValueError(
            f"the checkpoint {checkpoint} was written {'with' if history.validation else 'without'} validation data; "
            "go on in the same way, or give another file."
        )
    pace = _Pace(epochs, len(pairs) // batch, seconds, clock, history.seconds, None if optimizer else learning_rate)
    history.stopped = "out of time" if history.loss and pace.out_of_time else "finished"
    with tqdm(total=epochs, initial=len(history.loss), disable=not progress, desc="training", unit="epoch") as bar:
        try:
            for mean in _epochs(model, data, held, batch, seed, pace, state):
                bar.set_postfix(loss=f"{mean:.4g}")
                bar.update()
        except KeyboardInterrupt:
            history.stopped = "interrupted"
    state.give_best()
    return history


def estimate(model, pairs, *, epochs, batch=16, loss="mae"):
    """The time and the memory that `fit` will take, from a few batches; the model stays as it is. An Estimate.

    The memory is that of the pairs, and of all layers' results on one batch with their gradients.
    """
    _check(pairs, None, epochs, batch)
    weights = model.get_weights()
    _compile(model, loss, None)
    x, y = (a[:batch] for a in _aligned(model, pairs))
    model.train_on_batch(x, y)  # compiles
    begin = time.perf_counter()
    for _ in range(3):
        model.train_on_batch(x, y)
    each = (time.perf_counter() - begin) / 3
    model.set_weights(weights)
    return Estimate(each * epochs * (len(pairs) // batch), _memory(model, x.shape) + 2 * pairs.inputs.nbytes)


@dataclass(frozen=True, repr=False)
class Estimate:
    """What a training will take: seconds, and bytes of memory; shown as a table."""

    seconds: float
    memory: float

    @property
    def report(self):
        free = psutil.virtual_memory().available
        fits = "fits" if self.memory < 0.8 * free else "too much: take smaller patches, or a smaller batch"
        took = f"{self.seconds / 60:.1f} minutes" if self.seconds >= 60 else f"{self.seconds:.0f} seconds"
        return Report(
            (
                ("training", took, "from a few batches, on this computer, as busy as it is now"),
                ("memory", f"{self.memory / 1e9:.2f} GB", f"{fits}; {free / 1e9:.1f} GB are free"),
            )
        )

    def __repr__(self):
        return str(self.report)

    def _repr_html_(self):
        return self.report._repr_html_()


class _Pace:
    """How far a training is, by its batches or by the clock, whichever is ahead; and the learning rate there."""

    def __init__(self, epochs, batches, limit, clock, before, rate):
        self.epochs, self.batches, self.rate = epochs, batches, rate
        self._begin, self._limit, self._clock = clock() - before, limit, clock

    @property
    def seconds(self):
        return self._clock() - self._begin

    @property
    def out_of_time(self):
        return self._limit is not None and self.seconds >= self._limit

    def set_rate(self, model, batches_done):
        if self.rate is None:
            return
        done = max(batches_done / (self.epochs * self.batches), self.seconds / self._limit if self._limit else 0)
        model.optimizer.learning_rate = self.rate * 0.5 * (1 + math.cos(math.pi * min(done, 1)))


def _epochs(model, data, held, batch, seed, pace, state):
    """Epoch by epoch, from where the state is, until something ends the training: the mean loss of each."""
    history = state.history
    while len(history.loss) < pace.epochs and history.stopped == "finished":
        mean = _epoch(model, *data, batch, seed, len(history.loss), pace)
        history.validation += [_mean_loss(model, *held, batch)] if held else []
        history.loss.append(mean)
        history.seconds = pace.seconds
        history.stopped = _ending(history, pace)
        state.keep()
        yield mean


def _epoch(model, x, y, batch, seed, epoch, pace):
    """Each pair once, in this epoch's own order; the mean loss."""
    order, losses = np.random.default_rng((seed, epoch)).permutation(len(x)), []
    for i in range(pace.batches):
        pace.set_rate(model, epoch * pace.batches + i)
        chosen = order[i * batch : (i + 1) * batch]
        model.reset_metrics()  # or Keras gives the mean of all batches so far
        losses.append(model.train_on_batch(x[chosen], y[chosen]))
        if pace.out_of_time:
            break
    return float(np.mean(losses))


def _mean_loss(model, x, y, batch):
    """The mean loss over whole batches of pairs that the model is not trained with."""
    batch, losses = min(batch, len(x)), []
    for i in range(0, len(x) - batch + 1, batch):
        model.reset_metrics()
        losses.append(model.test_on_batch(x[i : i + batch], y[i : i + batch]))
    return float(np.mean(losses))


def _ending(history, pace):
    if not math.isfinite(history.loss[-1]):
        return "diverged"
    return "out of time" if pace.out_of_time else "finished"


def _compile(model, loss, optimizer):
    from course_utils.training import keras_parts

    optimizer = optimizer or keras_parts.keras.optimizers.Adam()
    model.compile(optimizer=optimizer, loss=keras_parts.psnr_loss if loss == "psnr" else loss)
    optimizer.build(model.trainable_variables)


def _aligned(model, pairs):
    """Inputs, and targets cropped around their middle to what the model gives."""
    rows, columns = pairs.targets.shape[1:3]
    try:
        height, width = model.compute_output_shape(pairs.inputs.shape)[1:3]
    except ValueError as error:
        raise ValueError(
            f"{model.name} does not take patches of {rows} × {columns}: a model that pools needs patches of a multiple "
            f"of its pooling, such as 32 × 32. ({error})"
        ) from error
    if height > rows or width > columns or (rows - height) % 2 or (columns - width) % 2:
        raise ValueError(
            f"the model turns patches of {rows} × {columns} into {height} × {width}; expected the same size, or an "
            "even number of pixels less. A model that pools needs patches of a multiple of its pooling."
        )
    top, left = (rows - height) // 2, (columns - width) // 2
    return pairs.inputs, pairs.targets[:, top : top + height, left : left + width]


def _memory(model, shape):
    """Bytes of all layers' results on one batch with their gradients, and of the weights, theirs, and Adam's two."""
    from course_utils.training.keras_parts import keras

    every = keras.Model(model.inputs, [layer.output for layer in model.layers])
    results = sum(math.prod(size) for size in every.compute_output_shape(shape))
    return 4 * (2 * results + 4 * model.count_params())


def _check(pairs, validation, epochs, batch):
    if epochs < 1 or batch < 1:
        raise ValueError(f"epochs and batch must be at least 1; got {epochs} and {batch}.")
    if len(pairs) < batch:
        raise ValueError(f"{len(pairs)} pairs do not fill one batch of {batch}; cut more patches, or lower batch.")
    if validation is not None and validation.inputs.shape[1:] != pairs.inputs.shape[1:]:
        raise ValueError(
            f"validation patches must have the size of those for training, {pairs.inputs.shape[1:3]}; got "
            f"{validation.inputs.shape[1:3]}: each size compiles the network anew."
        )
