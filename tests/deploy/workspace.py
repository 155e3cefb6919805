"""Copies of the module to break and to apply."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import module as hcl
import schema
import simulation

ROOT = Path(__file__).resolve().parents[2]
WHEELS = ROOT / "target" / "deploy" / "wheels"
MODULE = ROOT / "examples" / "chat" / "deploy" / "terraform"
EXAMPLE = MODULE / "examples" / "chat"
# What the conformance suite deploys to an account.
CONFORMANCE = ROOT / "tests" / "conformance" / "terraform"


def without_comments(folder: Path) -> str:
    """The module's text, for assertions about what must not be in it."""
    lines = [line for path in sorted(folder.glob("*.tf")) for line in path.read_text().splitlines()]
    return "\n".join(line for line in lines if not line.lstrip().startswith("#"))


class Copy:
    """A copy of a module in a folder of its own."""

    def __init__(self, module: Path = MODULE) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.folder = Path(self._folder.name) / "terraform"
        shutil.copytree(module, self.folder, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))

    def replace(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        text = path.read_text()
        if text.count(old) != 1:
            raise ValueError(f"{file} has {text.count(old)} times: {old}")
        path.write_text(text.replace(old, new))

    def close(self) -> None:
        self._folder.cleanup()


class Refused(Exception):
    """Terraform said no; the message is what it printed."""


class Terraform:
    """A real Terraform on a copy of the module, with simulated providers."""

    def __init__(self, copy: Copy, subfolder: str = ".") -> None:
        self.folder = copy.folder / subfolder
        types = {resource.type for path in (copy.folder, self.folder) for resource in hcl.load(path).resources.values()}
        self._simulation = simulation.Simulation(schema.load(WHEELS, types))
        self.aws = self._simulation.aws
        # An empty file: neither the machine's own settings nor a warning that there are none.
        settings = copy.folder.parent / "terraform.rc"
        settings.touch()
        self._environment = {
            **os.environ,
            **self._simulation.environment,
            "TF_CLI_CONFIG_FILE": str(settings),
            "TF_IN_AUTOMATION": "1",
            "TF_CLI_ARGS": "-no-color",
            "CHECKPOINT_DISABLE": "1",
        }
        try:
            self.run("init", "-backend=false")
        except Refused:
            self.close()
            raise

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            ["terraform", *arguments], cwd=self.folder, env=self._environment, capture_output=True, text=True, timeout=120
        )
        if done.returncode != 0:
            # Undo the frame and the line wrapping, so that tests can look for sentences.
            raise Refused(" ".join(done.stderr.replace("│", " ").split()))
        return done.stdout

    def apply(self, *options: str, **variables: Any) -> State:
        # JSON is also how Terraform takes variables that are no strings.
        (self.folder / "terraform.tfvars.json").write_text(json.dumps(variables))
        self.run("apply", "-auto-approve", "-input=false", *options)
        return State(json.loads(self.run("show", "-json"))["values"])

    def plan(self) -> str:
        """What the variables of the last apply would change."""
        return self.run("plan", "-input=false")

    def close(self) -> None:
        self._simulation.close()


class State:
    """What was applied."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._resources: dict[str, dict[str, Any]] = {}
        self.outputs = {name: output["value"] for name, output in values["outputs"].items() if "value" in output}
        modules = [values["root_module"]]
        while modules:
            module = modules.pop()
            modules += module.get("child_modules", [])
            self._resources |= {resource["address"]: resource["values"] for resource in module.get("resources", [])}

    def __getitem__(self, address: str) -> dict[str, Any]:
        return self._resources[address]

    def __iter__(self) -> Iterator[str]:
        return iter(self._resources)

    def __contains__(self, address: str) -> bool:
        return address in self._resources

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        return {a: values for a, values in self._resources.items() if a.split("[")[0].split(".")[-2] == kind}

    def policy(self, role: str) -> list[dict[str, Any]]:
        """The statements of a function's role."""
        return json.loads(self[f'aws_iam_role_policy.function["{role}"]']["policy"])["Statement"]

    def functions(self) -> dict[str, dict[str, Any]]:
        """The functions by role."""
        return {a.split('"')[1]: values for a, values in self.of_type("aws_lambda_function").items()}

    def environment(self, function: str) -> dict[str, str]:
        return self[f'aws_lambda_function.this["{function}"]']["environment"][0]["variables"]
