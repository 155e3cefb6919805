# The Lambda functions, what they may do, and who may call them.

locals {
  functions = merge(
    {
      chat = {
        code = var.chat_code
        environment = merge(
          { DYNAMO_TABLE_NAME_CHAT_CONNECTIONS = aws_dynamodb_table.connections.name },
          var.single_use_tokens ? { SINGLE_USE_TOKENS = "true" } : {},
          # Otherwise the chat reaches each connection by the API's own endpoint, which is then turned off.
          var.disable_execute_api_endpoint ? { AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI = "https://${local.domain_path}" } : {},
        )
      }
    },
    var.authorizer_enabled ? {
      authorizer = {
        code        = var.authorizer_code
        environment = {}
      }
    } : {},
  )

  environments = {
    for name, function in local.functions :
    name => merge({ PUBLIC_KEY = local.public_key, RUST_LOG = var.log_level }, function.environment)
  }
  # Names and values in bytes: base64 makes four characters of three bytes.
  environment_sizes = {
    for name, variables in local.environments :
    name => sum([for key, value in variables : length(key) + floor(length(base64encode(value)) * 3 / 4)])
  }
}

resource "aws_lambda_function" "this" {
  # checkov:skip=CKV_AWS_116:API Gateway calls synchronously; a dead-letter queue is for asynchronous calls.
  # checkov:skip=CKV_AWS_117:The function calls AWS's public endpoints only; a VPC would add a NAT gateway and nothing else.
  # checkov:skip=CKV_AWS_173:The environment holds public keys and a table's name, nothing secret.
  # checkov:skip=CKV_AWS_272:Code signing needs a signing profile of the operator's; images are named by digest, zips by hash.
  for_each = local.functions

  function_name = "${var.name}-${each.key}"
  role          = aws_iam_role.function[each.key].arn
  architectures = [var.architecture]
  memory_size   = var.memory_size
  # One more than API Gateway waits (29 s), so that the function's own deadline is never the first.
  timeout                        = 30
  reserved_concurrent_executions = var.reserved_concurrency
  tags                           = var.tags

  package_type     = each.value.code.zip != null ? "Zip" : "Image"
  filename         = each.value.code.zip
  source_code_hash = each.value.code.zip != null ? filebase64sha256(each.value.code.zip) : null
  runtime          = each.value.code.zip != null ? "provided.al2023" : null
  handler          = each.value.code.zip != null ? "bootstrap" : null
  image_uri        = each.value.code.image_uri

  environment {
    variables = local.environments[each.key]
  }

  logging_config {
    # The functions write JSON lines themselves; this makes Lambda's own lines JSON as well, which alarms.tf reads.
    log_format       = "JSON"
    log_group        = aws_cloudwatch_log_group.function[each.key].name
    system_log_level = "INFO"
    # Everything that log_level asks for, but never TRACE: whole events are in it, and with them tokens.
    application_log_level = "DEBUG"
  }

  tracing_config {
    mode = var.xray_enabled ? "Active" : "PassThrough"
  }

  # Otherwise the first invocation could come before the function may do anything.
  depends_on = [aws_iam_role_policy.function]

  lifecycle {
    precondition {
      condition     = local.environment_sizes[each.key] <= 4096
      error_message = "The environment of ${each.key} has ${local.environment_sizes[each.key]} bytes, and Lambda takes 4,096: name fewer keys in key_ids, give public keys instead of certificates, or ECC_NIST_P256 keys (180 bytes) instead of RSA (450 to 800)."
    }
  }
}

resource "aws_cloudwatch_log_group" "function" {
  # checkov:skip=CKV_AWS_158:The functions log no tokens and no messages; CloudWatch encrypts with its own key.
  # checkov:skip=CKV_AWS_338:How long to keep connection logs is the operator's decision, not a year by default: log_retention_days.
  for_each = local.functions

  name              = "/aws/lambda/${var.name}-${each.key}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

# ---- What they may do ----

resource "aws_iam_role" "function" {
  for_each = local.functions

  name               = "${var.name}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.function_trust.json
  tags               = var.tags
}

data "aws_iam_policy_document" "function_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "function" {
  for_each = local.functions

  name   = "function"
  role   = aws_iam_role.function[each.key].id
  policy = data.aws_iam_policy_document.function[each.key].json
}

data "aws_iam_policy_document" "function" {
  for_each = local.functions

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function[each.key].arn}:*"]
  }

  dynamic "statement" {
    for_each = var.xray_enabled ? ["X-Ray"] : []

    content {
      sid       = "Trace"
      actions   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
      resources = ["*"]
    }
  }

  # The rest is for the chat only: the authorizer verifies a signature and needs nothing of AWS.
  dynamic "statement" {
    for_each = each.key == "chat" ? ["table"] : []

    content {
      # A transaction needs the permissions of what it is made of.
      sid = "RememberConnections"
      actions = [
        "dynamodb:BatchGetItem",
        "dynamodb:DeleteItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
      ]
      resources = [aws_dynamodb_table.connections.arn]
    }
  }

  dynamic "statement" {
    for_each = each.key == "chat" ? ["connections"] : []

    content {
      # Sending is POST, closing is DELETE; asking about a connection (GET) is never done.
      sid     = "SendToConnections"
      actions = ["execute-api:ManageConnections"]
      resources = [
        "${aws_apigatewayv2_api.chat.execution_arn}/${var.stage_name}/POST/@connections/*",
        "${aws_apigatewayv2_api.chat.execution_arn}/${var.stage_name}/DELETE/@connections/*",
      ]
    }
  }
}

# ---- Who may call them ----

# A function's permissions are deleted with it. Its ARN is known only after it was made again, its name always: by the
# ARN Terraform sees that the permission has to be made again as well.
resource "aws_lambda_permission" "routes" {
  statement_id   = "routes"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.this["chat"].arn
  principal      = "apigateway.amazonaws.com"
  source_arn     = "${aws_apigatewayv2_api.chat.execution_arn}/${var.stage_name}/*"
  source_account = data.aws_caller_identity.current.account_id
}

resource "aws_lambda_permission" "authorizer" {
  count = var.authorizer_enabled ? 1 : 0

  statement_id   = "authorizer"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.this["authorizer"].arn
  principal      = "apigateway.amazonaws.com"
  source_arn     = "${aws_apigatewayv2_api.chat.execution_arn}/authorizers/${aws_apigatewayv2_authorizer.chat[0].id}"
  source_account = data.aws_caller_identity.current.account_id
}
