"""keys.sh makes, stages, promotes and retires keys, with the real AWS CLI against moto's Secrets Manager."""

import json
import logging
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import boto3
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from moto.server import ThreadedMotoServer

ROOT = Path(__file__).resolve().parents[2]
KEYS = ROOT / "examples" / "chat" / "deploy" / "keys.sh"
SECRET = "chat/issuer"

# The server's access log.
logging.getLogger("werkzeug").setLevel(logging.ERROR)


def public_of(private_pem: str) -> str:
    key = serialization.load_pem_private_key(private_pem.encode(), password=None)
    assert key.key_size in (2048, 256)
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


class Keys(unittest.TestCase):
    def setUp(self):
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        self.addCleanup(server.stop)
        host, port = server.get_host_and_port()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.calls = self.folder / "calls"
        (self.folder / "bin").mkdir()
        # The real command, after its arguments and its environment were written down.
        cli = Path(sys.executable).parent / "aws"
        spy = self.folder / "bin" / "aws"
        spy.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{self.calls}\nenv >>{self.calls}\nexec {cli} "$@"\n')
        spy.chmod(0o755)
        self.environment = {
            "PATH": f"{spy.parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder / "tmp"),
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        (self.folder / "tmp").mkdir()
        self.client = boto3.client(
            "secretsmanager",
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            region_name="eu-central-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        # The server lives in this process, and so does what an earlier test left in it.
        for secret in self.client.list_secrets()["SecretList"]:
            self.client.delete_secret(SecretId=secret["Name"], ForceDeleteWithoutRecovery=True)

    def keys(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            ["bash", KEYS, *arguments], env=self.environment, capture_output=True, text=True, timeout=60
        )
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertNotIn("PRIVATE", done.stdout + done.stderr)
        return done.stdout if code == 0 else done.stderr

    def secret(self, stage: str = "AWSCURRENT") -> dict[str, str]:
        value = self.client.get_secret_value(SecretId=SECRET, VersionStage=stage)["SecretString"]
        return json.loads(value)

    def test_the_secret_is_json_with_a_key_pair_and_the_public_key_is_printed(self):
        printed = self.keys("create", SECRET)
        secret = self.secret()
        self.assertEqual(set(secret), {"private_key", "public_key"})
        self.assertEqual(public_of(secret["private_key"]), printed)
        self.assertEqual(secret["public_key"], printed)

    def test_the_key_is_of_the_algorithm_that_is_asked_for(self):
        for number, (arguments, kind, size) in enumerate(
            [([], rsa.RSAPublicKey, 2048), (["RS256"], rsa.RSAPublicKey, 2048), (["ES256"], ec.EllipticCurvePublicKey, 256)]
        ):
            with self.subTest(arguments):
                secret = f"{SECRET}-{number}"
                printed = self.keys("create", secret, *arguments)
                key = serialization.load_pem_public_key(printed.encode())
                self.assertIsInstance(key, kind)
                self.assertEqual(key.key_size, size)
                private = json.loads(self.client.get_secret_value(SecretId=secret)["SecretString"])["private_key"]
                # PKCS#8, which room-auth and every JWT library read.
                self.assertTrue(private.startswith("-----BEGIN PRIVATE KEY-----"))
                self.assertEqual(public_of(private), printed)

    def test_a_rotation_may_change_the_algorithm(self):
        self.keys("create", SECRET)
        staged = self.keys("stage", SECRET, "ES256")
        self.keys("promote", SECRET)
        self.assertEqual(self.secret()["public_key"], staged)
        self.assertEqual(serialization.load_pem_public_key(staged.encode()).curve.name, "secp256r1")

    def test_the_private_key_is_in_no_argument_no_environment_and_no_file(self):
        self.keys("create", SECRET)
        inside = self.secret()["private_key"].splitlines()[5]
        self.assertIn("create-secret", self.calls.read_text())
        self.assertNotIn(inside, self.calls.read_text())
        self.assertEqual(list((self.folder / "tmp").iterdir()), [])

    def test_tracing_the_script_shows_no_key(self):
        done = subprocess.run(
            ["bash", "-x", KEYS, "create", SECRET], env=self.environment, capture_output=True, text=True, timeout=60
        )
        self.assertEqual(done.returncode, 0)
        self.assertNotIn("PRIVATE", done.stdout + done.stderr)

    def test_a_rotation_step_by_step(self):
        first = self.keys("create", SECRET)

        second = self.keys("stage", SECRET)
        self.assertNotEqual(second, first)
        self.assertEqual(self.secret()["public_key"], first, "staging changes nothing for issuers")
        self.assertEqual(public_of(self.secret("AWSPENDING")["private_key"]), second)

        self.keys("promote", SECRET)
        self.assertEqual(public_of(self.secret()["private_key"]), second)
        self.assertEqual(self.secret("AWSPREVIOUS")["public_key"], first, "one can still go back")

        self.keys("retire", SECRET)
        with self.assertRaises(ClientError):
            self.secret("AWSPREVIOUS")
        self.assertEqual(self.secret()["public_key"], second)

        third = self.keys("stage", SECRET)
        self.keys("promote", SECRET)
        self.assertEqual(self.secret()["public_key"], third)

    def test_steps_out_of_order_are_refused(self):
        self.keys("create", SECRET)
        self.assertIn("no key is staged", self.keys("promote", SECRET, code=1))
        self.assertIn("no previous key", self.keys("retire", SECRET, code=1))
        self.keys("stage", SECRET)
        self.assertIn("staged already", self.keys("stage", SECRET, code=1))

    def test_wrong_use_changes_nothing(self):
        self.assertIn("keys.sh create", self.keys(code=2))
        self.assertIn("keys.sh create", self.keys("destroy", SECRET, code=2))
        self.assertIn("keys.sh create", self.keys("promote", SECRET, "ES256", code=2))
        self.assertIn("use RS256 or ES256", self.keys("create", SECRET, "HS256", code=1))
        self.assertEqual(self.client.list_secrets()["SecretList"], [])

    def test_an_existing_secret_is_not_overwritten(self):
        first = self.keys("create", SECRET)
        done = subprocess.run(["bash", KEYS, "create", SECRET], env=self.environment, capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, "")
        self.assertEqual(self.secret()["public_key"], first)


if __name__ == "__main__":
    unittest.main()
