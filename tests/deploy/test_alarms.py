"""The alarms of the applied module, against what happens on a day: strangers ring none, each fault rings one."""

import unittest
from collections import defaultdict

import cost
import patterns
import strangers
from applied import Applied
from strangers import access, line, platform

ACTION = "arn:aws:sns:x:1:pager"
MINUTES = 10
CHAT, AUTHORIZER, ACCESS = "/aws/lambda/chat-chat", "/aws/lambda/chat-authorizer", "/aws/apigateway/chat/prod"
# What happens: lines by log group, and what AWS counts by namespace, metric, and the value of a dimension.
FAULTS = {
    "the table cannot be reached": (
        [(CHAT, line("ERROR", "room_auth", "failed", reason="registry", connection_id="c=", route="send"))],
        [],
        "chat-faults",
    ),
    "a room is not listed to its end": ([(CHAT, line("ERROR", "room_auth::rooms", "a room was not listed to its end"))], [], "chat-faults"),
    "the chat's own": ([(CHAT, line("ERROR", "chat", "nobody was told", error="x"))], [], "chat-faults"),
    "the authorizer's own": ([(AUTHORIZER, line("ERROR", "room_auth", "failed", reason="configuration"))], [], "chat-faults"),
    "the authorizer's key is none": ([(AUTHORIZER, platform("initReport", "error", errorType="Runtime.ExitError"))], [], "chat-crashes"),
    "the start takes too long": ([(CHAT, platform("initReport", "timeout"))], [], "chat-crashes"),
    "a timeout": ([(CHAT, platform("report", "timeout"))], [], "chat-crashes"),
    "the process ends": ([(AUTHORIZER, platform("report", "error", errorType="Runtime.ExitError"))], [], "chat-crashes"),
    "no memory is left": ([(CHAT, platform("report", "failure", errorType="Runtime.OutOfMemory"))], [], "chat-crashes"),
    "a handler's Err": ([], [("AWS/Lambda", "Errors", "chat-chat")], "chat-chat-errors"),
    "a permission is missing": ([(ACCESS, access("500", integrationError="forbidden"))], [], "chat-server-errors"),
    "API Gateway cannot call": ([], [("AWS/ApiGateway", "ExecutionError", "prod")], "chat-ExecutionError"),
    "the concurrency is used up": ([], [("AWS/Lambda", "Throttles", "chat-authorizer")], "chat-authorizer-throttles"),
    "a partition is used up": ([], [("AWS/DynamoDB", "WriteThrottleEvents", "chat-connections")], "chat-table-WriteThrottleEvents"),
}
# In every minute.
STRANGERS_LINES = [(group, text) for group in (CHAT, AUTHORIZER, ACCESS) for text in strangers.LINES]
STRANGERS_COUNTS = [
    ("AWS/Lambda", "Errors", "chat-authorizer"),
    ("AWS/ApiGateway", "IntegrationError", "prod"),
    ("AWS/ApiGateway", "ClientError", "prod"),
]
# In a single minute: a burst finds no execution environment ready, and API Gateway makes 500 of that.
BURST_LINES = [(ACCESS, access("500", integrationError="Rate Exceeded."))]
BURST_COUNTS = [
    ("AWS/Lambda", "Throttles", "chat-chat"),
    ("AWS/Lambda", "Throttles", "chat-authorizer"),
    ("AWS/ApiGateway", "ExecutionError", "prod"),
]


class Day:
    """What CloudWatch has, minute by minute."""

    def __init__(self, state) -> None:
        self.state = state
        self.sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0] * MINUTES)

    def happens(self, lines, counts, minutes) -> None:
        for minute in minutes:
            for metric in counts:
                self.sums[metric][minute] += 1
            for group, text in lines:
                for counted in self.state.of_type("aws_cloudwatch_log_metric_filter").values():
                    if counted["log_group_name"] == group and patterns.matches(counted["pattern"], text):
                        made = counted["metric_transformation"][0]
                        self.sums[made["namespace"], made["name"], ""][minute] += int(made["value"])

    def rung(self) -> set[str]:
        return {alarm["alarm_name"] for alarm in self.state.of_type("aws_cloudwatch_metric_alarm").values() if self._rings(alarm)}

    def _rings(self, alarm) -> bool:
        dimensions = alarm["dimensions"] or {}
        of = dimensions.get("FunctionName") or dimensions.get("Stage") or dimensions.get("TableName") or ""
        sums = self.sums[alarm["namespace"], alarm["metric_name"], of]
        minutes = alarm["period"] // 60
        breaching = [sum(sums[at : at + minutes]) > alarm["threshold"] for at in range(0, MINUTES, minutes)]
        periods = alarm["evaluation_periods"]
        wanted = alarm["datapoints_to_alarm"] or periods
        return any(sum(breaching[at : at + periods]) >= wanted for at in range(len(breaching) - periods + 1))


class Alarms(Applied):
    def applied(self, **others):
        return self.terraform().apply(**self.external(authorizer_enabled=True, alarm_actions=[ACTION], **others))

    def test_nothing_that_a_stranger_sends_rings(self):
        day = Day(self.applied())
        day.happens(STRANGERS_LINES, STRANGERS_COUNTS, range(MINUTES))
        day.happens(BURST_LINES, BURST_COUNTS, [4])
        self.assertEqual(day.rung(), set())
        self.assertGreater(sum(day.sums["RoomAuth/chat", "Refusals", ""]), 0, "they are counted all the same")

    def test_each_fault_rings(self):
        state = self.applied()
        for fault, (lines, counts, alarm) in FAULTS.items():
            with self.subTest(fault):
                day = Day(state)
                day.happens(lines, counts, range(MINUTES))
                self.assertEqual(day.rung(), {alarm})

    def test_each_alarm_is_rung_by_some_fault_and_notifies(self):
        state = self.applied()
        alarms = state.of_type("aws_cloudwatch_metric_alarm").values()
        rung = {alarm for *_, alarm in FAULTS.values()}
        # Of a kind, one is enough.
        alike = {"chat-chat-throttles": "chat-authorizer-throttles", "chat-table-ReadThrottleEvents": "chat-table-WriteThrottleEvents"}
        self.assertEqual({alike.get(a["alarm_name"], a["alarm_name"]) for a in alarms}, rung)
        self.assertIn(f"with the authorizer, {len(alarms)} alarms", cost.PAGE.read_text())
        for alarm in alarms:
            self.assertEqual((alarm["alarm_actions"], alarm["ok_actions"]), ([ACTION], [ACTION]), alarm["alarm_name"])

    def test_one_line_is_enough_where_no_stranger_can_cause_it(self):
        state = self.applied()
        for fault in ("the table cannot be reached", "a timeout", "a handler's Err"):
            with self.subTest(fault):
                lines, counts, alarm = FAULTS[fault]
                day = Day(state)
                day.happens(lines, counts, [3])
                self.assertEqual(day.rung(), {alarm})

    def test_the_alarm_on_refusals_is_asked_for_and_notifies_somebody_else(self):
        state = self.applied(refusals_alarm_threshold=100, refusals_alarm_actions=["arn:aws:sns:x:1:mail"])
        alarm = state["aws_cloudwatch_metric_alarm.refusals[0]"]
        self.assertEqual((alarm["alarm_actions"], alarm["ok_actions"]), (["arn:aws:sns:x:1:mail"],) * 2)
        day = Day(state)
        day.happens([(CHAT, strangers.REFUSED[0])] * 101, [], [0])
        self.assertEqual(day.rung(), {"chat-refusals"})

    def test_refusals_are_counted_by_reason_too(self):
        filters = self.applied().of_type("aws_cloudwatch_log_metric_filter").values()
        self.assertEqual(
            {(f["log_group_name"], f["metric_transformation"][0]["name"]) for f in filters},
            {(group, metric) for group in (CHAT, AUTHORIZER) for metric in ("Refusals", "RefusalsByReason", "Faults", "Crashes")}
            | {(ACCESS, "ServerErrors")},
        )
        for each in filters:
            counted = [text for text in strangers.LINES if patterns.matches(each["pattern"], text)]
            self.assertEqual(counted, strangers.REFUSED if "refusals" in each["name"] else [], each["name"])


if __name__ == "__main__":
    unittest.main()
