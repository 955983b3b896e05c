"""The rule pack that comes with tt-cache-lint, one module a rule."""
