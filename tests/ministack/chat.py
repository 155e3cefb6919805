"""The chat function behind MiniStack's API Gateway, Lambda and DynamoDB: connect, talk, leave.

Usage: chat.py CHAT_BINARY   (run by the Python that setup.sh prints)

A second opinion on the events: MiniStack and this project's gateway were written apart. MiniStack answers any refused
$connect with 403 and does not echo subprotocols, so those are not judged here.
"""

import asyncio
import io
import json
import sys
import time
import zipfile

import jwt
import websockets
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from stack import Stack

TABLE = "connections"
STAGE = "dev"


def deploy(stack, binary, public_key):
    """The table, the function and the API, as the Terraform module describes them."""
    stack.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )
    gateway = stack.client("apigatewayv2")
    api = gateway.create_api(
        Name="chat", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )["ApiId"]
    base = f"127.0.0.1:{stack.port}/_aws/execute-api/{api}/{STAGE}"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        package.writestr(entry, open(binary, "rb").read())
    function = stack.client("lambda").create_function(
        FunctionName="chat",
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role="arn:aws:iam::000000000000:role/chat",
        Code={"ZipFile": archive.getvalue()},
        Timeout=29,
        Environment={
            "Variables": {
                "PUBLIC_KEY": public_key,
                "DYNAMO_TABLE_NAME_CHAT_CONNECTIONS": TABLE,
                "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": f"http://{base}",
            }
        },
    )["FunctionArn"]
    integration = gateway.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=function, IntegrationMethod="POST"
    )["IntegrationId"]
    for route in ("$connect", "$disconnect", "$default", "send", "members", "ping"):
        gateway.create_route(ApiId=api, RouteKey=route, Target=f"integrations/{integration}")
    gateway.create_stage(ApiId=api, StageName=STAGE, AutoDeploy=True)
    return f"ws://{base}"


class Client:
    """One person in a room."""

    def __init__(self, url, token):
        self.url, self.headers = url, {"Authorization": f"Bearer {token}"}

    async def __aenter__(self):
        self.socket = await websockets.connect(self.url, additional_headers=self.headers)
        return self

    async def __aexit__(self, *_):
        await self.socket.close()

    async def say(self, **message):
        await self.socket.send(json.dumps(message))

    async def hear(self, kind):
        """The next frame of a kind; what comes before is not of interest."""
        while True:
            frame = json.loads(await asyncio.wait_for(self.socket.recv(), 30))
            if frame["type"] == kind:
                return frame


async def chat(url, token):
    try:
        async with websockets.connect(url):
            raise SystemExit("a client without a token was let in")
    except websockets.InvalidStatus as refused:
        assert refused.response.status_code in (401, 403), refused
    forged = token("lobby", "mallory", key=rsa.generate_private_key(65537, 2048))
    try:
        async with Client(url, forged):
            raise SystemExit("a forged token was let in")
    except websockets.InvalidStatus as refused:
        assert refused.response.status_code in (401, 403), refused

    async with Client(url, token("lobby", "alice")) as alice:
        async with Client(url, token("lobby", "bob")) as bob, Client(url, token("staff", "carol")) as carol:
            assert (await alice.hear("joined"))["user"] == "bob"
            await alice.say(action="members")
            assert (await alice.hear("members"))["members"] == ["alice", "bob"]
            await bob.say(action="send", text="hello")
            heard = await alice.hear("message")
            assert (heard["room"], heard["user"], heard["text"]) == ("lobby", "bob", "hello"), heard
            assert (await bob.hear("message"))["id"] == heard["id"]
            await carol.say(action="ping")
            first = json.loads(await asyncio.wait_for(carol.socket.recv(), 30))
            assert first["type"] == "pong", f"the other room heard {first}"
        assert (await alice.hear("left"))["user"] == "bob"
        await alice.say(action="members")
        assert (await alice.hear("members"))["members"] == ["alice"]


def main():
    binary = sys.argv[1]
    key = rsa.generate_private_key(65537, 2048)
    public_key = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()

    def token(room, user, key=key):
        now = int(time.time())
        return jwt.encode({"sub": room, "iat": now, "exp": now + 300, "user": user}, key, "RS256")

    stack = Stack()
    failed = True
    try:
        stack.wait()
        url = deploy(stack, binary, public_key)
        asyncio.run(chat(url, token))
        failed = False
    finally:
        stack.stop(failed)
    print("the chat works behind MiniStack")


main()
