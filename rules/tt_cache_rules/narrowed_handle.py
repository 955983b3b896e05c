"""TTC406: a pointer-sized handle is kept in a narrower integer."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tt_cache_lint.model import Cause, FactoryFacts, Finding, Related, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import at_field, code, field_differences, field_words

NARROW = re.compile(
    r"(?:\w+::)*\b(?:u?int(?:8|16|32)_t|KernelHandle)\b|\b(?:unsigned(?: int| short)?|(?:unsigned )?(?:int|short))\b"
)


class NarrowedHandle(Rule):
    """
    ## What it does
    Finds members of the shared variables that keep the handle of a circular buffer in an integer narrower than a
    pointer, mostly `uint32_t` or `KernelHandle`.

    ## Why is this bad
    A `CBHandle` is a `uintptr_t`: it is the address of the host's circular buffer object. Cut to 32 bits it names no
    circular buffer any more, and `UpdateDynamicCircularBufferAddress` throws on the first cache hit, or works by
    chance as long as the heap lies low.

    ## Example
    ```cpp
    struct shared_variables_t {
        KernelHandle reader_kernel_id{};
        uint32_t cb_src{};
    };
    // create()
    shared.cb_src = CreateCircularBuffer(program, all_cores, config);
    ```

    ## Use instead
    ```cpp
    struct shared_variables_t {
        KernelHandle reader_kernel_id{};
        CBHandle cb_src{};
    };
    ```

    ## Known problems
    Types are read from the source text and its aliases; a template parameter or a macro that hides the width is not
    seen. A handle that is cut in a local variable, before it reaches the shared variables, is not found here.
    """

    id = "TTC406"
    name = "narrowed-handle"
    invariant = "I4"
    severity = Severity.ERROR
    summary = "A circular buffer handle is kept in an integer narrower than a pointer"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        for field in facts.shared:
            if not field.narrow:
                continue
            message = (
                f"{field_words(field.name)} is declared as {code(field.type)}, but create() keeps a "
                f"{field.kind or 'circular buffer handle'} in it, which is as wide as a pointer: "
                "the upper bits are cut off, and on a cache hit the handle names nothing."
            )
            wide, changed = NARROW.subn("tt::tt_metal::CBHandle", field.type)
            fix = (f"{wide} {field.name};",) if changed else ()
            related = [
                Related(place, text)
                for place, text in ((field.set_at, "filled here"), (field.read, "used here"))
                if place
            ]
            blamed = field_differences(facts, Cause.NARROWED, field.name)
            yield at_field(self, facts, field, message, field.place, tuple(related), blamed, fix)
