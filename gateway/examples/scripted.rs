//! A Lambda function that does what its event tells it to: for trying the gateway, and for its tests.
//!
//! Each event is printed to standard output as a line `EVENT <json>`. What to do stands in the query string of a
//! CONNECT event (`?do=refuse&status=403`) and in the JSON text of a MESSAGE:
//!
//! | `do` | |
//! | --- | --- |
//! | `accept`, or nothing | 200; with `protocol`, a `Sec-WebSocket-Protocol` header of that value |
//! | `refuse` | the status in `status`, the text in `body` |
//! | `answer` | the text in `with`, as the whole answer, JSON or not |
//! | `echo` | 200 with the event's body as the body |
//! | `post` | posts the text in `with` to its own connection by `@connections`, then 200 |
//! | `fail` | an error with the text in `message` |
//! | `exit` | ends the process |
//! | `sleep` | waits for `ms` milliseconds, then 200 |
//! | `hang` | never answers |
//! | `large` | a body of `bytes` bytes, and a header of `padding` |
//! | `leave` | 200, and prints `the work is done` `ms` milliseconds later |
//!
//! As a REQUEST authorizer it takes its orders as JSON from the query parameter `auth`, and otherwise allows what
//! it is asked about.
//!
//! `INIT=exit`, `INIT=fail` and `INIT=hang` in the environment are failures before the first event.

use std::{process::exit, time::Duration};

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    match std::env::var("INIT").as_deref() {
        Ok("exit") => {
            complain("INIT is exit, and so this is the end");
            exit(3);
        }
        Ok("fail") => return Err("INIT is fail".into()),
        Ok("hang") => std::future::pending().await,
        _ => {}
    }
    lambda_runtime::run(service_fn(handle)).await
}

#[expect(clippy::print_stderr, reason = "a function's standard error is its log")]
fn complain(text: &str) {
    eprintln!("{text}");
}

#[expect(clippy::print_stdout, reason = "a function's standard output is its log")]
fn show(event: &Value) {
    println!("EVENT {event}");
}

/// Calls `@connections` without an SDK, which would take longer to build than all of this.
async fn post(connection_id: &str, text: &str) -> Result<(), Error> {
    let endpoint = std::env::var("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI")?;
    let (host, stage) = endpoint
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .ok_or("the endpoint is no http://host/stage")?;
    let id = connection_id.replace('=', "%3D");
    let request = format!(
        "POST /{stage}/@connections/{id} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    );
    let mut stream = TcpStream::connect(host).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await?;
    match &answer {
        b"HTTP/1.1 200" => Ok(()),
        _ => Err("the post was refused".into()),
    }
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let event = event.payload;
    show(&event);
    let query = &event["queryStringParameters"];
    let json = match event["type"].as_str() {
        Some("REQUEST") => query["auth"].as_str(),
        _ => event["body"].as_str(),
    };
    let orders = json.map_or_else(
        || query.clone(),
        |json| serde_json::from_str(json).unwrap_or_default(),
    );
    let text = |name: &str| orders[name].as_str().unwrap_or_default();
    let number = |name: &str| {
        let number = orders[name].as_u64().or_else(|| text(name).parse().ok());
        number.ok_or_else(|| format!("{name} is no number"))
    };
    match text("do") {
        "refuse" => Ok(json!({
            "statusCode": number("status")?,
            "headers": {"Content-Type": "text/plain", "X-Other": "stays"},
            "body": text("body"),
        })),
        "answer" => Ok(serde_json::from_str(text("with")).unwrap_or_else(|_| text("with").into())),
        "echo" => Ok(json!({"statusCode": 200, "body": event["body"]})),
        "post" => {
            let id = event["requestContext"]["connectionId"]
                .as_str()
                .unwrap_or_default();
            post(id, text("with")).await?;
            Ok(json!({"statusCode": 200}))
        }
        "fail" => Err(text("message").into()),
        "exit" => {
            complain("told to exit");
            exit(4);
        }
        "sleep" => {
            tokio::time::sleep(Duration::from_millis(number("ms")?)).await;
            Ok(json!({"statusCode": 200}))
        }
        "hang" => std::future::pending().await,
        "large" => {
            let bytes = usize::try_from(number("bytes")?)?;
            Ok(json!({"statusCode": 200, "body": "x".repeat(bytes), "headers": {"Padding": text("padding")}}))
        }
        "leave" => {
            let work = Duration::from_millis(number("ms")?);
            tokio::spawn(async move {
                tokio::time::sleep(work).await;
                complain("the work is done");
            });
            Ok(json!({"statusCode": 200}))
        }
        _ if event["type"] == "REQUEST" => Ok(json!({
            "principalId": "somebody",
            "policyDocument": {"Version": "2012-10-17", "Statement": [
                {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": event["methodArn"]}
            ]},
            "context": {"room": "lobby", "level": 7, "staff": true},
        })),
        _ => match text("protocol") {
            "" => Ok(json!({"statusCode": 200})),
            protocol => Ok(json!({"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": protocol}})),
        },
    }
}
