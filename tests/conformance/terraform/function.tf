# The echo function, its log, which the runner reads, and who may do what.

data "aws_caller_identity" "current" {}

data "aws_iam_policy_document" "function_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "function" {
  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.echo.arn}:*"]
  }

  statement {
    actions   = ["execute-api:ManageConnections"]
    resources = [for api in aws_apigatewayv2_api.this : "${api.execution_arn}/*"]
  }
}

# For calls of @connections that are signed, and not permitted.
data "aws_iam_policy_document" "denied_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_iam_role" "function" {
  name               = "${var.name}-echo"
  assume_role_policy = data.aws_iam_policy_document.function_trust.json
}

resource "aws_iam_role_policy" "function" {
  name   = "function"
  role   = aws_iam_role.function.name
  policy = data.aws_iam_policy_document.function.json
}

resource "aws_iam_role" "denied" {
  name               = "${var.name}-denied"
  assume_role_policy = data.aws_iam_policy_document.denied_trust.json
}

resource "aws_cloudwatch_log_group" "echo" {
  name              = "/aws/lambda/${var.name}-echo"
  retention_in_days = 1
}

resource "aws_lambda_function" "echo" {
  function_name    = "${var.name}-echo"
  role             = aws_iam_role.function.arn
  runtime          = "python3.13"
  handler          = "echo.handler"
  filename         = var.echo_zip
  source_code_hash = filebase64sha256(var.echo_zip)
  # Longer than API Gateway waits.
  timeout     = 40
  memory_size = 512

  depends_on = [aws_cloudwatch_log_group.echo]
}

resource "aws_lambda_permission" "apis" {
  for_each = aws_apigatewayv2_api.this

  statement_id  = each.key
  function_name = aws_lambda_function.echo.function_name
  action        = "lambda:InvokeFunction"
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${each.value.execution_arn}/*"
}
