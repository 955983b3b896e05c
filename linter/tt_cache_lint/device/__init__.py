"""The reference device model: programs and their slots, tensors and buffers, cores, and the host API's functions."""
