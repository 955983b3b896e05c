"""`python -m tt_cache_lint`."""

from tt_cache_lint.cli import main

if __name__ == "__main__":
    main()
