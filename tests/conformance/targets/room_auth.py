"""room-auth-gateway: a process for each API, on free ports of loopback."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from targets.local import LocalTarget
from targets.target import (
    FUNCTION,
    FUNCTION_SECONDS,
    IDENTITY_SOURCE,
    ROUTES,
    ROUTES_WITH_RESPONSE,
    SELECTION,
)

REGION = "eu-west-1"


class RoomAuthGateway(LocalTarget):
    region = REGION
    without_permissions = "it knows no permissions"

    def __init__(self, program: str) -> None:
        super().__init__()
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        self.name = version.strip()
        self._log = tempfile.TemporaryFile("w+")
        self._processes: list[subprocess.Popen[str]] = []
        self._urls: dict[str, str] = {}
        try:
            for api in ROUTES:
                self._start(program, api)
        except BaseException:
            self.stop()
            raise

    def _start(self, program: str, api: str) -> None:
        options = ["--port", "0", "--region", REGION, "--route-selection", SELECTION[api]]
        options += ["--function", f"echo={FUNCTION / 'bootstrap'}", "--function-timeout", str(FUNCTION_SECONDS)]
        options += ["--env", f"EVENTS_FILE={self._events_file}"]
        options += [part for key in ROUTES[api] for part in ("--route", f"{key}=echo")]
        options += [part for key in ROUTES_WITH_RESPONSE[api] for part in ("--route-with-response", f"{key}=echo")]
        if api == "guarded":
            options += ["--authorizer", "echo", "--identity-sources", IDENTITY_SOURCE]
        # The function's Python is this one, which has botocore.
        python = Path(sys.executable).parent
        options += ["--env", f"PATH={python}{os.pathsep}{os.environ['PATH']}"]
        process = subprocess.Popen(
            [program, *options], stdout=subprocess.PIPE, stderr=self._log, text=True, cwd=self._folder.name
        )
        self._processes.append(process)
        assert process.stdout is not None
        self._urls[api] = process.stdout.readline().strip()
        if not self._urls[api].startswith("ws://"):
            self._log.seek(0)
            raise SystemExit(f"room-auth-gateway did not start: {self._log.read()}")

    def url(self, api: str) -> str:
        return self._urls[api]

    def management_url(self, api: str) -> str:
        return self._urls[api].replace("ws://", "http://", 1)

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
        self._folder.cleanup()
