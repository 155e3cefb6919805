"""MiniStack: one process with three APIs, deployed by the calls that deploy them on AWS."""

from __future__ import annotations

import importlib.metadata
import io
import zipfile
from typing import Any

from targets.local import LocalTarget
from stack import REGION, Stack
from targets.target import (
    FUNCTION,
    FUNCTION_SECONDS,
    IDENTITY_SOURCE,
    ROUTES,
    ROUTES_WITH_RESPONSE,
    SELECTION,
)

STAGE = "dev"


class MiniStack(LocalTarget):
    region = REGION
    without_permissions = "started without permissions"

    def __init__(self) -> None:
        super().__init__()
        self.name = f"MiniStack {importlib.metadata.version('ministack')}"
        self._stack = Stack()
        try:
            self._stack.wait()
            self._hosts = {api: self._deploy(api) for api in ROUTES}
        except BaseException:
            self._stack.stop(failed=True)
            raise

    def _deploy(self, api: str) -> str:
        gateway = self._stack.client("apigatewayv2")
        created = gateway.create_api(Name=api, ProtocolType="WEBSOCKET", RouteSelectionExpression=SELECTION[api])
        id = created["ApiId"]
        base = f"127.0.0.1:{self._stack.port}/_aws/execute-api/{id}/{STAGE}"
        function = self._function(api, base)
        target = gateway.create_integration(
            ApiId=id, IntegrationType="AWS_PROXY", IntegrationUri=function, IntegrationMethod="POST"
        )
        connect: dict[str, str] = {}
        if api == "guarded":
            authorizer = gateway.create_authorizer(
                ApiId=id,
                Name="gate",
                AuthorizerType="REQUEST",
                AuthorizerUri=f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations",
                IdentitySource=[IDENTITY_SOURCE],
            )
            connect = {"AuthorizationType": "CUSTOM", "AuthorizerId": authorizer["AuthorizerId"]}
        for key in ROUTES[api] + ROUTES_WITH_RESPONSE[api]:
            more: dict[str, Any] = connect if key == "$connect" else {}
            two_way = key in ROUTES_WITH_RESPONSE[api]
            if two_way:
                more = {**more, "RouteResponseSelectionExpression": "$default"}
            route = gateway.create_route(
                ApiId=id, RouteKey=key, Target=f"integrations/{target['IntegrationId']}", **more
            )
            if two_way:
                gateway.create_route_response(ApiId=id, RouteId=route["RouteId"], RouteResponseKey="$default")
        gateway.create_stage(ApiId=id, StageName=STAGE, AutoDeploy=True)
        return base

    def _function(self, api: str, base: str) -> str:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as package:
            package.write(FUNCTION / "echo.py", "echo.py")
        created = self._stack.client("lambda").create_function(
            FunctionName=f"echo-{api}",
            Runtime="python3.13",
            Handler="echo.handler",
            Role="arn:aws:iam::000000000000:role/echo",
            Code={"ZipFile": archive.getvalue()},
            Timeout=FUNCTION_SECONDS,
            Environment={
                "Variables": {
                    "EVENTS_FILE": str(self._events_file),
                    "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": f"http://{base}",
                }
            },
        )
        return created["FunctionArn"]

    def url(self, api: str) -> str:
        return f"ws://{self._hosts[api]}"

    def management_url(self, api: str) -> str:
        return f"http://{self._hosts[api]}"

    def stop(self) -> None:
        self._stack.stop(failed=False)
        self._folder.cleanup()
