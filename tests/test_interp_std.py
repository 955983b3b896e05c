"""The standard library as factories use it: containers, iterators, algorithms, optional, tuple, variant, strings.

Every expectation was checked against g++ -std=c++20.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from interp_snippets import Case, parameters, run, value
from tt_cache_lint.interp.interrupts import Exhausted, Implausible

STREAM = [
    Case(
        "text of a stream",
        'std::string f() { std::stringstream s; s << "a" << 1 << ", "; s << 2; return s.str(); }',
        "a1, 2",
    ),
    Case(
        "text of a stream that starts with some",
        'std::string f() { std::ostringstream s; int n = 4096; s << "[" << n; s.str(""); s << n; return s.str(); }',
        "4096",
    ),
]

VECTOR = [
    Case(
        "push_back",
        "std::vector<int> f() { std::vector<int> v; v.push_back(1); v.emplace_back(2); v.push_back(3); return v; }",
        [1, 2, 3],
    ),
    Case(
        "elements convert",
        "std::vector<uint8_t> f() { std::vector<uint8_t> v; v.push_back(257); v.emplace_back(258); return v; }",
        [1, 2],
    ),
    Case(
        "element assignment converts",
        "int f() { std::vector<uint8_t> v{1}; v[0] = 300; return v[0]; }",
        44,
        bug="an element assignment does not convert to the element type",
    ),
    Case(
        "list elements convert",
        "std::vector<uint32_t> f() { int n = 3; return {(uint32_t)n, (uint32_t)-1, true}; }",
        [3, 0xFFFFFFFF, 1],
    ),
    Case("size constructor", "std::vector<int> f() { return std::vector<int>(3); }", [0, 0, 0]),
    Case("count and value", "std::vector<int> f() { std::vector<int> v(2, 7); return v; }", [7, 7]),
    Case("braces are elements", "std::vector<int> f() { std::vector<int> v{2, 7}; return v; }", [2, 7]),
    Case(
        "bool vector",
        "std::vector<bool> f() { std::vector<bool> v(2, false); v[1] = true; return v; }",
        [False, True],
    ),
    Case(
        "braces with iterators",
        "std::vector<int> f() { std::vector<int> v{1, 2, 3}; std::vector<int> w{v.begin(), v.end()}; return w; }",
        [1, 2, 3],
    ),
    Case(
        "braces with iterators over pairs",
        "int f() { std::map<int, int> m{{1, 5}, {2, 6}}; std::vector<std::pair<int, int>> v{m.begin(), m.end()}; "
        "return v.size() * 10 + v[1].second; }",
        26,
    ),
    Case(
        "braces with iterators over a class",
        "struct S { int x; }; std::vector<S> g(const std::vector<S>& m) { return {m.begin(), m.end() - 1}; } "
        "int f() { auto v = g({{4}, {5}, {6}}); return v.size() * 10 + v[1].x; }",
        25,
    ),
    Case(
        "from iterators",
        "std::vector<int> f() { std::vector<int> v{1, 2, 3, 4}; return std::vector<int>(v.begin() + 1, v.end() - 1); }",
        [2, 3],
    ),
    Case(
        "copy constructor",
        "int f() { std::vector<int> a{1}; std::vector<int> b(a); b[0] = 5; std::vector<int> c{b}; "
        "return a[0] * 100 + b[0] * 10 + c.size(); }",
        151,
    ),
    Case(
        "resize",
        "std::vector<int> f() { std::vector<int> v{1, 2, 3}; v.resize(1); v.resize(3); v.resize(4, 9); return v; }",
        [1, 0, 0, 9],
    ),
    Case(
        "insert one",
        "std::vector<int> f() { std::vector<int> v{1, 2}; v.insert(v.begin(), 0); v.insert(v.begin() + 2, 7); "
        "v.insert(v.end(), 9); return v; }",
        [0, 1, 7, 2, 9],
    ),
    Case(
        "insert a range",
        "std::vector<int> f() { std::vector<int> v{1, 2}, w{7, 8, 9}; "
        "v.insert(v.end(), w.begin(), w.begin() + 2); v.insert(v.begin(), w.begin() + 2, w.end()); return v; }",
        [9, 1, 2, 7, 8],
    ),
    Case(
        "insert a list",
        "std::vector<int> f() { std::vector<int> v{1, 2}; v.insert(v.begin() + 1, {5, 6}); return v; }",
        [1, 5, 6, 2],
    ),
    Case(
        "insert a count",
        "std::vector<int> f() { std::vector<int> v{1, 2}; v.insert(v.begin(), 2, 8); return v; }",
        [8, 8, 1, 2],
    ),
    Case(
        "insert an array",
        "std::vector<uint32_t> f() { std::vector<uint32_t> v{1}; std::array<uint32_t, 2> a{4, 5}; "
        "v.insert(v.end(), a.begin(), a.end()); return v; }",
        [1, 4, 5],
    ),
    Case(
        "insert gives an iterator",
        "int f() { std::vector<int> v{1, 2}; auto it = v.insert(v.begin() + 1, 8); "
        "return *it * 10 + (it - v.begin()); }",
        81,
    ),
    Case(
        "insert with cend",
        "std::vector<int> f() { std::vector<int> v{1}, w{2}; v.insert(v.cend(), w.cbegin(), w.cend()); return v; }",
        [1, 2],
    ),
    Case(
        "insert reversed",
        "std::vector<int> f() { std::vector<int> v{1}, w{2, 3}; v.insert(v.end(), w.rbegin(), w.rend()); return v; }",
        [1, 3, 2],
    ),
    Case(
        "erase one",
        "std::vector<int> f() { std::vector<int> v{1, 2, 3}; v.erase(v.begin() + 1); return v; }",
        [1, 3],
    ),
    Case(
        "erase a range",
        "std::vector<int> f() { std::vector<int> v{1, 2, 3, 4}; v.erase(v.begin() + 1, v.end() - 1); return v; }",
        [1, 4],
    ),
    Case(
        "erase remove",
        "std::vector<int> f() { std::vector<int> v{1, 2, 1, 3}; "
        "v.erase(std::remove(v.begin(), v.end(), 1), v.end()); return v; }",
        [2, 3],
    ),
    Case(
        "pop and back",
        "int f() { std::vector<int> v{1, 2, 3}; v.pop_back(); v.back() += 5; v.front() = 4; return v[0] * 10 + v[1]; }",
        47,
    ),
    Case("at writes", "int f() { std::vector<int> v{1, 2}; v.at(1) = 5; return v.at(1); }", 5),
    Case("clear and empty", "int f() { std::vector<int> v{1}; v.clear(); return v.empty() * 10 + v.size(); }", 10),
    Case(
        "assign",
        "std::vector<int> f() { std::vector<int> v{1}, w{4, 5}; v.assign(2, 3); int a = v[1]; "
        "v.assign(w.begin(), w.end()); v.push_back(a); return v; }",
        [4, 5, 3],
    ),
    Case(
        "assign a list",
        "std::vector<int> f() { std::vector<int> v{1}; v = {4, 5, 6}; v.assign({7, 8}); return v; }",
        [7, 8],
    ),
    Case(
        "swap",
        "int f() { std::vector<int> a{1}, b{2, 3}; std::swap(a, b); a.swap(b); std::swap(a[0], b[1]); "
        "return a[0] * 10 + b[1]; }",
        31,
    ),
    Case(
        "data view",
        "int f() { std::vector<int> v{1, 2, 3}; auto* p = v.data(); p[0] = 7; *(p + 2) = 8; return v[0] * 10 + v[2]; }",
        78,
    ),
    Case(
        "move leaves the value",
        "int f() { std::vector<int> a{1, 2}; std::vector<int> b = std::move(a); return b.size(); }",
        2,
    ),
    Case("compare", "bool f() { std::vector<int> a{1, 2}, b{1, 2}, c{1, 3}; return a == b && a != c && a < c; }", True),
    Case(
        "nested lists",
        "int f() { std::vector<std::vector<int>> v{{1, 2}, {3}}; v[1].push_back(4); "
        "return v.size() * 100 + v[0].size() * 10 + v[1][1]; }",
        224,
    ),
    Case(
        "reference survives assignment",
        "int f() { std::vector<std::vector<int>> v(2); auto& r = v[0]; r.push_back(4); v[1] = r; "
        "r.push_back(5); return v[0].size() * 10 + v[1].size(); }",
        21,
    ),
    Case(
        "vector of pairs",
        "int f() { std::vector<std::pair<int, int>> v; v.push_back({1, 2}); v.emplace_back(3, 4); "
        "v.push_back(std::make_pair(5, 6)); return v[1].first * 10 + v[2].second; }",
        36,
    ),
    Case(
        "emplace a struct",
        "struct S { int a; int b; S(int x, int y) : a(x), b(y) {} }; int f() { std::vector<S> v; "
        "v.emplace_back(3, 4); return v[0].a * 10 + v[0].b; }",
        34,
    ),
    Case(
        "emplace_back reference",
        "int f() { std::vector<std::vector<int>> v; auto& r = v.emplace_back(); r.push_back(3); return v[0][0]; }",
        3,
    ),
    Case(
        "deque-like use of a list",
        "int f() { std::vector<int> v; for (int i = 0; i < 5; i++) v.insert(v.begin(), i); return v[0] * 10 + v[4]; }",
        40,
    ),
]

ARRAY = [
    Case(
        "array",
        "int f() { std::array<int, 3> a = {1, 2}; a[2] = 4; return a[0] * 100 + a[1] * 10 + a[2] + a.size(); }",
        127,
    ),
    Case("array zero", "int f() { std::array<uint32_t, 4> a{}; return a[3] + a.size(); }", 4),
    Case("array fill", "int f() { std::array<int, 2> a; a.fill(6); return a[0] + a[1]; }", 12),
    Case(
        "array of arrays",
        "int f() { std::array<std::array<int, 2>, 2> a = {{{1, 2}, {3, 4}}}; return a[1][0] * 10 + a[0][1]; }",
        32,
    ),
    Case("array deduced", "int f() { std::array a = {5, 6}; return a.size() * 10 + a[1]; }", 26),
    Case("array copies", "int f() { std::array<int, 1> a{1}; auto b = a; b[0] = 2; return a[0] * 10 + b[0]; }", 12),
    Case("std::get of an array", "int f() { std::array<int, 2> a{3, 4}; std::get<1>(a) = 9; return a[1]; }", 9),
    Case(
        "array of vectors",
        "int f() { std::array<std::vector<int>, 2> a; a[1].push_back(5); return a[0].size() * 10 + a[1].size(); }",
        1,
    ),
    Case(
        "as many elements as an expression in a template argument comes to",
        "constexpr int N = 2; int f() { std::vector<std::array<int, (N * 2 + 1)>> v(1); return v[0].size(); }",
        5,
    ),
    Case(
        "other expressions for sizes",
        "constexpr int N = 2; int f() { std::array<std::array<int, N << 2>, 7 / N - 7 % N> v{}; "
        "return v.size() * 10 + v[1].size(); }",
        28,
    ),
    Case(
        "negative quotients in sizes truncate toward zero",
        "int f() { std::array<int, -7 / 2 + 6> a{}; std::array<int, -7 % 2 + 6> b{}; "
        "return a.size() * 10 + b.size(); }",
        35,
    ),
    Case(
        "braces around the classes of a std::array may be left out",
        "struct P { int a; int b; }; int f() { std::array<P, 2> v{1, 2, 3, 4}; return v[1].a * 10 + v[1].b; }",
        34,
    ),
    Case(
        "what is resized to is no one value",
        "int f() { std::vector<std::vector<int>> v; v.resize(2, {7}); v[0][0] = 1; return v[0][0] * 10 + v[1][0]; }",
        17,
    ),
    Case(
        "how many a set erased",
        "int f() { std::set<int> s{1, 2}; int n = s.erase(1) * 10 + s.erase(5); return n * 10 + s.size(); }",
        101,
    ),
]

ABSURD = [
    "int f() { std::array<std::array<int, 5000>, 5000> a; return 1; }",
    "int f() { int a[5000][5000]; return 1; }",
    "int f() { std::vector<std::vector<int>> v(20000, std::vector<int>(20000)); return 1; }",
    "int f() { std::vector<std::vector<int>> v; v.resize(20000, std::vector<int>(20000)); return 1; }",
    "int f() { std::vector<std::vector<int>> v; std::vector<int> big(20000); "
    "for (int i = 0; i < 20000; i++) { v.push_back(big); } return 1; }",
    "int f() { std::array<int, 1 << 40> a; return 1; }",
    "int f() { std::vector<std::array<int, 1 << 40>> v(1); return 1; }",
]


@pytest.mark.parametrize("text", ABSURD)
def test_more_elements_than_a_machine_holds_are_not_made(tmp_path: Path, text: str) -> None:
    with pytest.raises((Exhausted, Implausible)):
        value(tmp_path, text)


HALF_WRITTEN = [
    "int f() { std::unordered_map<int, std:vector<int>> m; m[1] = 2; return m.size(); }",
    "int f() { std::map<int, 7> m; m[1] = 2; return m.size(); }",
    "int f() { std::array<7, 3> a; int n = sizeof(a); return 1; }",
    "int f() { std::array<int, std:size> a; int n = sizeof(a); return 1; }",
    "int f() { std::vector<7> v; v.resize(1); return v.size(); }",
    "int f() { std::tuple<int, 7> t; std::optional<7> o; std::variant<7> v; return !o.has_value(); }",
]


@pytest.mark.parametrize("text", HALF_WRITTEN)
def test_half_written_types_stop_nothing(tmp_path: Path, text: str) -> None:
    assert run(tmp_path, text).data == 1


MAP = [
    Case(
        "erase by iterator and by key",
        "int f() { std::map<int, int> m{{1, 2}, {3, 4}, {5, 6}}; m.erase(m.begin()); "
        "int n = m.erase(3) + m.erase(8); return m.size() * 100 + n * 10 + m.at(5); }",
        116,
    ),
    Case(
        "map",
        "int f() { std::map<int, int> m; m[3] = 4; m[1] += 2; m[1] += 3; return m[1] * 100 + m[3] * 10 + m.size(); }",
        542,
    ),
    Case(
        "map list",
        'int f() { std::map<std::string, int> m = {{"a", 1}, {"b", 2}}; return m["a"] * 10 + m.at("b"); }',
        12,
    ),
    Case(
        "map order",
        "std::vector<int> f() { std::map<int, int> m{{3, 1}, {1, 2}, {2, 3}}; std::vector<int> v; "
        "for (const auto& [k, x] : m) v.push_back(k * 10 + x); return v; }",
        [12, 23, 31],
    ),
    Case(
        "map find",
        "int f() { std::map<int, int> m{{1, 5}}; auto it = m.find(1); bool no = m.find(2) == m.end(); "
        "return it->second * 10 + no; }",
        51,
    ),
    Case(
        "map find writes",
        "int f() { std::map<int, int> m{{1, 5}}; auto it = m.find(1); it->second = 8; return m[1]; }",
        8,
    ),
    Case(
        "map insert keeps",
        "int f() { std::map<int, int> m{{1, 5}}; auto [it, fresh] = m.insert({1, 9}); "
        "auto r = m.emplace(2, 7); return m[1] * 100 + fresh * 10 + r.second + r.first->second * 1000; }",
        7501,
    ),
    Case(
        "map insert_or_assign",
        "int f() { std::map<int, int> m{{1, 5}}; m.insert_or_assign(1, 9); m.try_emplace(1, 3); return m[1]; }",
        9,
    ),
    Case(
        "map contains",
        "int f() { std::map<int, int> m{{1, 5}}; return m.contains(1) * 100 + m.count(2) * 10 + m.count(1); }",
        101,
    ),
    Case(
        "map erase",
        "int f() { std::map<int, int> m{{1, 5}, {2, 6}}; m.erase(1); return m.size() * 10 + m.contains(1); }",
        10,
    ),
    Case(
        "map erase by iterator",
        "int f() { std::map<int, int> m{{1, 5}, {2, 6}}; m.erase(m.find(1)); return m.size() * 10 + m.contains(1); }",
        10,
    ),
    Case(
        "map of vectors",
        "int f() { std::map<int, std::vector<int>> m; m[2].push_back(4); m[2].push_back(5); auto& v = m[2]; "
        "v[0] = 7; return m[2][0] * 10 + m[2].size(); }",
        72,
    ),
    Case("map reference to a scalar", "int f() { std::map<int, int> m; auto& r = m[4]; r = 6; r++; return m[4]; }", 7),
    Case("map copies", "int f() { std::map<int, int> a{{1, 2}}; auto b = a; b[1] = 5; return a[1] * 10 + b[1]; }", 25),
    Case(
        "unordered_map",
        'int f() { std::unordered_map<std::string, int> m{{"x", 1}}; m["y"] = 2; return m["x"] * 10 + m["y"]; }',
        12,
    ),
    Case(
        "map with pair keys",
        "int f() { std::map<std::pair<int, int>, int> m; m[{1, 2}] = 5; m[{2, 1}] = 6; "
        "return m[{1, 2}] * 10 + m.size(); }",
        52,
    ),
    Case(
        "map of enum",
        "enum class E { A, B }; int f() { std::map<E, int> m{{E::A, 1}, {E::B, 2}}; "
        "return m[E::B] * 10 + m.at(E::A); }",
        21,
    ),
    Case(
        "set",
        "std::vector<int> f() { std::set<int> s{3, 1}; s.insert(2); s.insert(3); "
        "return {(int)s.size(), (int)s.count(3), *s.begin(), s.contains(9)}; }",
        [3, 1, 1, 0],
    ),
    Case(
        "set order",
        "std::vector<int> f() { std::set<int> s; for (int x : {4, 2, 9, 2}) s.insert(x); "
        "return std::vector<int>(s.begin(), s.end()); }",
        [2, 4, 9],
    ),
    Case(
        "map iterator loop",
        "int f() { std::map<int, int> m{{1, 2}, {3, 4}}; int s = 0; for (auto it = m.begin(); it != m.end(); "
        "++it) { s += it->first * it->second; } return s; }",
        14,
    ),
    Case(
        "a set looks for what converts to its elements",
        "int f() { std::set<uint8_t> s{1, 2}; int n = 257; bool there = s.find(n) != s.end(); "
        "int count = s.count(n + 1) * 10 + s.contains(n); s.erase(n); return there * 1000 + s.size() * 100 + count; }",
        1111,
    ),
]

OPTIONAL = [
    Case(
        "optional",
        "int f() { std::optional<int> o; int n = o.value_or(3); o = 5; "
        "return n * 100 + o.value() * 10 + o.has_value(); }",
        351,
    ),
    Case(
        "optional as a condition",
        "int f() { std::optional<int> o; int n = o ? 1 : 2; o = 0; return n * 10 + (o ? 1 : 2); }",
        21,
    ),
    Case(
        "optional nullopt",
        "int f() { std::optional<int> o = 4; o = std::nullopt; return o.has_value() * 10 + (o == std::nullopt); }",
        1,
    ),
    Case(
        "optional of a struct",
        "struct S { int a = 2; }; int f() { std::optional<S> o = S{5}; o->a += 1; return o->a * 10 + (*o).a; }",
        66,
    ),
    Case(
        "optional writes",
        "int f() { std::optional<int> o = 1; *o = 7; o.value() += 1; return *o; }",
        8,
    ),
    Case(
        "optional emplace and reset",
        "int f() { std::optional<std::vector<int>> o; o.emplace(std::vector<int>{1, 2}); int n = o->size(); "
        "o.reset(); return n * 10 + o.has_value(); }",
        20,
    ),
    Case(
        "optional copies",
        "int f() { std::optional<std::vector<int>> a = std::vector<int>{1}; auto b = a; b->push_back(2); "
        "return a->size() * 10 + b->size(); }",
        12,
    ),
    Case(
        "optional argument",
        "int g(std::optional<int> o = std::nullopt) { return o.value_or(9); } int f() { return g() * 10 + g(4); }",
        94,
    ),
    Case(
        "optional comparison",
        "bool f() { std::optional<int> a = 3, b; return a == 3 && a != 4 && !(a == b) && b != 3; }",
        True,
    ),
    Case("make_optional", "int f() { auto o = std::make_optional<int>(4); return *o; }", 4),
    Case(
        "optional return",
        "std::optional<int> g(bool b) { if (b) return 5; return std::nullopt; } int f() { "
        "return *g(true) * 10 + g(false).has_value(); }",
        50,
    ),
    Case(
        "optional false",
        "bool f() { std::optional<bool> o = false; return o.has_value() && !*o && !o.value(); }",
        True,
    ),
]

TUPLE = [
    Case(
        "tuple",
        "int f() { std::tuple<int, float, bool> t{3, 2.5f, true}; "
        "return std::get<0>(t) * 100 + (int)(std::get<1>(t) * 10) + std::get<2>(t); }",
        326,
    ),
    Case(
        "tie",
        "std::tuple<int, int> g() { return {3, 4}; } int f() { int a, b; std::tie(a, b) = g(); return a * 10 + b; }",
        34,
    ),
    Case(
        "tie with ignore",
        "std::tuple<int, int, int> g() { return std::make_tuple(3, 4, 5); } int f() { int a, b; "
        "std::tie(a, std::ignore, b) = g(); return a * 10 + b; }",
        35,
    ),
    Case(
        "get writes",
        "int f() { auto t = std::make_tuple(1, 2); std::get<1>(t) = 8; return std::get<0>(t) * 10 + std::get<1>(t); }",
        18,
    ),
    Case(
        "get by type",
        'int f() { std::tuple<int, std::string> t{4, "ab"}; '
        "return std::get<int>(t) * 10 + std::get<std::string>(t).size(); }",
        42,
    ),
    Case("pair", "int f() { auto p = std::make_pair(3, 4); p.first = 5; return p.first * 10 + p.second; }", 54),
    Case(
        "pair elements convert",
        "int f() { std::pair<uint8_t, int> p{300 - 43, 4}; return p.first * 10 + p.second; }",
        14,
    ),
    Case(
        "tuple_cat",
        "int f() { auto t = std::tuple_cat(std::make_tuple(1, 2), std::make_tuple(3)); return std::get<2>(t); }",
        3,
    ),
    Case("apply", "int f() { return std::apply([](int a, int b) { return a * 10 + b; }, std::make_tuple(4, 5)); }", 45),
    Case(
        "tuple comparison",
        'bool f() { return std::make_tuple(1, 2) < std::make_tuple(1, 3) && std::tie("a") == std::tie("a"); }',
        True,
    ),
    Case("swap variables", "int f() { int a = 1, b = 2; std::swap(a, b); return a * 10 + b; }", 21),
    Case("exchange", "int f() { int a = 1; int b = std::exchange(a, 7); return a * 10 + b; }", 71),
]

VARIANT = [
    Case(
        "holds and get",
        "int f() { std::variant<int, float> v = 4; "
        "return std::holds_alternative<int>(v) * 100 + std::holds_alternative<float>(v) * 10 + "
        "std::get<int>(v); }",
        104,
    ),
    Case(
        "struct alternatives",
        "struct A { int x = 1; }; struct B { int y = 2; }; int f() { std::variant<A, B> v = B{5}; "
        "if (std::holds_alternative<A>(v)) return 0; return std::get<B>(v).y; }",
        5,
    ),
    Case(
        "get_if",
        "struct A { int x = 1; }; struct B { int y = 2; }; int f() { std::variant<A, B> v = A{6}; "
        "if (auto* b = std::get_if<B>(&v)) return b->y; if (auto* a = std::get_if<A>(&v)) return a->x; "
        "return 0; }",
        6,
    ),
    Case(
        "default alternative",
        "struct A { int x = 1; }; struct B {}; int f() { std::variant<A, B> v; return std::get<A>(v).x; }",
        1,
    ),
    Case(
        "visit with overloads by type",
        "struct A { int x = 3; }; struct B { int x = 4; }; int f() { std::variant<A, B> v = B{}; "
        "return std::visit([](const auto& a) { return a.x; }, v); }",
        4,
    ),
    Case(
        "visit with if constexpr",
        "struct A {}; struct B {}; int f() { std::variant<A, B> v = B{}; return std::visit([](auto&& a) { "
        "using T = std::decay_t<decltype(a)>; if constexpr (std::is_same_v<T, A>) return 1; else return 2; "
        "}, v); }",
        2,
    ),
    Case(
        "reassigned",
        "struct A {}; struct B {}; bool f() { std::variant<A, B> v = A{}; v = B{}; "
        "return std::holds_alternative<B>(v); }",
        True,
    ),
    Case(
        "index",
        "struct A {}; struct B {}; int f() { std::variant<A, B> v = B{}; return v.index(); }",
        1,
    ),
    Case(
        "constructed by an alias",
        "namespace n { struct A { int x = 1; }; struct B { int y; }; using V = std::variant<A, B>; } int f() { "
        "n::V v = n::V(n::B{3}); return std::get<n::B>(v).y * 10 + v.index(); }",
        31,
    ),
    Case(
        "index of a member",
        "struct A {}; struct B {}; struct C { std::variant<A, B> v; }; int f() { std::vector<C> cs; "
        "cs.push_back(C{B{}}); cs.push_back(C{A{}}); int n = 0; "
        "for (const auto& c : cs) n = n * 10 + c.v.index() + 1; return n; }",
        21,
    ),
    Case(
        "a pointer among the alternatives",
        "struct B { int y; }; int g(const std::variant<uint32_t, const B*>& v) { return std::visit(overloaded{"
        "[](uint32_t i) { return static_cast<int>(i); }, [](const B* b) { return b->y + 100; }}, v); } "
        "int f() { B b{7}; return g(3u) * 1000 + g(&b); }",
        3107,
    ),
    Case(
        "holds a pointer",
        "struct B {}; bool f() { B b; std::variant<uint32_t, const B*> v = &b; "
        "return std::holds_alternative<const B*>(v) && !std::holds_alternative<uint32_t>(v); }",
        True,
    ),
]

FUNCTIONAL = [
    Case(
        "bind",
        "int f() { auto g = [](int a, int b, int c) { return a * 100 + b * 10 + c; }; "
        "auto h = std::bind(g, 1, std::placeholders::_2, std::placeholders::_1); return h(3, 2); }",
        123,
    ),
    Case(
        "bind keeps a copy",
        "int f() { int n = 1; auto h = std::bind([](int a, int b) { return a * 10 + b; }, n, std::placeholders::_1); "
        "n = 5; return h(2); }",
        12,
    ),
    Case(
        "placeholders of a using-directive",
        "using namespace std::placeholders; int g(int a, int b) { return a * 10 + b; } "
        "int f() { auto h = std::bind(&g, _2, _1); return h(3, 4); }",
        43,
    ),
    Case(
        "bind_front",
        "int f() { auto h = std::bind_front([](int a, int b) { return a * 10 + b; }, 7); return h(3); }",
        73,
    ),
]

ALGORITHMS = [
    Case(
        "accumulate",
        "int f() { std::vector<int> v{1, 2, 3}; "
        "return std::accumulate(v.begin(), v.end(), 10) * 10 + std::accumulate(v.begin(), v.end(), 1, "
        "std::multiplies<int>()); }",
        166,
    ),
    Case(
        "iota",
        "std::vector<int> f() { std::vector<int> v(3); std::iota(v.begin(), v.end(), 4); return v; }",
        [4, 5, 6],
    ),
    Case(
        "fill",
        "std::vector<int> f() { std::vector<int> v(3, 1); std::fill(v.begin() + 1, v.end(), 9); return v; }",
        [1, 9, 9],
    ),
    Case(
        "fill_n",
        "std::vector<int> f() { std::vector<int> v(3, 1); std::fill_n(v.begin(), 2, 9); return v; }",
        [9, 9, 1],
    ),
    Case(
        "copy into",
        "std::vector<int> f() { std::vector<int> a{1, 2}, b(4, 0); "
        "std::copy(a.begin(), a.end(), b.begin() + 1); return b; }",
        [0, 1, 2, 0],
    ),
    Case(
        "copy back_inserter",
        "std::vector<int> f() { std::vector<int> a{1, 2}, b{9}; "
        "std::copy(a.begin(), a.end(), std::back_inserter(b)); return b; }",
        [9, 1, 2],
    ),
    Case(
        "copy_if",
        "std::vector<int> f() { std::vector<int> a{1, 2, 3, 4}, b; "
        "std::copy_if(a.begin(), a.end(), std::back_inserter(b), [](int x) { return x % 2 == 0; }); return b; }",
        [2, 4],
    ),
    Case(
        "copy_n",
        "std::vector<int> f() { std::vector<int> a{1, 2, 3}, b(2); std::copy_n(a.begin(), 2, b.begin()); return b; }",
        [1, 2],
    ),
    Case(
        "transform",
        "std::vector<int> f() { std::vector<int> a{1, 2}, b(2); "
        "std::transform(a.begin(), a.end(), b.begin(), [](int x) { return x * 3; }); return b; }",
        [3, 6],
    ),
    Case(
        "transform two",
        "std::vector<int> f() { std::vector<int> a{1, 2}, b{5, 6}, c; "
        "std::transform(a.begin(), a.end(), b.begin(), std::back_inserter(c), [](int x, int y) { return x * y; "
        "}); return c; }",
        [5, 12],
    ),
    Case(
        "sort",
        "std::vector<int> f() { std::vector<int> v{3, 1, 2}; std::sort(v.begin(), v.end()); return v; }",
        [1, 2, 3],
    ),
    Case(
        "sort with a lambda",
        "std::vector<int> f() { std::vector<int> v{3, 1, 2}; std::sort(v.begin(), v.end(), [](int a, int b) { "
        "return a > b; }); return v; }",
        [3, 2, 1],
    ),
    Case(
        "sort with greater",
        "std::vector<int> f() { std::vector<int> v{3, 1, 2}; "
        "std::sort(v.begin(), v.end(), std::greater<int>()); return v; }",
        [3, 2, 1],
    ),
    Case(
        "reverse",
        "std::vector<int> f() { std::vector<int> v{3, 1, 2}; std::reverse(v.begin(), v.end()); return v; }",
        [2, 1, 3],
    ),
    Case(
        "find",
        "int f() { std::vector<int> v{3, 1, 2}; auto it = std::find(v.begin(), v.end(), 1); "
        "bool no = std::find(v.begin(), v.end(), 9) == v.end(); return (it - v.begin()) * 10 + no; }",
        11,
    ),
    Case(
        "find_if",
        "int f() { std::vector<int> v{3, 1, 2}; return *std::find_if(v.begin(), v.end(), [](int x) { "
        "return x < 3; }); }",
        1,
    ),
    Case(
        "any all none",
        "std::vector<bool> f() { std::vector<int> v{3, 1}; auto p = [](int x) { return x > 2; }; "
        "return {std::any_of(v.begin(), v.end(), p), std::all_of(v.begin(), v.end(), p), "
        "std::none_of(v.begin(), v.end(), p)}; }",
        [True, False, False],
    ),
    Case(
        "count",
        "int f() { std::vector<int> v{3, 1, 3}; "
        "return std::count(v.begin(), v.end(), 3) * 10 + std::count_if(v.begin(), v.end(), [](int x) { "
        "return x < 9; }); }",
        23,
    ),
    Case(
        "for_each",
        "std::vector<int> f() { std::vector<int> v{3, 1}; std::for_each(v.begin(), v.end(), [](int& x) { "
        "x += 1; }); return v; }",
        [4, 2],
    ),
    Case(
        "max_element",
        "int f() { std::vector<int> v{3, 8, 2}; "
        "return *std::max_element(v.begin(), v.end()) * 10 + *std::min_element(v.begin(), v.end()); }",
        82,
    ),
    Case(
        "distance and next",
        "int f() { std::vector<int> v{3, 8, 2}; auto it = std::next(v.begin(), 2); std::advance(it, -1); "
        "return std::distance(v.begin(), it) * 10 + *std::prev(it); }",
        13,
    ),
    Case(
        "unique",
        "int f() { std::vector<int> v{1, 1, 2}; v.erase(std::unique(v.begin(), v.end()), v.end()); return v.size(); }",
        2,
    ),
    Case(
        "begin and end",
        "int f() { std::vector<int> v{4, 5}; int s = 0; for (auto it = std::begin(v); it != std::end(v); "
        "++it) s += *it; return s * 10 + std::size(v); }",
        92,
    ),
    Case(
        "function objects",
        "int f() { std::vector<int> v{2, 3, 4}; std::multiplies<int> times{}; std::sort(v.begin(), v.end(), "
        "std::greater<>{}); return std::accumulate(v.begin(), v.end(), 1, std::multiplies<uint32_t>{}) * 100 + "
        "std::accumulate(v.begin(), v.end(), 0, std::plus<>()) * 10 + times(1, v[0]); }",
        2494,
    ),
    Case(
        "minmax_element",
        "int f() { std::vector<int> v{3, 8, 2, 8}; auto [a, b] = std::minmax_element(v.begin(), v.end()); "
        "return (a - v.begin()) * 100 + (b - v.begin()) * 10 + *a; }",
        232,
    ),
    Case(
        "remove_if",
        "std::vector<int> f() { std::vector<int> v{1, 5, 2, 6}; "
        "v.erase(std::remove_if(v.begin(), v.end(), [](int x) { return x > 4; }), v.end()); return v; }",
        [1, 2],
    ),
    Case("clamp", "int f() { return std::clamp(9, 1, 5) * 10 + std::clamp(0, 1, 5); }", 51),
    Case("gcd and lcm", "int f() { return std::gcd(12, 18) * 100 + std::lcm(4, 6); }", 612),
    Case("abs", "int f() { return std::abs(-4) * 10 + std::abs(3); }", 43),
    Case("popcount", "int f() { return std::popcount(11u) * 10 + std::countr_zero(8u); }", 33),
    Case("bit_ceil", "int f() { return std::bit_ceil(5u) * 10 + std::has_single_bit(4u); }", 81),
    Case("ceil of a division", "uint32_t f() { uint32_t a = 7, b = 2; return std::ceil((float)a / b); }", 4),
    Case(
        "erase_if",
        "int f() { std::vector<int> v{1, 2, 3}; std::erase_if(v, [](int x) { return x > 1; }); return v.size(); }",
        1,
    ),
]

STRINGS = [
    Case("string", 'int f() { std::string s = "abc"; return s.size() * 10 + s.empty(); }', 30),
    Case("string equality", 'bool f() { std::string s = "abc"; return s == "abc" && s != "x"; }', True),
    Case(
        "string find",
        'bool f() { std::string s = "abc"; '
        'return s.find("bc") != std::string::npos && s.find("x") == std::string::npos; }',
        True,
    ),
    Case("substr", 'std::string f() { std::string s = "abcdef"; return s.substr(1, 3) + s.substr(4); }', "bcdef"),
    Case("to_string", 'std::string f() { return std::to_string(12) + "|" + std::to_string(true); }', "12|1"),
    Case(
        "append",
        'std::string f() { std::string s; s += "a"; s.append("bc"); return s; }',
        "abc",
    ),
    Case(
        "string map keys",
        'std::map<std::string, std::string> f() { std::map<std::string, std::string> m; m["A"] = "1"; '
        'm["B"] = std::to_string(2); return m; }',
        {"A": "1", "B": "2"},
    ),
    Case(
        "edited",
        'std::string f() { std::string s = "abc"; s.pop_back(); s.append("x").append("y"); std::string t = s; '
        "t.clear(); return s + t; }",
        "abxy",
    ),
    Case("compare order", 'bool f() { std::string a = "a", b = "b"; return a < b; }', True),
    Case(
        "push_back char",
        "std::string f() { std::string s = \"ab\"; s.push_back('c'); return s; }",
        "abc",
    ),
    Case("string_view", 'int f() { std::string_view s = "abcd"; return s.size() * 10 + s.starts_with("ab"); }', 41),
]

SPAN = [
    Case(
        "span",
        "int g(std::span<const int> s) { return s.size() * 10 + s[1]; } int f() { std::vector<int> v{4, 5, 6}; "
        "return g(v); }",
        35,
    ),
    Case(
        "span writes",
        "void g(std::span<int> s) { s[0] = 9; } int f() { std::vector<int> v{4, 5}; g(v); return v[0]; }",
        9,
        bug="a span is a copy",
    ),
    Case(
        "span of data",
        "int f() { std::vector<int> v{4, 5, 6}; std::span<int> s(v.data() + 1, 2); s[0] = 8; "
        "return v[1] * 10 + s.size(); }",
        82,
        bug="a span is a copy",
    ),
    Case(
        "subspan",
        "int f() { std::vector<int> v{4, 5, 6}; auto s = std::span<int>(v).subspan(1); return s.size() * 10 + s[0]; }",
        25,
    ),
    Case(
        "reference_wrapper",
        "int f() { std::vector<int> a{1}; std::vector<std::reference_wrapper<std::vector<int>>> v{a}; "
        "v[0].get().push_back(2); return a.size(); }",
        2,
        bug="reference_wrapper::get() is not known",
    ),
    Case(
        "unique_ptr",
        "struct S { int x = 4; }; int f() { auto p = std::make_unique<S>(); p->x = 6; return p->x; }",
        6,
    ),
    Case(
        "shared_ptr",
        "struct S { int x = 4; }; int f() { auto p = std::make_shared<S>(S{5}); auto q = p; q->x++; return p->x; }",
        6,
        bug="copying a shared_ptr copies what it points to",
    ),
    Case(
        "vector of pointers",
        "int f() { std::vector<int> a{1}, b{2}; std::vector<std::vector<int>*> v{&a, &b}; "
        "for (auto* p : v) p->push_back(9); return a.size() * 10 + b.size(); }",
        22,
    ),
    Case(
        "pointers to scalars",
        "int f() { int a = 1, b = 2; std::vector<int*> v{&a, &b}; for (int* p : v) *p += 5; return a * 10 + b; }",
        67,
    ),
]

CASES = [*STREAM, *VECTOR, *ARRAY, *MAP, *OPTIONAL, *TUPLE, *VARIANT, *FUNCTIONAL, *ALGORITHMS, *STRINGS, *SPAN]


@pytest.mark.parametrize("case", parameters(CASES))
def test_std(tmp_path: Path, case: Case) -> None:
    assert value(tmp_path, case.code) == case.expected
