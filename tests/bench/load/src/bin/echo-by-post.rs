//! A Lambda function that sends every message back to its sender by `@connections`, over one kept connection and
//! without the AWS SDK, whose signatures would cost more than the gateway.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{net::TcpStream, sync::Mutex};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    request_context: Context,
    body: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    connection_id: String,
    event_type: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let endpoint = std::env::var("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI")?;
    let management = &Management::new(&endpoint)?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| async move {
        let Event {
            request_context,
            body,
        } = event.payload;
        if request_context.event_type == "MESSAGE" {
            let body = body.unwrap_or_default();
            management
                .post(&request_context.connection_id, body.into())
                .await?;
        }
        Ok::<Value, Error>(json!({"statusCode": 200}))
    }))
    .await
}

/// `@connections` of the API.
struct Management {
    host: String,
    /// The path of the stage.
    path: String,
    /// Kept from one post to the next.
    sender: Mutex<Option<http1::SendRequest<Full<Bytes>>>>,
}

impl Management {
    fn new(endpoint: &str) -> Result<Self, Error> {
        let address = endpoint
            .strip_prefix("http://")
            .ok_or("the endpoint is not http://")?;
        let (host, path) = address.split_once('/').ok_or("the endpoint has no stage")?;
        Ok(Self {
            host: host.to_owned(),
            path: format!("/{path}"),
            sender: Mutex::default(),
        })
    }

    async fn post(&self, connection_id: &str, body: Bytes) -> Result<(), Error> {
        let id = connection_id.replace('=', "%3D");
        let request = Request::post(format!("{}/@connections/{id}", self.path))
            .header(HOST, &self.host)
            .body(Full::new(body))?;
        let mut kept = self.sender.lock().await;
        let mut sender = match kept.take() {
            Some(sender) if sender.is_ready() => sender,
            _ => self.connect().await?,
        };
        let response = sender.send_request(request).await?;
        let status = response.status();
        response.into_body().collect().await?;
        *kept = Some(sender);
        if status == StatusCode::OK {
            Ok(())
        } else {
            Err(format!("@connections answered {status}").into())
        }
    }

    async fn connect(&self) -> Result<http1::SendRequest<Full<Bytes>>, Error> {
        let stream = TcpStream::connect(&self.host).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        sender.ready().await?;
        Ok(sender)
    }
}
