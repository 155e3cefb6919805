use std::time::Duration;

use serde_json::json;

use super::*;
use crate::plan::{Language, Program};

const SAM: &str = include_str!("../../tests/templates/sam/template.yaml");
const HANDLERS: &str = include_str!("../../tests/templates/handlers/template.yaml");
const PLAIN: &str = include_str!("../../tests/templates/plain/template.yaml");

fn read_as(text: &str, parameters: &[(&str, &str)]) -> Result<(Plan, Vec<String>), String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let parameters: Vec<_> = parameters.iter().map(owned).collect();
    let choices = Choices {
        parameters: &parameters,
        api: None,
        stage: None,
        region: "eu-west-1",
        address: Some("127.0.0.1:3001"),
    };
    parse(text, Path::new("/app"), &choices)
}

#[test]
fn a_template_of_sam_says_everything() {
    let (plan, notes) = read_as(SAM, &[("Environment", "dev")]).unwrap();
    assert_eq!(plan.stage.as_deref(), Some("dev"));
    assert_eq!(plan.stage_variables["room"], "lobby");
    assert_eq!(
        plan.route_selection.unwrap().to_string(),
        "${request.body.action}"
    );
    let routes: Vec<_> = plan
        .routes
        .iter()
        .map(|(key, route)| (key.as_str(), route.function.as_str(), route.has_response))
        .collect();
    assert_eq!(
        routes,
        [
            ("$connect", "Room", false),
            ("$disconnect", "Room", false),
            ("greet", "Room", true)
        ]
    );
    let authorizer = plan.authorizer.unwrap();
    assert_eq!(
        (
            authorizer.function.as_str(),
            authorizer.sources.to_string().as_str()
        ),
        ("Gate", "route.request.querystring.token")
    );
    assert_eq!(
        plan.functions.keys().collect::<Vec<_>>(),
        ["Gate", "Room"],
        "without that of prod"
    );
    let room = &plan.functions["Room"];
    assert_eq!(room.name.as_deref(), Some("dev-room"));
    assert_eq!(
        (room.timeout, room.memory_mb),
        (Some(Duration::from_secs(10)), Some(256))
    );
    let cargo = Program::Cargo {
        dir: "/app/room".into(),
        binary: Some("room".into()),
    };
    assert_eq!(room.program, Some(cargo));
    assert_eq!(
        json!(room.env),
        json!({
            "TABLE_NAME": "Connections",
            "GREETING": "hello from dev",
            "ENDPOINT": "http://127.0.0.1:3001/dev",
        })
    );
    assert_eq!(plan.tables[0]["KeySchema"][0]["AttributeName"], "connectionId");
    assert_eq!(
        notes,
        [
            "Room: the environment variable UPLOADS is not set, as it is not understood: `Uploads`, of the type \
             AWS::S3::Bucket",
            "Uploads: the type AWS::S3::Bucket is not run here",
        ]
    );
}

#[test]
fn plain_cloudformation_says_everything_too() {
    let (plan, notes) = read_as(PLAIN, &[]).unwrap();
    assert_eq!(plan.stage.as_deref(), Some("production"));
    assert_eq!(plan.stage_variables["color"], "green");
    assert_eq!(plan.route_selection.unwrap().to_string(), "${request.body.kind}");
    assert_eq!(plan.routes.keys().collect::<Vec<_>>(), ["$connect", "echo"]);
    assert!(plan.routes["echo"].has_response && !plan.routes["$connect"].has_response);
    assert_eq!(
        plan.authorizer.unwrap().sources.to_string(),
        "route.request.header.X-Token"
    );
    assert_eq!(
        plan.functions["Chat"].program,
        Some(Program::Bootstrap("/app/chat".into()))
    );
    assert_eq!(
        plan.tables,
        [json!({
            "TableName": "members",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": "room", "AttributeType": "S"}, {"AttributeName": "id", "AttributeType": "S"},
            ],
            "KeySchema": [
                {"AttributeName": "room", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"},
            ],
            "GlobalSecondaryIndexes": [{
                "IndexName": "by-id",
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }],
        })]
    );
    assert_eq!(
        notes,
        [
            "HealthIntegration: the IntegrationType MOCK is not run here",
            "HealthRoute: it is left out, as its Target is not an integration of a function of this template",
        ]
    );
}

#[test]
fn a_route_has_a_response_only_with_both_of_its_parts() {
    for left_out in [
        "      RouteResponseSelectionExpression: $default\n",
        "      RouteId: !Ref EchoRoute\n",
    ] {
        let (plan, notes) = read_as(&PLAIN.replace(left_out, ""), &[]).unwrap();
        assert!(!plan.routes["echo"].has_response, "without {left_out}");
        assert!(
            notes
                .iter()
                .any(|note| note.starts_with("EchoRoute: its responses are not sent"))
        );
    }
}

#[test]
fn an_authorizer_that_is_not_understood_is_an_error_and_never_left_out() {
    let table = [
        (
            SAM.replace("!GetAtt Gate.Arn", "!ImportValue shared-authorizer"),
            "RoomApi: the function of the authorizer is not understood; it must be one of this template",
        ),
        (
            SAM.replace(
                "!GetAtt Gate.Arn",
                "arn:aws:lambda:eu-west-1:123456789012:function:elsewhere",
            ),
            "RoomApi: the function of the authorizer is not understood; it must be one of this template, and it is \
             arn:aws:lambda:eu-west-1:123456789012:function:elsewhere",
        ),
        (
            SAM.replace("route.request.querystring.token", "context.user"),
            "RoomApi: `context.user` is not an identity source",
        ),
        (
            PLAIN.replace("AuthorizerId: !Ref ChatAuthorizer", "AuthorizerId: abc123"),
            "ConnectRoute: its AuthorizerId is not an authorizer of this template",
        ),
        (
            PLAIN.replace(
                "AuthorizationType: CUSTOM",
                "AuthorizationType: !ImportValue kind",
            ),
            "ConnectRoute: its AuthorizationType is not understood",
        ),
    ];
    for (template, expected) in table {
        let error = read_as(
            &template,
            &[("Environment", "dev")][..usize::from(template.contains("Gate:"))],
        );
        let error = error.expect_err(expected);
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn a_function_without_a_bootstrap_is_run_by_the_client_of_its_language() {
    let (plan, notes) = read_as(HANDLERS, &[]).unwrap();
    assert_eq!(notes, [""; 0]);
    let node = Program::Handler {
        language: Language::Node,
        dir: "/app/node".into(),
        handler: "index.handler".into(),
    };
    let python = Program::Handler {
        language: Language::Python,
        dir: "/app/python".into(),
        handler: "app.handler".into(),
    };
    assert_eq!(plan.functions["NodeEcho"].program, Some(node));
    assert_eq!(plan.functions["PythonEcho"].program, Some(python));
    assert_eq!(plan.stage.as_deref(), Some("default"), "as SAM names it");
}

#[test]
fn a_function_that_cannot_be_run_says_why() {
    let table = [
        ("PackageType: Image", "its package is an image"),
        ("Runtime: java21", "its Runtime is `java21`"),
        ("CodeUri: s3://bucket/key", "its CodeUri is s3://bucket/key"),
        (
            "CodeUri: {Bucket: b, Key: k}",
            "its CodeUri is not a path of this machine",
        ),
    ];
    for (property, reason) in table {
        let template = format!(
            "
Resources:
  Api:
    Type: AWS::Serverless::WebSocketApi
    Properties: {{Routes: {{$connect: {{FunctionArn: !GetAtt F.Arn}}}}}}
  F:
    Type: AWS::Serverless::Function
    Properties:
      {property}
"
        );
        let template = if property.starts_with("CodeUri") {
            template.replace(
                "    Properties:\n",
                "    Properties:\n      Runtime: provided.al2023\n",
            )
        } else {
            template
        };
        let (plan, _) = read_as(&template, &[]).unwrap();
        assert_eq!(
            plan.functions["F"].program,
            Some(Program::Unknown(reason.to_owned())),
            "{property}"
        );
    }
}

#[test]
fn a_template_needs_one_web_socket_api() {
    let none = "Resources: {F: {Type: AWS::Serverless::Function}}";
    assert!(
        read_as(none, &[])
            .unwrap_err()
            .starts_with("it has no WebSocket API")
    );
    let two = "
Resources:
  A: {Type: AWS::Serverless::WebSocketApi}
  B: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: WEBSOCKET}}
  C: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: HTTP}}
";
    assert_eq!(
        read_as(two, &[]).unwrap_err(),
        "it has more than one WebSocket API; choose one, by --api A or --api B"
    );
}
