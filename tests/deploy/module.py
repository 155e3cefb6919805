"""A Terraform module as data: its blocks, and the references in its expressions."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2

KEYWORDS = {"for", "in", "if", "else", "endif", "endfor", "null", "true", "false"}


@dataclasses.dataclass
class Resource:
    """A resource or a data source; `address` is what references to it begin with."""

    type: str
    name: str
    body: dict[str, Any]
    data: bool
    file: str

    @property
    def address(self) -> str:
        return f"{'data.' if self.data else ''}{self.type}.{self.name}"


@dataclasses.dataclass
class Module:
    folder: Path
    resources: dict[str, Resource] = dataclasses.field(default_factory=dict)
    variables: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    locals: dict[str, Any] = dataclasses.field(default_factory=dict)
    outputs: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    calls: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    configurations: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    providers: dict[str, str] = dataclasses.field(default_factory=dict)
    duplicates: list[str] = dataclasses.field(default_factory=list)

    def of_type(self, kind: str, data: bool = False) -> list[Resource]:
        return [r for r in self.resources.values() if r.type == kind and r.data == data]


@dataclasses.dataclass(frozen=True)
class Reference:
    """`root.path[…]`: `steps` are attribute names, `[…]` for an index, `*` for a splat."""

    root: str
    steps: tuple[str, ...]

    def __str__(self) -> str:
        return self.root + "".join(s if s == "[…]" else f".{s}" for s in self.steps)


def load(folder: Path) -> Module:
    module = Module(folder)

    def add(table: dict[str, Any], key: str, value: Any, address: str) -> None:
        if key in table:
            module.duplicates.append(address)
        table[key] = value

    for path in sorted(folder.glob("*.tf")):
        parsed = _parse(path.read_text())
        for data, blocks in ((False, parsed.get("resource", [])), (True, parsed.get("data", []))):
            for kind, name, body in _labelled(blocks, 2):
                resource = Resource(kind, name, body, data, path.name)
                add(module.resources, resource.address, resource, resource.address)
        for kind, table in (("variable", module.variables), ("output", module.outputs), ("module", module.calls)):
            for name, body in _labelled(parsed.get(kind, []), 1):
                add(table, name, body, f"{kind} {name}")
        module.configurations += [body for _, body in _labelled(parsed.get("provider", []), 1)]
        for block in parsed.get("locals", []):
            for name, value in block.items():
                if not name.startswith("__"):
                    add(module.locals, name, value, f"local.{name}")
        for block in parsed.get("terraform", []):
            for required in block.get("required_providers", []):
                for name, value in required.items():
                    if not name.startswith("__"):
                        module.providers[name] = text(value["version"])
    return module


# Parsing is what takes time, and copies of the module differ in one file only. Nobody changes what is parsed.
_parse = functools.cache(hcl2.loads)


def _labelled(blocks: list[dict[str, Any]], labels: int) -> Iterator[tuple[Any, ...]]:
    for block in blocks:
        (label, inner), *_ = block.items()
        if labels == 1:
            yield label.strip('"'), inner
        else:
            for second, body in inner.items():
                yield label.strip('"'), second.strip('"'), body


def text(value: Any) -> str:
    """The text of a quoted string; anything else as it is written."""
    return value[1:-1] if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"' else str(value)


def entries(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The arguments and blocks of a body, without the parser's own notes."""
    return ((name, value) for name, value in body.items() if not name.startswith("__"))


def is_block(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) and "__is_block__" in v for v in value)


def references(value: Any) -> list[Reference]:
    """Every reference in a value, however deeply nested; names bound by `for` are not references."""
    found: list[Reference] = []
    if isinstance(value, dict):
        for name, inner in entries(value):
            found += references(name) if name.startswith("(") else []
            found += references(inner)
    elif isinstance(value, list):
        for inner in value:
            found += references(inner)
    elif isinstance(value, str):
        fragments = _code(value)
        # A `for` binds its names in the strings inside of it as well, which are fragments of their own.
        bound = set().union(*(_bound(code) for code in fragments))
        for code in fragments:
            found += _traversals(code, bound)
    return found


def calls(value: Any) -> set[str]:
    """The functions that a value calls."""
    if isinstance(value, dict):
        return set().union(*(calls(inner) for _, inner in entries(value)))
    if isinstance(value, list):
        return set().union(*(calls(inner) for inner in value))
    if isinstance(value, str):
        names = {name for code in _code(value) for name in re.findall(r"(?<![\w.])([a-z]\w*)\(", code)}
        return names - KEYWORDS
    return set()


def _code(source: str) -> list[str]:
    """The expressions in a value as the parser prints it, with the text of their strings taken out."""
    fragments: list[str] = []

    def template(i: int, end: str) -> int:
        """Reads text up to `end`; what it interpolates is a fragment of its own."""
        while i < len(source) and not source.startswith(end, i):
            if source.startswith(("$${", "%%{"), i):
                i += 3
            elif source.startswith(("${", "%{"), i):
                i = expression(i + 2)
            elif source[i] == "\\":
                i += 2
            else:
                i += 1
        return i + len(end)

    def expression(i: int) -> int:
        """Reads code up to the brace that closes it."""
        code, depth = [], 0
        while i < len(source):
            if source[i] == '"':
                start = i
                i = template(i + 1, '"')
                literal = source[start + 1 : i - 1]
                # A plain string stays, so that an index by name can be looked up.
                code.append(f'"{literal}"' if re.fullmatch(r"[\w-]*", literal) else '""')
                continue
            if source[i] == "}" and depth == 0:
                break
            depth += (source[i] == "{") - (source[i] == "}")
            code.append(source[i])
            i += 1
        fragments.append("".join(code))
        return i + 1

    if source.startswith("${"):
        expression(2)
    elif source.startswith('"'):
        template(1, "\0")
    elif source.startswith("<<"):
        template(2, "\0")
    elif re.fullmatch(r"[A-Za-z_][\w-]*", source):
        # The parser prints a lone name as it is.
        fragments.append(source)
    return fragments


def _bound(code: str) -> set[str]:
    return {name for pair in re.findall(r"\bfor\s+(\w+)(?:\s*,\s*(\w+))?\s+in\b", code) for name in pair if name}


_TRAVERSAL = re.compile(r'(?<![\w."-])([A-Za-z_][\w-]*)((?:\.(?:\w[\w-]*|\*)|\[(?:[^\[\]]|\[[^\[\]]*\])*\])*)')


def _traversals(code: str, bound: set[str]) -> list[Reference]:
    found = []
    for match in _TRAVERSAL.finditer(code):
        root, path = match[1], match[2]
        rest = code[match.end() :]
        for index in re.findall(r"\[((?:[^\[\]]|\[[^\[\]]*\])*)\]", path):
            found += _traversals(index, bound)
        inside_string = code[: match.start()].count('"') % 2 == 1
        called = rest.startswith("(") and not path
        object_key = not path and re.match(r"\s*=(?![=>])", rest)
        if inside_string or called or object_key or (root in KEYWORDS and not path) or root in bound:
            continue
        steps = []
        for step in re.findall(r"\.(\w[\w-]*|\*)|(\[(?:[^\[\]]|\[[^\[\]]*\])*\])", path):
            steps.append(step[0] or ("*" if step[1] == "[*]" else "[…]"))
        found.append(Reference(root, tuple(steps)))
    return found
