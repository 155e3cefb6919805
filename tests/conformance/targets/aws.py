"""An AWS account, as ../terraform deploys it. The events are read from the function's log."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import botocore.session
from botocore.credentials import Credentials
from targets.signature import sign

TERRAFORM = Path(__file__).parents[1] / "terraform"
# CloudWatch Logs shows a line some seconds after it was written.
LOG_SECONDS = 20.0
POLL_SECONDS = 1.0


class Aws:
    event_seconds = LOG_SECONDS

    def __init__(self) -> None:
        output = subprocess.run(
            ["terraform", f"-chdir={TERRAFORM}", "output", "-json"], capture_output=True, text=True, check=True
        )
        outputs = {name: found["value"] for name, found in json.loads(output.stdout).items()}
        self._urls, self._region = outputs["urls"], outputs["region"]
        self.name = f"AWS {self._region}"
        session = botocore.session.get_session()
        credentials = session.get_credentials()
        if credentials is None:
            raise SystemExit("there are no AWS credentials; set them as for terraform apply")
        self._callers = {"caller": credentials.get_frozen_credentials()}
        assumed = session.create_client("sts", region_name=self._region).assume_role(
            RoleArn=outputs["denied_role_arn"], RoleSessionName="conformance"
        )["Credentials"]
        self._callers["denied"] = Credentials(
            assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"]
        )
        self._logs = session.create_client("logs", region_name=self._region)
        self._log_group = outputs["log_group"]
        self._since = int(time.time() * 1000) - 1000
        self._polled = 0.0
        self._ids: set[str] = set()
        self._events: list[dict[str, Any]] = []

    def url(self, api: str) -> str:
        return self._urls[api]

    def management_url(self, api: str) -> str:
        return self._urls[api].replace("wss://", "https://", 1)

    def events(self) -> list[dict[str, Any]]:
        if time.monotonic() - self._polled < POLL_SECONDS:
            return self._events
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=self._log_group, startTime=self._since, filterPattern='"EVENT"'
        )
        for page in pages:
            for line in page["events"]:
                # Lines come late and in any order, and so each poll asks from the start.
                if line["eventId"] not in self._ids and line["message"].startswith("EVENT "):
                    self._ids.add(line["eventId"])
                    self._events.append(json.loads(line["message"].removeprefix("EVENT ")))
        self._polled = time.monotonic()
        return self._events

    def signature(self, method: str, url: str, body: bytes, caller: str) -> list[tuple[str, str]]:
        return sign(self._callers[caller], self._region, method, url, body)

    def stop(self) -> None:
        """Leaves everything as it is: `terraform destroy` removes it."""
