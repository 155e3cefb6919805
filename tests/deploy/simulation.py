"""Providers that know the published schemas and nothing of AWS, for a real Terraform to talk to.

Terraform can be told to use a provider that is already running (TF_REATTACH_PROVIDERS). These two
serve the AWS and TLS schemas over Terraform's plugin protocol, accept whatever Terraform has checked
against them, and make up what AWS would have answered: identifiers, ARNs. What is a pure computation is
carried out: policy documents are rendered, keys are made. So `terraform validate` and `apply` run for
real, with every variable, expression and reference evaluated, and their state can be looked at.

The order of things is AWS's (world.py): which change makes a resource anew, which names can be had only once, what
cannot be deleted while something refers to it, and what disappears with it.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import msgpack
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc

import schema
import world
from world import ACCOUNT, REGION

__all__ = ["ACCOUNT", "REGION", "Simulation"]

UNKNOWN = msgpack.ExtType(0, b"\0")
# What the real providers mark; Terraform then demands that outputs say so too.
SENSITIVE = {"private_key_pem", "private_key_openssh", "private_key_pem_pkcs8", "secret_string"}


class Simulation:
    """Runs the providers until closed; `environment` is what Terraform needs to find them."""

    def __init__(self, providers: dict[str, schema.Provider]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._servers = []
        self.aws = world.Aws()
        worlds = {"aws": self.aws, "tls": world.Tls()}
        attach = {}
        for name, provider in providers.items():
            server = grpc.server(ThreadPoolExecutor(max_workers=10))
            rpc.add_ProviderServicer_to_server(_Servicer(provider, worlds[name]), server)
            socket = os.path.join(self._folder.name, name)
            server.add_insecure_port(f"unix://{socket}")
            server.start()
            self._servers.append(server)
            attach[f"registry.terraform.io/hashicorp/{name}"] = {
                "Protocol": "grpc",
                "ProtocolVersion": 6,
                "Pid": os.getpid(),
                "Test": True,
                "Addr": {"Network": "unix", "String": socket},
            }
        self.environment = {"TF_REATTACH_PROVIDERS": json.dumps(attach)}

    def close(self) -> None:
        for server in self._servers:
            server.stop(grace=None)
        self._folder.cleanup()


class _Servicer(rpc.ProviderServicer):
    """Terraform's plugin protocol, version 6."""

    def __init__(self, provider: schema.Provider, made_up: world.World) -> None:
        self.provider = provider
        self.world = made_up

    def GetProviderSchema(self, request: Any, context: Any) -> Any:
        def served(types: dict[str, schema.Type]) -> dict[str, Any]:
            return {name: pb.Schema(version=0, block=_block(kind.body, kind.computed)) for name, kind in types.items()}

        # Of the provider's own configuration the module uses the region.
        own = schema.Body(attributes={"region": "string"})
        return pb.GetProviderSchema.Response(
            provider=pb.Schema(version=0, block=_block(own, {})),
            resource_schemas=served(self.provider.resources),
            data_source_schemas=served(self.provider.data_sources),
        )

    def ValidateProviderConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateProviderConfig.Response()

    def ConfigureProvider(self, request: Any, context: Any) -> Any:
        return pb.ConfigureProvider.Response()

    def ValidateResourceConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateResourceConfig.Response()

    def ValidateDataResourceConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateDataResourceConfig.Response()

    def UpgradeResourceState(self, request: Any, context: Any) -> Any:
        return pb.UpgradeResourceState.Response(upgraded_state=_pack(json.loads(request.raw_state.json)))

    def ReadResource(self, request: Any, context: Any) -> Any:
        # What is gone is read as null: Terraform makes it again.
        state = _unpack(request.current_state)
        gone = state is not None and not self.world.has(request.type_name, state)
        return pb.ReadResource.Response(new_state=_pack(None) if gone else request.current_state)

    def ReadDataSource(self, request: Any, context: Any) -> Any:
        config = _unpack(request.config)
        return pb.ReadDataSource.Response(state=_pack({**config, **self.world.data(request.type_name, config)}))

    def PlanResourceChange(self, request: Any, context: Any) -> Any:
        proposed, prior = _unpack(request.proposed_new_state), _unpack(request.prior_state)
        replaced_by = []
        if proposed is not None and prior is None:
            body, computed = self._type(request.type_name)
            _set_unknown(proposed, computed.keys() | {"id"})
            if proposed.get("name_prefix"):
                _set_unknown(proposed, {"name"})
            for name, block in body.blocks.items():
                for item in proposed[name] or []:
                    if isinstance(item, dict):
                        _set_unknown(item, block.body.computed.keys())
        elif proposed is not None:
            attributes = world.REPLACED_BY.get(request.type_name, ())
            replaced_by = [name for name in attributes if proposed.get(name) != prior.get(name)]
        return pb.PlanResourceChange.Response(
            planned_state=_pack(proposed),
            requires_replace=[
                pb.AttributePath(steps=[pb.AttributePath.Step(attribute_name=name)]) for name in replaced_by
            ],
            legacy_type_system=True,
        )

    def ApplyResourceChange(self, request: Any, context: Any) -> Any:
        kind = request.type_name
        state, prior = _unpack(request.planned_state), _unpack(request.prior_state)
        try:
            if state is None:
                self.world.delete(kind, prior)
            elif prior is None:
                _, computed = self._type(kind)
                made = self.world.create(kind, {name: value for name, value in state.items() if value != UNKNOWN})
                for name, value in state.items():
                    if value == UNKNOWN:
                        text = computed.get(name, "string") == "string"
                        state[name] = made.get(name, f"{kind}.{name}" if text else None)
                    for item in value if isinstance(value, list) else []:
                        if isinstance(item, dict):
                            item |= {inner: f"{kind}.{inner}" for inner, unset in item.items() if unset == UNKNOWN}
                self.world.update(kind, state)
            else:
                self.world.update(kind, state)
        except world.Refused as refused:
            fault = pb.Diagnostic(severity=pb.Diagnostic.ERROR, summary=str(refused))
            return pb.ApplyResourceChange.Response(new_state=_pack(prior), diagnostics=[fault], legacy_type_system=True)
        return pb.ApplyResourceChange.Response(new_state=_pack(state), legacy_type_system=True)

    def _type(self, kind: str) -> tuple[schema.Body, dict[str, str]]:
        found = self.provider.resources[kind]
        return found.body, found.computed

    def StopProvider(self, request: Any, context: Any) -> Any:
        return pb.StopProvider.Response()


def _set_unknown(values: dict[str, Any], names: Iterable[str]) -> None:
    """Marks what AWS will answer, and is not given."""
    values |= {name: UNKNOWN for name in names if name in values and values[name] is None}


def _pack(value: Any) -> Any:
    return pb.DynamicValue(msgpack=msgpack.packb(value))


def _unpack(value: Any) -> Any:
    return msgpack.unpackb(value.msgpack) if value.msgpack else None


def _block(body: schema.Body, computed: dict[str, str]) -> Any:
    attributes = [
        pb.Schema.Attribute(
            name=name,
            type=_type(kind),
            required=name in body.required,
            optional=name not in body.required,
            # A name that is not given is made of name_prefix.
            computed=name not in body.required and (name == "id" or (name == "name" and "name_prefix" in body.attributes)),
            sensitive=name in SENSITIVE,
        )
        for name, kind in body.attributes.items()
    ]
    attributes += [
        pb.Schema.Attribute(name=name, type=_type(kind), computed=True, sensitive=name in SENSITIVE)
        for name, kind in computed.items()
    ]
    nestings = {"list": pb.Schema.NestedBlock.LIST, "set": pb.Schema.NestedBlock.SET, "struct": pb.Schema.NestedBlock.SINGLE}
    blocks = []
    for name, block in body.blocks.items():
        # A block of its own kind (`timeouts`) has no number of items.
        several = block.nesting != "struct"
        blocks.append(
            pb.Schema.NestedBlock(
                type_name=name,
                nesting=nestings[block.nesting],
                block=_block(block.body, block.body.computed),
                min_items=1 if several and name in body.required else 0,
                max_items=1 if several and block.single else 0,
            )
        )
    return pb.Schema.Block(attributes=attributes, block_types=blocks)


def _type(kind: str) -> bytes:
    """A type in Terraform's JSON; what the bindings call otherwise is a nested object, taken as anything."""
    scalars = {"string": "string", "number": "number", "boolean": "bool"}
    if kind in scalars:
        return json.dumps(scalars[kind]).encode()
    for scalar, wire in scalars.items():
        for suffix, collection in (("List", "list"), ("Set", "set"), ("Map", "map")):
            if kind == scalar + suffix:
                return json.dumps([collection, wire]).encode()
    return b'"dynamic"'
