"""The op infrastructures, by name. Adding one is a module here and a line in this table."""

from __future__ import annotations

from tt_cache_lint.infra.callback import Callback
from tt_cache_lint.infra.mesh import Mesh
from tt_cache_lint.infra.policy import Infra
from tt_cache_lint.infra.typed import Typed

INFRAS: dict[str, Infra] = {infra.name: infra for infra in (Typed(), Callback(), Mesh())}
