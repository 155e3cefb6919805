"""What AWS and the TLS provider make up and remember, behind the simulated providers."""

from __future__ import annotations

import json
import threading
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

ACCOUNT = "123456789012"
REGION = "eu-central-1"

# The arguments of which the providers' pages say that a change forces a new resource.
REPLACED_BY = {
    "aws_apigatewayv2_api": ("protocol_type",),
    "aws_apigatewayv2_api_mapping": ("api_id", "domain_name"),
    "aws_apigatewayv2_authorizer": ("api_id",),
    "aws_apigatewayv2_deployment": ("api_id", "triggers"),
    "aws_apigatewayv2_domain_name": ("domain_name",),
    "aws_apigatewayv2_integration": ("api_id", "integration_type"),
    "aws_apigatewayv2_route": ("api_id",),
    "aws_apigatewayv2_stage": ("api_id", "name"),
    "aws_cloudwatch_dashboard": ("dashboard_name",),
    "aws_cloudwatch_log_group": ("name", "name_prefix"),
    "aws_cloudwatch_log_metric_filter": ("name", "log_group_name"),
    "aws_cloudwatch_metric_alarm": ("alarm_name",),
    "aws_dynamodb_table": ("name", "hash_key", "range_key"),
    "aws_iam_role": ("name", "name_prefix"),
    "aws_iam_role_policy": ("name", "role"),
    "aws_iam_role_policy_attachment": ("role", "policy_arn"),
    "aws_kms_alias": ("name",),
    "aws_kms_key": ("customer_master_key_spec", "key_usage"),
    "aws_lambda_function": ("function_name", "package_type"),
    "aws_lambda_permission": ("action", "function_name", "principal", "source_account", "source_arn", "statement_id"),
    "aws_secretsmanager_secret": ("name", "name_prefix"),
    "aws_secretsmanager_secret_policy": ("secret_arn",),
    "aws_secretsmanager_secret_version": ("secret_id",),
    "aws_sns_topic": ("name",),
    "tls_private_key": ("algorithm", "rsa_bits"),
}

# What cannot be had twice at a time; where AWS says nothing of authorizers, the strict reading.
ONLY_ONCE = {
    "aws_apigatewayv2_api_mapping": ("domain_name", "api_mapping_key"),
    "aws_apigatewayv2_authorizer": ("api_id", "name"),
    "aws_apigatewayv2_domain_name": ("domain_name",),
    "aws_apigatewayv2_route": ("api_id", "route_key"),
    "aws_apigatewayv2_stage": ("api_id", "name"),
    "aws_cloudwatch_log_group": ("name",),
    "aws_dynamodb_table": ("name",),
    "aws_iam_role": ("name",),
    "aws_kms_alias": ("name",),
    "aws_lambda_function": ("function_name",),
    "aws_lambda_permission": ("function_name", "statement_id"),
    "aws_secretsmanager_secret": ("name",),
}

# What cannot be deleted while one of another type has this argument: its id, or a text with it.
HELD_BY = {
    "aws_apigatewayv2_authorizer": [("aws_apigatewayv2_route", "authorizer_id", "{id}")],
    "aws_apigatewayv2_deployment": [("aws_apigatewayv2_stage", "deployment_id", "{id}")],
    "aws_apigatewayv2_integration": [("aws_apigatewayv2_route", "target", "integrations/{id}")],
    "aws_apigatewayv2_stage": [("aws_apigatewayv2_api_mapping", "stage", "{id}")],
    "aws_iam_role": [("aws_iam_role_policy", "role", "{id}"), ("aws_iam_role_policy_attachment", "role", "{id}")],
}


class Refused(Exception):
    """AWS said no."""


class World:
    """Remembers what was made."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self.live: dict[tuple[str, str], dict[str, Any]] = {}
        # Every change in its order: create, update or delete, type, and id.
        self.operations: list[tuple[str, str, str]] = []

    def has(self, kind: str, state: dict[str, Any]) -> bool:
        return (kind, state["id"]) in self.live

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [state for (found, _), state in self.live.items() if found == kind]

    def create(self, kind: str, given: dict[str, Any]) -> dict[str, Any]:
        """What the provider answers beside what was given."""
        with self._lock:
            self._count += 1
            made = self.make(kind, given, self._count)
            self._check_name(kind, {**given, **made})
            self.live[kind, made["id"]] = {**given, **made}
            self.operations.append(("create", kind, made["id"]))
            return made

    def update(self, kind: str, state: dict[str, Any]) -> None:
        with self._lock:
            if self.operations[-1:] != [("create", kind, state["id"])]:
                self.operations.append(("update", kind, state["id"]))
            self.live[kind, state["id"]] = state

    def delete(self, kind: str, state: dict[str, Any]) -> None:
        with self._lock:
            for holder, argument, form in HELD_BY.get(kind, ()):
                if any(held.get(argument) == form.format(**state) for held in self.of_type(holder)):
                    raise Refused(f"ConflictException: {kind} {state['id']} is in use by {holder}")
            self.forget(kind, state)
            self.live.pop((kind, state["id"]), None)
            self.operations.append(("delete", kind, state["id"]))

    def _check_name(self, kind: str, state: dict[str, Any]) -> None:
        names = ONLY_ONCE.get(kind)
        if names and any([other.get(n) for n in names] == [state.get(n) for n in names] for other in self.of_type(kind)):
            raise Refused(f"ResourceConflictException: {kind} {[state.get(n) for n in names]} already exists")

    def make(self, kind: str, given: dict[str, Any], number: int) -> dict[str, Any]:
        return {"id": f"{kind}-{number}"}

    def forget(self, kind: str, state: dict[str, Any]) -> None:
        """What else goes when this goes."""


class Tls(World):
    """Makes real RSA keys."""

    def make(self, kind: str, given: dict[str, Any], number: int) -> dict[str, Any]:
        made = super().make(kind, given, number)
        if kind == "tls_private_key":
            key = rsa.generate_private_key(public_exponent=65537, key_size=int(given["rsa_bits"]))
            pem = key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
            ).decode()
            made |= {"private_key_pem": pem, "public_key_pem": _public_pem(key.public_key())}
        return made

    def data(self, kind: str, config: dict[str, Any]) -> dict[str, Any]:
        key = serialization.load_pem_private_key(config["private_key_pem"].encode(), password=None)
        return {"public_key_pem": _public_pem(key.public_key())}


class Aws(World):
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
        super().__init__()
        # Of KMS: what aws_kms_public_key answers, by key ARN.
        self.public_keys: dict[str, str] = {}
        # Names of deleted secrets, which Secrets Manager keeps for the recovery window.
        self._kept: set[str] = set()

    def make(self, kind: str, given: dict[str, Any], number: int) -> dict[str, Any]:
        made = {"id": f"{kind.removeprefix('aws_').replace('_', '-')}-{number}"}
        if kind in ("aws_iam_role", "aws_dynamodb_table", "aws_lambda_function"):
            made["id"] = given.get("name") or given["function_name"]
        if given.get("name_prefix"):
            made["name"] = f"{given['name_prefix']}{number:026}"
        known = {key: value for key, value in {**given, **made}.items() if isinstance(value, str)}
        if kind in self.SERVICES:
            path = self.SERVICES[kind].format(**{"region": REGION, "account": ACCOUNT, **known})
            made["arn"] = f"arn:aws:{path}"
        match kind:
            case "aws_kms_key":
                made["key_id"] = made["id"]
                self.public_keys[made["arn"]] = _kms_public_key(given["customer_master_key_spec"])
            case "aws_apigatewayv2_api":
                made["execution_arn"] = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{made['id']}"
            case "aws_apigatewayv2_stage":
                made["invoke_url"] = f"wss://{given['api_id']}.execute-api.{REGION}.amazonaws.com/{given['name']}"
            case "aws_lambda_function":
                made["invoke_arn"] = (
                    f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{made['arn']}/invocations"
                )
            case "aws_lambda_permission":
                if not any(given["function_name"] in (f["arn"], f["function_name"]) for f in self.of_type("aws_lambda_function")):
                    raise Refused(f"ResourceNotFoundException: no function {given['function_name']}")
            case "aws_secretsmanager_secret":
                if known["name"] in self._kept:
                    raise Refused(f"InvalidRequestException: {known['name']} is scheduled for deletion")
        return made

    def forget(self, kind: str, state: dict[str, Any]) -> None:
        match kind:
            case "aws_dynamodb_table":
                if state["deletion_protection_enabled"]:
                    raise Refused(f"ValidationException: {state['name']} is protected against deletion")
            case "aws_lambda_function":
                # Its permissions are part of it.
                for permission in self.of_type("aws_lambda_permission"):
                    if permission["function_name"] in (state["arn"], state["function_name"]):
                        del self.live["aws_lambda_permission", permission["id"]]
            case "aws_secretsmanager_secret":
                self._kept.add(state["name"])

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


def _kms_public_key(spec: str) -> str:
    if spec == "ECC_NIST_P256":
        return _public_pem(ec.generate_private_key(ec.SECP256R1()).public_key())
    return _public_pem(rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key())


def _public_pem(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> str:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
