//! The transport over API Gateway's @connections API.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_apigatewaymanagement::Client;
use aws_sdk_apigatewaymanagement::config::retry::RetryConfig;
use aws_sdk_apigatewaymanagement::config::timeout::TimeoutConfig;
use aws_sdk_apigatewaymanagement::config::{Builder, Region, StalledStreamProtectionConfig};
use aws_sdk_apigatewaymanagement::error::SdkError;
use aws_sdk_apigatewaymanagement::primitives::Blob;

use super::{ApiEndpoint, Transport, TransportError};
use crate::aws::messages;
use crate::error::ConfigError;
use crate::id::ConnectionId;
use crate::registry::BoxFuture;

/// The environment variable that overrides where @connections is.
pub const ENDPOINT_VARIABLE: &str = "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI";

/// A function serves one API, seldom a few; more clients than these are not kept.
const MAX_CLIENTS: usize = 16;

/// A new TLS connection of a small function takes up to a second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The last resort of whoever posts without `Rooms`, which waits less.
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
    attempt_timeout: Duration,
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
            attempt_timeout: ATTEMPT_TIMEOUT,
            clients: Arc::default(),
        }
    }

    /// Reaches every connection through `endpoint`, whatever the events say.
    #[must_use]
    pub fn with_endpoint(mut self, endpoint: &str) -> Self {
        self.client = Some(self.client_at(endpoint, None));
        self.is_overridden = true;
        self
    }

    /// The path under which the API's stage is mapped to its custom domain: events do not tell it.
    #[must_use]
    pub fn with_base_path(mut self, base_path: &str) -> Self {
        self.base_path = Some(base_path.trim_matches('/').into());
        // What is kept leads elsewhere.
        self.clients = Arc::default();
        self
    }

    /// How long a request may take (default 10 seconds).
    #[must_use]
    pub fn with_attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self.clients = Arc::default();
        if let Some(client) = &self.client {
            let config = client.config().to_builder().timeout_config(self.timeouts());
            self.client = Some(Client::from_conf(config.build()));
        }
        self
    }

    fn timeouts(&self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(self.attempt_timeout)
            .build()
    }

    /// `region` is the API's, where it is known to be another than the function's.
    fn client_at(&self, endpoint: &str, region: Option<&str>) -> Client {
        let config = Builder::from(&*self.config)
            .endpoint_url(endpoint)
            .retry_config(RetryConfig::disabled())
            .timeout_config(self.timeouts())
            // The attempt's timeout ends a stalled answer too.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        let config = match region {
            Some(region) => config.region(Region::new(region.to_owned())),
            None => config,
        };
        Client::from_conf(config.build())
    }

    fn url(&self, endpoint: &ApiEndpoint) -> String {
        let (domain_name, stage) = (endpoint.domain_name(), endpoint.stage());
        match &self.base_path {
            _ if execute_api_region(domain_name).is_some() => format!("https://{domain_name}/{stage}"),
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

/// The DNS suffixes of AWS's partitions, and of dual-stack endpoints.
const SUFFIXES: [&str; 9] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "api.aws",
    "api.amazonwebservices.com.cn",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
];

/// The region in `<api>.execute-api.<region>.amazonaws.com`, in any partition; `None` for a custom domain.
fn execute_api_region(domain_name: &str) -> Option<&str> {
    let (_api, rest) = domain_name.split_once('.')?;
    let (region, suffix) = rest.strip_prefix("execute-api.")?.split_once('.')?;
    SUFFIXES.contains(&suffix).then_some(region)
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
            let region = execute_api_region(endpoint.domain_name());
            let client = self.client_at(&self.url(endpoint), region);
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
    let unavailable = |text: String| TransportError::Unavailable(text.into());
    match (status, error) {
        (Some(410), _) => TransportError::Gone,
        (Some(429), _) => TransportError::Throttled,
        (Some(413), _) => TransportError::TooLarge,
        (Some(403), _) => TransportError::Forbidden,
        (Some(400), _) => TransportError::BadRequest,
        (Some(status @ 500..), _) => unavailable(format!("status {status}")),
        (Some(status), _) => {
            TransportError::Other(format!("API Gateway answered with status {status}").into())
        }
        (None, SdkError::TimeoutError(_)) => TransportError::Timeout,
        (None, SdkError::DispatchFailure(failure)) => {
            let cause = failure.as_connector_error().map(|error| messages(error));
            let cause = cause.unwrap_or_default();
            if failure.is_timeout() {
                TransportError::Timeout
            } else if failure.is_io() || failure.as_other().is_some() {
                unavailable(cause)
            } else {
                TransportError::Other(format!("API Gateway was not reached: {cause}").into())
            }
        }
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
#[allow(clippy::unwrap_used)]
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
            (
                "a1.execute-api.eusc-de-east-1.amazonaws.eu",
                "https://a1.execute-api.eusc-de-east-1.amazonaws.eu/dev",
            ),
            (
                "a1.execute-api.us-iso-east-1.c2s.ic.gov",
                "https://a1.execute-api.us-iso-east-1.c2s.ic.gov/dev",
            ),
            (
                "a1.execute-api.eu-west-1.api.aws",
                "https://a1.execute-api.eu-west-1.api.aws/dev",
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
    #[test]
    fn requests_are_signed_for_the_region_of_the_api() {
        for (domain_name, region) in [
            ("a1.execute-api.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("a1.execute-api.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("chat.example", None),
            ("execute-api.eu-west-1.amazonaws.com", None),
            ("a1.execute-api.eu-west-1.amazonaws.com.evil.example", None),
            ("", None),
        ] {
            assert_eq!(execute_api_region(domain_name), region, "{domain_name}");
        }
    }

    #[tokio::test]
    async fn a_bounded_number_of_clients_is_kept() {
        let config = SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .build();
        let api = ManagementApi::new(&config);
        for number in 0..2 * MAX_CLIENTS {
            let endpoint = ApiEndpoint::new(&format!("chat{number}.example"), "dev");
            assert!(api.at(&endpoint).is_some(), "{number}");
            assert!(api.at(&endpoint).is_some(), "{number} again");
        }
        assert_eq!(api.clients.lock().unwrap().len(), MAX_CLIENTS);
    }
}
