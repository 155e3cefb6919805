"""The function in the image answers requests, and image.sh refuses images that it should.

usage: IMAGE_BINARY=… python -m unittest test_image     (a static `connect`; built if not given)
"""

import base64
import json
import os
import subprocess
import tempfile
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

import module as hcl
import patterns
import pitfalls
from workspace import MODULE, ROOT

IMAGE = ROOT / "tests" / "deploy" / "image.sh"
BINARY = os.environ.get("IMAGE_BINARY")


def image(*arguments: str, code: int = 0, **environment: str) -> str:
    done = subprocess.run(
        ["bash", IMAGE, *arguments], env=os.environ | environment, capture_output=True, text=True, timeout=900
    )
    if done.returncode != code:
        raise AssertionError(f"image.sh ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout.strip().splitlines()[-1] if code == 0 else done.stderr


class Runtime:
    """Lambda's Runtime API on loopback: hands out one event after the other, collects the answers."""

    def __init__(self) -> None:
        events, answers = self.events, self.answers = Queue(), Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                event = json.dumps(events.get()).encode()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "request-1")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 30_000))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:x:1:function:connect")
                self.send_header("Content-Length", str(len(event)))
                self.end_headers()
                self.wfile.write(event)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answers.put((self.path, json.loads(body)))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"127.0.0.1:{self.server.server_port}"

    def invoke(self, event: dict) -> tuple[str, dict]:
        self.events.put(event)
        return self.answers.get(timeout=30)


def token(key: rsa.RSAPrivateKey, room: str) -> str:
    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    now = int(time.time())
    header = part(b'{"typ":"JWT","alg":"RS256"}')
    claims = part(json.dumps({"sub": room, "iat": now, "exp": now + 60}).encode())
    signature = key.sign(f"{header}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{header}.{claims}.{part(signature)}"


def connect(token: str) -> dict:
    """A CONNECT event of the shape that API Gateway documents."""
    return {
        "headers": {"Host": "abc.execute-api.eu-central-1.amazonaws.com", "Authorization": f"Bearer {token}"},
        "multiValueHeaders": {"Host": ["abc.execute-api.eu-central-1.amazonaws.com"], "Authorization": [f"Bearer {token}"]},
        "requestContext": {
            "routeKey": "$connect",
            "eventType": "CONNECT",
            "extendedRequestId": "e=",
            "requestTime": "01/Jan/2026:00:00:00 +0000",
            "messageDirection": "IN",
            "stage": "prod",
            "connectedAt": 1767225600000,
            "requestTimeEpoch": 1767225600000,
            "identity": {"sourceIp": "192.0.2.1"},
            "requestId": "r=",
            "domainName": "abc.execute-api.eu-central-1.amazonaws.com",
            "connectionId": "c=",
            "apiId": "abc",
        },
        "isBase64Encoded": False,
    }


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bootstrap = ROOT / image(*([BINARY, "connect"] if BINARY else []))

    def test_the_function_in_the_image_tells_a_good_token_from_a_forged_one(self):
        key, other = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
        public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        runtime = Runtime()
        self.addCleanup(runtime.server.shutdown)
        log = tempfile.TemporaryFile("w+")
        self.addCleanup(log.close)
        process = subprocess.Popen(
            # As the image's user, in the image's root, with what Lambda sets.
            ["chroot", "--userspec=65532:65532", self.bootstrap.parent, "/bootstrap"],
            env={
                "PATH": os.environ["PATH"],
                "PUBLIC_KEY": public.decode(),
                "AWS_LAMBDA_RUNTIME_API": runtime.address,
                "AWS_LAMBDA_FUNCTION_NAME": "connect",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                "AWS_LAMBDA_LOG_STREAM_NAME": "s",
                "AWS_LAMBDA_LOG_GROUP_NAME": "g",
                "AWS_REGION": "eu-central-1",
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

        path, answer = runtime.invoke(connect(token(key, "lobby")))
        self.assertEqual((path.rsplit("/")[-1], answer["statusCode"]), ("response", 200))
        forged = token(other, "lobby")
        path, answer = runtime.invoke(connect(forged))
        self.assertEqual((path.rsplit("/")[-1], answer["statusCode"]), ("response", 401))

        # What the module's filters count: one refusal, and no fault.
        log.seek(0)
        lines = log.read().splitlines()
        for name, count in (("refusal_pattern", 1), ("fault_pattern", 0), ("crash_pattern", 0)):
            pattern = pitfalls.text_of(hcl.load(MODULE), "${local.%s}" % name)
            self.assertEqual(sum(patterns.matches(pattern, line) for line in lines), count, lines)
        self.assertNotIn(forged.split(".")[2], json.dumps(lines))

    def test_a_dynamic_executable_is_refused(self):
        self.assertIn("is dynamic", image("/bin/true", "refused", code=1))

    def test_a_secret_is_found(self):
        pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        for secret in (pem, b"AKIA" + b"A" * 16, b"aws_secret_access_key = x"):
            with self.subTest(secret[:20]), tempfile.NamedTemporaryFile(delete=False) as file:
                self.addCleanup(os.unlink, file.name)
                file.write(self.bootstrap.read_bytes() + b"\n" + secret + b"\n")
                file.close()
                os.chmod(file.name, 0o755)
                self.assertIn("looks like a secret", image(file.name, "refused", code=1))

    def test_a_large_image_is_refused(self):
        self.assertIn("more than 1000000", image(str(self.bootstrap), "refused", code=1, IMAGE_SIZE_LIMIT="1000000"))


if __name__ == "__main__":
    unittest.main()
