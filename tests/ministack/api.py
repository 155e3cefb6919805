"""A WebSocket API of MiniStack with one function behind all its routes."""

import io
import zipfile

STAGE = "dev"


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
