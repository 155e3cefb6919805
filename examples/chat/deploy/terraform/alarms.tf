# What wakes someone, and what they look at then.
#
# An alarm that notifies var.alarm_actions rings for faults only: nothing that a stranger can send may ring it. Three
# of AWS's own metrics are of no use for that, since each refused token raises them:
#
#   AWS/Lambda Errors of the authorizer   it can refuse only by failing, with the error `Unauthorized`
#   AWS/ApiGateway IntegrationError       counts answers of 4XX, and 401 is what the chat refuses with
#   AWS/ApiGateway ClientError            counts the 401 that the authorizer's refusal becomes
#
# So faults are counted from the logs. A refusal is a line of the layer at WARN,
# {"level":"WARN","target":"room_auth","reason":…}; a fault is a line at ERROR. For each refusal of the authorizer
# lambda_runtime adds a line at ERROR with the message `Unauthorized` and a target of its own, hence the targets below.
#
# What remains is a flood that keeps the functions' whole concurrency busy for minutes. Then nobody else gets in either,
# and that is an outage, whoever causes it. The stage's throttling is there to prevent it (variables.tf).

locals {
  metric_namespace = "RoomAuth/${var.name}"
  refusal_pattern  = "{ $.level = \"WARN\" && $.target = \"room_auth\" && $.reason = \"*\" }"

  # Ours, by the targets of this code: the layer and the chat's two binaries.
  fault_pattern = "{ $.level = \"ERROR\" && ($.target = \"room_auth*\" || $.target = \"chat*\") }"

  # Lambda's own lines: an init that failed, and an invocation that timed out or whose process ended. A refusal of the
  # authorizer is reported with the status `error` and a type that Lambda makes up (`Runtime.Unknown`): neither is here.
  crash_pattern = join(" || ", [
    "{ ($.type = \"platform.initReport\" && ($.record.status = \"error\" || $.record.status = \"failure\" || $.record.status = \"timeout\"))",
    "($.type = \"platform.report\" && ($.record.status = \"failure\" || $.record.status = \"timeout\"))",
    "($.type = \"platform.report\" && ($.record.errorType = \"Runtime.ExitError\" || $.record.errorType = \"Runtime.OutOfMemory\")) }",
  ])

  # Of the access log. Refusals are 401, the stage's own throttling is 429.
  server_error_pattern = "{ $.status = \"5*\" }"

  log_alarms = {
    faults = {
      metric      = "Faults"
      description = "The function could not do its work: the table, a permission, its configuration. Its log has the reason, at level ERROR."
      # Only our code writes such a line, and for a refusal it writes WARN.
      periods = 1
    }
    crashes = {
      metric      = "Crashes"
      description = "A function did not start, timed out, or its process ended. Its log has a platform.report or platform.initReport."
      # An init sees no event, and a bad token is refused before anything is called that could be slow.
      periods = 1
    }
    server-errors = {
      metric      = "ServerErrors"
      description = "API Gateway answered 5XX: a missing permission, a timeout, or a function that fails. The access log has integrationError and authorizerError."
      # A burst of connections can throttle a function for a moment, which is a 500 as well: only what lasts rings.
      periods = 3
    }
  }

  function_alarms = merge(
    {
      # The chat answers a refusal, and an answer is no error: what is counted here is a handler's Err. Never the
      # authorizer's, see above.
      chat-errors = {
        function    = "chat"
        metric      = "Errors"
        description = "The chat function failed instead of answering. Its log has the error, at level ERROR."
        periods     = 1
      }
    },
    {
      for name in keys(local.functions) :
      "${name}-throttles" => {
        function    = name
        metric      = "Throttles"
        description = "The account's or the function's concurrency has been used up for minutes: connections and messages fail."
        # A refusal takes milliseconds, and the stage lets throttling_rate_limit events a second through: by default bad
        # tokens keep some ten invocations busy. A burst may be throttled for a moment, so only what lasts rings.
        periods = 5
      }
    },
  )

  table_alarms = {
    # The table is asked and written to for connections with a good token only.
    ReadThrottleEvents  = "Reads were throttled: a room is read more than a partition gives."
    WriteThrottleEvents = "Writes were throttled: a room fills faster than 1,000 units a second; raise its shards."
  }
}

# ---- What is counted ----

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

resource "aws_cloudwatch_log_metric_filter" "faults" {
  for_each = local.functions

  name           = "faults"
  log_group_name = aws_cloudwatch_log_group.function[each.key].name
  pattern        = local.fault_pattern

  metric_transformation {
    namespace     = local.metric_namespace
    name          = "Faults"
    value         = "1"
    default_value = "0"
  }
}

resource "aws_cloudwatch_log_metric_filter" "crashes" {
  for_each = local.functions

  name           = "crashes"
  log_group_name = aws_cloudwatch_log_group.function[each.key].name
  pattern        = local.crash_pattern

  metric_transformation {
    namespace     = local.metric_namespace
    name          = "Crashes"
    value         = "1"
    default_value = "0"
  }
}

resource "aws_cloudwatch_log_metric_filter" "server_errors" {
  name           = "server-errors"
  log_group_name = aws_cloudwatch_log_group.access.name
  pattern        = local.server_error_pattern

  metric_transformation {
    namespace     = local.metric_namespace
    name          = "ServerErrors"
    value         = "1"
    default_value = "0"
  }
}

# ---- What rings ----

resource "aws_cloudwatch_metric_alarm" "log" {
  for_each = local.log_alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = local.metric_namespace
  metric_name         = each.value.metric
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
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
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}

# API Gateway could not call the function at all. It counts no answers, so no refusals; a throttled call it may count,
# and therefore only what lasts rings.
resource "aws_cloudwatch_metric_alarm" "api" {
  alarm_name          = "${var.name}-ExecutionError"
  alarm_description   = "API Gateway fails to call the function: permissions, timeouts. The API's execution log has the error."
  namespace           = "AWS/ApiGateway"
  metric_name         = "ExecutionError"
  dimensions          = { ApiId = aws_apigatewayv2_api.chat.id, Stage = var.stage_name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 3
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

# Anybody can raise this one, by sending bad tokens. It finds what no other does, a key that PUBLIC_KEY does not have,
# so whoever wants it gives it a place where nobody is woken.
resource "aws_cloudwatch_metric_alarm" "refusals" {
  count = var.refusals_alarm_threshold == null ? 0 : 1

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
  alarm_actions       = var.refusals_alarm_actions
  ok_actions          = var.refusals_alarm_actions
  tags                = var.tags
}
