"""What the conformance suite deploys is what its runner expects: three APIs, their routes, one authorizer."""

import sys
import unittest

from workspace import CONFORMANCE, ROOT, Copy, Terraform

sys.path.append(str(ROOT / "tests" / "conformance"))
from targets import target  # noqa: E402


class Conformance(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        copy = Copy(CONFORMANCE)
        cls.addClassCleanup(copy.close)
        terraform = Terraform(copy)
        cls.addClassCleanup(terraform.close)
        (copy.folder / "echo.zip").write_bytes(b"")
        cls.state = terraform.apply(echo_zip="echo.zip")

    def test_each_api_has_the_routes_that_the_runner_expects(self):
        for api, selection in target.SELECTION.items():
            expression = self.state[f'aws_apigatewayv2_api.this["{api}"]']["route_selection_expression"]
            self.assertEqual(expression, selection, api)
        routes = self.state.of_type("aws_apigatewayv2_route")
        responses = self.state.of_type("aws_apigatewayv2_route_response")
        expected = [(api, key) for keys in (target.ROUTES, target.ROUTES_WITH_RESPONSE) for api in keys for key in keys[api]]
        self.assertEqual(
            sorted(routes), sorted(f'aws_apigatewayv2_route.this["{api} {key}"]' for api, key in expected)
        )
        two_way = [(api, key) for api, keys in target.ROUTES_WITH_RESPONSE.items() for key in keys]
        self.assertEqual(
            sorted(responses), sorted(f'aws_apigatewayv2_route_response.this["{api} {key}"]' for api, key in two_way)
        )

    def test_only_the_guarded_api_has_the_authorizer(self):
        guarded = [a for a, r in self.state.of_type("aws_apigatewayv2_route").items() if r["authorization_type"] != "NONE"]
        self.assertEqual(guarded, ['aws_apigatewayv2_route.this["guarded $connect"]'])
        sources = self.state["aws_apigatewayv2_authorizer.gate"]["identity_sources"]
        self.assertEqual(sources, [target.IDENTITY_SOURCE])

    def test_the_function_runs_as_the_runner_expects(self):
        function = self.state["aws_lambda_function.echo"]
        self.assertEqual((function["handler"], function["timeout"]), ("echo.handler", target.FUNCTION_SECONDS))

    def test_the_outputs_are_those_that_the_runner_reads(self):
        self.assertEqual(set(self.state.outputs), {"urls", "region", "log_group", "denied_role_arn"})
        self.assertEqual(set(self.state.outputs["urls"]), set(target.ROUTES))


if __name__ == "__main__":
    unittest.main()
