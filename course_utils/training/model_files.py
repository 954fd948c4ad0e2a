"""A trained network as files: NAME.keras, its layers and weights, and NAME.json, what belongs to it.

A model file from a stranger must not run code. So no file with a Lambda layer is read, which is a program in disguise,
nor one that asks for layers other than those of Keras and of this package.
"""

import importlib
import importlib.metadata
import json
import warnings
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

from course_utils.training.patches import Normaliser
from course_utils.training.prediction import predict

SHIPPED = Path(__file__).parents[1] / "weights"


@dataclass(frozen=True, eq=False)
class Trained:
    """A network and what it needs: the normaliser of its images, and a card that says what it was trained with.

    Called with an image or a stack of images, it predicts: see `prediction.predict`.
    """

    model: object
    normaliser: Normaliser
    card: dict

    def __call__(self, images, *, tile=256):
        return predict(self.model, images, tile=tile, normaliser=self.normaliser)


def save(model, path, *, normaliser, card):
    """Write a model to path (.keras), its normaliser and card beside it (.json); returns the path.

    card  what a stranger must know: data, seed, minutes, figures; plain numbers and texts. The version of this package
          is added. The optimizer's memory is left out: to go on with a training, use `fit`'s checkpoint.
    """
    path = _keras_path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():  # Keras 3.15 asks TensorFlow's variables for a copy in a way that NumPy 2 regrets
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        _bare(model).save(path)
    beside = {"normaliser": asdict(normaliser), "card": {**card, "version": _version()}}
    path.with_suffix(".json").write_text(json.dumps(beside, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _bare(model):
    """The same network, never compiled: else Keras writes the optimizer's memory as well, twice the weights."""
    from course_utils.training.keras_parts import keras

    bare = keras.Model.from_config(model.get_config())
    bare.set_weights(model.get_weights())
    return bare


def load(path):
    """The Trained network in path (.keras), with its normaliser and card. A file cannot run code of its own.

    Raises ValueError where the file asks for code that is neither Keras' nor this package's, FileNotFoundError where it
    or the .json beside it is missing.
    """
    path = _keras_path(path)
    beside = path.with_suffix(".json")
    for file in (path, beside):
        if not file.is_file():
            raise FileNotFoundError(f"there is no {file}; a trained model is two files, NAME.keras and NAME.json.")
    kept = json.loads(beside.read_text(encoding="utf-8"))
    _import_own(_modules(path))
    from course_utils.training.keras_parts import keras

    model = keras.saving.load_model(path, compile=False, safe_mode=True)
    return Trained(model, Normaliser(**kept["normaliser"]), kept["card"])


def pretrained(name):
    """The Trained network of that name that comes with the course. ValueError lists the names where there is none."""
    path = SHIPPED / f"{name}.keras"
    if not path.is_file():
        raise ValueError(f"there are no weights called {name!r}; there are: {', '.join(pretrained_names())}.")
    return load(path)


def pretrained_names():
    """The networks whose weights come with the course."""
    return sorted(path.stem for path in SHIPPED.glob("*.keras"))


def _modules(path):
    """The modules that the layers in the file come from; ValueError where one could run code of the file's author."""
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is no model file of Keras 3 ({error}).") from error
    found = set()
    for part in _parts(config):
        module, name = str(part.get("module") or "keras"), str(part.get("class_name"))
        if "Lambda" in name:
            raise ValueError(
                f"{path.name} holds a Lambda layer, which can run any code of whoever made the file; it is not loaded. "
                "Ask for a model without Lambda layers."
            )
        if module.split(".")[0] not in ("keras", "builtins", "course_utils"):
            raise ValueError(
                f"{path.name} asks for {name!r} of the module {module!r}, which is neither Keras' nor this course's; "
                "it is not loaded."
            )
        found.add(module)
    return found


def _parts(config):
    """All objects, however deep, that a config describes."""
    if isinstance(config, dict):
        if "class_name" in config:
            yield config
        config = list(config.values())
    if isinstance(config, list):
        for value in config:
            yield from _parts(value)


def _import_own(modules):
    """Layers of this package are known to Keras once their modules have been imported."""
    for module in sorted(modules):
        if module.split(".")[0] == "course_utils":
            importlib.import_module(module)


def _keras_path(path):
    path = Path(path)
    if path.suffix != ".keras":
        raise ValueError(f"a model is kept in a file that ends in .keras; got {path.name!r}.")
    return path


def _version():
    try:
        return importlib.metadata.version("deconvolution-course")
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
