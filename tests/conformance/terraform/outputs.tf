output "urls" {
  description = "The URL of clients of each API."
  value       = { for name, stage in aws_apigatewayv2_stage.dev : name => stage.invoke_url }
}

output "region" {
  description = "The region of the APIs."
  value       = data.aws_region.current.region
}

output "log_group" {
  description = "Where the echo function writes the events that it sees."
  value       = aws_cloudwatch_log_group.echo.name
}

output "denied_role_arn" {
  description = "A role without any permission."
  value       = aws_iam_role.denied.arn
}
