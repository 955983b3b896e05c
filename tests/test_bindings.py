"""Python bindings are read from nanobind and pybind11 code, and followed to the op they run."""

from __future__ import annotations

from pathlib import Path

import pytest

import bound_op
from tt_cache_lint.call import OpCall
from tt_cache_lint.engine import Options, analyse
from tt_cache_lint.source.bindings import Binding, bindings
from tt_cache_lint.source.files import SourceFile, SourceTree
from tt_cache_lint.source.golden import has_golden


def read(text: str) -> list[Binding]:
    return list(bindings(SourceFile("x_nanobind.cpp", text.encode())))


def described(text: str) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """Name and overloads; a `*` marks what is passed by name only, `=` what has a default."""
    found = []
    for binding in read(text):
        overloads = []
        for overload in binding.overloads:
            marks = [
                f"{'*' if a.keyword else ''}{a.name}{f'={a.default}' if a.default else ''}" for a in overload.arguments
            ]
            overloads.append(("::".join(overload.target) or ("lambda" if overload.lambda_ else ""), marks))
        found.append((binding.name, overloads))
    return found


DIRECT = """void f(nb::module_& mod) {
    ttnn::bind_function<"dropout", "ttnn.experimental.">(mod, doc, &ttnn::experimental::dropout,
        nb::arg("input"), nb::kw_only(), nb::arg("seed").noconvert(), nb::arg("p").none() = 0.5f);
}"""
OVERLOADED = """void f(nb::module_& mod) {
    ttnn::bind_function<"pad">(mod, doc,
        ttnn::overload_t(nb::overload_cast<const Tensor&, int>(&ttnn::pad), nb::arg("a"), nb::arg("n")),
        ttnn::overload_t{static_cast<Tensor (*)(const Tensor&)>(&ttnn::pad), nb::arg("a") = nb::none()});
}"""
HELPER = """template <ttnn::unique_string Name, typename Func>
void bind_unary(nb::module_& mod, Func function, const std::string& range) {
    ttnn::bind_function<Name>(mod, doc.c_str(), function, nb::arg("input"));
}
void f(nb::module_& mod) {
    bind_unary<"exp">(mod, &ttnn::exp, "any");
    bind_unary<"log">(mod, ttnn::log, "positive");
}"""
REGISTERED = """void f(py::module& module) {
    bind_registered_operation(module, ttnn::experimental::copy, "doc",
        ttnn::pybind_overload_t{
            [](const decltype(ttnn::copy)& self, const ttnn::Tensor& input, float x) { return self(input, x); },
            py::arg("input"), py::kw_only(), py::arg("x") = 1.0});
    bind_registered_operation(module, ttnn::move, "doc", ttnn::pybind_arguments_t{py::arg("input")});
}"""

THROUGH = """template <typename Op>
void bind_cache(py::module& module, const Op& operation) {
    bind_registered_operation(module, operation, "doc", ttnn::pybind_arguments_t{py::arg("cache")});
}
void f(py::module& module) { bind_cache(module, ttnn::fill_cache); detail::bind_cache(module, ttnn::kv::update); }"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DIRECT, [("ttnn.experimental.dropout", [("ttnn::experimental::dropout", ["input", "*seed", "*p=0.5f"])])]),
        (OVERLOADED, [("ttnn.pad", [("ttnn::pad", ["a", "n"]), ("ttnn::pad", ["a=nb::none()"])])]),
        (HELPER, [("ttnn.exp", [("ttnn::exp", ["input"])]), ("ttnn.log", [("ttnn::log", ["input"])])]),
        (REGISTERED, [("ttnn.experimental.copy", [("lambda", ["input", "*x=1.0"])]), ("ttnn.move", [("", ["input"])])]),
        (THROUGH, [("ttnn.fill_cache", [("", ["cache"])]), ("ttnn.kv.update", [("", ["cache"])])]),
        ("void f() { bind_function<>(); bind_function<name>(mod); bind_registered_operation(); nb::arg(); }", []),
        ('void f( { ttnn::bind_function<"', []),
    ],
)
def test_the_styles_of_binding(text: str, expected: object) -> None:
    assert described(text) == expected


def called(root: Path) -> OpCall:
    (facts,) = analyse(root, [root / bound_op.FACTORY], Options(paths_budget=1, calls=True)).facts
    assert facts.call is not None
    return facts.call


def test_a_factory_is_followed_to_its_call(tmp_path: Path) -> None:
    bound_op.write(tmp_path)
    call = called(tmp_path)
    assert (call.name, call.operation, call.returns) == (
        "ttnn.operations.momentum_step",
        "MomentumStepOperation",
        "tuple",
    )
    feeds = {argument.name: argument.feeds for argument in call.arguments}
    assert feeds == {
        "param": ("operation_attributes.memory_config", "tensor_args.param"),
        "grad": ("tensor_args.grad",),
        "velocity": ("tensor_args.velocity",),
        "lr": ("operation_attributes.lr",),  # through a local variable
        "momentum": ("operation_attributes.momentum",),
        "step": ("operation_attributes.step",),
        "nesterov": ("operation_attributes.nesterov",),
        "memory_config": ("operation_attributes.memory_config",),
    }
    types = {argument.name: (argument.type, argument.optional, argument.keyword) for argument in call.arguments}
    assert types["grad"] == ("Tensor", False, False)
    assert types["memory_config"] == ("MemoryConfig", True, True)


OLDER = """
namespace ttnn::operations::moreh::momentum_step {
struct ExecuteMomentumStep {
    static std::tuple<Tensor, Tensor> invoke(
        const Tensor& param, const Tensor& grad, const Tensor& velocity, float lr) {
        return ttnn::prim::momentum_step(param, grad, velocity, lr, 0.0f, 0, false, std::nullopt);
    }
};
}
namespace ttnn {
constexpr auto momentum_step = ttnn::register_operation<
    "ttnn::momentum_step", ttnn::operations::moreh::momentum_step::ExecuteMomentumStep>();
}
"""
PRIM = bound_op.FUNCTION.partition("namespace ttnn {")[0]


def test_a_registered_operation_is_followed(tmp_path: Path) -> None:
    binding = """#include "momentum_step.hpp"
    void bind(nb::module_& mod) {
        bind_registered_operation(mod, ttnn::momentum_step, doc, ttnn::nanobind_arguments_t{
            nb::arg("param"), nb::arg("grad"), nb::arg("velocity"), nb::arg("lr")});
    }"""
    bound_op.write(tmp_path, binding)
    folder = tmp_path / bound_op.OP
    (folder / "momentum_step.hpp").write_text(f"#pragma once\n{OLDER}")
    (folder / "momentum_step.cpp").write_text(PRIM)
    call = called(tmp_path)
    assert call.name == "ttnn.momentum_step"
    assert [argument.feeds for argument in call.arguments][1:] == [
        ("tensor_args.grad",),
        ("tensor_args.velocity",),
        ("operation_attributes.lr",),
    ]


def test_a_bound_lambda_and_lists_of_tensors_are_followed(tmp_path: Path) -> None:
    """The older way, with its own infra: only the call is looked at here, so the factory may be any."""
    binding = """#include "momentum_step.hpp"
    void bind(py::module& module) {
        bind_registered_operation(module, ttnn::momentum_step, doc, ttnn::pybind_overload_t{
            [](const Op& self, const ttnn::Tensor& a, const ttnn::Tensor& b, const std::optional<Tensor>& c, int q) {
                return self(q, b, a, c); },
            py::arg("a"), py::arg("b"), py::kw_only(), py::arg("c") = std::nullopt, py::arg("queue_id") = 0});
    }"""
    bound_op.write(tmp_path, binding)
    folder = tmp_path / bound_op.OP
    (folder / "momentum_step.cpp").unlink()
    (folder / "momentum_step.hpp").write_text("""#pragma once
    namespace ttnn {
    struct Execute {
        static Tensor invoke(const Tensor& param, const Tensor& grad, const std::optional<Tensor>& mask) {
            return operation::run(operation_attributes_t{.lr = 0.5f}, {param, grad}, {mask}).at(0);
        }
    };
    constexpr auto momentum_step = ttnn::register_operation<"ttnn::momentum_step", Execute>();
    }""")
    call = called(tmp_path)
    assert call.name == "ttnn.momentum_step"
    assert {argument.name: argument.feeds for argument in call.arguments} == {
        "a": ("tensor_args.input_tensors[1]",),
        "b": ("tensor_args.input_tensors[0]",),
        "c": ("tensor_args.optional_input_tensors[0]",),
        "queue_id": (),
    }


def test_a_binding_that_runs_another_op_is_not_taken(tmp_path: Path) -> None:
    bound_op.write(tmp_path, bound_op.BINDING.replace("&ttnn::momentum_step", "&ttnn::something_else"))
    assert called(tmp_path) == OpCall("", "MomentumStepOperation")


def test_golden_functions_are_read_not_run(tmp_path: Path) -> None:
    folder = tmp_path / "ttnn/ttnn/operations"
    folder.mkdir(parents=True)
    tree = SourceTree(tmp_path)
    (folder / "a.py").write_text("ttnn.attach_golden_function(ttnn.add, golden_function=f)\n# ttnn.exp\n")
    (folder / "broken.py").write_text("ttnn.attach_golden_function(ttnn.exp, (\n")
    (folder / "bytes.py").write_bytes(b"ttnn.attach_golden_function(ttnn.exp)\0\xff")
    assert has_golden(tree, "ttnn.add")
    assert not has_golden(tree, "ttnn.exp")
    assert not has_golden(tree, "ttnn.ad")
