"""What the tests have in common that let Terraform apply the module."""

import shutil
import unittest

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from simulation import ACCOUNT, REGION
from workspace import Copy, Refused, Terraform

ISSUER = f"arn:aws:iam::{ACCOUNT}:role/backend"
IMAGE = {"image_uri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/chat@sha256:{'0' * 64}"}
DOMAIN = {"name": "chat.example.com", "certificate_arn": f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/c"}


def pem_pair(bits: int = 2048) -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


@unittest.skipUnless(shutil.which("terraform"), "needs the terraform binary")
class Applied(unittest.TestCase):
    def setUp(self):
        self.copy = Copy()
        self.addCleanup(self.copy.close)
        self.zip = self.copy.folder / "bootstrap.zip"
        self.zip.write_bytes(b"code")

    def terraform(self, subfolder: str = ".") -> Terraform:
        terraform = Terraform(self.copy, subfolder)
        self.addCleanup(terraform.close)
        return terraform

    def external(self, **others) -> dict:
        self.private, self.public = pem_pair()
        code = {"zip": str(self.zip)}
        keys = {"public_keys": {"key-1": self.public}, "external_secret_name": "chat/issuer"}
        return {"chat_code": code, "authorizer_code": code, **keys, **others}

    def refused(self, message: str, **variables) -> None:
        with self.assertRaises(Refused) as refused:
            self.terraform().apply(**variables)
        self.assertIn(message, str(refused.exception))
