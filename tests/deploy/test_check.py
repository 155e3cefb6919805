"""The checker passes the module as it is, and finds each kind of mistake in a copy that has it."""

import unittest

import check
from workspace import CONFORMANCE, EXAMPLE, MODULE, WHEELS, Copy

# name, file, what is replaced, by what, what the checker must say
MISTAKES = [
    ("unknown argument", "table.tf", "billing_mode ", "billing_mod ", "no argument billing_mod"),
    ("missing required argument", "main.tf", '  protocol_type              = "WEBSOCKET"\n', "", "protocol_type is missing"),
    ("missing argument of a block", "functions.tf", '    log_format       = "JSON"\n', "", "log_format is missing"),
    ("unknown block", "table.tf", "point_in_time_recovery {", "point_in_time {", "no block point_in_time"),
    ("block as an argument", "table.tf", "  ttl {", "  ttl = {", "ttl is a block"),
    ("argument as a block", "functions.tf", "  tags               = var.tags\n}", "  tags {}\n}", "tags is an argument"),
    ("unknown argument in a block", "table.tf", "    enabled        = true", "    enable         = true", "no argument enable"),
    ("block too many", "table.tf", "  ttl {", "  ttl {}\n  ttl {", "more than one ttl"),
    ("unknown resource type", "table.tf", '"aws_dynamodb_table"', '"aws_dynamo_table"', "has no such resource"),
    ("unknown data source", "main.tf", 'data "aws_partition"', 'data "aws_partitions"', "has no such data source"),
    ("resource not declared", "main.tf", "aws_cloudwatch_log_group.access.arn", "aws_cloudwatch_log_group.acces.arn", "aws_cloudwatch_log_group.acces.arn is not declared"),
    ("attribute that does not exist", "main.tf", "aws_cloudwatch_log_group.access.arn", "aws_cloudwatch_log_group.access.urn", "has no urn"),
    ("reference inside a string", "main.tf", "integrations/${aws_apigatewayv2_integration.chat.id}", "integrations/${aws_apigatewayv2_integration.chat.ib}", "has no ib"),
    ("reference inside a for", "keys.tf", "data.tls_public_key.issuer[id].public_key_pem }", "data.tls_public_key.issuer[id].public_pem }", "has no public_pem"),
    ("variable not declared", "table.tf", "var.deletion_protection", "var.protect", "var.protect is not declared"),
    ("local not declared", "functions.tf", "PUBLIC_KEY = local.public_key", "PUBLIC_KEY = local.pubkey", "local.pubkey is not declared"),
    ("instance of a single resource", "outputs.tf", "aws_dynamodb_table.connections.name", "aws_dynamodb_table.connections[0].name", "has one instance"),
    ("which of several instances", "main.tf", "aws_iam_role.logging[0].name", "aws_iam_role.logging.name", "which one?"),
    ("each without for_each", "table.tf", '"${var.name}-connections"', '"${each.key}-connections"', "needs for_each"),
    ("name that nothing binds", "table.tf", "= var.tags", "= tags", "tags is not declared"),
    ("wrong type of literal", "functions.tf", "= 30", '= "thirty"', "timeout wants number"),
    ("list for a string", "table.tf", '"PAY_PER_REQUEST"', '["PAY_PER_REQUEST"]', "billing_mode wants string"),
    ("declared twice", "table.tf", "resource ", 'resource "aws_dynamodb_table" "connections" {\n  name = var.name\n}\n\nresource ', "is declared twice"),
    ("unused variable", "functions.tf", "  memory_size   = var.memory_size\n", "", "var.memory_size is never used"),
    ("unknown lifecycle argument", "main.tf", "]))\n  }\n\n  lifecycle {\n    create_before_destroy", "]))\n  }\n\n  lifecycle {\n    create_before", "lifecycle has no argument create_before"),
    ("provider of another major version", "versions.tf", '"~> 6.0"', '"~> 5.0"', "outside of ~> 5.0"),
    ("cycle", "functions.tf", "environment = {}", "environment = { X = aws_lambda_permission.authorizer[0].id }", "cycle: "),
    ("unknown variable of the module", "examples/chat/main.tf", "manage_logging_role = true", "manage_logging = true", "no variable manage_logging"),
    ("missing variable of the module", "examples/chat/main.tf", '  chat_code = { zip = "${path.module}/../../../../../../target/lambda/chat/bootstrap.zip" }\n', "", "chat_code is missing"),
    ("unknown output of the module", "examples/chat/main.tf", "module.chat.websocket_url", "module.chat.url", "is no output of that module"),
]


class Check(unittest.TestCase):
    def test_the_modules_and_the_example_agree_with_the_published_schemas(self):
        for folder in (MODULE, EXAMPLE, CONFORMANCE):
            self.assertEqual(check.check(folder, WHEELS), [], folder)

    def test_each_mistake_is_found(self):
        for name, file, old, new, message in MISTAKES:
            with self.subTest(name):
                copy = Copy()
                self.addCleanup(copy.close)
                copy.replace(file, old, new)
                folder = copy.folder / "examples" / "chat" if file.startswith("examples/") else copy.folder
                problems = check.check(folder, WHEELS)
                self.assertTrue(any(message in problem for problem in problems), f"{message!r} is not among {problems}")


if __name__ == "__main__":
    unittest.main()
