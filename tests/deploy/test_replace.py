"""Whatever replaces a resource can be applied, in one go, and leaves what AWS would go on working with."""

import itertools
import unittest

from applied import DOMAIN, IMAGE, ISSUER, Applied
from workspace import Refused

# What API Gateway makes up identifiers for, and no argument of the module replaces: made again before the old one
# goes, which its own names do not allow. Only a new API replaces these, and has none of them yet.
WITHIN_THE_API = ("aws_apigatewayv2_route", "aws_apigatewayv2_authorizer")


class Replace(Applied):
    def consistent(self, terraform, state) -> None:
        """What AWS has is what Terraform thinks, and nothing refers to what is gone."""
        self.assertIn("No changes", terraform.plan())
        live = {kind: {r["id"]: r for r in terraform.aws.of_type(kind)} for kind, _ in terraform.aws.live}
        functions = {f["function_name"]: f for f in live["aws_lambda_function"].values()}
        self.assertEqual(len(functions), len(state.functions()))
        self.assertEqual(
            {p["function_name"].split(":")[-1] for p in live["aws_lambda_permission"].values()},
            functions.keys(),
            "API Gateway may call each",
        )
        called = [r["integration_uri"] for r in live["aws_apigatewayv2_integration"].values()]
        called += [r["authorizer_uri"] for r in live.get("aws_apigatewayv2_authorizer", {}).values()]
        self.assertEqual(sorted(called), sorted(f["invoke_arn"] for f in functions.values()))
        for route in live["aws_apigatewayv2_route"].values():
            if route["authorizer_id"] is not None:
                self.assertIn(route["authorizer_id"], live["aws_apigatewayv2_authorizer"])
        (stage,) = live["aws_apigatewayv2_stage"].values()
        self.assertEqual({stage["deployment_id"]}, live["aws_apigatewayv2_deployment"].keys())
        roles = {r["arn"] for r in live["aws_iam_role"].values()}
        groups = {r["name"] for r in live["aws_cloudwatch_log_group"].values()}
        for function in functions.values():
            self.assertIn(function["role"], roles)
            self.assertIn(function["logging_config"][0]["log_group"], groups)

    def test_zip_and_image_with_and_without_the_authorizer_each_to_each_in_one_apply(self):
        terraform = self.terraform()
        variables = self.external()
        zip_file = variables["chat_code"]
        forms = list(itertools.product((zip_file, IMAGE), (False, True)))
        # A walk that goes from each form to each other once.
        for code, authorizer in (forms[at] for at in (0, 1, 0, 2, 0, 3, 1, 2, 1, 3, 2, 3, 0)):
            with self.subTest(code=code, authorizer=authorizer):
                codes = {"chat_code": code, "authorizer_code": code}
                state = terraform.apply(**{**variables, **codes, "authorizer_enabled": authorizer})
                self.consistent(terraform, state)
                kinds = {f["package_type"] for f in state.functions().values()}
                self.assertEqual(kinds, {"Image" if code is IMAGE else "Zip"})

    def test_the_order_is_one_that_serves_clients(self):
        terraform = self.terraform()
        variables = self.external()
        terraform.apply(**variables)
        operations = terraform.aws.operations

        def at(*wanted: str) -> int:
            return max(i for i, (verb, kind, _) in enumerate(operations) if (verb, kind) == wanted)

        operations.clear()
        terraform.apply(**variables, authorizer_enabled=True)
        stage = at("update", "aws_apigatewayv2_stage")
        self.assertLess(at("create", "aws_lambda_permission"), stage, "the authorizer may be called before it is asked")
        self.assertLess(at("create", "aws_lambda_function"), at("create", "aws_lambda_permission"))
        self.assertLess(at("create", "aws_apigatewayv2_deployment"), stage)
        self.assertLess(stage, at("delete", "aws_apigatewayv2_deployment"))

        operations.clear()
        terraform.apply(**variables, authorizer_enabled=False)
        self.assertLess(at("update", "aws_apigatewayv2_route"), at("delete", "aws_apigatewayv2_authorizer"))
        self.assertLess(at("update", "aws_apigatewayv2_route"), at("create", "aws_apigatewayv2_deployment"))

    def test_new_code_replaces_nothing(self):
        terraform = self.terraform()
        variables = self.external(authorizer_enabled=True)
        terraform.apply(**variables)
        terraform.aws.operations.clear()
        self.zip.write_bytes(b"new code")
        terraform.apply(**variables)
        self.assertEqual({verb for verb, *_ in terraform.aws.operations}, {"update"})
        self.assertEqual({kind for _, kind, _ in terraform.aws.operations}, {"aws_lambda_function"})

    def test_each_resource_can_be_replaced_alone(self):
        # As Terraform does by itself with what was only half made.
        terraform = self.terraform()
        variables = self.external(authorizer_enabled=True, domain=DOMAIN, deletion_protection=False)
        state = terraform.apply(**variables)
        kinds = {kind: next(iter(state.of_type(kind))) for kind in (a.split("[")[0].split(".")[-2] for a in state)}
        for kind, address in kinds.items():
            if kind not in WITHIN_THE_API and not address.startswith("data."):
                with self.subTest(address):
                    state = terraform.apply(f"-replace={address}", **variables)
                    self.consistent(terraform, state)

    def test_names_of_every_kind_can_be_changed(self):
        terraform = self.terraform()
        variables = self.external(authorizer_enabled=True, deletion_protection=False, domain=DOMAIN)
        terraform.apply(**variables)
        for change in (
            {"stage_name": "live"},
            {"domain": DOMAIN | {"key": "chat"}},
            {"domain": DOMAIN | {"name": "rooms.example.com"}},
            {"domain": None},
            {"name": "rooms", "domain": None},
        ):
            with self.subTest(**change):
                self.consistent(terraform, terraform.apply(**{**variables, **change}))

    def test_a_key_can_come_from_elsewhere_and_come_back(self):
        terraform = self.terraform()
        variables = self.external(issuer_role_arns=[ISSUER])
        for source in ("terraform", "external", "terraform", "kms", "terraform"):
            with self.subTest(source):
                self.consistent(terraform, terraform.apply(**{**variables, "key_source": source}))

    def test_all_can_be_destroyed(self):
        terraform = self.terraform()
        terraform.apply(**self.external(authorizer_enabled=True, domain=DOMAIN, deletion_protection=False))
        terraform.run("destroy", "-auto-approve", "-input=false")
        self.assertEqual(terraform.aws.live, {})

    def test_a_protected_table_is_not_destroyed(self):
        terraform = self.terraform()
        terraform.apply(**self.external())
        with self.assertRaisesRegex(Refused, "is protected against deletion"):
            terraform.run("destroy", "-auto-approve", "-input=false")


if __name__ == "__main__":
    unittest.main()
