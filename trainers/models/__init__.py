"""Define models, each built with its own keys, input_shape, classes, norm and activation."""
