# The three APIs of ../targets/target.py in front of the echo function, for an hour: nothing here is for production. The
# echo function does what its clients tell it to.

locals {
  plain = ["$connect", "$disconnect", "$default", "silent"]
  apis = {
    open    = { selection = "$request.body.action", one_way = local.plain, two_way = ["reply"] }
    guarded = { selection = "$request.body.action", one_way = local.plain, two_way = ["reply"] }
    bare    = { selection = "$request.body.x-action", one_way = ["$disconnect"], two_way = ["$connect", "reply"] }
  }
  routes = merge([
    for name, api in local.apis : {
      for key in concat(api.one_way, api.two_way) :
      "${name} ${key}" => { api = name, key = key, two_way = contains(api.two_way, key) }
    }
  ]...)
}

data "aws_region" "current" {}

resource "aws_apigatewayv2_api" "this" {
  for_each = local.apis

  name                       = "${var.name}-${each.key}"
  protocol_type              = "WEBSOCKET"
  route_selection_expression = each.value.selection
}

resource "aws_apigatewayv2_integration" "echo" {
  for_each = local.apis

  api_id             = aws_apigatewayv2_api.this[each.key].id
  integration_type   = "AWS_PROXY"
  integration_method = "POST"
  integration_uri    = aws_lambda_function.echo.invoke_arn
}

resource "aws_apigatewayv2_authorizer" "gate" {
  api_id           = aws_apigatewayv2_api.this["guarded"].id
  name             = "gate"
  authorizer_type  = "REQUEST"
  authorizer_uri   = aws_lambda_function.echo.invoke_arn
  identity_sources = ["route.request.header.X-Token"]
}

resource "aws_apigatewayv2_route" "this" {
  for_each = local.routes

  api_id                              = aws_apigatewayv2_api.this[each.value.api].id
  route_key                           = each.value.key
  target                              = "integrations/${aws_apigatewayv2_integration.echo[each.value.api].id}"
  route_response_selection_expression = each.value.two_way ? "$default" : null
  authorization_type                  = each.key == "guarded $connect" ? "CUSTOM" : "NONE"
  authorizer_id                       = each.key == "guarded $connect" ? aws_apigatewayv2_authorizer.gate.id : null
}

resource "aws_apigatewayv2_route_response" "this" {
  for_each = { for name, route in local.routes : name => route if route.two_way }

  api_id             = aws_apigatewayv2_api.this[each.value.api].id
  route_id           = aws_apigatewayv2_route.this[each.key].id
  route_response_key = "$default"
}

resource "aws_apigatewayv2_deployment" "this" {
  for_each = local.apis

  api_id = aws_apigatewayv2_api.this[each.key].id

  triggers = {
    configuration = sha256(jsonencode([aws_apigatewayv2_route.this, aws_apigatewayv2_authorizer.gate]))
  }

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [aws_apigatewayv2_route.this, aws_apigatewayv2_route_response.this]
}

resource "aws_apigatewayv2_stage" "dev" {
  for_each = local.apis

  api_id        = aws_apigatewayv2_api.this[each.key].id
  name          = "dev"
  deployment_id = aws_apigatewayv2_deployment.this[each.key].id

  default_route_settings {
    throttling_rate_limit  = 100
    throttling_burst_limit = 100
  }

  depends_on = [aws_lambda_permission.apis]
}
