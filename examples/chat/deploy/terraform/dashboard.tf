# What is looked at when an alarm rang: the same metrics, and those around them.

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
          title = "Faults, crashes and throttles"
          stat  = "Sum"
          metrics = concat(
            [for alarm in values(local.log_alarms) : [local.metric_namespace, alarm.metric]],
            [for name in keys(local.functions) : ["AWS/Lambda", "Throttles", "FunctionName", "${var.name}-${name}"]],
            [["AWS/ApiGateway", "ExecutionError", "ApiId", aws_apigatewayv2_api.chat.id, "Stage", var.stage_name]],
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
