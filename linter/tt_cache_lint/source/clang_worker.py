"""The process that libclang runs in: one JSON question a line in, one JSON answer a line out.

libclang reads what a hostile source tells it to read, and may crash on it. Here it can only lose itself: the parent
(source/clang.py) gives it a clock and goes on without it. Its arguments are the folder that has the clang package
(`python -I` finds nothing else, nothing of the checked tree either) and how many bytes it may take.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import sys
from typing import Any

KEPT = 3  # translation units; one of tt-metal's takes some hundred megabytes
ERROR, FATAL = 3, 4


def limit(memory: int) -> None:
    """Bound what this process can take and write."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


class Worker:
    """Parses translation units and looks things up in them."""

    def __init__(self) -> None:
        from clang import cindex

        self.cindex = cindex
        self.index = cindex.Index.create()
        self.units: dict[str, Any] = {}
        self._declare()
        kinds = cindex.TypeKind
        self.scalars = {
            kinds.BOOL: "bool",
            kinds.UCHAR: "uint8_t",
            kinds.CHAR_U: "uint8_t",
            kinds.USHORT: "uint16_t",
            kinds.UINT: "uint32_t",
            kinds.ULONG: "uint64_t",
            kinds.ULONGLONG: "uint64_t",
            kinds.CHAR_S: "int8_t",
            kinds.SCHAR: "int8_t",
            kinds.SHORT: "int16_t",
            kinds.INT: "int32_t",
            kinds.LONG: "int64_t",
            kinds.LONGLONG: "int64_t",
            kinds.FLOAT: "float",
            kinds.DOUBLE: "double",
        }

    def _declare(self) -> None:
        """The Python bindings leave out clang_Cursor_Evaluate."""
        library = self.library = self.cindex.conf.lib
        library.clang_Cursor_Evaluate.argtypes = [self.cindex.Cursor]
        library.clang_Cursor_Evaluate.restype = ctypes.c_void_p
        for name, result in (
            ("getKind", ctypes.c_int),
            ("getAsLongLong", ctypes.c_longlong),
            ("isUnsignedInt", ctypes.c_uint),
            ("getAsUnsigned", ctypes.c_ulonglong),
            ("getAsDouble", ctypes.c_double),
            ("getAsStr", ctypes.c_char_p),
        ):
            function = getattr(library, f"clang_EvalResult_{name}")
            function.argtypes, function.restype = [ctypes.c_void_p], result
        library.clang_EvalResult_dispose.argtypes = [ctypes.c_void_p]

    # -- translation units -----------------------------------------------------------------------------------------

    def parse(self, request: dict[str, Any]) -> dict[str, Any]:
        """Parse a unit and say what it includes and what is wrong with it."""
        self.forget()
        unit = self.index.parse(request["file"], args=request["arguments"])
        self.units[request["unit"]] = unit
        errors = [d for d in unit.diagnostics if d.severity >= ERROR]
        files = {os.path.realpath(i.include.name) for i in unit.get_includes() if i.include is not None}
        return {
            "errors": [f"{_where(d.location)}{d.spelling}" for d in errors[:3]],
            "includes": sorted({*files, os.path.realpath(request["file"])}),
        }

    def forget(self) -> None:
        while len(self.units) >= KEPT:
            del self.units[next(iter(self.units))]

    def cursor(self, request: dict[str, Any]) -> Any:
        unit = self.units[request["unit"]]
        location = self.cindex.SourceLocation.from_position(
            unit, unit.get_file(request["file"]), request["line"], request["column"]
        )
        return self.cindex.Cursor.from_location(unit, location)

    # -- answers ---------------------------------------------------------------------------------------------------

    def field(self, request: dict[str, Any]) -> Any:
        kinds = self.cindex.CursorKind
        cursor = self.cursor(request)
        return self.type(cursor.type) if cursor.kind in (kinds.FIELD_DECL, kinds.VAR_DECL) else None

    def type(self, given: Any, depth: int = 0) -> dict[str, Any] | None:
        kinds = self.cindex.TypeKind
        type_ = given.get_canonical()
        made: dict[str, Any] = {}
        if type_.kind in (kinds.LVALUEREFERENCE, kinds.RVALUEREFERENCE):
            made["ref"], type_ = True, type_.get_pointee().get_canonical()
        if type_.kind in (kinds.CONSTANTARRAY, kinds.INCOMPLETEARRAY):
            made["array"], type_ = True, type_.element_type.get_canonical()
        if type_.kind is kinds.POINTER:
            made["ptr"], type_ = True, type_.get_pointee().get_canonical()
        if type_.kind in self.scalars:
            return {**made, "name": self.scalars[type_.kind]}
        if type_.kind not in (kinds.RECORD, kinds.ENUM) or depth > 8:
            return None
        declared = type_.get_declaration()
        made["name"] = declared.spelling
        definition = declared.get_definition() or declared
        if definition.location.file is not None:
            made["place"] = [os.path.realpath(definition.location.file.name), definition.extent.start.line]
        made["args"] = []
        for number in range(max(0, type_.get_num_template_arguments())):
            argument = type_.get_template_argument_type(number)
            if argument.kind is kinds.INVALID:
                value = declared.get_template_argument_value(number)
                made["args"].append(value)
                continue
            inner = self.type(argument, depth + 1)
            if inner is None:
                return None
            made["args"].append(inner)
        return made

    def call(self, request: dict[str, Any]) -> Any:
        kinds = self.cindex.CursorKind
        target = self.cursor(request).referenced
        if target is None or target.kind not in (kinds.FUNCTION_DECL, kinds.FUNCTION_TEMPLATE, kinds.CXX_METHOD):
            return None
        template = self.library.clang_getSpecializedCursorTemplate(target)
        if template is not None and template.kind in (kinds.FUNCTION_TEMPLATE, kinds.CXX_METHOD):
            target = template
        place = target.get_definition() or target
        if place.location.file is None:
            return None
        return [os.path.realpath(place.location.file.name), place.location.line]

    def constant(self, request: dict[str, Any]) -> Any:
        kinds = self.cindex.CursorKind
        cursor = self.cursor(request)
        if cursor.kind is kinds.ENUM_CONSTANT_DECL:
            return cursor.enum_value
        if cursor.kind is not kinds.VAR_DECL or not cursor.type.is_const_qualified():
            return None
        result = self.library.clang_Cursor_Evaluate(cursor)
        if not result:
            return None
        try:
            kind = self.library.clang_EvalResult_getKind(result)
            if kind == 1:
                unsigned = self.library.clang_EvalResult_isUnsignedInt(result)
                name = "getAsUnsigned" if unsigned else "getAsLongLong"
                number = int(getattr(self.library, f"clang_EvalResult_{name}")(result))
                return bool(number) if cursor.type.get_canonical().kind is self.cindex.TypeKind.BOOL else number
            if kind == 4:
                return self.library.clang_EvalResult_getAsStr(result).decode("utf-8", "replace")
            return float(self.library.clang_EvalResult_getAsDouble(result)) if kind == 2 else None
        finally:
            self.library.clang_EvalResult_dispose(result)

    def answer(self, request: dict[str, Any]) -> Any:
        handlers = {"parse": self.parse, "field": self.field, "call": self.call, "constant": self.constant}
        return handlers[request["ask"]](request)


def _where(location: Any) -> str:
    return f"{location.file.name}:{location.line}: " if location.file is not None else ""


def main() -> None:
    """Answer until the input ends."""
    sys.path.insert(0, sys.argv[1])
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    sys.stdout = sys.stderr  # nothing else may speak on the line that answers go out on
    try:
        worker = Worker()
    except Exception as error:
        replies.write(json.dumps({"failed": f"{type(error).__name__}: {error}"}) + "\n")
        replies.flush()
        return
    limit(int(sys.argv[2]))
    for line in sys.stdin:
        try:
            reply = {"answer": worker.answer(json.loads(line))}
        except Exception as error:  # every failure is told, and the parent says it to the user
            reply = {"failed": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
