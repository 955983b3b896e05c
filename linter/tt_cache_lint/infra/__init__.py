"""The op infrastructures, by name. Adding one is a module here and a line in this table."""

from __future__ import annotations

from tt_cache_lint.infra import wrapped  # noqa: F401  (fills a table)
from tt_cache_lint.infra.callback import Callback
from tt_cache_lint.infra.descriptor import Descriptor
from tt_cache_lint.infra.mesh import Mesh
from tt_cache_lint.infra.policy import Infra
from tt_cache_lint.infra.spec import Spec
from tt_cache_lint.infra.spec_workload import SpecWorkload
from tt_cache_lint.infra.typed import Typed
from tt_cache_lint.infra.workload import Workload

_ALL: tuple[Infra, ...] = (
    Typed(),
    Callback(),
    Mesh(),
    Descriptor(),
    Workload(),
    Spec(),
    SpecWorkload(),
)
INFRAS: dict[str, Infra] = {infra.name: infra for infra in _ALL}
