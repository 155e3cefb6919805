"""Providers that know the published schemas and nothing of AWS, for a real Terraform to talk to.

Terraform can be told to use a provider that is already running (TF_REATTACH_PROVIDERS). These two
serve the AWS and TLS schemas over Terraform's plugin protocol, accept whatever Terraform has checked
against them, and make up what AWS would have answered: identifiers, ARNs. What is a pure computation is
carried out: policy documents are rendered, RSA keys are made. So `terraform validate` and `apply` run for
real, with every variable, expression and reference evaluated, and their state can be looked at.
"""

from __future__ import annotations

import json
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import msgpack
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc

import schema

ACCOUNT = "123456789012"
REGION = "eu-central-1"
UNKNOWN = msgpack.ExtType(0, b"\0")
# What the real providers mark; Terraform then demands that outputs say so too.
SENSITIVE = {"private_key_pem", "private_key_openssh", "private_key_pem_pkcs8", "secret_string"}


class Simulation:
    """Runs the providers until closed; `environment` is what Terraform needs to find them."""

    def __init__(self, providers: dict[str, schema.Provider]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._servers = []
        attach = {}
        for name, provider in providers.items():
            server = grpc.server(ThreadPoolExecutor(max_workers=10))
            rpc.add_ProviderServicer_to_server(_Servicer(provider, {"aws": _Aws, "tls": _Tls}[name]()), server)
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


class _Tls:
    """Makes real RSA keys."""

    def resource(self, kind: str, name: str, state: dict[str, Any]) -> Any:
        if kind == "tls_private_key":
            key = rsa.generate_private_key(public_exponent=65537, key_size=int(state["rsa_bits"]))
            pem = key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
            ).decode()
            return {"private_key_pem": pem, "public_key_pem": _public_pem(key.public_key())}
        return {}

    def data(self, kind: str, config: dict[str, Any]) -> dict[str, Any]:
        key = serialization.load_pem_private_key(config["private_key_pem"].encode(), password=None)
        return {"public_key_pem": _public_pem(key.public_key())}


class _Aws:
    """Makes up what AWS answers, with ARNs in the form that each service documents."""

    SERVICES = {
        "aws_cloudwatch_log_group": "logs:{region}:{account}:log-group:{name}",
        "aws_dynamodb_table": "dynamodb:{region}:{account}:table/{name}",
        "aws_iam_role": "iam::{account}:role/{name}",
        "aws_kms_alias": "kms:{region}:{account}:{name}",
        "aws_kms_key": "kms:{region}:{account}:key/{id}",
        "aws_lambda_function": "lambda:{region}:{account}:function:{function_name}",
        "aws_secretsmanager_secret": "secretsmanager:{region}:{account}:secret:{name}-AbCdEf",
        "aws_sns_topic": "sns:{region}:{account}:{name}",
    }

    def __init__(self) -> None:
        self._ids = 0
        # Of KMS: what aws_kms_public_key answers, by key ARN.
        self.public_keys: dict[str, str] = {}

    def resource(self, kind: str, name: str, state: dict[str, Any]) -> dict[str, Any]:
        self._ids += 1
        made = {"id": f"{kind.removeprefix('aws_').replace('_', '-')}-{self._ids}"}
        if kind in ("aws_iam_role", "aws_dynamodb_table", "aws_lambda_function"):
            made["id"] = state.get("name") or state["function_name"]
        if kind in self.SERVICES:
            known = {key: value for key, value in state.items() if isinstance(value, str)}
            path = self.SERVICES[kind].format(**{"region": REGION, "account": ACCOUNT, **known, "id": made["id"]})
            made["arn"] = f"arn:aws:{path}"
        if kind == "aws_kms_key":
            made["key_id"] = made["id"]
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            self.public_keys[made["arn"]] = _public_pem(key.public_key())
        if kind == "aws_apigatewayv2_api":
            made["execution_arn"] = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{made['id']}"
        if kind == "aws_apigatewayv2_stage":
            made["invoke_url"] = f"wss://{state['api_id']}.execute-api.{REGION}.amazonaws.com/{state['name']}"
        if kind == "aws_lambda_function":
            made["invoke_arn"] = (
                f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{made['arn']}/invocations"
            )
        return made

    def data(self, kind: str, config: dict[str, Any]) -> dict[str, Any]:
        match kind:
            case "aws_caller_identity":
                return {"account_id": ACCOUNT}
            case "aws_region":
                return {"region": REGION}
            case "aws_partition":
                return {"partition": "aws"}
            case "aws_kms_public_key":
                return {"public_key_pem": self.public_keys[config["key_id"]]}
            case "aws_secretsmanager_secret":
                return {"arn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{config['name']}-AbCdEf"}
            case "aws_iam_policy_document":
                return {"json": json.dumps({"Version": "2012-10-17", "Statement": [*map(_statement, config["statement"])]})}
        return {}


def _statement(block: dict[str, Any]) -> dict[str, Any]:
    """A policy statement as the provider renders it, without its unwrapping of lists of one."""
    statement: dict[str, Any] = {"Effect": block["effect"] or "Allow"}
    names = {"sid": "Sid", "actions": "Action", "not_actions": "NotAction"}
    names |= {"resources": "Resource", "not_resources": "NotResource"}
    statement |= {wire: block[name] for name, wire in names.items() if block[name]}
    for name, wire in (("principals", "Principal"), ("not_principals", "NotPrincipal")):
        if block[name]:
            statement[wire] = {principal["type"]: principal["identifiers"] for principal in block[name]}
    if block["condition"]:
        statement["Condition"] = {c["test"]: {c["variable"]: c["values"]} for c in block["condition"]}
    return statement


def _public_pem(key: rsa.RSAPublicKey) -> str:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


class _Servicer(rpc.ProviderServicer):
    """Terraform's plugin protocol, version 6."""

    def __init__(self, provider: schema.Provider, world: _Aws | _Tls) -> None:
        self.provider = provider
        self.world = world

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
        return pb.ReadResource.Response(new_state=request.current_state)

    def ReadDataSource(self, request: Any, context: Any) -> Any:
        config = _unpack(request.config)
        return pb.ReadDataSource.Response(state=_pack({**config, **self.world.data(request.type_name, config)}))

    def PlanResourceChange(self, request: Any, context: Any) -> Any:
        proposed, prior = _unpack(request.proposed_new_state), _unpack(request.prior_state)
        if proposed is not None and prior is None:
            kind = self.provider.resources[request.type_name]
            for name in kind.computed.keys() | {"id"}:
                if name in proposed and proposed[name] is None:
                    proposed[name] = UNKNOWN
        return pb.PlanResourceChange.Response(planned_state=_pack(proposed), legacy_type_system=True)

    def ApplyResourceChange(self, request: Any, context: Any) -> Any:
        state = _unpack(request.planned_state)
        if state is not None and any(value == UNKNOWN for value in state.values()):
            kind = request.type_name
            made = self.world.resource(kind, kind, state)
            for name, value in state.items():
                if value == UNKNOWN:
                    text = self.provider.resources[kind].computed.get(name, "string") == "string"
                    state[name] = made.get(name, f"{kind}.{name}" if text else None)
        return pb.ApplyResourceChange.Response(new_state=_pack(state), legacy_type_system=True)

    def StopProvider(self, request: Any, context: Any) -> Any:
        return pb.StopProvider.Response()


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
            computed=name == "id" and name not in body.required,
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
                block=_block(block.body, {}),
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
