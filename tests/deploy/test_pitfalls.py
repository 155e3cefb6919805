"""The module falls into no pitfall, and each rule notices a copy that does."""

import re
import unittest

import module as hcl
import pitfalls
from workspace import MODULE, ROOT, Copy

AUTHORIZER = '  authorizer_type = "REQUEST"\n'
POST = '"${aws_apigatewayv2_api.chat.execution_arn}/${var.stage_name}/POST/@connections/*"'
FORMAT = '      status           = "$context.status"\n'

# rule, file, what is replaced, by what
FALLS = [
    ("authorizer_is_a_websocket_one", "main.tf", AUTHORIZER, '  authorizer_type = "JWT"\n'),
    ("authorizer_is_a_websocket_one", "main.tf", AUTHORIZER, AUTHORIZER + "  authorizer_result_ttl_in_seconds = 0\n"),
    ("authorizer_is_a_websocket_one", "main.tf", AUTHORIZER, AUTHORIZER + '  authorizer_payload_format_version = "2.0"\n'),
    ("authorizer_is_a_websocket_one", "main.tf", AUTHORIZER, AUTHORIZER + '  identity_sources = ["route.request.querystring.token"]\n'),
    ("authorizer_is_a_websocket_one", "main.tf", '"CUSTOM"', '"JWT"'),
    ("stage_serves_what_was_deployed", "main.tf", "  deployment_id = aws_apigatewayv2_deployment.chat.id", "  auto_deploy = true"),
    ("stage_serves_what_was_deployed", "main.tf", "      aws_apigatewayv2_route.chat,\n", ""),
    ("logs_hold_no_token", "main.tf", FORMAT, FORMAT + '      query = "$context.requestOverride.querystring.token"\n'),
    ("logs_hold_no_token", "main.tf", FORMAT, FORMAT + '      claims = "$context.authorizer.claims"\n'),
    ("logs_hold_no_token", "main.tf", FORMAT, FORMAT + '      token = "$request.querystring.token"\n'),
    ("logs_hold_no_token", "main.tf", "data_trace_enabled = false", "data_trace_enabled = true"),
    ("logs_hold_no_token", "main.tf", "    data_trace_enabled = false\n", ""),
    ("logs_hold_no_token", "main.tf", '= "ERROR"', '= "INFO"'),
    ("actions_are_named", "functions.tf", '"dynamodb:Query"', '"dynamodb:*"'),
    ("actions_are_named", "functions.tf", '"dynamodb:Query"', '"dynamodb:Get*"'),
    ("actions_are_named", "functions.tf", '["xray:PutTraceSegments", "xray:PutTelemetryRecords"]', '["*"]'),
    ("actions_are_named", "keys.tf", '"kms:CancelKeyDeletion"', '"kms:*"'),
    ("actions_are_named", "functions.tf", "      actions   = [\"xray", "      not_actions   = [\"xray"),
    ("actions_are_named", "main.tf", "  role       = aws_iam_role.logging[0].name", '  role       = aws_iam_role.function["chat"].name'),
    ("functions_send_on_their_own_stage", "functions.tf", POST, '"*"'),
    ("functions_send_on_their_own_stage", "functions.tf", POST, '"arn:aws:execute-api:*:*:*"'),
    ("functions_send_on_their_own_stage", "functions.tf", POST, POST.replace("${var.stage_name}", "*")),
    ("functions_cannot_read_the_private_key", "functions.tf", '"dynamodb:Query"', '"secretsmanager:GetSecretValue"'),
    ("functions_cannot_read_the_private_key", "functions.tf", '"dynamodb:Query"', '"kms:Sign"'),
    ("functions_cannot_read_the_private_key", "functions.tf", "RUST_LOG = var", 'K = tls_private_key.issuer["a"].private_key_pem, RUST_LOG = var'),
    ("functions_cannot_read_the_private_key", "keys.tf", "data.tls_public_key.issuer[id].public_key_pem }", "tls_private_key.issuer[id].private_key_pem }"),
    ("functions_cannot_read_the_private_key", "functions.tf", "environment = {}", "environment = { S = aws_secretsmanager_secret_version.issuer[0].arn }"),
    ("functions_cannot_read_the_private_key", "keys.tf", '"Deny"', '"Allow"'),
    ("functions_cannot_read_the_private_key", "keys.tf", "identifiers = local.function_role_arns", "identifiers = []"),
    ("what_has_a_name_is_deleted_before_it_is_made_again", "main.tf", 'local.invoke_arns["chat"]', 'aws_lambda_function.this["chat"].invoke_arn'),
    ("what_has_a_name_is_deleted_before_it_is_made_again", "main.tf", 'local.invoke_arns["authorizer"]', 'aws_lambda_function.this["authorizer"].invoke_arn'),
    ("what_has_a_name_is_deleted_before_it_is_made_again", "table.tf", "  attribute {\n    name = \"pk\"", "  lifecycle {\n    create_before_destroy = true\n  }\n\n  attribute {\n    name = \"pk\""),
    ("alarms_ring_for_faults_only", "alarms.tf", '"ExecutionError"', '"IntegrationError"'),
    ("alarms_ring_for_faults_only", "alarms.tf", '"ExecutionError"', '"ClientError"'),
    ("alarms_ring_for_faults_only", "alarms.tf", '        function    = "chat"\n', '        function    = "authorizer"\n'),
    ("alarms_ring_for_faults_only", "alarms.tf", '        metric      = "Throttles"', '        metric      = "Errors"'),
    ("alarms_ring_for_faults_only", "alarms.tf", "alarm_actions       = var.refusals_alarm_actions", "alarm_actions       = var.alarm_actions"),
    ("alarms_ring_for_faults_only", "alarms.tf", '&& ($.target = \\"room_auth*\\" || $.target = \\"chat*\\") }"', '}"'),
    ("alarms_ring_for_faults_only", "alarms.tf", 'errorType = \\"Runtime.ExitError\\"', 'errorType = \\"Runtime.*\\"'),
    ("alarms_ring_for_faults_only", "alarms.tf", 'status = \\"5*\\"', 'status = \\"4*\\"'),
    ("secret_is_json", "keys.tf", "secret_string = jsonencode({", "secret_string = format(\"%s\", {"),
    ("only_this_api_calls_the_functions", "functions.tf", '  source_arn     = "${aws_apigatewayv2_api.chat.execution_arn}/authorizers', '  source_arn     = "*/authorizers'),
]


class Pitfalls(unittest.TestCase):
    def test_the_module_falls_into_none(self):
        self.assertEqual(pitfalls.pitfalls(MODULE), [])

    def test_each_rule_notices(self):
        for rule, file, old, new in FALLS:
            with self.subTest(rule, change=new):
                copy = Copy()
                self.addCleanup(copy.close)
                copy.replace(file, old, new)
                found = pitfalls.pitfalls(copy.folder)
                self.assertEqual({problem.split(":")[0] for problem in found}, {rule}, found)

    def test_the_table_s_actions_are_those_that_the_registry_calls(self):
        # What the SDK is asked for, and for transactions, what they are made of. Local tables are made by table.rs.
        needs = {
            r"\.get_item\(\)": "GetItem",
            r"\.query\(\)": "Query",
            r"\.scan\(\)": "Scan",
            r"\.batch_get_item\(\)": "BatchGetItem",
            r"\.batch_write_item\(\)": "BatchWriteItem",
            r"\.put_item\(\)|\bPut::builder": "PutItem",
            r"\.update_item\(\)|\bUpdate::builder": "UpdateItem",
            r"\.delete_item\(\)|\bDelete::builder": "DeleteItem",
            r"\bConditionCheck::builder": "ConditionCheckItem",
        }
        self.assertEqual(_called("registry/dynamo", needs, but="table.rs"), _allowed(r'"dynamodb:(\w+)"'))

    def test_connections_are_sent_to_as_the_transport_does(self):
        needs = {
            r"\.post_to_connection\(\)": "POST",
            r"\.delete_connection\(\)": "DELETE",
            r"\.get_connection\(\)": "GET",
        }
        self.assertEqual(_called("transport", needs), _allowed(r"/(\w+)/@connections/"))

    def test_each_rule_has_a_fall(self):
        self.assertEqual({rule.__name__ for rule in pitfalls.RULES}, {rule for rule, *_ in FALLS})


def _called(folder: str, needs: dict[str, str], but: str = "") -> set[str]:
    """What the sources under a folder of the library call."""
    sources = [p.read_text() for p in (ROOT / "runtime" / "src" / folder).rglob("*.rs") if p.name != but]
    return {need for pattern, need in needs.items() if any(re.search(pattern, source) for source in sources)}


def _allowed(pattern: str) -> set[str]:
    """What the functions' role allows."""
    return set(re.findall(pattern, str(hcl.load(MODULE).resources[pitfalls.FUNCTION_POLICY].body)))


if __name__ == "__main__":
    unittest.main()
