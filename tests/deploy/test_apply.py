"""A real Terraform applies the module, with simulated providers, and the result is looked at."""

import json
import unittest

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from applied import DOMAIN, ISSUER, Applied, pem_pair
from simulation import ACCOUNT, REGION
from workspace import Refused


def keys_in(pem: str) -> list[rsa.RSAPublicKey]:
    end = "-----END PUBLIC KEY-----"
    return [serialization.load_pem_public_key((block + end).encode()) for block in pem.split(end) if block.strip()]


def sign(private_pem: str, data: bytes) -> bytes:
    key = serialization.load_pem_private_key(private_pem.encode(), password=None)
    return key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def accepted(public_key: str, signature: bytes, data: bytes) -> bool:
    """Whether one of the keys in PUBLIC_KEY made the signature."""
    for key in keys_in(public_key):
        try:
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
            return True
        except InvalidSignature:
            pass
    return False


class Apply(Applied):
    # ---- It is Terraform that judges ----

    def test_terraform_finds_the_module_and_its_example_valid(self):
        self.terraform().run("validate")
        example = self.copy.folder / "examples" / "chat"
        (example / "key-1.pem").write_text(pem_pair()[1])
        self.terraform("examples/chat").run("validate")

    def test_the_example_applies_as_it_is(self):
        example = self.copy.folder / "examples" / "chat"
        (example / "key-1.pem").write_text(pem_pair()[1])
        main = example / "main.tf"
        text = main.read_text()
        for name in ("chat", "chat-authorizer"):
            path = f"${{path.module}}/../../../../../../target/lambda/{name}/bootstrap.zip"
            self.assertEqual(text.count(path), 1, "where cargo-lambda leaves its zip")
            text = text.replace(path, str(self.zip))
        main.write_text(text)
        state = self.terraform("examples/chat").apply(alarm_email="a@example.com")
        self.assertEqual(state.outputs["websocket_url"][:6], "wss://")
        self.assertEqual(len(state.of_type("aws_lambda_function")), 2)

    def test_terraform_knows_the_schemas(self):
        self.copy.replace("table.tf", "billing_mode ", "billing_mod ")
        with self.assertRaisesRegex(Refused, 'argument named "billing_mod" is not expected'):
            self.terraform().run("validate")

    # ---- The API ----

    def test_every_route_of_the_chat_leads_to_the_function(self):
        state = self.terraform().apply(**self.external())
        routes = state.of_type("aws_apigatewayv2_route").values()
        self.assertEqual(
            sorted(route["route_key"] for route in routes),
            ["$connect", "$default", "$disconnect", "join", "leave", "members", "ping", "renew", "send"],
        )
        integration = state["aws_apigatewayv2_integration.chat"]
        self.assertEqual({route["target"] for route in routes}, {f"integrations/{integration['id']}"})
        self.assertEqual({route["authorization_type"] for route in routes}, {"NONE"})
        self.assertEqual(state.of_type("aws_apigatewayv2_authorizer"), {})
        function = state['aws_lambda_function.this["chat"]']
        self.assertEqual(integration["integration_uri"], function["invoke_arn"])
        self.assertEqual(integration["integration_type"], "AWS_PROXY")
        self.assertLess(integration["timeout_milliseconds"], function["timeout"] * 1000)
        self.assertEqual(state["aws_apigatewayv2_api.chat"]["route_selection_expression"], "$request.body.action")
        self.assertRegex(state.outputs["websocket_url"], r"^wss://.*/prod$")

    def test_the_authorizer_stands_before_connect_only(self):
        state = self.terraform().apply(**self.external(authorizer_enabled=True))
        authorizer = state["aws_apigatewayv2_authorizer.chat[0]"]
        for route in state.of_type("aws_apigatewayv2_route").values():
            connect = route["route_key"] == "$connect"
            self.assertEqual(route["authorization_type"], "CUSTOM" if connect else "NONE")
            self.assertEqual(route["authorizer_id"], authorizer["id"] if connect else None)
        self.assertEqual(authorizer["authorizer_type"], "REQUEST")
        for absent in (
            "authorizer_result_ttl_in_seconds",
            "authorizer_payload_format_version",
            "enable_simple_responses",
            "identity_sources",
        ):
            self.assertIsNone(authorizer[absent], absent)
        self.assertEqual(authorizer["jwt_configuration"], [])
        self.assertEqual(authorizer["authorizer_uri"], state['aws_lambda_function.this["authorizer"]']["invoke_arn"])

    def test_a_changed_route_is_deployed_anew(self):
        terraform = self.terraform()
        variables = self.external()
        before = terraform.apply(**variables)["aws_apigatewayv2_deployment.chat"]["triggers"]
        self.assertEqual(terraform.apply(**variables)["aws_apigatewayv2_deployment.chat"]["triggers"], before)
        after = terraform.apply(**variables, authorizer_enabled=True)["aws_apigatewayv2_deployment.chat"]["triggers"]
        self.assertNotEqual(after, before)

    def test_access_logs_name_their_fields_and_none_can_hold_a_token(self):
        state = self.terraform().apply(**self.external())
        stage = state["aws_apigatewayv2_stage.chat"]
        fields = json.loads(stage["access_log_settings"][0]["format"])
        self.assertEqual(
            set(fields.values()),
            {
                "$context.requestId",
                "$context.requestTime",
                "$context.eventType",
                "$context.routeKey",
                "$context.connectionId",
                "$context.status",
                "$context.identity.sourceIp",
                "$context.integration.error",
                "$context.authorizer.error",
                "$context.integrationLatency",
            },
        )
        settings = stage["default_route_settings"][0]
        self.assertIs(settings["data_trace_enabled"], False)
        self.assertEqual(settings["logging_level"], "ERROR")
        self.assertGreater(settings["throttling_rate_limit"], 0)

    def test_the_account_is_left_alone_unless_asked(self):
        terraform = self.terraform()
        variables = self.external()
        self.assertEqual(terraform.apply(**variables).of_type("aws_api_gateway_account"), {})
        self.assertEqual(len(terraform.apply(**variables, manage_logging_role=True).of_type("aws_api_gateway_account")), 1)

    def test_clients_come_by_ipv6_too(self):
        terraform = self.terraform()
        state = terraform.apply(**self.external(domain=DOMAIN))
        domain = state["aws_apigatewayv2_domain_name.chat[0]"]["domain_name_configuration"][0]
        self.assertEqual((state["aws_apigatewayv2_api.chat"]["ip_address_type"], domain["ip_address_type"]), ("dualstack",) * 2)
        state = terraform.apply(**self.external(domain=DOMAIN, ip_address_type="ipv4"))
        self.assertEqual(state["aws_apigatewayv2_api.chat"]["ip_address_type"], "ipv4")

    def test_a_domain_leads_to_the_stage_with_and_without_a_key(self):
        terraform = self.terraform()
        for key, url in ((None, "wss://chat.example.com"), ("rooms", "wss://chat.example.com/rooms")):
            with self.subTest(key):
                state = terraform.apply(**self.external(domain=DOMAIN | {"key": key}))
                mapping = state["aws_apigatewayv2_api_mapping.chat[0]"]
                self.assertEqual(mapping["api_mapping_key"], key)
                self.assertEqual(mapping["stage"], state["aws_apigatewayv2_stage.chat"]["id"])
                self.assertEqual(state.outputs["websocket_url"], url)
                self.assertEqual(set(state.outputs["domain_target"]), {"name", "hosted_zone_id"})
                self.assertNotIn("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI", state.environment("chat"), "the API's own still works")
        state = terraform.apply(**self.external())
        self.assertEqual(state.of_type("aws_apigatewayv2_domain_name"), {})
        self.assertNotIn("domain_target", state.outputs)

    def test_where_the_own_endpoint_is_turned_off_the_chat_sends_by_the_domain(self):
        terraform = self.terraform()
        for key, url in ((None, "https://chat.example.com"), ("rooms", "https://chat.example.com/rooms")):
            with self.subTest(key):
                state = terraform.apply(
                    **self.external(domain=DOMAIN | {"key": key}, disable_execute_api_endpoint=True, authorizer_enabled=True)
                )
                self.assertIs(state["aws_apigatewayv2_api.chat"]["disable_execute_api_endpoint"], True)
                self.assertEqual(state.environment("chat")["AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"], url)
                self.assertEqual(set(state.environment("authorizer")), {"PUBLIC_KEY", "RUST_LOG"})

    # ---- What the functions may do ----

    def test_the_chat_may_do_what_it_does_and_nothing_else(self):
        state = self.terraform().apply(**self.external())
        api = state["aws_apigatewayv2_api.chat"]["id"]
        stage = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/prod"
        table = ["BatchGetItem", "DeleteItem", "PutItem", "Query", "UpdateItem"]
        self.assertEqual(
            state.policy("chat"),
            [
                {
                    "Effect": "Allow",
                    "Sid": "Log",
                    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                    "Resource": [f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/chat-chat:*"],
                },
                {
                    "Effect": "Allow",
                    "Sid": "RememberConnections",
                    "Action": [f"dynamodb:{action}" for action in table],
                    "Resource": [f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/chat-connections"],
                },
                {
                    "Effect": "Allow",
                    "Sid": "SendToConnections",
                    "Action": ["execute-api:ManageConnections"],
                    # A set: its order says nothing.
                    "Resource": [f"{stage}/{verb}/@connections/*" for verb in ("DELETE", "POST")],
                },
            ],
        )
        self.assertEqual(state.of_type("aws_iam_role_policy_attachment"), {}, "a managed policy allows more than is read here")

    def test_the_authorizer_may_write_its_log_and_nothing_else(self):
        state = self.terraform().apply(**self.external(authorizer_enabled=True))
        self.assertEqual([statement["Sid"] for statement in state.policy("authorizer")], ["Log"])
        self.assertEqual(set(state.environment("authorizer")), {"PUBLIC_KEY", "RUST_LOG"})

    def test_only_this_api_may_call_the_functions(self):
        state = self.terraform().apply(**self.external(authorizer_enabled=True))
        api = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{state['aws_apigatewayv2_api.chat']['id']}"
        authorizer = state["aws_apigatewayv2_authorizer.chat[0]"]["id"]
        sources = {p["function_name"]: p["source_arn"] for p in state.of_type("aws_lambda_permission").values()}
        functions = {name: f["arn"] for name, f in state.functions().items()}
        self.assertEqual(
            sources, {functions["chat"]: f"{api}/prod/*", functions["authorizer"]: f"{api}/authorizers/{authorizer}"}
        )
        self.assertEqual({p["source_account"] for p in state.of_type("aws_lambda_permission").values()}, {ACCOUNT})

    # ---- Functions and table ----

    def test_a_zip_and_an_image_are_deployed_each_its_own_way(self):
        terraform = self.terraform()
        function = terraform.apply(**self.external())['aws_lambda_function.this["chat"]']
        self.assertEqual(
            [function[name] for name in ("package_type", "runtime", "handler", "image_uri", "architectures")],
            ["Zip", "provided.al2023", "bootstrap", None, ["arm64"]],
        )
        self.assertTrue(function["source_code_hash"])
        image = {"image_uri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/chat@sha256:{'0' * 64}"}
        state = terraform.apply(**self.external(chat_code=image, architecture="x86_64"))
        function = state['aws_lambda_function.this["chat"]']
        self.assertEqual(
            [function[name] for name in ("package_type", "runtime", "handler", "filename", "image_uri")],
            ["Image", None, None, None, image["image_uri"]],
        )

    def test_the_functions_get_the_key_and_the_table(self):
        state = self.terraform().apply(**self.external())
        environment = state.environment("chat")
        self.assertEqual(set(environment), {"PUBLIC_KEY", "DYNAMO_TABLE_NAME_CHAT_CONNECTIONS", "RUST_LOG"})
        self.assertEqual(environment["DYNAMO_TABLE_NAME_CHAT_CONNECTIONS"], "chat-connections")
        self.assertEqual(environment["PUBLIC_KEY"], self.public.strip())

    def test_the_table_is_as_the_registry_wants_it(self):
        table = self.terraform().apply(**self.external())["aws_dynamodb_table.connections"]
        self.assertEqual((table["hash_key"], table["range_key"], table["billing_mode"]), ("pk", "sk", "PAY_PER_REQUEST"))
        self.assertEqual({(a["name"], a["type"]) for a in table["attribute"]}, {("pk", "S"), ("sk", "S")})
        self.assertEqual((table["ttl"][0]["attribute_name"], table["ttl"][0]["enabled"]), ("ttl", True))
        self.assertIs(table["point_in_time_recovery"][0]["enabled"], True)
        self.assertIs(table["deletion_protection_enabled"], True)

    # ---- Operation ----

    def test_the_dashboard_shows_metrics_that_exist(self):
        state = self.terraform().apply(**self.external())
        widgets = json.loads(state["aws_cloudwatch_dashboard.chat"]["dashboard_body"])["widgets"]
        self.assertEqual(len(widgets), 6)
        cells = {(w["x"], w["y"]) for w in widgets}
        self.assertEqual(cells, {(x, y) for x in (0, 12) for y in (0, 6, 12)}, "widgets overlap")
        for widget in widgets:
            self.assertEqual(widget["properties"]["region"], REGION)
            for metric in widget["properties"]["metrics"]:
                if isinstance(metric[0], dict):
                    self.assertIn('{"RoomAuth/chat",reason}', metric[0]["expression"])
                else:
                    self.assertEqual(len(metric) % 2, 0, metric)
                    self.assertNotIn(metric[1], ("IntegrationError", "Errors"), "each refusal is one")

    # ---- Keys ----

    def test_made_by_terraform_the_secret_is_json_that_issuers_read(self):
        state = self.terraform().apply(**self.external(key_source="terraform", issuer_role_arns=[ISSUER]))
        secret = json.loads(state["aws_secretsmanager_secret_version.issuer[0]"]["secret_string"])
        self.assertEqual(set(secret), {"private_key", "public_key"})
        public_key = state.environment("chat")["PUBLIC_KEY"]
        self.assertEqual(secret["public_key"].strip(), public_key)
        self.assertTrue(accepted(public_key, sign(secret["private_key"], b"token"), b"token"))
        self.assertNotIn("PRIVATE", json.dumps(state.of_type("aws_lambda_function")))

    def test_the_functions_cannot_read_the_secret(self):
        for variables in ({"key_source": "terraform"}, {"key_source": "external"}):
            with self.subTest(**variables):
                state = self.terraform().apply(
                    **self.external(**variables, authorizer_enabled=True, issuer_role_arns=[ISSUER])
                )
                roles = [f"arn:aws:iam::{ACCOUNT}:role/chat-{name}" for name in ("authorizer", "chat")]
                policy = json.loads(state["aws_secretsmanager_secret_policy.issuer[0]"]["policy"])["Statement"]
                deny = next(statement for statement in policy if statement["Effect"] == "Deny")
                self.assertEqual(deny["Principal"], {"AWS": roles})
                self.assertEqual(
                    {action.removeprefix("secretsmanager:") for action in deny["Action"]},
                    {
                        "GetSecretValue",
                        "PutSecretValue",
                        "UpdateSecret",
                        "UpdateSecretVersionStage",
                        "RotateSecret",
                        "ReplicateSecretToRegions",
                        "PutResourcePolicy",
                        "DeleteResourcePolicy",
                        "DeleteSecret",
                    },
                )
                allow = next(statement for statement in policy if statement["Effect"] == "Allow")
                self.assertEqual(allow["Principal"], {"AWS": [ISSUER]})

    def test_made_by_kms_only_issuers_may_sign(self):
        state = self.terraform().apply(**self.external(key_source="kms", public_keys={}, issuer_role_arns=[ISSUER]))
        key = state['aws_kms_key.issuer["key-1"]']
        self.assertEqual((key["customer_master_key_spec"], key["key_usage"]), ("RSA_2048", "SIGN_VERIFY"))
        self.assertEqual(state["aws_kms_alias.issuer[0]"]["target_key_id"], key["key_id"])
        self.assertEqual(state.outputs["issuer_kms_key"], state["aws_kms_alias.issuer[0]"]["arn"])
        may_sign = [s["Principal"] for s in json.loads(key["policy"])["Statement"] if "kms:Sign" in s["Action"]]
        self.assertEqual(may_sign, [{"AWS": [ISSUER]}])
        self.assertEqual(len(keys_in(state.environment("chat")["PUBLIC_KEY"])), 1)
        self.assertEqual(state.of_type("tls_private_key") | state.of_type("aws_secretsmanager_secret"), {})

    def test_the_state_of_an_external_key_holds_no_private_key(self):
        terraform = self.terraform()
        terraform.apply(**self.external())
        self.assertNotIn("PRIVATE", (terraform.folder / "terraform.tfstate").read_text())

    def test_made_by_kms_a_key_is_of_the_kind_that_is_named(self):
        state = self.terraform().apply(
            **self.external(
                key_source="kms",
                key_ids=["old", "new"],
                signing_key_id="old",
                kms_key_specs={"new": "ECC_NIST_P256"},
                issuer_role_arns=[ISSUER],
            )
        )
        specs = [state[f'aws_kms_key.issuer["{id}"]']["customer_master_key_spec"] for id in ("old", "new")]
        self.assertEqual(specs, ["RSA_2048", "ECC_NIST_P256"])
        old, new = keys_in(state.environment("chat")["PUBLIC_KEY"])
        self.assertEqual((old.key_size, new.curve.name), (2048, "secp256r1"))

    # ---- Rotation: at each step, what was signed in the last two steps is accepted ----

    def rotation(self, signing_key, **variables):
        terraform = self.terraform()
        steps = [
            {"key_ids": ["a"], "signing_key_id": "a"},
            {"key_ids": ["a", "b"], "signing_key_id": "a"},
            {"key_ids": ["a", "b"], "signing_key_id": "b"},
            {"key_ids": ["b"], "signing_key_id": "b"},
        ]
        signers, environments, tokens = [], [], []
        for step, keys in enumerate(steps):
            state = terraform.apply(**{**variables, **keys})
            environments.append(state.environment("chat")["PUBLIC_KEY"])
            signers.append(signing_key(state))
            if isinstance(signers[-1], str):
                tokens.append((b"%d" % step, sign(signers[-1], b"%d" % step)))
                # The last step waits until the tokens of the old key are over.
                for data, signature in tokens[2 if step == 3 else 0 :]:
                    self.assertTrue(accepted(environments[-1], signature, data), f"step {step} refuses {data}")
        # One thing changes at a time: first what is accepted, then what is signed with, then what is accepted.
        self.assertEqual([len(keys_in(public_key)) for public_key in environments], [1, 2, 2, 1])
        self.assertEqual(environments[1], environments[2])
        self.assertEqual((signers[0], signers[2]), (signers[1], signers[3]))
        self.assertNotEqual(signers[1], signers[2])
        if isinstance(signers[0], str):
            self.assertFalse(accepted(environments[3], tokens[0][1], tokens[0][0]), "the old key is still accepted")

    def test_rotation_of_a_key_made_by_terraform(self):
        def signing_key(state):
            return json.loads(state["aws_secretsmanager_secret_version.issuer[0]"]["secret_string"])["private_key"]

        self.rotation(signing_key, **self.external(key_source="terraform"))

    def test_rotation_of_a_key_made_by_kms(self):
        self.rotation(
            lambda state: (state["aws_kms_alias.issuer[0]"]["target_key_id"],),
            **self.external(key_source="kms", issuer_role_arns=[ISSUER]),
        )

    # ---- What is refused ----

    def test_wrong_variables_are_refused_with_what_to_do(self):
        good = self.external()
        self.refused("Set either zip or image_uri", **good | {"chat_code": {}})
        self.refused("Set either zip or image_uri", **good | {"chat_code": {"zip": "a", "image_uri": "b"}})
        self.refused("With authorizer_enabled, set", **good | {"authorizer_enabled": True, "authorizer_code": None})
        self.refused("needs an entry for each of key_ids", **good | {"public_keys": {}})
        self.refused("That is a private key", **good | {"public_keys": {"key-1": self.private}})
        self.refused("one to eight different keys", **good | {"key_ids": []})
        self.refused("one to eight different keys", **good | {"key_ids": ["key-1", "key-1"]})
        self.refused("Name one of key_ids", **good | {"key_source": "terraform", "key_ids": ["a", "b"]})
        self.refused("Name one of key_ids", **good | {"key_source": "terraform", "signing_key_id": "b"})
        self.refused("name at least one role that may sign", **good | {"key_source": "kms"})
        self.refused("Use terraform, external or kms", **good | {"key_source": "vault"})
        self.refused("Use arm64 or x86_64", **good | {"architecture": "mips"})
        self.refused("IAM role names are short", **good | {"name": "Chat!"})
        self.refused("is the text of a PEM", **good | {"public_keys": {"key-1": "key-1.pem"}})
        self.refused("name the secret that keys.sh made", **good | {"external_secret_name": None})
        kms = good | {"key_source": "kms", "issuer_role_arns": [ISSUER]}
        self.refused("Use RSA_2048 or ECC_NIST_P256", **kms | {"kms_key_specs": {"key-1": "RSA_4096"}})
        self.refused("a key that is not among key_ids", **kms | {"kms_key_specs": {"key-2": "RSA_2048"}})
        self.refused("Use dualstack or ipv4", **good | {"ip_address_type": "ipv6"})
        self.refused("Set domain as well", **good | {"disable_execute_api_endpoint": True})
        for name in ("https://chat.example.com", "chat.example.com/rooms", "*.example.com", "Chat.example.com"):
            self.refused("is a host name in lower case", **good | {"domain": DOMAIN | {"name": name}})
        self.refused("is one step of a path", **good | {"domain": DOMAIN | {"key": "a/b"}})

    def test_no_level_that_logs_events_or_silences_refusals(self):
        terraform = self.terraform()
        good = self.external()
        for level in ("trace", "TRACE", "5", "off", "error", "info,lambda_runtime=trace", "info,lambda_runtime", "lambda_runtime", "info,room_auth=off", "info,"):
            with self.subTest(level), self.assertRaisesRegex(Refused, "Use warn, info or debug"):
                terraform.apply(**good | {"log_level": level})
        for level in ("debug", "info,aws_smithy_runtime=error,room_auth::rooms=debug"):
            with self.subTest(level):
                state = terraform.apply(**good | {"log_level": level})
                self.assertEqual(state.environment("chat")["RUST_LOG"], level)
        logging = state.functions()["chat"]["logging_config"][0]
        self.assertEqual((logging["application_log_level"], logging["system_log_level"]), ("DEBUG", "INFO"))

    def test_more_keys_than_an_environment_holds_are_refused_before_anything_is_made(self):
        def keys(count: int, bits: int) -> dict:
            pems = {f"key-{n}": pem_pair(bits)[1] for n in range(count)}
            return {"key_ids": [*pems], "public_keys": pems}

        terraform = self.terraform()
        with self.assertRaisesRegex(Refused, r"The environment of chat has 4\d\d\d bytes, and Lambda takes 4,096"):
            terraform.apply(**self.external(**keys(6, 4096), signing_key_id=None))
        self.assertEqual(terraform.aws.live, {})
        # As many as room-auth takes, of the usual size.
        environment = terraform.apply(**self.external(**keys(8, 2048))).environment("chat")
        self.assertLessEqual(sum(len(name) + len(value) for name, value in environment.items()), 4096)

    def test_text_that_is_not_ascii_counts_by_its_bytes(self):
        variables = self.external()
        variables["public_keys"]["key-1"] = "# " + "ü" * 2000 + "\n" + self.public
        self.refused("The environment of chat has 4", **variables)


if __name__ == "__main__":
    unittest.main()
