"""Models. Each is built with its own keys plus input_shape, classes, norm and activation."""
