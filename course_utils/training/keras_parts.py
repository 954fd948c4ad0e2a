"""What the course adds to Keras: a layer that pads by reflection, and the loss of IsoNet's paper.

Imports TensorFlow, with Keras, as the only module that does so when it is imported itself; `training`, `srcnn` and
`isonet` wait until a network is asked for.
"""

import contextlib
import logging
import os

from course_utils import backend

if os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow":
    with contextlib.suppress(ImportError):  # then Keras itself says what is missing
        backend.get("tensorflow")  # its log kept out of the notebook, the memory of a GPU taken as needed

import keras  # noqa: E402
from keras import ops  # noqa: E402

# A chapter has many small networks, and each compiles once. TensorFlow takes that for one that compiles again and again
# (retraces), and warns. Whether one does, the tests count.
logging.getLogger("tensorflow").addFilter(lambda record: "triggered tf.function retracing" not in record.getMessage())

EPSILON = 1e-6  # of the target's squared unit: the loss of a perfect patch stays finite, near 60 dB for a peak of 1


@keras.saving.register_keras_serializable(package="course_utils")
class ReflectionPad(keras.layers.Layer):
    """Continues images (n, height, width, channels) by their mirror image, `width` pixels on each side.

    Once in front of valid convolutions: zeros would darken the rim by half of the receptive field.
    """

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = int(width)

    def call(self, x):
        return ops.pad(x, [(0, 0), (self.width, self.width), (self.width, self.width), (0, 0)], mode="reflect")

    def compute_output_shape(self, shape):
        n, *size, channels = shape
        return (n, *(None if s is None else s + 2 * self.width for s in size), channels)

    def get_config(self):
        return super().get_config() | {"width": self.width}


@keras.saving.register_keras_serializable(package="course_utils")
def psnr_loss(y_true, y_pred):
    """−[20 log₁₀ max g − 10 log₁₀ MSE] of each patch, in dB: (n, height, width, channels) → (n,).

    g is the target; ε = 1e-6 is added to max² and to MSE, so that empty and perfect patches stay finite. The gradient
    is that of the MSE divided by the MSE: patches that are nearly right already count most. Drop empty ones.
    Weigert et al., MICCAI 2017, doi:10.1007/978-3-319-66185-8_15.
    """
    axes = (1, 2, 3)
    peak = ops.maximum(ops.max(y_true, axis=axes), 0)
    error = ops.mean(ops.square(y_true - y_pred), axis=axes)
    return 10 / ops.log(10.0) * (ops.log(error + EPSILON) - ops.log(ops.square(peak) + EPSILON))
