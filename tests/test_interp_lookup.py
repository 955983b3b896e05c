"""Where names come from: other files, namespaces, headers with their sibling sources, macros, instantiations."""

from __future__ import annotations

from pathlib import Path

import pytest

from interp_snippets import MAIN, interp_of, run, value
from tt_cache_lint.factory.find import Finder
from tt_cache_lint.interp.values import Unknown, mask
from tt_cache_lint.interp.world import HIDDEN_STATE

HEADER = "#pragma once\n"


def in_files(root: Path, code: str, **files: str) -> object:
    """The value of f() in `code`; keyword `a_hpp` is the file a.hpp."""
    names = {name.replace("_hpp", ".hpp").replace("_cpp", ".cpp"): text for name, text in files.items()}
    return value(root, {MAIN: code, **names})


def test_same_file_before_and_after(tmp_path: Path) -> None:
    assert value(tmp_path, "int g(); int f() { return g() + h(); } int g() { return 1; } int h() { return 2; }") == 3


def test_header_with_body(tmp_path: Path) -> None:
    assert (
        in_files(tmp_path, '#include "a.hpp"\nint f() { return g(4); }', a_hpp="inline int g(int x) { return x + 1; }")
        == 5
    )


def test_sibling_source_of_an_included_header(tmp_path: Path) -> None:
    files = {
        MAIN: '#include "lib/a.hpp"\nint f() { return ns::g(4); }',
        "lib/a.hpp": "namespace ns { int g(int x); }",
        "lib/a.cpp": '#include "a.hpp"\nnamespace ns { int g(int x) { return x * 2; } }',
    }
    assert value(tmp_path, files) == 8


def test_include_of_an_include(tmp_path: Path) -> None:
    files = {
        MAIN: '#include "lib/a.hpp"\nint f() { return deep(); }',
        "lib/a.hpp": '#include "inner/b.hpp"',
        "lib/inner/b.hpp": "inline int deep() { return 42; }",
    }
    assert value(tmp_path, files) == 42


def test_include_roots_of_tt_metal(tmp_path: Path) -> None:
    files = {
        "ttnn/cpp/ttnn/operations/op/x.cpp": '#include "ttnn/operations/core/c.hpp"\nint f() { return common(); }',
        "ttnn/cpp/ttnn/operations/core/c.hpp": "inline int common() { return 7; }",
    }
    assert run(tmp_path, files, at="ttnn/cpp/ttnn/operations/op/x.cpp").data == 7


def test_file_in_the_same_folder_without_an_include(tmp_path: Path) -> None:
    assert in_files(tmp_path, "int g(int); int f() { return g(3); }", other_cpp="int g(int x) { return x + 10; }") == 13


def test_default_argument_of_the_header_declaration(tmp_path: Path) -> None:
    code = '#include "a.hpp"\nint g(int x, int y, int z) { return x * 100 + y * 10 + z; }\nint f() { return g(1); }'
    assert in_files(tmp_path, code, a_hpp="int g(int x, int y = 2, int z = 3);") == 123


def test_default_argument_of_a_header_for_another_source(tmp_path: Path) -> None:
    code = '#include "a.hpp"\nint f() { return ns::g(1) + ns::g(1, false); }'
    files = {
        "a_hpp": "namespace ns { constexpr int K = 5; int g(int x, bool b = true, int k = K); }",
        "a_cpp": '#include "a.hpp"\nnamespace ns { int g(int x, bool b, int k) { return b ? x * k : 100; } }',
    }
    assert in_files(tmp_path, code, **files) == 105


def test_default_arguments_of_one_overload_only(tmp_path: Path) -> None:
    """Both overloads have three parameters; only the one whose declaration has a default takes two arguments."""
    header = """
    struct Signaler {
        int init(int a, int b, const std::vector<int>& cores);
        int init(int a, const std::variant<int, float>& b, bool mode = true);
    };
    """
    source = """
    #include "h.hpp"
    int Signaler::init(int a, int b, const std::vector<int>& cores) { return 1; }
    int Signaler::init(int a, const std::variant<int, float>& b, bool mode) { return mode ? 2 : 3; }
    int f() { Signaler s; return s.init(4, 5) * 10 + s.init(4, 5, {6}); }
    """
    assert in_files(tmp_path, source, h_hpp=header) == 21


def test_empty_braces_as_a_default_argument_of_a_declaration(tmp_path: Path) -> None:
    code = (
        '#include "a.hpp"\nint g(int x, const std::vector<int>& v, O o) { '
        "return x * 100 + v.size() * 10 + o.n; }\nint f() { return g(1); }"
    )
    header = "struct O { int n = 4; }; int g(int x, const std::vector<int>& v = {}, O o = {});"
    assert in_files(tmp_path, code, a_hpp=header) == 104


def test_nearest_namespace_wins(tmp_path: Path) -> None:
    code = """
namespace a { int g() { return 1; } }
namespace b { int g() { return 2; } int f() { return g(); } }
namespace b::c { int h() { return g(); } }
int f2() { return a::g() * 100 + b::f() * 10 + b::c::h(); }
"""
    assert value(tmp_path, code, "f2") == 122


def test_anonymous_namespace_and_using_directive(tmp_path: Path) -> None:
    code = """
namespace { int g() { return 1; } }
namespace util { int h() { return 5; } constexpr int K = 3; enum class E { A, B = 8 }; }
using namespace util;
int f() { return g() * 1000 + h() * 100 + K * 10 + static_cast<int>(E::B); }
"""
    assert value(tmp_path, code) == 1538


def test_namespace_alias_and_using_declaration(tmp_path: Path) -> None:
    code = """
namespace long_name::inner { int g() { return 3; } int h() { return 4; } }
namespace ln = long_name::inner;
using long_name::inner::h;
int f() { return ln::g() * 10 + h(); }
"""
    assert value(tmp_path, code) == 34


def test_static_helpers_of_two_files_do_not_mix(tmp_path: Path) -> None:
    code = '#include "b.hpp"\nstatic int helper() { return 1; }\nint f() { return helper() * 10 + other(); }'
    files = {"b_hpp": "int other();", "b_cpp": "static int helper() { return 2; }\nint other() { return helper(); }"}
    assert in_files(tmp_path, code, **files) == 12


def test_own_function_wins_over_a_known_one(tmp_path: Path) -> None:
    assert value(tmp_path, "int round_up(int a, int b) { return 77; } int f() { return round_up(3, 4); }") == 77


def test_own_min_with_other_arguments(tmp_path: Path) -> None:
    assert (
        value(tmp_path, "int clamp(int a) { return a + 1; } int f() { return clamp(3) * 10 + std::clamp(3, 4, 5); }")
        == 44
    )


def test_constant_of_a_header(tmp_path: Path) -> None:
    code = '#include "a.hpp"\nint f() { return lib::SIZE * 10 + COUNT; }'
    assert (
        in_files(tmp_path, code, a_hpp="#define COUNT 3\nnamespace lib { inline constexpr uint32_t SIZE = 2 + 2; }")
        == 43
    )


def test_struct_and_enum_of_a_header(tmp_path: Path) -> None:
    code = '#include "a.hpp"\nint f() { lib::S s; s.e = lib::E::B; return s.n * 10 + static_cast<int>(s.e); }'
    assert (
        in_files(
            tmp_path, code, a_hpp="namespace lib { enum class E { A, B = 3 }; struct S { int n = 4; E e = E::A; }; }"
        )
        == 43
    )


def test_method_of_a_class_in_another_source(tmp_path: Path) -> None:
    code = '#include "a.hpp"\nint f() { lib::S s{5}; return s.twice() + lib::S::one(); }'
    files = {
        "a_hpp": "namespace lib { struct S { int n; int twice() const; static int one(); }; }",
        "a_cpp": (
            '#include "a.hpp"\nnamespace lib { int S::twice() const { return n * 2; } int S::one() { return 1; } }'
        ),
    }
    assert in_files(tmp_path, code, **files) == 11


def test_template_of_a_header(tmp_path: Path) -> None:
    code = '#include "a.hpp"\nint f() { return pick<true>(3) * 10 + pick<false>(3); }'
    header = "template <bool B> int pick(int x) { if constexpr (B) { return x; } else { return x + 1; } }"
    assert in_files(tmp_path, code, a_hpp=header) == 34


def test_alias_of_an_alias_in_a_header(tmp_path: Path) -> None:
    code = '#include "a.hpp"\nint f() { lib::Args v = {1, 2, 300}; return v.size() * 1000 + v[2]; }'
    assert (
        in_files(tmp_path, code, a_hpp="namespace lib { using Word = uint8_t; using Args = std::vector<Word>; }")
        == 3044
    )


def test_function_nobody_defines_is_counted(tmp_path: Path) -> None:
    ran = run(tmp_path, "int f() { return nobody(3); }")
    assert isinstance(ran.value, Unknown)
    assert ran.machine.unknown == {"nobody": 1}


def test_the_same_unknown_call_gives_the_same_value(tmp_path: Path) -> None:
    code = "bool f() { int a = nobody(3) + 1; int b = nobody(3) + 1; return a == b; }"
    ran = run(tmp_path, code)
    assert ran.data is True


def test_an_unknown_function_may_write_through_a_reference(tmp_path: Path) -> None:
    """Design section 3, escape: what it may have written is unknown."""
    ran = run(tmp_path, "std::vector<int> f() { std::vector<int> v{1}; fill_in(v); v.push_back(2); return v; }")
    assert len(ran.value.items) == 3
    assert ran.machine.unknown == {"fill_in": 1}


MACRO = """
#define FACTORY_H(name)                                                   \\
    struct name {                                                         \\
        struct shared_variables_t { uint32_t kernel = 0; };               \\
        using cached_program_t = CachedProgram<shared_variables_t>;       \\
        static cached_program_t create(const attrs& a, const args& t, Tensor& o); \\
        static void override_runtime_arguments(cached_program_t& p, const attrs& a, const args& t, Tensor& o); \\
    };
"""


def test_factory_declared_by_a_macro_in_a_class_body(tmp_path: Path) -> None:
    code = (
        MACRO
        + """
struct Op {
    FACTORY_H(First)
    FACTORY_H(Second);
    using program_factory_t = std::variant<First, Second>;
};
Op::First::cached_program_t Op::First::create(const attrs& a, const args& t, Tensor& o) { return {}; }
void Op::First::override_runtime_arguments(cached_program_t& p, const attrs& a, const args& t, Tensor& o) {}
Op::Second::cached_program_t Op::Second::create(const attrs& a, const args& t, Tensor& o) { return {}; }
void Op::Second::override_runtime_arguments(cached_program_t& p, const attrs& a, const args& t, Tensor& o) {}
"""
    )
    factories = Finder(interp_of(tmp_path, code)).in_file(MAIN)
    assert [f.name for f in factories] == ["Op::First", "Op::Second"]
    assert all(f.shared is not None and [x.name for x in f.shared.fields] == ["kernel"] for f in factories)
    assert all(f.override is not None and f.op is not None and f.op.name == "Op" for f in factories)


INSTANCES = """
template <bool ROWS, uint32_t N>
struct Factory {
    struct shared_variables_t { uint32_t kernel = 0; };
    using cached_program_t = CachedProgram<shared_variables_t>;
    static cached_program_t create(const attrs& a, const args& t, Tensor& o) { return {}; }
    static void override_runtime_arguments(cached_program_t& p, const attrs& a, const args& t, Tensor& o) {}
};
"""


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("template struct Factory<true, 3>;", [{"ROWS": True, "N": 3}]),
        (
            "template struct Factory<true, 3>;\ntemplate class Factory<false, 0x10>;",
            [{"ROWS": True, "N": 3}, {"ROWS": False, "N": 16}],
        ),
    ],
)
def test_written_instantiations_are_the_ones_looked_at(
    tmp_path: Path, written: str, expected: list[dict[str, object]]
) -> None:
    factories = Finder(interp_of(tmp_path, INSTANCES + written)).in_file(MAIN)
    assert [f.templates for f in factories] == [expected]


def test_both_values_of_a_bool_parameter_without_an_instantiation(tmp_path: Path) -> None:
    code = INSTANCES.replace("bool ROWS, uint32_t N", "bool ROWS")
    (factory,) = Finder(interp_of(tmp_path, code)).in_file(MAIN)
    assert factory.templates == [{"ROWS": True}, {"ROWS": False}]


@pytest.mark.parametrize(
    "variable",
    [
        "static int calls = 3;",
        "int calls = 3;",
        "namespace { int calls = 3; }",
        "constinit int calls = 3;",
        "thread_local int calls{3};",
        "static int calls;",
        "struct S { static int calls; }; int S::calls = 3;",
    ],
)
def test_a_variable_that_outlives_the_call_is_hidden_state(tmp_path: Path, variable: str) -> None:
    name = "S::calls" if "struct S" in variable else "calls"
    ran = run(tmp_path, f"{variable}\nint f() {{ return {name} * 2 + 1; }}")
    world = ran.machine.world
    assert [n for n in world.leaves(mask(ran.value)) if n.startswith(HIDDEN_STATE)], ran.value
    assert ran.data != 7


@pytest.mark.parametrize(
    "constant", ["static const int n = 3;", "constexpr int n = 3;", "inline constexpr int n{3};", "#define n 3\n"]
)
def test_a_constant_is_not(tmp_path: Path, constant: str) -> None:
    assert value(tmp_path, f"{constant}\nint f() {{ return n * 2 + 1; }}") == 7


def test_a_local_static_is_hidden_state_unless_constant(tmp_path: Path) -> None:
    ran = run(tmp_path, "int g() { static int n = 0; return ++n; } int f() { g(); return g(); }")
    assert [n for n in ran.machine.world.leaves(mask(ran.value)) if n.startswith(HIDDEN_STATE)]
    assert value(tmp_path, "int f() { static const int n = 3; return n; }") == 3


OWN = "struct Tile { int rows = 3; }; struct Attributes { int count = 4; Attributes() = default; };"


@pytest.mark.parametrize("place", ["namespace ttnn::operations::own {", ""])
def test_a_struct_of_the_checked_code_is_not_the_apis_of_that_name(tmp_path: Path, place: str) -> None:
    end = "}" if place else ""
    code = f'#include "own.hpp"\n{place} int f() {{ Tile tile; Attributes a; return tile.rows + a.count; }} {end}'
    assert in_files(tmp_path, code, own_hpp=f"#pragma once\n{place} {OWN} {end}") == 7


def test_a_type_of_the_api_is_what_the_device_model_says(tmp_path: Path) -> None:
    code = '#include "tile.hpp"\nusing namespace tt::tt_metal; int f() { Tile tile; return tile.get_height(); }'
    assert in_files(tmp_path, code, tile_hpp="namespace tt::tt_metal { class Tile { int rows = 3; }; }") == 32


def test_a_member_of_the_class_hides_what_the_file_has_of_that_name(tmp_path: Path) -> None:
    header = """#pragma once
    namespace own {
    struct Op { struct Args { int n = 5; }; using Plan = Args; struct Factory { static int run(); }; };
    }"""
    code = """#include "own.hpp"
    namespace own {
    struct Args { int n = 1; };
    struct Plan { int n = 2; };
    int Op::Factory::run() { Args a; Plan p; return 10 * a.n + p.n; }
    }
    int f() { return own::Op::Factory::run(); }"""
    assert in_files(tmp_path, code, own_hpp=header) == 55


def test_a_class_that_is_called_like_a_namespace_elsewhere(tmp_path: Path) -> None:
    files = {
        MAIN: '#include "a.hpp"\n#include "far/b.hpp"\nint f() { return plan::rows() + far::plan::rows(); }',
        "a.hpp": "struct plan { static int rows() { return 3; } };",
        "far/b.hpp": "namespace far { namespace plan { inline int rows() { return 40; } } }",
    }
    assert value(tmp_path, files) == 43


def test_what_one_file_calls_a_namespace_is_a_class_in_another(tmp_path: Path) -> None:
    """One index answers for both files; the order of the questions changes no answer."""
    files = {
        MAIN: '#include "far/b.hpp"\n#include "near/a.hpp"\nint f() { return g() + h(); }',
        "far/b.hpp": "namespace plan { inline int size() { return 4; } } inline int g() { return plan::size(); }",
        "near/a.hpp": '#include "c.hpp"\ninline int h() { plan p; return p.n; }',
        "near/c.hpp": "struct plan { int n = 30; };",
    }
    assert value(tmp_path, files) == 34


def test_true_and_false_where_the_grammar_sees_a_declaration(tmp_path: Path) -> None:
    code = "struct Pair { Pair(bool a, bool b) : n(a * 2 + b) {} int n; }; int f() { Pair p(true, false); return p.n; }"
    assert in_files(tmp_path, code) == 2
