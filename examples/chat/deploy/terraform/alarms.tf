# What wakes someone, and what they look at then.
#
# A refusal is one JSON line of the layer at WARN: {"level":"WARN","target":"room_auth","reason":…}.
# A fault of ours (the table cannot be reached) is at ERROR and counts as an error, not as a refusal.

locals {
  metric_namespace = "RoomAuth/${var.name}"
  refusal_pattern  = "{ $.level = \"WARN\" && $.target = \"room_auth\" && $.reason = \"*\" }"

  # One alarm per function.
  function_alarms = merge([
    for name in keys(local.functions) : {
      "${name}-errors" = {
        function    = name
        metric      = "Errors"
        description = "The function failed: a fault of ours, never a refused token."
      }
      "${name}-throttles" = {
        function    = name
        metric      = "Throttles"
        description = "The account's or the function's concurrency is used up: connections and messages fail."
      }
    }
  ]...)

  api_alarms = {
    IntegrationError = "API Gateway got no usable answer from the function."
    ExecutionError   = "API Gateway failed to call the function or the authorizer: permissions, timeouts."
  }

  table_alarms = {
    ReadThrottleEvents  = "Reads were throttled: a room is read more than a partition gives."
    WriteThrottleEvents = "Writes were throttled: a room fills faster than 1,000 units a second; raise its shards."
  }
}

resource "aws_cloudwatch_log_metric_filter" "refusals" {
  for_each = local.functions

  name           = "refusals"
  log_group_name = aws_cloudwatch_log_group.function[each.key].name
  pattern        = local.refusal_pattern

  metric_transformation {
    namespace     = local.metric_namespace
    name          = "Refusals"
    value         = "1"
    default_value = "0"
  }
}

# A metric with dimensions can have no default value, so alarms need the one above.
resource "aws_cloudwatch_log_metric_filter" "refusals_by_reason" {
  for_each = local.functions

  name           = "refusals-by-reason"
  log_group_name = aws_cloudwatch_log_group.function[each.key].name
  pattern        = local.refusal_pattern

  metric_transformation {
    namespace  = local.metric_namespace
    name       = "RefusalsByReason"
    value      = "1"
    dimensions = { reason = "$.reason" }
  }
}

resource "aws_cloudwatch_metric_alarm" "refusals" {
  alarm_name          = "${var.name}-refusals"
  alarm_description   = "Many tokens are refused: an attack, a wrong clock, or a key that PUBLIC_KEY does not have."
  namespace           = local.metric_namespace
  metric_name         = "Refusals"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.refusals_alarm_threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "function" {
  for_each = local.function_alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  dimensions          = { FunctionName = aws_lambda_function.this[each.value.function].function_name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "api" {
  for_each = local.api_alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value
  namespace           = "AWS/ApiGateway"
  metric_name         = each.key
  dimensions          = { ApiId = aws_apigatewayv2_api.chat.id, Stage = var.stage_name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "table" {
  for_each = local.table_alarms

  alarm_name          = "${var.name}-table-${each.key}"
  alarm_description   = each.value
  namespace           = "AWS/DynamoDB"
  metric_name         = each.key
  dimensions          = { TableName = aws_dynamodb_table.connections.name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 2
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}

resource "aws_cloudwatch_dashboard" "chat" {
  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = [
      for index, widget in [
        {
          title = "Connections and messages"
          stat  = "Sum"
          metrics = [
            ["AWS/ApiGateway", "ConnectCount", "ApiId", aws_apigatewayv2_api.chat.id, "Stage", var.stage_name],
            ["AWS/ApiGateway", "MessageCount", "ApiId", aws_apigatewayv2_api.chat.id, "Stage", var.stage_name],
          ]
        },
        {
          title   = "Refusals by reason"
          stat    = "Sum"
          metrics = [[{ expression = "SEARCH('{\"${local.metric_namespace}\",reason} MetricName=\"RefusalsByReason\"', 'Sum', 300)" }]]
        },
        {
          title = "Errors and throttles"
          stat  = "Sum"
          metrics = concat(
            [for name in keys(local.functions) : ["AWS/Lambda", "Errors", "FunctionName", "${var.name}-${name}"]],
            [for name in keys(local.functions) : ["AWS/Lambda", "Throttles", "FunctionName", "${var.name}-${name}"]],
            [for metric in keys(local.api_alarms) : ["AWS/ApiGateway", metric, "ApiId", aws_apigatewayv2_api.chat.id, "Stage", var.stage_name]],
          )
        },
        {
          title   = "Duration of an invocation, 99th percentile (ms)"
          stat    = "p99"
          metrics = [for name in keys(local.functions) : ["AWS/Lambda", "Duration", "FunctionName", "${var.name}-${name}"]]
        },
        {
          title   = "Invocations at a time"
          stat    = "Maximum"
          metrics = [for name in keys(local.functions) : ["AWS/Lambda", "ConcurrentExecutions", "FunctionName", "${var.name}-${name}"]]
        },
        {
          title = "Table: units consumed and throttled"
          stat  = "Sum"
          metrics = [
            for metric in concat(["ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"], keys(local.table_alarms)) :
            ["AWS/DynamoDB", metric, "TableName", aws_dynamodb_table.connections.name]
          ]
        },
      ] :
      {
        type       = "metric"
        x          = 12 * (index % 2)
        y          = 6 * floor(index / 2)
        width      = 12
        height     = 6
        properties = merge(widget, { region = data.aws_region.current.region, period = 300, view = "timeSeries" })
      }
    ]
  })
}
