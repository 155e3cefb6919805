"""Signs calls of `@connections` as AWS SDKs do."""

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

LOCAL = Credentials("test", "test")


def sign(credentials: Credentials, region: str, method: str, url: str, body: bytes) -> list[tuple[str, str]]:
    request = AWSRequest(method=method, url=url, data=body)
    SigV4Auth(credentials, "execute-api", region).add_auth(request)
    return list(request.headers.items())
