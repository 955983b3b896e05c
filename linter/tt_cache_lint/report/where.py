"""Places as other programs want them: relative to the repository, percent-encoded, in UTF-16 columns."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from tt_cache_lint.model import Place, Problem, Run

# What may stand in a path segment of a URI besides letters and digits (RFC 3986, pchar); ':' would look like a scheme.
SEGMENT = "/-._~!$&'()*+,;=@"


def repository(root: str) -> Path:
    """The top of the checkout that the root is in, or the root itself when there is none."""
    path = Path(root)
    return next((folder for folder in (path, *path.parents) if (folder / ".git").exists()), path)


def from_repository(run: Run) -> str:
    """What stands between the top of the checkout and a root-relative path: "" or a folder with its slash."""
    below = Path(run.root).relative_to(repository(run.root)).as_posix()
    return "" if below == "." else f"{below}/"


def inside(run: Run, problem: Problem) -> bool:
    """Is a problem with a file below the root? Some are with what somebody wrote on the command line."""
    parts = Path(problem.path).parts
    try:
        return bool(parts) and parts[0] != "/" and ".." not in parts and (Path(run.root) / problem.path).exists()
    except (OSError, ValueError):
        return False


def encoded(path: str) -> str:
    """A path as a relative URI reference; bytes that are not UTF-8 are encoded as they are on disk."""
    return quote(path, safe=SEGMENT, errors="surrogateescape")


def column(run: Run, place: Place) -> int:
    """The column of a place in UTF-16 units, starting at 1, inside its line. The engine counts bytes."""
    lines = run.texts.get(place.path, ())
    if not 1 <= place.line <= len(lines):
        return max(1, place.column)
    before = lines[place.line - 1].encode("utf-8", "surrogatepass")[: max(0, place.column - 1)]
    return len(before.decode("utf-8", "replace").encode("utf-16-le", "surrogatepass")) // 2 + 1
