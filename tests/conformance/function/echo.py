"""The function of the conformance suite: reports the event that it saw, and does what the event asks for.

The orders are JSON: the query parameter `orders` of a CONNECT event, `auth` of an authorizer's, the body of a message.

    do        answer (default), echo, fail, exit, sleep, large, post
    with      answer: what is returned, whatever it is
    message   fail: the text of the error
    seconds   sleep: how long
    bytes     large: the length of the body, or of a text in the context
    text      post: what is sent to the own connection, before the event is reported

An authorizer without orders allows what it is asked about. `$arn` and `$stage` in an answer become its `methodArn`, and
that without the route.

Runs on AWS, on MiniStack (both by its name, `echo.handler`) and by `bootstrap` on room-auth-gateway.
"""

import json
import os
import time

ALLOW = {
    "principalId": "somebody",
    "policyDocument": {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "$arn"}],
    },
    "context": {"text": "t", "number": 1, "truth": True},
}


def handler(event, _context):
    is_authorizer = event.get("type") == "REQUEST"
    orders = read(event, is_authorizer)
    do = orders.get("do", "answer")
    if do == "post":
        event = {**event, "posted": post(event["requestContext"], orders["text"])}
    report(event)
    if do == "fail":
        # API Gateway reads the text of an authorizer's error.
        raise Exception(orders["message"])
    if do == "exit":
        os._exit(1)
    if do == "sleep":
        time.sleep(orders["seconds"])
    if do == "echo":
        return {"statusCode": 200, "body": event["body"]}
    if is_authorizer:
        arn = event["methodArn"]
        allow = {**ALLOW, "context": {"text": "x" * orders["bytes"]}} if do == "large" else ALLOW
        answer = json.dumps(orders.get("with", allow))
        return json.loads(answer.replace("$arn", arn).replace("$stage", arn.rsplit("/", 1)[0]))
    if do == "large":
        return {"statusCode": 200, "body": "x" * orders["bytes"]}
    return orders.get("with", {"statusCode": 200})


def read(event, is_authorizer):
    query = event.get("queryStringParameters") or {}
    text = query.get("auth" if is_authorizer else "orders", event.get("body"))
    try:
        orders = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return orders if isinstance(orders, dict) else {}


def post(context, text):
    """Sends text to the connection itself; returns how that ended."""
    import botocore.exceptions
    import botocore.session

    # On AWS as its samples do it; an emulator sets the variable, which botocore reads.
    endpoint = None
    if "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI" not in os.environ:
        endpoint = f"https://{context['domainName']}/{context['stage']}"
    client = botocore.session.get_session().create_client("apigatewaymanagementapi", endpoint_url=endpoint)
    try:
        client.post_to_connection(ConnectionId=context["connectionId"], Data=text.encode())
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    return "sent"


def report(event):
    """Writes the event where the runner reads it: a file on the same machine, otherwise the log."""
    line = "EVENT " + json.dumps(event) + "\n"
    path = os.environ.get("EVENTS_FILE")
    if path is None:
        print(line, end="", flush=True)
        return
    # One write, because several processes of the function have the file open.
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)
