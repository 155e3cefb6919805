"""The chat function behind MiniStack's API Gateway, Lambda and DynamoDB: connect, talk, leave.

Usage: chat.py CHAT_BINARY   (run by the Python that setup.sh prints)

A second opinion on the events: MiniStack and this project's gateway were written apart. MiniStack answers any refused
$connect with 403 and does not echo subprotocols, so those are not judged here.
"""

import asyncio
import json
import sys
import time

import jwt
import websockets
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from api import deploy
from stack import Stack

TABLE = "connections"
ROUTES = ("$connect", "$disconnect", "$default", "send", "members", "ping")


def create_table(stack):
    stack.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )


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
        create_table(stack)
        variables = {"PUBLIC_KEY": public_key, "DYNAMO_TABLE_NAME_CHAT_CONNECTIONS": TABLE}
        url = deploy(stack, binary, ROUTES, variables)
        asyncio.run(chat(url, token))
        failed = False
    finally:
        stack.stop(failed)
    print("the chat works behind MiniStack")


main()
