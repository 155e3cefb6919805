# A domain name of the operator's, in front of the API (var.domain). Its certificate and its DNS record are theirs.

locals {
  # Host and mapping key, as in wss://chat.example.com/key.
  domain_path = var.domain == null ? null : join("/", compact([var.domain.name, var.domain.key]))
}

resource "aws_apigatewayv2_domain_name" "chat" {
  count = var.domain == null ? 0 : 1

  domain_name = var.domain.name
  tags        = var.tags

  domain_name_configuration {
    certificate_arn = var.domain.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
    ip_address_type = var.ip_address_type
  }
}

resource "aws_apigatewayv2_api_mapping" "chat" {
  count = var.domain == null ? 0 : 1

  api_id          = aws_apigatewayv2_api.chat.id
  domain_name     = aws_apigatewayv2_domain_name.chat[0].id
  stage           = aws_apigatewayv2_stage.chat.id
  api_mapping_key = var.domain.key

  # A stage that is mapped cannot be deleted.
  lifecycle {
    replace_triggered_by = [aws_apigatewayv2_stage.chat.id]
  }
}
