"""tt-cache-lint: a static parity check for tt-metal's program cache."""

__version__ = "0.1.0"
