"""What a schema allows and a WebSocket API, or a careful operator, does not.

Each rule is a function of the module that yields what is wrong; none needs Terraform.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import module as hcl
import patterns
import strangers

# Names that AWS gives only once at a time.
ONLY_ONCE = ("aws_lambda_function", "aws_iam_role", "aws_cloudwatch_log_group", "aws_dynamodb_table", "aws_lambda_permission")
# Resources that are the functions' permissions, and those that could widen them unseen.
FUNCTION_POLICY = "data.aws_iam_policy_document.function"


def pitfalls(folder: Path) -> list[str]:
    module = hcl.load(folder)
    return [f"{rule.__name__}: {problem}" for rule in RULES for problem in rule(module)]


def authorizer_is_a_websocket_one(module: hcl.Module) -> Iterator[str]:
    """JWT authorizers, cached results and payload formats exist for HTTP APIs only."""
    authorizers = module.of_type("aws_apigatewayv2_authorizer")
    if not authorizers:
        yield "there is none"
    for authorizer in authorizers:
        if (kind := hcl.text(authorizer.body.get("authorizer_type", ""))) != "REQUEST":
            yield f"authorizer_type is {kind}"
        for argument in (
            "jwt_configuration",
            "authorizer_result_ttl_in_seconds",
            "authorizer_payload_format_version",
            "enable_simple_responses",
        ):
            if argument in authorizer.body:
                yield f"{argument} is for HTTP APIs"
        if "identity_sources" in authorizer.body:
            yield "identity_sources are all demanded, but a token comes in one of three places"
    for route in module.of_type("aws_apigatewayv2_route"):
        if "JWT" in str(route.body.get("authorization_type", "")):
            yield f"{route.address} wants a JWT"


def stage_serves_what_was_deployed(module: hcl.Module) -> Iterator[str]:
    """auto_deploy is for HTTP APIs; a deployment must come again when its routes change."""
    for stage in module.of_type("aws_apigatewayv2_stage"):
        if "auto_deploy" in stage.body or "deployment_id" not in stage.body:
            yield "the stage names no deployment"
    for deployment in module.of_type("aws_apigatewayv2_deployment"):
        watched = {f"{r.root}.{r.steps[0]}" for r in hcl.references(deployment.body.get("triggers", {}))}
        for kind in ("api", "authorizer", "integration", "route"):
            if f"aws_apigatewayv2_{kind}.chat" not in watched:
                yield f"a changed {kind} is not deployed"


def logs_hold_no_token(module: hcl.Module) -> Iterator[str]:
    """The query string and the headers are where tokens are; a data trace shows both."""
    for stage in module.of_type("aws_apigatewayv2_stage"):
        for settings in stage.body.get("access_log_settings", []):
            fields = set(re.findall(r"\$context\.[\w.]+", str(settings["format"])))
            if not fields:
                yield "the access log's format names no fields"
            for field in sorted(fields):
                # authorizer.<name> is what the authorizer passes on: claims.
                passed_on = field.startswith("$context.authorizer.") and field != "$context.authorizer.error"
                if passed_on or re.search(r"query|header|path|body|identity\.(?!sourceIp$)", field, re.IGNORECASE):
                    yield f"the access log has {field}"
            if re.search(r"\$(input|request|method|stageVariables)", str(settings["format"])):
                yield "the access log has more than $context"
        for settings in stage.body.get("default_route_settings", []):
            if settings.get("data_trace_enabled") not in ("false", False):
                yield "data_trace_enabled is not false"
            if hcl.text(settings.get("logging_level", "")) not in ("ERROR", "OFF"):
                yield "logging_level writes requests down"


def actions_are_named(module: hcl.Module) -> Iterator[str]:
    """No wildcard in an action, no NotAction, no managed policy for a function."""
    for document in module.of_type("aws_iam_policy_document", data=True):
        for statement in _statements(document.body):
            if "not_actions" in statement or "not_resources" in statement or "not_principals" in statement:
                yield f"{document.address} says what is not meant"
            for action in statement.get("actions", []):
                if "*" in action or "?" in action or not re.fullmatch(r'"[a-z0-9-]+:[A-Za-z]+"', action):
                    yield f"{document.address} allows {action}"
    for attachment in module.of_type("aws_iam_role_policy_attachment"):
        if "aws_iam_role.logging" not in str(attachment.body["role"]):
            yield f"{attachment.address} attaches a managed policy"


def functions_send_on_their_own_stage(module: hcl.Module) -> Iterator[str]:
    """ManageConnections on everything would let the chat write to every API of the account."""
    allowed = re.compile(
        r'"\$\{aws_apigatewayv2_api\.chat\.execution_arn\}/\$\{var\.stage_name\}/(POST|DELETE)/@connections/\*"'
    )
    found = False
    for document in module.of_type("aws_iam_policy_document", data=True):
        for statement in _statements(document.body):
            if any("execute-api" in action for action in statement.get("actions", [])):
                found = True
                for resource in statement.get("resources", []):
                    if not allowed.fullmatch(resource):
                        yield f"{document.address} sends to {resource}"
    if not found:
        yield "nothing may send"


def functions_cannot_read_the_private_key(module: hcl.Module) -> Iterator[str]:
    """Not by their role, not by their environment; and the secret's own policy says so again."""
    for statement in _statements(module.resources[FUNCTION_POLICY].body):
        for action in statement.get("actions", []):
            if action.startswith(('"secretsmanager:', '"kms:', '"ssm:', '"sts:')):
                yield f"the functions' role allows {action}"
    reached = _reached(module, "aws_lambda_function.this")
    for address in sorted(reached):
        if re.match(r"(aws_secretsmanager_secret_version|ephemeral)\b", address):
            yield f"the functions depend on {address}"
    for function in module.of_type("aws_lambda_function"):
        for reference in hcl.references(function.body):
            if "private_key_pem" in reference.steps or "secret_string" in reference.steps:
                yield f"the functions are given {reference}"
    for name, value in module.locals.items():
        for reference in hcl.references(value):
            if "private_key_pem" in reference.steps or "secret_string" in reference.steps:
                yield f"local.{name} holds {reference}"
    secret = module.resources.get("data.aws_iam_policy_document.secret")
    denied = [
        statement
        for statement in _statements(secret.body if secret else {})
        if hcl.text(statement.get("effect", "")) == "Deny"
        and '"secretsmanager:GetSecretValue"' in statement["actions"]
        and "local.function_role_arns" in str(statement.get("principals"))
    ]
    if not denied:
        yield "the secret's policy does not deny the functions"


def secret_is_json(module: hcl.Module) -> Iterator[str]:
    """A heredoc with a PEM in it is not JSON: the newlines are raw."""
    for version in module.of_type("aws_secretsmanager_secret_version"):
        value = str(version.body.get("secret_string", ""))
        if not value.startswith("${jsonencode("):
            yield "secret_string is not made by jsonencode"
        elif not ("private_key" in value and "public_key" in value):
            yield "secret_string needs private_key and public_key"


def only_this_api_calls_the_functions(module: hcl.Module) -> Iterator[str]:
    for permission in module.of_type("aws_lambda_permission"):
        source = str(permission.body.get("source_arn", ""))
        if not source.startswith('"${aws_apigatewayv2_api.chat.execution_arn}/'):
            yield f"{permission.address} is open to other APIs"


def what_has_a_name_is_deleted_before_it_is_made_again(module: hcl.Module) -> Iterator[str]:
    """create_before_destroy spreads to all that a resource depends on, and a name that exists cannot be had again."""
    for resource in module.resources.values():
        if "true" in str([block.get("create_before_destroy") for block in resource.body.get("lifecycle", [])]).lower():
            for address in sorted(_reached(module, resource.address)):
                if address.startswith(ONLY_ONCE):
                    yield f"{resource.address} is created first, and so is {address}"


def alarms_ring_for_faults_only(module: hcl.Module) -> Iterator[str]:
    """Nothing that a stranger can send wakes the operator: see strangers.py."""
    for alarm in module.of_type("aws_cloudwatch_metric_alarm"):
        if "var.alarm_actions" not in str(alarm.body):
            continue
        # The alarm with the locals that it is made of.
        source = str([alarm.body, *(module.locals[r.steps[0]] for r in hcl.references(alarm.body) if r.root == "local")])
        metrics = set(re.findall(r'"(\w+)"', source))
        for metric in sorted(metrics & strangers.METRICS):
            yield f"{alarm.address} counts {metric}, which each refused token raises"
        # The chat answers a refusal; the authorizer can refuse only by failing.
        for body in re.findall(r"\{[^{}]*\"Errors\"[^{}]*\}", source):
            if not re.search(r"""\bfunction\b'?\s*[=:]\s*'?"chat\"""", body):
                yield f"{alarm.address} counts the Errors of more than the chat"
        for counted in module.of_type("aws_cloudwatch_log_metric_filter"):
            (transformation,) = counted.body["metric_transformation"]
            if hcl.text(transformation["name"]) in metrics:
                pattern = text_of(module, counted.body["pattern"])
                for line in strangers.LINES:
                    if patterns.matches(pattern, line):
                        yield f"{alarm.address} counts by {counted.address} what a stranger causes: {line}"


RULES = [
    authorizer_is_a_websocket_one,
    stage_serves_what_was_deployed,
    logs_hold_no_token,
    actions_are_named,
    functions_send_on_their_own_stage,
    functions_cannot_read_the_private_key,
    secret_is_json,
    only_this_api_calls_the_functions,
    what_has_a_name_is_deleted_before_it_is_made_again,
    alarms_ring_for_faults_only,
]


def text_of(module: hcl.Module, value: str) -> str:
    """The text of an expression, such as a filter's pattern: a string, or a local that is one or joins some."""
    named = re.fullmatch(r"\$\{local\.(\w+)\}", value)
    source = module.locals[named[1]] if named else value
    parts = re.findall(r'"((?:[^"\\]|\\.)*)"', source)
    joined = parts[0].join(parts[1:]) if source.startswith("${join(") else parts[0]
    return joined.replace('\\"', '"')


def _statements(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from body.get("statement", [])
    for dynamic in body.get("dynamic", []):
        for _, block in hcl.entries(dynamic):
            yield from block["content"]


def _reached(module: hcl.Module, start: str) -> set[str]:
    """Everything that `start` depends on."""
    reached: set[str] = set()
    pending = [start]
    while pending:
        address = pending.pop()
        if address in reached:
            continue
        reached.add(address)
        resource = module.resources.get(address)
        value = resource.body if resource else module.locals.get(address.removeprefix("local."))
        for reference in hcl.references(value):
            steps = reference.steps[: 2 if reference.root == "data" else 1]
            pending.append(".".join((reference.root, *steps)))
    return reached
