"""The facts that flow from the comparison to the rules and from the rules to the reports.

Everything here is plain, frozen data: no tree-sitter node, no interpreter object. A rule reads a `FactoryFacts` and
yields `Finding`s; a report reads `Finding`s and a `Run`. Paths are POSIX paths relative to the root, lines and columns
start at 1.
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass, field

from tt_cache_lint.call import Given, OpCall


class Severity(enum.Enum):
    """How bad a finding is; the order of the members is from worst to mildest."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    def at_least(self, other: Severity) -> bool:
        """True when this severity is as bad as `other` or worse."""
        order = list(Severity)
        return order.index(self) <= order.index(other)


class Confidence(enum.Enum):
    """How sure the engine is that the finding is true; certain and likely are shown by default."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Status(enum.Enum):
    """How far a factory was analysed."""

    ANALYSED = "analysed"
    PARTIAL = "partial"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Place:
    """A range of whole lines in a file; `column` is where the reader should look on the first one."""

    path: str
    line: int
    column: int = 1
    end_line: int = 0

    @property
    def last(self) -> int:
        return max(self.line, self.end_line)


@dataclass(frozen=True, slots=True)
class Related:
    """A second place a finding needs, with the short annotation that belongs to it."""

    place: Place
    message: str


class SlotKind(enum.Enum):
    """What kind of host-visible program state a slot is."""

    ARG = "arg"
    COMMON = "common arg"
    CB = "CB"


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in the program that a cache hit may have to refresh.

    `owner` is the variable that holds the kernel handle in create(), or the circular buffer's index from its config
    (`c_0`). `index` is the runtime-argument index; -1 for a circular buffer. An argument that has a name in the program
    goes by its `label`.
    """

    kind: SlotKind
    owner: str
    index: int = -1
    label: str = ""

    @property
    def name(self) -> str:
        """The stable name: `reader_kernel_id arg 1`, `writer_kernel_id common arg 0`, `CB c_0`."""
        if self.kind is SlotKind.CB:
            return f"CB {self.owner}"
        if self.label.startswith("tensor "):  # an address that the framework passes on
            return f"{self.owner} {self.label}"
        return f"{self.owner} {self.kind.value} {self.label or self.index}"


@dataclass(frozen=True, slots=True)
class Held:
    """What a slot holds at one moment, as a person would say it.

    `text` is the C++ expression that produced it, `inputs` the inputs of the op that it derives from
    (`address of tensor_args.input`, `operation_attributes.seed`), `per_dispatch` those of them that may differ between
    two calls with one hash. `number` is the value in the witness world, None when unknown or absent. `computed` tells
    an address with an offset from an address, `semaphore` the address of a global semaphore from that of a buffer.
    """

    number: int | None
    text: str = ""
    inputs: tuple[str, ...] = ()
    per_dispatch: tuple[str, ...] = ()
    computed: bool = False
    semaphore: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the two-run slot table: what the slot holds after create(), after the hit, and should hold."""

    slot: str
    cores: str
    created: str
    after_hit: str
    expected: str
    verdict: str  # "ok", "stale", "wrong", "constant"


class What(enum.Enum):
    """The kind of content of a slot that differs."""

    ADDRESS = "buffer address"
    CB = "circular buffer address"
    SCALAR = "scalar"


class Cause(enum.Enum):
    """Why a slot differs after a cache hit. Exactly one cause is diagnosed for a difference; rules select on it."""

    NOT_REFRESHED = "the override never writes it"
    NO_OVERRIDE = "nothing is refreshed at all"
    PARTIAL_CORES = "refreshed on some of its cores only"
    GUARD = "refreshed only under a condition that create() does not have"
    WRONG_VALUE = "the override writes another value than create()"
    WRONG_TENSOR = "the override writes another tensor's address"
    WRONG_HANDLE = "the value goes to another kernel or circular buffer"
    OUT_OF_RANGE = "the override writes where create() set no argument"
    OUTSIDE_KERNEL = "create() gives runtime arguments to cores where the kernel does not run"
    LOST_COPY = "the write goes to a copy that nothing reads"
    FREED = "the buffer that create() allocates is freed with its end"
    NOT_SHARED = "the handle is not kept in the shared variables"
    RUN1_CAPTURE = "the override writes a value kept from the first call"
    UNINITIALISED = "a shared variable that the override uses was never set"
    NARROWED = "the handle was cut to a narrower integer"
    UNBOUND = "the framework patches what is bound to a buffer, and this is not"
    WRONG_COORDINATE = "the override treats a coordinate of the mesh otherwise than create() does"


@dataclass(frozen=True, slots=True)
class Difference:
    """A slot that, after a cache hit, does not hold what a fresh create() would put there.

    `created` is what run 1's create() put there, `found` what is there after the hit, `expected` what a fresh create()
    puts there for run 2. `cores` are the cores (x, y) where it differs, `all_cores` those where create() sets it.
    `when` are the decisions the path needs, in words. `written` is the last write by the override, if any.
    `fix` are C++ lines to write. `field` names the shared variable concerned. `rows` is the witness. `coordinate` is
    where in the mesh it was seen, when that matters. Of a write that fails, `created` says what create() set
    there. `further` are other slots of which the same is true, put there by the same call.
    """

    slot: Slot
    what: What
    cause: Cause
    created: Held
    found: Held
    expected: Held
    set_at: Place
    written: Place | None
    override: Place
    cores: tuple[tuple[int, int], ...]
    all_cores: tuple[tuple[int, int], ...]
    when: tuple[str, ...]
    confidence: Confidence
    rows: tuple[Row, ...] = ()
    fix: tuple[str, ...] = ()
    field: str = ""
    field_at: Place | None = None
    related: tuple[Related, ...] = ()
    other_slot: str = ""
    given: tuple[Given, ...] = ()  # the inputs of the witness world
    coordinate: str = ""
    refused: bool = False  # a whole call that the host API refuses; `created` says why
    idle: bool = False  # the kernel makes nothing of the slot
    further: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True)
class ShortArguments:
    """A kernel that for certain reads an argument which create() does not set on `cores` (empty for common ones).

    `idle` when nothing is made of what it reads there.
    """

    slot: Slot
    count: int
    set_at: Place
    read_at: Place
    cores: tuple[tuple[int, int], ...]
    all_cores: tuple[tuple[int, int], ...]
    when: tuple[str, ...]
    confidence: Confidence
    idle: bool = False


@dataclass(frozen=True, slots=True)
class AccessorMismatch:
    """A kernel takes compile-time arguments from `index` on for an accessor of the tensor `address`; create() has there
    the words of the tensor `holds`, or where that is empty, something else: `text`."""

    kernel: str
    index: int
    address: str
    holds: str
    text: str
    set_at: Place
    args_at: Place
    used_at: Place
    when: tuple[str, ...]
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class OverrideThrow:
    """A place where the override throws, though create() works for the same inputs. `why` says what happens there to
    the expression or statement `text`."""

    place: Place
    text: str
    why: str
    when: tuple[str, ...]
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class UncalledOverride:
    """An override that nothing calls; `reason` continues "it is never called: "."""

    place: Place
    reason: str
    confidence: Confidence


class EventKind(enum.Enum):
    """What a factory did to the program, in the order it did it."""

    PROGRAM = "program"
    CB = "circular buffer"
    KERNEL = "kernel"
    SEMAPHORE = "semaphore"
    ARGS = "runtime arguments"
    COMMON_ARGS = "common runtime arguments"
    CB_ADDRESS = "circular buffer address"
    CB_SIZE = "circular buffer total size"
    CB_PAGE_SIZE = "circular buffer page size"
    REBUILD = "program rebuilt"


@dataclass(frozen=True, slots=True)
class Event:
    """One effect on a program. `in_override` is False for create(). `name` is the handle's variable or the CB index.

    `changes` is set for CB_SIZE and CB_PAGE_SIZE events of an override: True when the value differs from what create()
    gave, or when a fresh create() would give another; `breaks` says in words what an order problem breaks, if anything.
    `needs` is the text of the handle or index that the event uses. `part` numbers the programs of a workload.
    """

    kind: EventKind
    place: Place
    name: str = ""
    in_override: bool = False
    changes: bool = False
    breaks: str = ""
    when: tuple[str, ...] = ()
    confidence: Confidence = Confidence.CERTAIN
    old: str = ""
    new: str = ""
    part: int = 0


@dataclass(frozen=True, slots=True)
class SharedField:
    """A member of shared_variables_t.

    `kind` is what create() put into it: "kernel handle", "circular buffer handle", "buffer", "tensor", "address",
    "core list", "number" or "". `initialised` is False when create() leaves it at an indeterminate or default value on
    every explored path; `read` is where the override reads it. `narrow` is True when a pointer-sized handle is kept in
    a narrower integer. `shifted` names the field whose value it seems to have been given by position. `zero` is where
    the override takes the handle 0, which is that of the first kernel, for none.
    """

    name: str
    type: str
    place: Place
    kind: str = ""
    initialised: bool = True
    has_default: bool = False
    read: Place | None = None
    narrow: bool = False
    set_at: Place | None = None
    shifted: str = ""
    harmful: str = ""  # the slot that stays stale because of it, "" when none
    zero: Place | None = None
    when: tuple[str, ...] = ()
    confidence: Confidence = Confidence.CERTAIN


@dataclass(frozen=True, slots=True)
class Dangling:
    """A local variable that a callback uses through a reference after the function that it belongs to has ended."""

    name: str
    place: Place  # the callback
    confidence: Confidence
    when: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SlotInfo:
    """One line of the `slots` printer."""

    slot: Slot
    cores: int
    holds: str
    inputs: tuple[str, ...]
    per_dispatch: bool
    set_at: Place
    refreshed_at: Place | None
    refreshed: str  # "yes", "no", "not needed", "partly", "unknown"


@dataclass(frozen=True, slots=True)
class KernelInfo:
    """A kernel of the program, for the `slots` printer."""

    name: str
    source: str
    cores: str
    place: Place
    kept_as: str = ""


@dataclass(frozen=True, slots=True)
class CbInfo:
    """A circular buffer of the program, for the `slots` printer. `buffer` names the tensor it is placed on, or ""."""

    name: str
    cores: str
    total_size: str
    buffer: str
    place: Place
    kept_as: str = ""
    refreshed_at: Place | None = None


@dataclass(frozen=True, slots=True)
class SlotCount:
    """How many slots a hit had to refresh, and how many of them the override did."""

    needing_refresh: int = 0
    matched: int = 0


@dataclass(frozen=True, slots=True)
class FactoryFacts:
    """Everything the rules and printers may know about one factory."""

    factory: str
    infra: str
    path: str
    line: int
    create: Place | None = None
    override: Place | None = None
    override_end: int = 0
    declared: tuple[Place, ...] = ()  # the structs of the factory and its op, and a hash written by hand
    status: Status = Status.ANALYSED
    reason: str = ""
    paths: int = 0
    worlds: int = 0
    decisions: int = 0
    budget: str = ""
    slots: SlotCount = SlotCount()
    unknown_calls: tuple[str, ...] = ()
    decisions_reached: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    short: tuple[ShortArguments, ...] = ()
    accessors: tuple[AccessorMismatch, ...] = ()
    throws: tuple[OverrideThrow, ...] = ()
    uncalled: UncalledOverride | None = None
    events: tuple[Event, ...] = ()
    shared: tuple[SharedField, ...] = ()
    dangling: tuple[Dangling, ...] = ()
    table: tuple[SlotInfo, ...] = ()
    kernels: tuple[KernelInfo, ...] = ()
    cbs: tuple[CbInfo, ...] = ()
    given: tuple[Given, ...] = ()  # the inputs of a world of the base path
    call: OpCall | None = None  # how Python calls the op, where it was asked for

    @property
    def override_body(self) -> Place | None:
        """All lines of the override; `override` is where it begins."""
        at = self.override
        return at and Place(at.path, at.line, at.column, self.override_end)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says. `slot` is stable text without line numbers; `fix` are lines the reader can write."""

    id: str
    rule: str
    severity: Severity
    confidence: Confidence
    message: str
    place: Place
    factory: str
    slot: str = ""
    when: tuple[str, ...] = ()
    related: tuple[Related, ...] = ()
    rows: tuple[Row, ...] = ()
    fix: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """A stable identity that survives line shifts: rule, file, factory and slot."""
        text = "\0".join((self.rule, self.place.path, self.factory, self.slot))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]


@dataclass(frozen=True, slots=True)
class Silenced:
    """A finding that is not reported because of a comment at `place`, or because the baseline (no place) knows it."""

    finding: Finding
    reason: str
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that kept part of the input from being analysed; `unread` when all of the file.

    `fault` when the input is not to blame but this tool.
    """

    path: str
    message: str
    line: int = 0
    unread: bool = False
    fault: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """The outcome of one `check`, for the reports."""

    root: str
    files: int
    factories: tuple[FactoryFacts, ...]
    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...] = ()
    seconds: float = 0.0
    hidden: int = 0  # findings below the shown confidence
    silenced: tuple[Silenced, ...] = ()
    unchanged: int = 0  # findings on code that has not changed since the revision asked for
    notes: tuple[str, ...] = ()  # what else the reader should know
    config: str = ""  # the file that the settings come from
    batches: int = 0  # groups of files that were analysed together
    cached: int = 0  # those of them of which an earlier run knew it all
    texts: dict[str, tuple[str, ...]] = field(default_factory=dict)  # path -> lines, for source frames

    @property
    def suppressed(self) -> int:
        """How many findings comments suppress."""
        return sum(silenced.place is not None for silenced in self.silenced)

    @property
    def baselined(self) -> int:
        """How many findings are in the baseline."""
        return len(self.silenced) - self.suppressed
