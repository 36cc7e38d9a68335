"""Networks as tf2onnx exports them: pictures with channels last, between transposes."""

import generate
import numpy as np
import tensorflow as tf
import tf2onnx

L = tf.keras.layers


def networks():
    group = generate.Group("tensorflow")
    for name, make, shape in [
        ("tf_cnn", cnn, [28, 28, 1]),
        ("tf_residual", residual, [17, 17, 3]),
        ("tf_mobile", mobile, [16, 16, 3]),
        ("tf_inception", inception, [12, 12, 3]),
        ("tf_line", line, [24, 3]),
    ]:
        for opset in [11, 17]:
            tf.keras.utils.set_random_seed(3)
            inputs = tf.keras.Input(shape)
            net = tf.keras.Model(inputs, make(inputs))
            for w in net.weights:
                if "moving_variance" in w.path:
                    w.assign(np.random.uniform(0.6, 1.5, w.shape))
                elif len(w.shape) == 1:
                    w.assign(w + np.random.uniform(-0.2, 0.2, w.shape))
            function = tf.function(lambda x: net(x, training=False))
            spec = [tf.TensorSpec([None] + shape, tf.float32, name="image")]
            model, _ = tf2onnx.convert.from_function(function, spec, opset=opset)
            x = np.random.uniform(-1, 1, [2] + shape).astype(np.float32)
            want = net(x, training=False).numpy()
            got = generate.run(model.SerializeToString(), x)
            assert abs(got - want).max() <= 1e-4 * abs(want).max() + 1e-6, name
            ending = "softmax" if name in ["tf_cnn", "tf_line"] else "none"
            group.add(f"{name}_{opset}", model, x, ending, want, batch=2)
    return group


def cnn(x):
    x = L.Conv2D(4, 5, activation="relu")(x)
    x = L.MaxPooling2D()(x)
    x = L.Conv2D(6, 5, activation="relu", padding="same")(x)
    x = L.AveragePooling2D(2, padding="same")(x)
    x = L.Flatten()(x)
    x = L.Dropout(0.5)(L.Dense(12, activation="relu")(x))
    return L.Dense(10, activation="softmax")(x)


def residual(x):
    x = L.ZeroPadding2D(3)(x)
    x = L.ReLU()(L.BatchNormalization(epsilon=1e-3)(L.Conv2D(6, 7, strides=2)(x)))
    x = L.MaxPooling2D(3, strides=2)(L.ZeroPadding2D(1)(x))
    y = L.ReLU()(L.BatchNormalization()(L.Conv2D(6, 3, padding="same")(x)))
    y = L.BatchNormalization()(L.Conv2D(6, 1)(y))
    x = L.ReLU()(L.Add()([x, y]))
    return L.Dense(5)(L.GlobalAveragePooling2D()(x))


def mobile(x):
    x = L.ReLU(6.0)(L.BatchNormalization()(L.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)))
    y = L.ReLU(6.0)(L.BatchNormalization()(L.DepthwiseConv2D(3, padding="same", use_bias=False)(x)))
    y = L.BatchNormalization()(L.Conv2D(8, 1, use_bias=False)(y))
    x = L.Add()([x, y])
    x = L.PReLU(shared_axes=[1, 2], alpha_initializer="random_uniform")(x)
    return L.Dense(4)(L.GlobalMaxPooling2D()(x))


def inception(x):
    a = L.Conv2D(4, 1, activation="relu")(x)
    b = L.Conv2D(5, 3, padding="same", dilation_rate=2)(x)
    b = L.LeakyReLU()(b)
    c = L.MaxPooling2D(3, strides=1, padding="same")(x)
    d = L.AveragePooling2D(3, strides=1, padding="same")(x)
    x = L.Concatenate()([a, b, c, d])
    x = L.SeparableConv2D(6, 3, strides=2, padding="same")(x)
    x = L.Permute([3, 1, 2])(x)
    return L.Dense(3)(L.Flatten()(x))


def line(x):
    x = L.Conv1D(6, 5, strides=2, padding="same", activation="relu")(x)
    x = L.BatchNormalization()(L.MaxPooling1D(2)(x))
    x = L.GlobalAveragePooling1D()(L.Conv1D(8, 3, padding="causal")(x))
    return L.Dense(4, activation="softmax")(x)
