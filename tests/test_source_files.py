"""Reading files: includes, the closure of a file, what is refused, and offsets that stay true."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tt_cache_lint.source.files import MAX_BYTES, MAX_LINE, SourceError, SourceFile, SourceTree
from tt_cache_lint.source.index import Index, Kind
from tt_cache_lint.source.walk import FileDefs


def tree(root: Path, **files: str) -> SourceTree:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_hpp", ".hpp").replace("_cpp", ".cpp")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return SourceTree(root)


def test_read_once(tmp_path: Path) -> None:
    made = tree(tmp_path, a_cpp="int a;")
    assert made.read("a.cpp") is made.read("a.cpp")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"int a;\0", "it is binary"),
        (b" " * (MAX_BYTES + 1), "it is larger than"),
        (b" " * (MAX_LINE + 1), "it has a line longer than"),
    ],
    ids=["binary", "large", "long line"],
)
def test_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.cpp").write_bytes(content)
    made = SourceTree(tmp_path)
    for _ in range(2):  # the second time it comes from the cache
        with pytest.raises(SourceError, match=message):
            made.read("a.cpp")
    assert made.get("a.cpp") is None
    assert message in made.problems["a.cpp"].message


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no such file"):
        SourceTree(tmp_path).read("a.cpp")


def test_directory(tmp_path: Path) -> None:
    (tmp_path / "a.cpp").mkdir()
    with pytest.raises(SourceError, match="not a regular file"):
        SourceTree(tmp_path).read("a.cpp")


def test_link_out_of_the_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret.hpp").write_text("int secret;")
    (root / "a.hpp").symlink_to(tmp_path / "secret.hpp")
    made = SourceTree(root)
    with pytest.raises(SourceError, match="outside the root"):
        made.read("a.hpp")


def test_link_inside_the_root(tmp_path: Path) -> None:
    made = tree(tmp_path, a_hpp="int a;")
    (tmp_path / "b.hpp").symlink_to(tmp_path / "a.hpp")
    assert made.read("b.hpp").original == b"int a;"


def test_link_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a.cpp").symlink_to(tmp_path / "b.cpp")
    (tmp_path / "b.cpp").symlink_to(tmp_path / "a.cpp")
    made = SourceTree(tmp_path)
    assert made.get("a.cpp") is None
    assert "a.cpp" in made.problems


def test_includes_never_leave_the_root(tmp_path: Path) -> None:
    (tmp_path / "secret.hpp").write_text("int secret;")
    made = tree(tmp_path / "root", a_cpp='#include "../secret.hpp"\n#include "/etc/passwd"\n')
    assert made.read("a.cpp").includes == ("../secret.hpp", "/etc/passwd")
    assert made.closure("a.cpp") == ("a.cpp",)


def test_not_utf8_is_read_with_a_remark(tmp_path: Path) -> None:
    (tmp_path / "a.cpp").write_bytes(b"// caf\xe9\nint g() { return 1; }\n")
    made = SourceTree(tmp_path)
    assert "g" in Index(made).defs("a.cpp").functions  # type: ignore[union-attr]
    assert "not UTF-8 (byte 6)" in made.problems["a.cpp"].message


def test_closure_is_nearest_first(tmp_path: Path) -> None:
    made = tree(
        tmp_path,
        op__a_cpp='#include "a.hpp"\n#include "lib/b.hpp"',
        op__a_hpp="",
        op__z_cpp="",
        lib__b_hpp='#include "lib/c.hpp"',
        lib__b_cpp="",
        lib__c_hpp='#include "lib/b.hpp"',
        lib__unrelated_hpp="",
    )
    assert made.closure("op/a.cpp") == ("op/a.cpp", "op/a.hpp", "op/z.cpp", "lib/b.hpp", "lib/b.cpp", "lib/c.hpp")


def test_walk_is_sorted_and_leaves_out_kernels(tmp_path: Path) -> None:
    made = tree(tmp_path, b__x_cpp="", a__y_hpp="", a__kernels__k_cpp="", _hidden="")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.cpp").write_text("")
    (tmp_path / "note.txt").write_text("")
    assert list(made.walk("")) == ["a/y.hpp", "b/x.cpp"]
    assert list(made.walk("b")) == ["b/x.cpp"]


def test_walk_does_not_follow_links_to_folders(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.cpp").write_text("")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(outside)
    (root / "self").symlink_to(root)
    assert list(SourceTree(root).walk("")) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.cpp").write_text("int a;")
    (tmp_path / "a.cpp").chmod(0)
    with pytest.raises(SourceError, match="cannot be read"):
        SourceTree(tmp_path).read("a.cpp")


def test_instantiations_are_blanked_in_place() -> None:
    text = b"int a;\ntemplate struct ns::X<true, 3>;\ntemplate class Y<false>;\nint b;\n"
    file = SourceFile("a.cpp", text)
    assert file.instantiations == [("ns::X", "true, 3"), ("Y", "false")]
    assert len(file.text) == len(text)
    assert file.text.count(b"\n") == text.count(b"\n")
    assert not file.root.has_error


def test_macro_expansion_says_where_it_stands() -> None:
    text = b"#define F(name) struct name { int x; };\nstruct Op {\n    int y;\n    F(Inner)\n};\n"
    file = SourceFile("a.cpp", text)
    (expansion,) = file.expansions
    assert expansion.line == 4
    assert expansion.text.strip() == b"struct Inner { int x; };"
    assert len(file.text) == len(text)


def test_macro_with_wrong_argument_count_stays(tmp_path: Path) -> None:
    file = SourceFile("a.cpp", b"#define F(a, b) struct a { int b; };\nstruct Op {\n    F(Inner)\n};\n")
    assert file.expansions == []


def test_definitions_survive_broken_neighbours(tmp_path: Path) -> None:
    made = tree(tmp_path, a_cpp="int good() { return 1; }\nint bad( { { ;\nint also_good() { return 2; }\n")
    defs = Index(made).defs("a.cpp")
    assert defs is not None
    assert "good" in defs.functions


@pytest.mark.parametrize(
    "text", ["", "\n", "// only a comment", "#include <x>", "\ufeffint f();", "int", "}}}}", "((((", "namespace {"]
)
def test_odd_files_have_definitions(tmp_path: Path, text: str) -> None:
    assert Index(tree(tmp_path, a_cpp=text)).defs("a.cpp") is not None


def test_crlf(tmp_path: Path) -> None:
    (tmp_path / "a.cpp").write_bytes(b'#include "b.hpp"\r\nint f() {\r\n    return 3;\r\n}\r\n')
    made = SourceTree(tmp_path)
    file = made.read("a.cpp")
    assert file.includes == ("b.hpp",)
    assert file.lines[1] == "int f() {"
    defs = Index(made).defs("a.cpp")
    assert defs is not None
    assert defs.functions["f"][0].line == 2


DEFINITIONS = """
struct Plain { int x; };
class Derived final : public Plain { void inside(); };
template <> struct Special<Plain> { };
union Both { int i; float f; };
enum class Choice : uint8_t { A };
using Short = std::vector<ns::Long>;
using other::Borrowed;
typedef ns::Long Old;
struct Ruled { Ruled(const Ruled&) = delete; Ruled() noexcept = default; };
void commented(int a,  // one; two {
    /* three; four */ int b) { }
auto Plain::trailing(std::function<void(int)> f = {}) const -> decltype(f) { return f; }
template <typename T> bool special<T>(T t) requires std::integral<T> { return true; }
Ruled::Outside(int a) : x_(a), y_{a} { }
struct Moved {
    // Only moved (never copied).
    Moved(Moved&& other) = default;
};
int* declared(const Plain&, int = 3);
    Plain
    broken_line(int);
constexpr uint32_t WIDTH = 32;
const Plain PLAIN{3};
int first = f(1, 2), second, *third = nullptr;
int (*pointer)(int) = &declared;
template <> const int Special<Plain>::COUNT = 3;
static std::map<int, int> table [[maybe_unused]], other_table;
#  define MACRO 3
enum class Colour : int { RED = f({1}), /* } */ GREEN,
    // blue; like the {sky}
    BLUE [[deprecated]] = 3
};
enum { ANONYMOUS };
"""


def test_the_text_of_a_file_tells_of_everything_that_it_defines(tmp_path: Path) -> None:
    (tmp_path / "all.hpp").write_text(DEFINITIONS, encoding="utf-8")
    made = SourceTree(tmp_path)
    index, defs = Index(made), FileDefs(made.read("all.hpp"))
    kinds: tuple[Kind, ...] = ("structs", "enums", "aliases", "functions", "declarations", "consts", "enumerators")
    for kind in kinds:
        assert getattr(defs, kind)
        for name in getattr(defs, kind):
            assert index._may_define(kind, name, "all.hpp"), (kind, name)


def test_a_file_that_only_mentions_a_name_is_not_parsed_for_it(tmp_path: Path) -> None:
    text = (
        "using namespace a::Space;\nusing Space::x;\nstruct D : public Base { void f(); };\nint y = g(call(1));\n"
        "struct Ahead;\nenum class Kind { A };\nvoid use(int a) {\n    if (test(a)) { return give(a, {1}); }\n"
        "    switch (a) { case Kind::A: g(a, HEIGHT, ns::WIDTH); std::variant<int, Name, char> v = HEIGHT; }\n}\n"
    )
    (tmp_path / "all.hpp").write_text(text, encoding="utf-8")
    index = Index(SourceTree(tmp_path))
    assert not index._may_define("aliases", "Space", "all.hpp")
    assert not index._may_define("structs", "Base", "all.hpp")
    assert not index._may_define("functions", "call", "all.hpp")
    assert not index._may_define("functions", "f", "all.hpp")
    mentioned: dict[Kind, str] = {
        "structs": "Ahead Kind",
        "functions": "test give",
        "declarations": "give test",
        "consts": "HEIGHT WIDTH Name A Kind",
        "enumerators": "HEIGHT Name a",
    }
    for kind, names in mentioned.items():
        for name in names.split():
            assert not index._may_define(kind, name, "all.hpp"), (kind, name)


def test_a_name_that_is_written_very_often_does_not_take_long(tmp_path: Path) -> None:
    (tmp_path / "all.hpp").write_text("f(\n" * 400_000, encoding="utf-8")
    index, started = Index(SourceTree(tmp_path)), time.process_time()
    assert index._may_define("functions", "f", "all.hpp")
    kinds: tuple[Kind, ...] = ("structs", "enums", "aliases", "declarations", "consts", "enumerators")
    for kind in kinds:
        index._may_define(kind, "f", "all.hpp")
    assert time.process_time() - started < 2


def test_comments_between_parameters_do_not_take_long(tmp_path: Path) -> None:
    """Each comment may be read in one way only; with two, forty of them would never end."""
    parameters = ",\n".join(f"    int p{n}  // what the number {n} is" for n in range(40))
    (tmp_path / "a.cpp").write_text(f"int made(\n{parameters}\n);\nint used() {{ return made(); }}\n")
    started = time.process_time()
    assert not Index(SourceTree(tmp_path)).functions("made", "a.cpp")
    assert time.process_time() - started < 2


def test_a_text_that_is_put_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.cpp").write_text("int from_disk;")
    tree = SourceTree(tmp_path)
    tree.put("a.cpp", b"int from_editor;")
    assert tree.read("a.cpp").original == b"int from_editor;"
    assert SourceTree(tmp_path).read("a.cpp").original == b"int from_disk;"
