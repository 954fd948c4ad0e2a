"""SRCNN, the first network that made images sharper: three convolutions.

Dong, Loy, He & Tang, ECCV 2014, doi:10.1007/978-3-319-10593-2_13.
"""

from course_utils.training.prediction import receptive_field

__all__ = ["receptive_field", "srcnn"]

STARTS = ("random", "identity", "paper")


def srcnn(kernels=(9, 1, 5), filters=(64, 32), *, seed=0, start="random", padding=True):
    """The network of three convolutions with these kernel sizes; ReLU after the first and the second. A Keras model.

    kernels, filters  9-1-5 with 64 and 32 filters has 8 129 parameters and a receptive field of 13 pixels.
    seed              of the first weights.
    start             "random", He's; "identity", in which one path hands the image, where it is not negative, through
                      unchanged, and the others begin at random and count nothing yet; "paper", normal with a deviation
                      of .001.
    padding           the image goes on by reflection, once, in front: it keeps its size. False, as in the paper's
                      training: the output is smaller than the input by the receptive field less one.
    Raises ValueError where kernels are not three odd numbers, or start is unknown.
    """
    if len(kernels) != 3 or any(k < 1 or k % 2 == 0 for k in kernels):
        raise ValueError(f"kernels must be three odd sizes, so that each has a middle; got {kernels}.")
    if start not in STARTS:
        raise ValueError(f"start must be one of {', '.join(map(repr, STARTS))}; got {start!r}.")
    from course_utils.training.keras_parts import ReflectionPad, keras

    x = image = keras.Input((None, None, 1))
    if padding:
        x = ReflectionPad(sum(k // 2 for k in kernels))(x)
    for i, (size, n) in enumerate(zip(kernels, (*filters, 1), strict=True)):
        if start == "paper":
            first = keras.initializers.RandomNormal(stddev=0.001, seed=seed + i)
        else:
            first = keras.initializers.HeNormal(seed=seed + i)
        x = keras.layers.Conv2D(n, size, activation="relu" if i < 2 else None, kernel_initializer=first)(x)
    model = keras.Model(image, x, name="srcnn_" + "_".join(map(str, kernels)))
    if start == "identity":
        _open_path(model)
    return model


def _open_path(model):
    """Let the first filter of each layer hand on the first of the layer before; the last layer takes nothing else."""
    for layer in model.layers[-3:]:
        kernel, bias = layer.get_weights()
        middle = kernel.shape[0] // 2
        kernel[..., 0] = 0
        kernel[middle, middle, 0, 0] = 1
        layer.set_weights([kernel, bias])
