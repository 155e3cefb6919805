output "websocket_url" {
  description = "Where clients connect."
  value       = var.domain == null ? aws_apigatewayv2_stage.chat.invoke_url : "wss://${local.domain_path}"
}

output "domain_target" {
  description = "Where the DNS record of domain.name must lead (an alias or CNAME), or null: name and hosted_zone_id."
  value = one([
    for domain in aws_apigatewayv2_domain_name.chat[*].domain_name_configuration[0] :
    { name = domain.target_domain_name, hosted_zone_id = domain.hosted_zone_id }
  ])
}

output "public_key" {
  description = "PUBLIC_KEY as the functions have it: the PEM of every accepted key."
  value       = local.public_key
}

output "certificates" {
  description = "For key_source terraform: the self-signed certificate of each key, PEM."
  value       = { for id, certificate in tls_self_signed_cert.issuer : id => certificate.cert_pem }
}

output "issuer_secret_arn" {
  description = "Secret that issuers read (terraform, external), or null."
  value       = one(local.secret_arns)
}

output "issuer_kms_key" {
  description = "What issuers sign with (kms): the alias's ARN, or null."
  value       = one(aws_kms_alias.issuer[*].arn)
}

output "table_name" {
  description = "The table of connections."
  value       = aws_dynamodb_table.connections.name
}

output "function_names" {
  description = "The functions by role: chat, and authorizer if there is one."
  value       = { for name, function in aws_lambda_function.this : name => function.function_name }
}

output "dashboard_url" {
  description = "The dashboard in the CloudWatch console."
  value       = "https://${data.aws_region.current.region}.console.aws.amazon.com/cloudwatch/home?region=${data.aws_region.current.region}#dashboards:name=${aws_cloudwatch_dashboard.chat.dashboard_name}"
}
