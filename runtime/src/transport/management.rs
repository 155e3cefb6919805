//! The transport over API Gateway's @connections API.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_apigatewaymanagement::Client;
use aws_sdk_apigatewaymanagement::config::retry::RetryConfig;
use aws_sdk_apigatewaymanagement::config::timeout::TimeoutConfig;
use aws_sdk_apigatewaymanagement::config::{Builder, StalledStreamProtectionConfig};
use aws_sdk_apigatewaymanagement::error::SdkError;
use aws_sdk_apigatewaymanagement::primitives::Blob;

use super::{ApiEndpoint, Transport, TransportError};
use crate::connection::ConnectionId;
use crate::error::ConfigError;
use crate::registry::BoxFuture;

/// The environment variable that overrides where @connections is.
pub const ENDPOINT_VARIABLE: &str = "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI";

/// A function serves one API, seldom a few; more clients than these are not kept.
const MAX_CLIENTS: usize = 16;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// A [`Transport`](crate::Transport) over the AWS SDK.
///
/// Where an API's connections are reached is told by the events that come from it:
/// `https://<domainName>/<stage>`, or `https://<domainName>` for a custom domain, unless
/// `AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI` is set. The function's role needs `execute-api:ManageConnections` on
/// `arn:aws:execute-api:<region>:<account>:<api>/<stage>/*/@connections/*`.
///
/// A request is made once: [`Rooms`](crate::rooms::Rooms) decides what is tried again, by connection. The SDK's own
/// retries would share one token bucket, in which a burst of throttling stops the retries of all others.
///
/// Clones share their HTTP connections.
///
/// ```no_run
/// # async fn start() -> Result<(), room_auth::Error> {
/// use room_auth::transport::ManagementApi;
///
/// let transport = ManagementApi::from_env().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ManagementApi {
    config: Arc<SdkConfig>,
    base_path: Option<Arc<str>>,
    /// Towards the endpoint that is known: by the environment, or by the event.
    client: Option<Client>,
    is_overridden: bool,
    clients: Arc<Mutex<HashMap<ApiEndpoint, Client>>>,
}

impl ManagementApi {
    /// Region, credentials and the overriding endpoint come from the SDK's own variables. Nothing is requested yet.
    ///
    /// # Errors
    ///
    /// No region is configured, or the overriding endpoint is no URL.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let config = crate::aws::config_from_env().await?;
        let endpoint = std::env::var(ENDPOINT_VARIABLE)
            .ok()
            .filter(|endpoint| !endpoint.is_empty());
        match endpoint {
            Some(endpoint) if !endpoint.starts_with("http://") && !endpoint.starts_with("https://") => {
                Err(ConfigError::new(format!(
                    "{ENDPOINT_VARIABLE} is no URL; set it to https://<domain name>/<stage>, or leave it unset"
                )))
            }
            Some(endpoint) => Ok(Self::new(&config).with_endpoint(&endpoint)),
            None => Ok(Self::new(&config)),
        }
    }

    /// Over a configuration of the AWS SDK's that is there already; its endpoint is not used.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            config: Arc::new(config.clone()),
            base_path: None,
            client: None,
            is_overridden: false,
            clients: Arc::default(),
        }
    }

    /// Reaches every connection through `endpoint`, whatever the events say.
    #[must_use]
    pub fn with_endpoint(mut self, endpoint: &str) -> Self {
        self.client = Some(self.client_at(endpoint));
        self.is_overridden = true;
        self
    }

    /// The path under which the API's stage is mapped to its custom domain: events do not tell it.
    #[must_use]
    pub fn with_base_path(mut self, base_path: &str) -> Self {
        self.base_path = Some(base_path.trim_matches('/').into());
        self
    }

    fn client_at(&self, endpoint: &str) -> Client {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let config = Builder::from(&*self.config)
            .endpoint_url(endpoint)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Client::from_conf(config)
    }

    fn url(&self, endpoint: &ApiEndpoint) -> String {
        let (domain_name, stage) = (endpoint.domain_name(), endpoint.stage());
        match &self.base_path {
            _ if is_execute_api(domain_name) => format!("https://{domain_name}/{stage}"),
            Some(base_path) => format!("https://{domain_name}/{base_path}"),
            None => format!("https://{domain_name}"),
        }
    }

    fn client(&self) -> Result<&Client, TransportError> {
        self.client.as_ref().ok_or_else(|| {
            TransportError::Other(
                format!(
                    "no event has told which API to reach; use `Transport::at`, or set {ENDPOINT_VARIABLE}"
                )
                .into(),
            )
        })
    }
}

/// `<api>.execute-api.<region>.amazonaws.com`, in any partition.
fn is_execute_api(domain_name: &str) -> bool {
    domain_name.split('.').nth(1) == Some("execute-api")
        && [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"]
            .iter()
            .any(|suffix| domain_name.ends_with(suffix))
}

impl Transport for ManagementApi {
    fn post<'a>(
        &'a self,
        to: &'a ConnectionId,
        frame: &'a [u8],
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let request = self
                .client()?
                .post_to_connection()
                .connection_id(to.as_str())
                .data(Blob::new(frame));
            request.send().await.map(drop).map_err(classify)
        })
    }

    fn close<'a>(&'a self, connection: &'a ConnectionId) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let request = self
                .client()?
                .delete_connection()
                .connection_id(connection.as_str());
            request.send().await.map(drop).map_err(classify)
        })
    }

    fn at(&self, endpoint: &ApiEndpoint) -> Option<Arc<dyn Transport>> {
        if self.is_overridden {
            return None;
        }
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let known = clients.get(endpoint).cloned();
        let client = known.unwrap_or_else(|| {
            let client = self.client_at(&self.url(endpoint));
            if clients.len() < MAX_CLIENTS {
                clients.insert(endpoint.clone(), client.clone());
            }
            client
        });
        drop(clients);
        Some(Arc::new(Self {
            client: Some(client),
            ..self.clone()
        }))
    }
}

/// By status, which API Gateway and its stand-ins agree on; the error's own message may quote the request.
fn classify<E>(error: SdkError<E>) -> TransportError {
    let status = error.raw_response().map(|response| response.status().as_u16());
    match (status, error) {
        (Some(410), _) => TransportError::Gone,
        (Some(429), _) => TransportError::Throttled,
        (Some(413), _) => TransportError::TooLarge,
        (Some(403), _) => TransportError::Forbidden,
        (Some(400), _) => TransportError::BadRequest,
        (Some(status), _) => {
            TransportError::Other(format!("API Gateway answered with status {status}").into())
        }
        (None, SdkError::TimeoutError(_)) => TransportError::Timeout,
        (None, SdkError::DispatchFailure(failure)) if failure.is_timeout() => TransportError::Timeout,
        (None, SdkError::DispatchFailure(_)) => TransportError::Other("API Gateway was not reached".into()),
        (None, _) => TransportError::Other("the request could not be made".into()),
    }
}

impl fmt::Debug for ManagementApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagementApi")
            .field("base_path", &self.base_path)
            .field("is_overridden", &self.is_overridden)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_built_from_the_event() {
        let api = ManagementApi::new(&SdkConfig::builder().build());
        let url = |api: &ManagementApi, domain_name| api.url(&ApiEndpoint::new(domain_name, "dev"));
        for (domain_name, expected) in [
            (
                "a1.execute-api.eu-west-1.amazonaws.com",
                "https://a1.execute-api.eu-west-1.amazonaws.com/dev",
            ),
            (
                "a1.execute-api.cn-north-1.amazonaws.com.cn",
                "https://a1.execute-api.cn-north-1.amazonaws.com.cn/dev",
            ),
            ("chat.example", "https://chat.example"),
            ("execute-api.chat.example", "https://execute-api.chat.example"),
            ("a.execute-api.evil.example", "https://a.execute-api.evil.example"),
        ] {
            assert_eq!(url(&api, domain_name), expected);
        }
        let api = api.with_base_path("/ws/");
        assert_eq!(url(&api, "chat.example"), "https://chat.example/ws");
        assert!(url(&api, "a1.execute-api.eu-west-1.amazonaws.com").ends_with("/dev"));
    }
}
