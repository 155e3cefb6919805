"""Checks a Terraform module against the providers' published schemas, without the providers.

usage: python check.py SCHEMA_FOLDER MODULE_FOLDER…

What `terraform validate` would find, and two things that it would not: names that nothing uses, and a
resource with several instances that is referenced as if it were one.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import module as hcl
import schema

META_ARGUMENTS = {"count", "for_each", "depends_on", "provider"}
META_BLOCKS = {"lifecycle", "provisioner", "connection"}
LIFECYCLE = {"create_before_destroy", "prevent_destroy", "ignore_changes", "replace_triggered_by", "precondition", "postcondition"}
# Roots that need no declaration.
BUILTIN = {"path": {"module", "root", "cwd"}, "terraform": {"workspace"}}
CALL_ARGUMENTS = META_ARGUMENTS | {"source", "version", "providers"}


def check(folder: Path, wheels: Path) -> list[str]:
    """Everything wrong with the module in `folder`, one sentence each."""
    module = hcl.load(folder)
    wanted = {resource.type for resource in module.resources.values()}
    providers = schema.load(wheels, wanted)
    problems = [f"{address} is declared twice" for address in module.duplicates]
    for name, constraint in module.providers.items():
        if name in providers and not _allows(constraint, providers[name].version or constraint):
            problems.append(f"provider {name}: the schema is of {providers[name].version}, outside of {constraint}")
    types: dict[tuple[bool, str], schema.Type] = {}
    for provider in providers.values():
        types |= {(False, kind): found for kind, found in provider.resources.items()}
        types |= {(True, kind): found for kind, found in provider.data_sources.items()}

    for resource in module.resources.values():
        found = types.get((resource.data, resource.type))
        where = f"{resource.file}: {resource.address}"
        if resource.type.split("_")[0] not in module.providers:
            problems.append(f"{where}: provider is not among required_providers")
        if found is None:
            problems.append(f"{where}: the provider has no such {'data source' if resource.data else 'resource'}")
        else:
            problems += _body(where, resource.body, found.body, top=True)
    problems += _references(module, types)
    problems += _calls(module)
    problems += _unused(module)
    problems += _cycles(module)
    return problems


def _allows(constraint: str, version: str) -> bool:
    """`~> 6.0`, the only kind of constraint that the module uses: same major, not older."""
    wanted = re.fullmatch(r"~> (\d+)\.(\d+)", constraint)
    have = [int(part) for part in version.strip("~> ").split(".")[:2]]
    return wanted is not None and have[0] == int(wanted[1]) and have[1] >= int(wanted[2])


def _body(where: str, body: dict[str, Any], allowed: schema.Body, top: bool = False) -> list[str]:
    problems = []
    present = set()
    for name, value in hcl.entries(body):
        if top and name in META_ARGUMENTS | META_BLOCKS:
            if name == "lifecycle":
                unknown = {inner for block in value for inner, _ in hcl.entries(block)} - LIFECYCLE
                problems += [f"{where}: lifecycle has no argument {inner}" for inner in sorted(unknown)]
            continue
        if name == "dynamic":
            for labelled in value:
                for label, dynamic in hcl.entries(labelled):
                    blocks = [content for content in dynamic.get("content", [])]
                    if "for_each" not in dynamic or not blocks:
                        problems.append(f"{where}: dynamic {label} needs for_each and content")
                    present.add(hcl.text(label))
                    problems += _blocks(where, hcl.text(label), blocks, allowed)
            continue
        present.add(name)
        if hcl.is_block(value):
            problems += _blocks(where, name, value, allowed)
        elif name in allowed.blocks:
            problems.append(f"{where}: {name} is a block, not an argument")
        elif name not in allowed.attributes:
            problems.append(f"{where}: no argument {name}")
        elif mismatch := _mismatch(value, allowed.attributes[name]):
            problems.append(f"{where}: {name} wants {allowed.attributes[name]}, not {mismatch}")
    problems += [f"{where}: {name} is missing" for name in sorted(allowed.required - present)]
    return problems


def _blocks(where: str, name: str, blocks: list[dict[str, Any]], allowed: schema.Body) -> list[str]:
    if name in allowed.attributes:
        return [f"{where}: {name} is an argument, not a block"]
    if name not in allowed.blocks:
        return [f"{where}: no block {name}"]
    block = allowed.blocks[name]
    problems = [f"{where}: more than one {name}"] if block.single and len(blocks) > 1 else []
    for inner in blocks:
        problems += _body(f"{where}: {name}", inner, block.body)
    return problems


def _mismatch(value: Any, kind: str) -> str | None:
    """What a literal is, if it cannot become `kind`. Expressions are left to Terraform."""
    if isinstance(value, str) and ("${" in value or not value.startswith('"')):
        return None
    listed, mapped = isinstance(value, list), isinstance(value, dict)
    if kind in ("string", "number", "boolean") and (listed or mapped):
        return "a list" if listed else "a map"
    if kind.endswith(("List", "Set")) and not listed:
        return "a single value"
    if kind.endswith("Map") and not mapped:
        return "a single value"
    if kind == "number" and not re.fullmatch(r"-?\d+(\.\d+)?", hcl.text(value)):
        return str(value)
    if kind == "boolean" and hcl.text(value).lower() not in ("true", "false"):
        return str(value)
    return None


def _owners(module: hcl.Module) -> list[tuple[str, dict[str, Any] | None, Any]]:
    """Everything that has expressions: address, body (of resources and calls), value."""
    owners: list[tuple[str, dict[str, Any] | None, Any]] = []
    owners += [(r.address, r.body, r.body) for r in module.resources.values()]
    owners += [(f"module.{name}", body, body) for name, body in module.calls.items()]
    owners += [(f"local.{name}", None, value) for name, value in module.locals.items()]
    owners += [(f"output.{name}", None, body) for name, body in module.outputs.items()]
    owners += [("provider", None, body) for body in module.configurations]
    owners += [
        (f"var.{name}", None, {key: value for key, value in hcl.entries(body) if key != "type"})
        for name, body in module.variables.items()
    ]
    return owners


def _references(module: hcl.Module, types: dict[tuple[bool, str], schema.Type]) -> list[str]:
    problems = []
    for owner, body, value in _owners(module):
        iterators = _iterators(body or {})
        for reference in hcl.references(value):
            fault = _fault(reference, module, types, body, iterators)
            if fault:
                problems.append(f"{owner}: {reference} {fault}")
    return problems


def _iterators(body: dict[str, Any]) -> set[str]:
    """A dynamic block's label is the name of its iterator."""
    names = set()
    for name, value in hcl.entries(body):
        if name == "dynamic":
            names |= {hcl.text(label) for labelled in value for label, _ in hcl.entries(labelled)}
        if isinstance(value, list):
            names |= set().union(*(_iterators(inner) for inner in value if isinstance(inner, dict)))
    return names


def _fault(
    reference: hcl.Reference,
    module: hcl.Module,
    types: dict[tuple[bool, str], schema.Type],
    body: dict[str, Any] | None,
    iterators: set[str],
) -> str | None:
    root, steps = reference.root, reference.steps
    first = steps[0] if steps else ""
    if root in BUILTIN:
        return None if first in BUILTIN[root] else "does not exist"
    if root == "var":
        return None if first in module.variables else "is not declared"
    if root == "local":
        return None if first in module.locals else "is not declared"
    if root in ("each", "count"):
        meta = {"each": "for_each", "count": "count"}[root]
        allowed = {"each": {"key", "value"}, "count": {"index"}}[root]
        return None if body is not None and meta in body and first in allowed else f"needs {meta}"
    if root in iterators:
        return None if first in ("key", "value") else "is an iterator: it has key and value"
    if root == "module":
        if first not in module.calls:
            return "is not declared"
        child = hcl.load((module.folder / hcl.text(module.calls[first]["source"])).resolve())
        return None if len(steps) < 2 or steps[1] in child.outputs else "is no output of that module"

    data = root == "data"
    kind, name, *rest = steps[:2] + steps[2:] if data else (root, first, *steps[1:])
    resource = module.resources.get(f"{'data.' if data else ''}{kind}.{name}")
    if resource is None:
        return "is not declared"
    several = "count" in resource.body or "for_each" in resource.body
    if not rest:
        return None
    if several != (rest[0] in ("[…]", "*")):
        return "has several instances: which one?" if several else "has one instance and no index"
    attribute = rest[1] if several and len(rest) > 1 else rest[0] if not several else None
    found = types.get((data, resource.type))
    if attribute is None or found is None:
        return None
    known = found.body.attributes.keys() | found.body.blocks.keys() | found.computed.keys()
    return None if attribute in known else f"does not exist: {resource.type} has no {attribute}"


def _calls(module: hcl.Module) -> list[str]:
    problems = []
    for name, body in module.calls.items():
        child = hcl.load((module.folder / hcl.text(body["source"])).resolve())
        given = {argument for argument, _ in hcl.entries(body)} - CALL_ARGUMENTS
        problems += [f"module.{name}: no variable {argument}" for argument in sorted(given - child.variables.keys())]
        required = {variable for variable, declared in child.variables.items() if "default" not in declared}
        problems += [f"module.{name}: {argument} is missing" for argument in sorted(required - given)]
    return problems


def _unused(module: hcl.Module) -> list[str]:
    used = set()
    for owner, _, value in _owners(module):
        for reference in hcl.references(value):
            steps = reference.steps
            address = ".".join((reference.root, *steps[: 2 if reference.root == "data" else 1]))
            if address != owner:
                used.add(address)
    declared = {f"var.{name}" for name in module.variables} | {f"local.{name}" for name in module.locals}
    declared |= {resource.address for resource in module.resources.values() if resource.data}
    return [f"{address} is never used" for address in sorted(declared - used)]


def _cycles(module: hcl.Module) -> list[str]:
    edges: dict[str, set[str]] = {}
    for owner, _, value in _owners(module):
        targets = set()
        for reference in hcl.references(value):
            steps = reference.steps
            targets.add(".".join((reference.root, *steps[: 2 if reference.root == "data" else 1])))
        # A variable's validation may look at itself.
        edges[owner] = targets - {owner} if owner.startswith("var.") else targets

    done: set[str] = set()

    def visit(node: str, path: list[str]) -> str | None:
        if node in path:
            return " -> ".join([*path[path.index(node) :], node])
        if node in done or node not in edges:
            return None
        for target in sorted(edges[node]):
            if cycle := visit(target, [*path, node]):
                return cycle
        done.add(node)
        return None

    for node in sorted(edges):
        if cycle := visit(node, []):
            return [f"cycle: {cycle}"]
    return []


if __name__ == "__main__":
    wheels = Path(sys.argv[1])
    schema.download(wheels)
    wrong = [f"{folder}: {problem}" for folder in sys.argv[2:] for problem in check(Path(folder), wheels)]
    print("\n".join(wrong) or f"{len(sys.argv) - 2} modules agree with the providers' schemas")
    sys.exit(bool(wrong))
