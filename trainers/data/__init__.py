"""Load data sets that stay on the device, and divide their rows into parts."""
