"""What a training needs to go on after it was stopped, and the file it is kept in."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np


@dataclass
class History:
    """How a training went: the mean loss of each epoch, and what ended it.

    loss, validation  one number an epoch; validation is empty where there was no validation data.
    seconds           in all, those before a resumption among them.
    best              the epoch, from 0 on, whose weights were kept; None where none was finished.
    stopped           "finished", "interrupted" (by the user), "out of time" or "diverged" (the loss was no number).
    """

    loss: list = field(default_factory=list)
    validation: list = field(default_factory=list)
    seconds: float = 0.0
    best: int | None = None
    stopped: str = "finished"


class State:
    """The model's weights, the best so far, the optimizer's memory and the history, in memory and in a file.

    Reads the file where it exists. Raises ValueError where it was written for another model or optimizer.
    """

    def __init__(self, model, path=None):
        self.model, self.path = model, Path(path) if path else None
        self.history, self.best = History(), None
        if self.path and self.path.exists():
            self._read()

    def keep(self):
        """After an epoch: remember its weights if they are the best on the validation data, and write the file."""
        scores = self.history.validation
        if not scores or self.best is None or scores[-1] < min(scores[:-1]):
            self.best, self.history.best = self.model.get_weights(), len(self.history.loss) - 1
        if self.path:
            self._write()

    def give_best(self):
        """The best weights to the model. Without validation data it keeps those it has: the last."""
        if self.best is not None and self.history.validation:
            self.model.set_weights(self.best)

    def _arrays(self):
        optimizer = [np.asarray(variable) for variable in self.model.optimizer.variables]
        return {"weights": self.model.get_weights(), "optimizer": optimizer}

    def _write(self):
        parts = self._arrays() | {"best": self.best}
        arrays = {f"{name} {i}": a for name, group in parts.items() for i, a in enumerate(group)}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_name(self.path.name + ".part")
        with open(part, "wb") as file:
            np.savez(file, history=json.dumps(asdict(self.history)), **arrays)
        os.replace(part, self.path)  # a reader finds the old state or the new one, never half of one

    def _read(self):
        with np.load(self.path, allow_pickle=False) as file:
            kept = dict(file)
        history = History(**json.loads(str(kept.pop("history"))))
        expected = {f"{name} {i}": a.shape for name, group in self._arrays().items() for i, a in enumerate(group)}
        if expected != {name: a.shape for name, a in kept.items() if not name.startswith("best")}:
            raise ValueError(
                f"the checkpoint {self.path} was written for another model or optimizer; give another file, or remove "
                "this one."
            )
        n = len(self.model.get_weights())
        self.history, self.best = history, [kept[f"best {i}"] for i in range(n)]
        self.model.set_weights([kept[f"weights {i}"] for i in range(n)])
        for i, variable in enumerate(self.model.optimizer.variables):
            variable.assign(kept[f"optimizer {i}"])
