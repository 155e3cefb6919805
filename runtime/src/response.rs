//! What a function answers with.
//!
//! [`Response`](crate::Response) is `aws_lambda_events`' `ApiGatewayProxyResponse`.

use aws_lambda_events::apigw::ApiGatewayProxyResponse;
use aws_lambda_events::encodings::Body;
use http::HeaderValue;
use http::header::SEC_WEBSOCKET_PROTOCOL;
use serde_json::{Value, json};

use crate::rejection::Rejection;

/// A response that the layer can make and look at.
///
/// Implemented for [`ApiGatewayProxyResponse`] and [`serde_json::Value`]; implement it for a type of your own
/// that serializes to the same JSON.
///
/// ```
/// use room_auth::{Rejection, WebSocketResponse};
///
/// #[derive(serde::Serialize)]
/// #[serde(rename_all = "camelCase")]
/// struct Reply {
///     status_code: u16,
///     #[serde(skip_serializing_if = "Option::is_none")]
///     body: Option<String>,
///     headers: std::collections::BTreeMap<String, String>,
/// }
///
/// impl WebSocketResponse for Reply {
///     fn from_rejection(rejection: Rejection) -> Self {
///         let body = Some(rejection.body().to_owned());
///         Self { status_code: rejection.status_code(), body, headers: Default::default() }
///     }
///
///     fn status_code(&self) -> u16 {
///         self.status_code
///     }
///
///     fn set_subprotocol(&mut self, protocol: &str) {
///         self.headers.insert("Sec-WebSocket-Protocol".to_owned(), protocol.to_owned());
///     }
/// }
/// ```
pub trait WebSocketResponse {
    /// Creates the response to a refused request: [`Rejection::status_code`] and [`Rejection::body`], nothing else.
    fn from_rejection(rejection: Rejection) -> Self;

    /// Returns the HTTP status code. For `$connect`, any 2xx status accepts the connection. Return 500 if the response
    /// has no status, as API Gateway does.
    fn status_code(&self) -> u16;

    /// Sets the header `Sec-WebSocket-Protocol`, which the client waits for when it offered subprotocols.
    fn set_subprotocol(&mut self, protocol: &str);
}

/// Returns `{"statusCode": 200}`: the connection is accepted, or the message was handled.
///
/// ```
/// assert_eq!(room_auth::response::ok().status_code, 200);
/// ```
pub fn ok() -> ApiGatewayProxyResponse {
    with_status(200)
}

fn with_status(status: u16) -> ApiGatewayProxyResponse {
    // The type is non-exhaustive: it can only be filled in.
    let mut response = ApiGatewayProxyResponse::default();
    response.status_code = i64::from(status);
    response
}

impl WebSocketResponse for ApiGatewayProxyResponse {
    fn from_rejection(rejection: Rejection) -> Self {
        let mut response = with_status(rejection.status_code());
        response.body = Some(Body::Text(rejection.body().to_owned()));
        response
    }

    fn status_code(&self) -> u16 {
        u16::try_from(self.status_code).unwrap_or(500)
    }

    fn set_subprotocol(&mut self, protocol: &str) {
        if let Ok(protocol) = HeaderValue::from_str(protocol) {
            self.headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
        }
    }
}

impl WebSocketResponse for Value {
    fn from_rejection(rejection: Rejection) -> Self {
        json!({"statusCode": rejection.status_code(), "body": rejection.body()})
    }

    fn status_code(&self) -> u16 {
        self.get("statusCode")
            .and_then(Value::as_u64)
            .and_then(|status| u16::try_from(status).ok())
            .unwrap_or(500)
    }

    fn set_subprotocol(&mut self, protocol: &str) {
        let Some(response) = self.as_object_mut() else {
            return;
        };
        let headers = response.entry("headers").or_insert_with(|| json!({}));
        if !headers.is_object() {
            *headers = json!({});
        }
        if let Some(headers) = headers.as_object_mut() {
            headers.retain(|name, _| !name.eq_ignore_ascii_case("Sec-WebSocket-Protocol"));
            headers.insert("Sec-WebSocket-Protocol".to_owned(), protocol.into());
        }
    }
}
