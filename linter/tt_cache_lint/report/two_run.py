"""Findings as pytest files: the op runs twice on a device with one program hash, and the second result is compared.

A test makes a miss and a hit with other buffers and, where the hash leaves attributes out, other values. What the hit
computes is compared with the same call on a program made for it, so that a test needs nobody to fill in a result; the
op's golden function is asked too where ttnn has one. The test fails until the finding is fixed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tt_cache_lint.call import Given, OpCall, Scalar
from tt_cache_lint.model import FactoryFacts, Finding, Severity
from tt_cache_lint.report import View
from tt_cache_lint.report.python_text import WIDTH, call, comment, identifier, is_dotted, literal, snake
from tt_cache_lint.report.two_run_inputs import INTERLEAVED, SEMAPHORE_CORES, Inputs, TensorSpec, inputs_of, tensor_spec

# Rules about comments, the order of creation and needless misses: no slot goes wrong, so no call can show them. State
# outside of the op's inputs is out of a test's reach.
SILENT = ("TTC001", "TTC002", "TTC101", "TTC502", "TTC503", "TTC504", "TTC505")
OMITTED = "hash: "  # what the slots of findings about the hash start with
MESH = "mesh"
UTILS = "from tests.ttnn.utils_for_testing import assert_with_pcc"
PCC = 0.99
LONGEST = 40  # characters of a name taken from the sources
INTRODUCTION = '"""Each op is called twice with one program hash: a cache miss, then a cache hit."""'
HELPER = '''\
def on_host(@DEVICE@, output):
    outputs = output if isinstance(output, (list, tuple)) else [output]
@COMPOSER@    return [ttnn.to_torch(tensor@GATHERED@) for tensor in outputs if tensor is not None]


def outputs_of_a_hit(@DEVICE@, first_call, second_call, dummy_memory_config):
    """What the second call computes on a cache hit, and what it computes on a program of its own."""
    @DEVICE@.disable_and_clear_program_cache()
    @DEVICE@.enable_program_cache()
    kept = first_call()
    entries = @DEVICE@.num_program_cache_entries()
    assert entries > 0

    # What the first call used stays allocated, and so does this tensor, so that the second call gets other buffers.
    dummy = ttnn.from_torch(
        torch.zeros(1, 1, 32, 32), layout=ttnn.TILE_LAYOUT, device=@DEVICE@, memory_config=dummy_memory_config
    )
    moved = second_call()
    assert @DEVICE@.num_program_cache_entries() == entries, "the second call has to be a cache hit"
    for old, new in zip(kept[0], moved[0], strict=True):
        assert new.buffer_address() != old.buffer_address()
    hit = on_host(@DEVICE@, moved[1])
    del dummy, kept, moved

    @DEVICE@.disable_and_clear_program_cache()
    @DEVICE@.enable_program_cache()
    return hit, on_host(@DEVICE@, second_call()[1])'''
UNBOUND = "FILL IN: no Python binding was found that runs {}; the name is a guess."


@dataclass(frozen=True, slots=True)
class Case:
    """Findings that one pair of calls shows."""

    facts: FactoryFacts
    findings: tuple[Finding, ...]
    given: tuple[Given, ...]


def files(factories: Iterable[FactoryFacts], findings: Sequence[Finding]) -> dict[str, str]:
    """File name -> text: one file for each op."""
    grouped: dict[str, list[Case]] = {}
    for facts in factories:
        for case in cases(facts, findings):
            grouped.setdefault(_words(facts)[0], []).append(case)
    return {f"test_{op}_program_cache.py": module(found) for op, found in sorted(grouped.items())}


def render(factories: Iterable[FactoryFacts], findings: Sequence[Finding], view: View) -> str:
    """All files as one text, for a reader."""
    made = files(factories, findings)
    if not made:
        return "# No finding here that two calls can show.\n"
    parts = [f"# {name}\n{text}" if len(made) > 1 else text for name, text in made.items()]
    return "\n\n".join(parts)


def cases(facts: FactoryFacts, findings: Sequence[Finding]) -> list[Case]:
    """The findings of a factory, those that one world shows together."""
    grouped: dict[tuple[Given, ...], list[Finding]] = {}
    for finding in sorted(findings, key=lambda finding: list(Severity).index(finding.severity)):
        if finding.id not in SILENT and _concerns(facts, finding):
            grouped.setdefault(_witness(facts, finding), []).append(finding)
    return [Case(facts, tuple(group), given) for given, group in grouped.items()]


def _concerns(facts: FactoryFacts, finding: Finding) -> bool:
    """Is a finding this factory's? One about an op's hash goes to every factory of the op that it points at."""
    paths = {finding.place.path, *(related.place.path for related in finding.related)}
    if facts.call is not None and finding.factory == facts.call.operation:
        return facts.path in paths
    return finding.factory == facts.factory and facts.path in paths


def _witness(facts: FactoryFacts, finding: Finding) -> tuple[Given, ...]:
    """The world in which a finding was seen, and what else the second call may be given; else one of the base path."""
    others = {item.key: item.other for item in facts.given if item.other is not None}
    omitted = finding.slot.removeprefix(OMITTED) if finding.slot.startswith(OMITTED) else ""
    if omitted:
        return tuple(
            _changed(item) if item.key.startswith(omitted) else replace(item, other=None) for item in facts.given
        )
    found = [d.given for d in facts.differences if d.rows and set(d.rows) <= set(finding.rows)]
    found += [d.given for d in facts.differences if d.slot.name == finding.slot]
    return tuple(_moved(item, others) for item in (found[0] if found else facts.given))


def _changed(item: Given) -> Given:
    """A number that a finding about the hash is about: what the hash should leave out may be another in each call."""
    if item.other is not None or isinstance(item.value, (bool, str)):
        return item
    return replace(item, other=item.value + 1 if isinstance(item.value, int) else item.value + 0.5)


def _moved(item: Given, others: dict[str, Scalar]) -> Given:
    """A number among the attributes that the hash leaves out changes whatever the finding is about."""
    other = others.get(item.key) if item.key.startswith("operation_attributes.") else None
    number = isinstance(item.value, (int, float)) and not isinstance(item.value, bool)
    return replace(item, other=other) if item.other is None and number and other != item.value else item


def module(found: Sequence[Case]) -> str:
    """The text of one test file."""
    blocks: list[list[str]] = []
    memories: dict[str, list[str]] = {}
    names: set[str] = set()
    pcc = False
    for case in found:
        op, factory = _words(case.facts)
        name = f"{op}_{factory}" if factory else op
        number = 1
        while (unique := name if number == 1 else f"{name}_{number}") in names:
            number += 1
        names.add(unique)
        test = _Test(case, unique)
        blocks += [test.random(), test.run(), test.test()]
        memories |= test.inputs.memories
        pcc = pcc or test.call.golden
    mesh = any(case.facts.infra == MESH for case in found)
    head = [INTRODUCTION, "", *(["import pytest"] if mesh else []), "import torch", ""]
    head += ["import ttnn", *([UTILS] if pcc else [])]
    if memories:
        head += [""]
        for name, lines in memories.items():
            head += [f"{name} = {lines[0]}", *lines[1:]]
    blocks.insert(0, helper("mesh_device" if mesh else "device"))
    return "\n".join([*head, *(line for block in blocks for line in ("", "", *block))]) + "\n"


def helper(device: str) -> list[str]:
    """The function that all tests of a file share."""
    mesh = device == "mesh_device"
    composer = f"    composer = ttnn.ConcatMeshToTensor({device}, dim=0)\n" if mesh else ""
    text = HELPER.replace("@COMPOSER@", composer).replace("@GATHERED@", ", mesh_composer=composer" if mesh else "")
    return text.replace("@DEVICE@", device).split("\n")


def _words(facts: FactoryFacts) -> tuple[str, str]:
    """The op and the factory as parts of names."""
    called = facts.call if facts.call is not None else OpCall("", "")
    operation = snake(called.operation or facts.factory.partition("::")[0]).removesuffix("_operation")
    op = called.name.rpartition(".")[2] if called.name and is_dotted(called.name) else operation.removesuffix("_device")
    op = snake(op) or "op"
    factory = snake(facts.factory.rpartition("::")[2]).removesuffix("factory").strip("_").removesuffix("program")
    factory = factory.strip("_").removeprefix(op).strip("_")
    return identifier(op[:LONGEST], "op"), factory[:LONGEST].strip("_")


class _Test:
    """One test: what makes the torch inputs, what calls the op once, and the two calls."""

    def __init__(self, case: Case, name: str) -> None:
        self.case = case
        self.name = name
        called = case.facts.call
        bound = called is not None and bool(called.name) and is_dotted(called.name)
        self.bound = bound
        self.call = called if called is not None and bound else OpCall(f"ttnn.{_words(case.facts)[0]}", "")
        self.mesh = case.facts.infra == MESH
        self.device = "mesh_device" if self.mesh else "device"
        self.operation = (called.operation if called is not None else "") or case.facts.factory
        self.inputs: Inputs = inputs_of(case.given, self.call.arguments, self.device)
        if not bound:
            self._guess()

    def _guess(self) -> None:
        """Without a binding: the tensors of the world, in its order."""
        world = {item.key: item for item in self.case.given}
        keys = [key.removesuffix(".rank") for key in world if key.startswith("tensor_args.") and key.endswith(".rank")]
        for position, key in enumerate(keys):
            variable = identifier(key.partition(".")[2], f"tensor_{position}")
            self.inputs.tensors[variable] = tensor_spec(self.inputs, world, key)
        self.inputs.passed = list(self.inputs.tensors)
        lost, self.inputs.lost = self.inputs.lost, []
        for item in lost:
            name = identifier(item.key.rpartition(".")[2], "")
            if name and item.other is not None and not isinstance(item.value, str):
                self.inputs.varied[name] = (literal(item.value), literal(item.other))
                self.inputs.passed.append(f"{name}={name}")
            else:
                self.inputs.lost.append(item)

    @property
    def tensors(self) -> dict[str, TensorSpec]:
        return self.inputs.tensors

    def random(self) -> list[str]:
        """The function that makes one call's torch tensors."""
        body = call("return [", [spec.random for spec in self.tensors.values()], "    ", "]")
        return [f"def random_{self.name}_inputs():", *body]

    def run(self) -> list[str]:
        """The function that calls the op once."""
        star = ["*", *self.inputs.varied] if self.inputs.varied else []
        lines = call(f"def run_{self.name}(", [self.device, "torch_inputs", *star], "", "):")
        more = [f"device={self.device}"]
        if self.mesh:
            more.append(f"mesh_mapper=ttnn.ReplicateTensorToMesh({self.device})")
        for position, (variable, spec) in enumerate(self.tensors.items()):
            lines += spec.made(variable, f"torch_inputs[{position}]", "    ", more)
        if not self.bound:
            lines += comment(UNBOUND.format(self.operation), "    ")
        # What returns nothing writes to what it is given.
        nothing = self.call.returns == "void"
        for variable, several in self.inputs.semaphores.items():
            made = ("ttnn.create_global_semaphore(", [self.device, SEMAPHORE_CORES, "0"])
            if several:
                one = f"{made[0]}{', '.join(made[1])})"
                lines += call(f"{variable} = [", [one, one], "    ", "]")
            else:
                lines += call(f"{variable} = {made[0]}", made[1], "    ")
        lines += call(f"{'' if nothing else 'output = '}{self.call.name}(", self.inputs.passed, "    ")
        given = f"[{', '.join(self.tensors)}]"
        if len(given) > WIDTH - LONGEST:
            lines += call("tensors = [", list(self.tensors), "    ", "]")
            given = "tensors"
        parts = [given, given if nothing else "output", *self.inputs.semaphores]
        flat = f"    return {', '.join(parts)}"
        return [*lines, *([flat] if len(flat) <= WIDTH else call("return (", parts, "    "))]

    def test(self) -> list[str]:
        """The two calls, and the comparison."""
        device = self.device
        lines = ['@pytest.mark.parametrize("mesh_device", [(1, 2)], indirect=True)'] if self.mesh else []
        lines += [f"def test_{self.name}_cache_hit({device}):"]
        for finding in self.case.findings:
            lines += comment(said(finding), "    ")
        for item in self.inputs.lost:
            change = f"give the second call {item.other} instead of {item.value}"
            lines += comment(f"FILL IN: the hash leaves out {item.key}; {change}.", "    ")
        lines += ["    torch.manual_seed(0)"]
        lines += [f"    {inputs} = random_{self.name}_inputs()" for inputs in ("first", "second")]
        calls = [self._once("first", 0), self._once("second", 1)]
        lines += call("hit, fresh = outputs_of_a_hit(", [device, *calls, self._dummy()], "    ")
        lines += ["    for actual, expected in zip(hit, fresh, strict=True):"]
        lines += ["        torch.testing.assert_close(actual, expected, rtol=0, atol=0, equal_nan=True)"]
        return [*lines, *self._golden()]

    def _once(self, inputs: str, run: int) -> str:
        varied = [f"{name}={values[run]}" for name, values in self.inputs.varied.items()]
        lines = call(f"lambda: run_{self.name}(", [self.device, inputs, *varied], " " * 8, "),")
        return "\n".join(lines).strip().removesuffix(",")

    def _dummy(self) -> str:
        """Where the tensor goes that keeps the second call's buffers from the places of the first one's."""
        memory = next(iter(self.tensors.values()), TensorSpec()).memory
        local = memory == INTERLEAVED["L1"] or (memory in self.inputs.memories and not memory.endswith("DRAM"))
        return INTERLEAVED["L1" if local else "DRAM"]

    def _golden(self) -> list[str]:
        name = self.call.name
        if not self.call.golden:
            return ["", *comment(f"FILL IN: a golden function for {name}", "    ")]
        variables = list(self.tensors)
        values = {variable: pair[1] for variable, pair in self.inputs.varied.items()}
        passed = []
        for argument in self.inputs.passed:
            key, equals, value = argument.partition("=")
            inner = value if equals else key
            if inner in variables:
                inner = f"second[{variables.index(inner)}]"
            inner = values.get(inner, inner)
            passed.append(f"{key}={inner}" if equals else inner)
        lines = call(f"golden = ttnn.get_golden_function({name})(", passed, "    ")
        return ["", *lines, f"    assert_with_pcc(golden, hit[0], {PCC})"]


def said(finding: Finding) -> str:
    """A finding as a comment."""
    when = f"; when {', '.join(finding.when)}" if finding.when else ""
    place = f"{finding.place.path.rpartition('/')[2]}:{finding.place.line}"
    return f"{finding.id} {finding.rule}: {finding.message} ({place}{when})"
