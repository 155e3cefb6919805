# The WebSocket API. Read next: functions.tf, table.tf, keys.tf, alarms.tf, domain.tf.
#
# A deployment that a stage uses cannot be deleted, so its successor is created first (create_before_destroy), and
# Terraform does the same with everything that a deployment depends on. Functions, roles, log groups and tables have
# names that exist only once, and could never be replaced that way. So nothing here refers to a function: the
# integration and the authorizer name it by its ARN, as a text. What is left to be created first (API, authorizer,
# integration, routes) has identifiers that API Gateway makes up; and an authorizer that is turned off is deleted after its
# route was changed, which is the only order that API Gateway accepts.

locals {
  # The actions of the chat; anything else falls to $default, which answers with an error message.
  routes = toset(["$connect", "$disconnect", "$default", "send", "members", "join", "leave", "renew", "ping"])

  invoke_arns = {
    for name in ["chat", "authorizer"] : name => join(":", [
      "arn:${data.aws_partition.current.partition}:apigateway:${data.aws_region.current.region}:lambda",
      "path/2015-03-31/functions/arn:${data.aws_partition.current.partition}:lambda",
      data.aws_region.current.region,
      data.aws_caller_identity.current.account_id,
      "function:${var.name}-${name}/invocations",
    ])
  }
}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

resource "aws_apigatewayv2_api" "chat" {
  name                       = var.name
  description                = "Room chat; tokens are verified by room-auth."
  protocol_type              = "WEBSOCKET"
  route_selection_expression = "$request.body.action"
  ip_address_type            = var.ip_address_type
  # Then clients come by var.domain only, and the chat sends by it (functions.tf).
  disable_execute_api_endpoint = var.disable_execute_api_endpoint
  tags                         = var.tags
}

resource "aws_apigatewayv2_integration" "chat" {
  api_id               = aws_apigatewayv2_api.chat.id
  integration_type     = "AWS_PROXY"
  integration_method   = "POST"
  integration_uri      = local.invoke_arns["chat"]
  timeout_milliseconds = 29000
}

# A REQUEST authorizer as WebSocket APIs know it. They have no JWT authorizer, cache no results (so
# no TTL) and have one payload format (so no version). There is no identity source: API Gateway would
# demand all the sources named, while a token comes in exactly one of three places.
resource "aws_apigatewayv2_authorizer" "chat" {
  count = var.authorizer_enabled ? 1 : 0

  api_id          = aws_apigatewayv2_api.chat.id
  name            = "${var.name}-authorizer"
  authorizer_type = "REQUEST"
  authorizer_uri  = local.invoke_arns["authorizer"]
}

resource "aws_apigatewayv2_route" "chat" {
  # checkov:skip=CKV_AWS_309:A WebSocket API authorizes at $connect only; where no authorizer is asked for, the function itself verifies the token there.
  for_each = local.routes

  api_id             = aws_apigatewayv2_api.chat.id
  route_key          = each.key
  target             = "integrations/${aws_apigatewayv2_integration.chat.id}"
  authorization_type = each.key == "$connect" && var.authorizer_enabled ? "CUSTOM" : "NONE"
  authorizer_id      = each.key == "$connect" ? one(aws_apigatewayv2_authorizer.chat[*].id) : null
}

# A deployment of its own rather than the stage's auto_deploy: clients get the routes of one apply together, after
# the functions that they lead to may be called.
resource "aws_apigatewayv2_deployment" "chat" {
  api_id = aws_apigatewayv2_api.chat.id

  triggers = {
    configuration = sha256(jsonencode([
      aws_apigatewayv2_api.chat.route_selection_expression,
      aws_apigatewayv2_authorizer.chat,
      aws_apigatewayv2_integration.chat,
      aws_apigatewayv2_route.chat,
    ]))
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_apigatewayv2_stage" "chat" {
  # checkov:skip=CKV2_AWS_51:Clients are browsers with tokens; a WebSocket API knows no client certificates.
  api_id        = aws_apigatewayv2_api.chat.id
  name          = var.stage_name
  deployment_id = aws_apigatewayv2_deployment.chat.id
  tags          = var.tags

  default_route_settings {
    throttling_rate_limit    = var.throttling_rate_limit
    throttling_burst_limit   = var.throttling_burst_limit
    detailed_metrics_enabled = true
    logging_level            = "ERROR"
    # Data traces hold headers, query strings and bodies, and with them tokens.
    data_trace_enabled = false
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    # Named fields only. Nothing of the query string or the headers, where tokens are.
    format = jsonencode({
      requestId        = "$context.requestId"
      requestTime      = "$context.requestTime"
      eventType        = "$context.eventType"
      routeKey         = "$context.routeKey"
      connectionId     = "$context.connectionId"
      status           = "$context.status"
      sourceIp         = "$context.identity.sourceIp"
      integrationError = "$context.integration.error"
      authorizerError  = "$context.authorizer.error"
      latency          = "$context.integrationLatency"
    })
  }

  # Nobody is sent to a function that is not there yet, or may not be called.
  depends_on = [aws_api_gateway_account.logging, aws_lambda_permission.routes, aws_lambda_permission.authorizer]
}

resource "aws_cloudwatch_log_group" "access" {
  # checkov:skip=CKV_AWS_158:Access logs hold no tokens and no messages; CloudWatch encrypts them with its own key.
  # checkov:skip=CKV_AWS_338:How long to keep addresses of people is the operator's decision, not a year by default: log_retention_days.
  name              = "/aws/apigateway/${var.name}/${var.stage_name}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

# The setting of the whole account and region, hence optional: destroying the module takes it away, and with it the
# logs of all other APIs there.
resource "aws_api_gateway_account" "logging" {
  count = var.manage_logging_role ? 1 : 0

  cloudwatch_role_arn = aws_iam_role.logging[0].arn

  depends_on = [aws_iam_role_policy_attachment.logging]
}

resource "aws_iam_role" "logging" {
  count = var.manage_logging_role ? 1 : 0

  name               = "${var.name}-api-gateway-logging"
  assume_role_policy = data.aws_iam_policy_document.logging_trust.json
  tags               = var.tags
}

resource "aws_iam_role_policy_attachment" "logging" {
  count = var.manage_logging_role ? 1 : 0

  role       = aws_iam_role.logging[0].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
}

data "aws_partition" "current" {}

data "aws_iam_policy_document" "logging_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["apigateway.amazonaws.com"]
    }
  }
}
