"""MiniStack's API Gateway and Lambda with one function behind all routes of a WebSocket API."""

import io
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile

import botocore.session

STAGE = "dev"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Stack:
    """A MiniStack of this test's own, on loopback."""

    def __init__(self):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_REGION": "eu-west-1",
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
            service, region_name="eu-west-1", endpoint_url=self.url
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


def deploy(stack, binary, routes, variables):
    """The function and the API, as the Terraform module describes them. Returns the URL for clients."""
    gateway = stack.client("apigatewayv2")
    api = gateway.create_api(
        Name="api", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )["ApiId"]
    base = f"127.0.0.1:{stack.port}/_aws/execute-api/{api}/{STAGE}"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        package.writestr(entry, open(binary, "rb").read())
    function = stack.client("lambda").create_function(
        FunctionName="function",
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role="arn:aws:iam::000000000000:role/chat",
        Code={"ZipFile": archive.getvalue()},
        Timeout=29,
        Environment={
            "Variables": {
                **variables,
                "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": f"http://{base}",
            }
        },
    )["FunctionArn"]
    integration = gateway.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=function, IntegrationMethod="POST"
    )["IntegrationId"]
    for route in routes:
        gateway.create_route(ApiId=api, RouteKey=route, Target=f"integrations/{integration}")
    gateway.create_stage(ApiId=api, StageName=STAGE, AutoDeploy=True)
    return f"ws://{base}"
