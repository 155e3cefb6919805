"""A MiniStack of a test's own, on loopback."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import botocore.session

REGION = "eu-west-1"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Stack:
    """A process, and clients of its services."""

    def __init__(self):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_REGION": REGION,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
        }
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ministack"], env=self.environment, stdout=self.log, stderr=self.log
        )
        session = botocore.session.get_session()
        session.set_credentials("test", "test")
        self.client = lambda service: session.create_client(
            service, region_name=REGION, endpoint_url=self.url
        )

    def wait(self):
        for _ in range(600):
            try:
                return urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=1)
            except OSError:
                if self.process.poll() is not None:
                    raise SystemExit("MiniStack ended at its start")
                time.sleep(0.1)
        raise SystemExit("MiniStack did not start")

    def stop(self, failed):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        if failed:
            self.log.seek(0)
            sys.stderr.write(self.log.read()[-10_000:])
