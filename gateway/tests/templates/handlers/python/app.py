"""An endpoint made of the event, as most samples have it."""

import boto3


def handler(event, context):
    request = event["requestContext"]
    endpoint = f"https://{request['domainName']}/{request['stage']}"
    client = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint)
    client.post_to_connection(ConnectionId=request["connectionId"], Data=b"from Python")
    return {"statusCode": 200}
