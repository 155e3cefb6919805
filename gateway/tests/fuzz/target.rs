//! A gateway with all its listeners, and good requests for each of them.

use room_auth_gateway::{Function, Gateway};
use serde_json::{Value, json};

use crate::common::{
    Log, call_at, function, path_of,
    raw::{FINAL, RawClient, TEXT, close, frame, handshake},
    scripted,
};

const ECHO: &[u8] = br#"{"action":"echo","do":"echo"}"#;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Listener {
    Http,
    WebSocket,
    Connections,
    RuntimeApi,
    DynamoDb,
}

pub(crate) const LISTENERS: [Listener; 5] = [
    Listener::Http,
    Listener::WebSocket,
    Listener::Connections,
    Listener::RuntimeApi,
    Listener::DynamoDb,
];

pub(crate) struct Target {
    pub(crate) gateway: Gateway,
    log: Log,
    runtime_api: String,
    /// Stays open, so that `@connections` has somebody to reach.
    resident: RawClient,
    resident_path: String,
}

impl Target {
    pub(crate) async fn start() -> Self {
        let (sink, mut log) = Log::channel();
        // Its Runtime API is the one that is attacked, and only its own route may suffer from that.
        let script = format!("echo $AWS_LAMBDA_RUNTIME_API; exec {}", scripted().display());
        let gateway = Gateway::builder()
            // One process each: the number of descriptors stays the same.
            .function("scripted", function().concurrency(1))
            .function(
                "victim",
                Function::new("/bin/sh").arg("-c").arg(script).concurrency(1),
            )
            .route("$connect", "scripted")
            .route("$disconnect", "scripted")
            .route("$default", "scripted")
            .route_with_response("echo", "scripted")
            .route_with_response("victim", "victim")
            .table(table())
            .limits(|limits| {
                limits.connections_per_second = None;
                limits.requests_per_second = None;
            })
            .logs(sink)
            .tls()
            .start()
            .await
            .unwrap();
        let runtime_api = log.line().await.text;
        let resident = RawClient::connect(&gateway).await;
        let event = log.event().await;
        let id = event["requestContext"]["connectionId"].as_str().unwrap();
        Self {
            runtime_api,
            resident,
            resident_path: path_of(id),
            gateway,
            log,
        }
    }

    pub(crate) fn address(&self, listener: Listener) -> String {
        match listener {
            Listener::RuntimeApi => self.runtime_api.clone(),
            Listener::DynamoDb => self.gateway.dynamodb_endpoint().unwrap().replace("http://", ""),
            _ => self.gateway.local_addr().to_string(),
        }
    }

    /// Requests that the listener answers well.
    pub(crate) fn good(&self, listener: Listener) -> Vec<String> {
        let runtime = "2018-06-01/runtime";
        match listener {
            Listener::Http | Listener::WebSocket => vec![
                handshake("/dev"),
                handshake("/dev?do=refuse&status=403&body=no"),
                handshake("/dev?a=%41&b=1&b=2").replace("Host", "HoSt"),
                request("GET", "/dev", "", ""),
                request("GET", "/other", "", ""),
            ],
            Listener::Connections => vec![
                request(
                    "POST",
                    &self.resident_path,
                    "Content-Type: text/plain\r\n",
                    "hello",
                ),
                request("GET", &self.resident_path, "", ""),
                request("DELETE", "/dev/@connections/L0SM9cOFvHcCIhw%3D", "", ""),
                request(
                    "POST",
                    "/dev/%40connections/none",
                    "Authorization: AWS4-HMAC-SHA256 x\r\n",
                    "x",
                ),
            ],
            Listener::RuntimeApi => vec![
                request(
                    "POST",
                    &format!("/{runtime}/invocation/8f8cbf09-ee68-4c33-8a36-8c0a3e2ae1d5/response"),
                    "",
                    "{}",
                ),
                request(
                    "POST",
                    &format!("/{runtime}/invocation/8f8cbf09-ee68-4c33-8a36-8c0a3e2ae1d5/error"),
                    "Lambda-Runtime-Function-Error-Type: Odd\r\n",
                    r#"{"errorMessage":"no","errorType":"Odd"}"#,
                ),
                request("GET", &format!("/{runtime}/invocation/next"), "", ""),
            ],
            Listener::DynamoDb => vec![
                dynamodb(
                    "PutItem",
                    &json!({"TableName": "rooms", "Item": {"id": {"S": "a"}, "n": {"N": "1"}}}),
                ),
                dynamodb(
                    "GetItem",
                    &json!({"TableName": "rooms", "Key": {"id": {"S": "a"}}}),
                ),
                dynamodb(
                    "UpdateItem",
                    &json!({
                        "TableName": "rooms", "Key": {"id": {"S": "a"}},
                        "UpdateExpression": "SET #n = if_not_exists(#n, :one) + :one REMOVE other",
                        "ConditionExpression": "attribute_exists(id) AND NOT begins_with(id, :b)",
                        "ExpressionAttributeNames": {"#n": "n"},
                        "ExpressionAttributeValues": {":one": {"N": "1"}, ":b": {"S": "b"}},
                        "ReturnConsumedCapacity": "TOTAL",
                    }),
                ),
                dynamodb(
                    "Query",
                    &json!({
                        "TableName": "rooms", "KeyConditionExpression": "id = :id",
                        "ExpressionAttributeValues": {":id": {"S": "a"}}, "Limit": 3,
                    }),
                ),
            ],
        }
    }

    /// A client connects, is answered, is posted to and goes; and the one that was there before still is.
    pub(crate) async fn works(&mut self) {
        let mut client = RawClient::connect(&self.gateway).await;
        client.write(&frame(FINAL | TEXT, ECHO)).await;
        assert_eq!(client.frame().await.payload, ECHO);
        client.write(&close(1000, b"")).await;
        client.end().await;
        let address = self.gateway.local_addr();
        let mark = format!("mark {}", fastrand::u64(..));
        let answer = call_at(address, "POST", &self.resident_path, &[], mark.clone()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        // Whatever others have posted comes first.
        while self.resident.frame().await.payload != mark.as_bytes() {}
        drop(self.log.lines_so_far());
    }

    /// The function whose Runtime API was attacked answers again, after at most a few failures.
    pub(crate) async fn victim_works(&mut self) {
        let mut client = RawClient::connect(&self.gateway).await;
        let order = br#"{"action":"victim","do":"echo"}"#;
        for _ in 0..5 {
            client.write(&frame(FINAL | TEXT, order)).await;
            if client.frame().await.payload == order {
                return;
            }
        }
        panic!("the victim does not answer");
    }
}

fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
}

fn dynamodb(operation: &str, body: &Value) -> String {
    let headers = format!("X-Amz-Target: DynamoDB_20120810.{operation}\r\n");
    request("POST", "/", &headers, &body.to_string())
}

fn table() -> String {
    json!({
        "TableName": "rooms",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    })
    .to_string()
}
