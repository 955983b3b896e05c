"""The interpreter of the C++ subset in which program factories are written."""
