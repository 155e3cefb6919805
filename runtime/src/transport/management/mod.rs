//! The transport over API Gateway's @connections API.

mod url;

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
use aws_types::service_config::ServiceConfigKey;

use self::url::{EndpointUrl, stage_url};
use super::{Transport, TransportError};
use crate::aws::error_chain;
use crate::endpoint::ApiEndpoint;
use crate::error::ConfigError;
use crate::id::ConnectionId;

/// The environment variable that overrides where @connections is.
pub const ENDPOINT_ENV: &str = "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI";

/// A table serves one API, seldom a few; more clients than these are not kept.
const MAX_CLIENTS: usize = 16;

/// A new TLS connection of a small function takes up to a second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// For callers without `Rooms`, which waits less.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// A [`Transport`](crate::Transport) over the AWS SDK.
///
/// Each connection is reached at `https://<api id>.execute-api.<region>.<partition suffix>/<stage>`: the endpoint that
/// was recorded with it, in the region that is configured. What an event says of its domain name is not used, since the
/// client chose it.
///
/// Set `AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI` (or [`with_endpoint_url`](Self::with_endpoint_url)) where this is not
/// the place:
///
/// | the API is | set it to |
/// | --- | --- |
/// | behind a custom domain, its own endpoint disabled | `https://<domain name>/<API mapping key>`, without the key if there is none |
/// | a local gateway or an emulator | the URL that it prints, such as `http://127.0.0.1:3001/dev` |
///
/// Every connection is then reached there, so that one table must not serve several APIs. A global `AWS_ENDPOINT_URL`
/// alone is refused at init: an emulator's function must never talk to AWS.
///
/// The function's role needs `execute-api:ManageConnections` on
/// `arn:aws:execute-api:<region>:<account>:<api>/<stage>/*/@connections/*`.
///
/// A request is sent once, since [`Rooms`](crate::rooms::Rooms) decides for each connection what is tried again. The
/// SDK's own retries would share one token bucket, in which a burst of throttling stops the retries of all others.
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
    region: Region,
    /// Where every connection is reached, if that is set.
    fixed: Option<EndpointUrl>,
    attempt_timeout: Duration,
    clients: Arc<Mutex<Clients>>,
}

/// The clients that are kept: one for the fixed endpoint, or a few for recorded ones.
#[derive(Default)]
struct Clients {
    fixed: Option<Client>,
    recorded: HashMap<ApiEndpoint, Client>,
}

impl ManagementApi {
    /// Creates the transport with region, credentials and endpoint from the SDK's own variables. Sends no request.
    ///
    /// # Errors
    ///
    /// No region is configured, `AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI` is not a URL of @connections, or
    /// `AWS_ENDPOINT_URL` is set without it.
    pub async fn from_env() -> Result<Self, ConfigError> {
        Self::new(&crate::aws::config_from_env().await?)
    }

    /// Like [`from_env`](Self::from_env), with an existing configuration of the SDK.
    ///
    /// # Errors
    ///
    /// As for [`from_env`](Self::from_env); each setting counts wherever the SDK found it (environment, profile).
    pub fn new(config: &SdkConfig) -> Result<Self, ConfigError> {
        let Some(region) = config.region() else {
            return Err(ConfigError::new(
                "no AWS region is configured; set AWS_REGION (Lambda sets it itself)",
            ));
        };
        let is_label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if !region.as_ref().bytes().all(is_label) {
            return Err(ConfigError::new(
                "the AWS region is not the name of one; set AWS_REGION to a name such as eu-west-1",
            ));
        }
        let transport = Self {
            config: Arc::new(config.clone()),
            region: region.clone(),
            fixed: None,
            attempt_timeout: ATTEMPT_TIMEOUT,
            clients: Arc::default(),
        };
        let is_set = |url: &str| !url.trim().is_empty();
        match (endpoint_setting(config), config.endpoint_url()) {
            (Some(url), _) if is_set(&url) => Ok(transport.fixed_at(EndpointUrl::parse(&url, ENDPOINT_ENV)?)),
            (_, Some(global)) if is_set(global) => Err(ConfigError::new(format!(
                "AWS_ENDPOINT_URL is set, {ENDPOINT_ENV} is not; set it to the URL before /@connections, such as \
                 http://127.0.0.1:3001/dev, or remove AWS_ENDPOINT_URL"
            ))),
            _ => Ok(transport),
        }
    }

    /// Reaches every connection at `url`, whatever endpoint is recorded with it.
    ///
    /// Spaces and slashes around the URL are removed, and so is `/@connections` at its end; `wss` and `ws` are
    /// understood as `https` and `http`.
    ///
    /// # Errors
    ///
    /// `url` has no scheme or host, lacks the stage (on an execute-api host), or has credentials, a query or a fragment.
    ///
    /// ```
    /// # fn start(transport: room_auth::transport::ManagementApi) -> Result<(), room_auth::Error> {
    /// let transport = transport.with_endpoint_url("https://ws.example.com/chat")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_endpoint_url(self, url: &str) -> Result<Self, ConfigError> {
        let url = EndpointUrl::parse(url, "the endpoint URL")?;
        Ok(self.fixed_at(url))
    }

    /// Sets how long a request may take (default: 10 s).
    #[must_use]
    pub fn with_attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        // The clients that are kept have the timeout of before.
        self.clients = Arc::default();
        self
    }

    fn fixed_at(mut self, url: EndpointUrl) -> Self {
        self.fixed = Some(url);
        self.clients = Arc::default();
        self
    }

    fn client(&self, at: &ApiEndpoint) -> Client {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(EndpointUrl { url, region }) = &self.fixed {
            let region = region.clone().map_or_else(|| self.region.clone(), Region::new);
            let client = clients.fixed.get_or_insert_with(|| self.client_at(url, region));
            return client.clone();
        }
        if let Some(client) = clients.recorded.get(at) {
            return client.clone();
        }
        let client = self.client_at(&stage_url(at, self.region.as_ref()), self.region.clone());
        if clients.recorded.len() < MAX_CLIENTS {
            clients.recorded.insert(at.clone(), client.clone());
        }
        client
    }

    fn client_at(&self, url: &str, region: Region) -> Client {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(self.attempt_timeout)
            .build();
        let config = Builder::from(&*self.config)
            .endpoint_url(url)
            .region(region)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            // The attempt's timeout ends a stalled answer too.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        Client::from_conf(config.build())
    }
}

/// Returns the URL that environment or profile set for this service alone.
fn endpoint_setting(config: &SdkConfig) -> Option<String> {
    let load = |variable, profile_key| {
        let key = ServiceConfigKey::builder()
            .service_id("ApiGatewayManagementApi")
            .env(variable)
            .profile(profile_key)
            .build()
            .expect("all parts of the key are set");
        config.service_config()?.load_config(key)
    };
    // What the SDK would use: the setting for this service, or else the global one. Both may hold the same URL.
    let used = load("AWS_ENDPOINT_URL", "endpoint_url")?;
    let is_of_this_service =
        config.endpoint_url() != Some(&*used) || load(ENDPOINT_ENV, ENDPOINT_ENV).is_some();
    is_of_this_service.then_some(used)
}

impl Transport for ManagementApi {
    async fn post(&self, at: &ApiEndpoint, to: &ConnectionId, frame: &[u8]) -> Result<(), TransportError> {
        let client = self.client(at);
        let request = client
            .post_to_connection()
            .connection_id(to.as_str())
            .data(Blob::new(frame));
        request.send().await.map(drop).map_err(classify)
    }

    async fn close(&self, at: &ApiEndpoint, connection: &ConnectionId) -> Result<(), TransportError> {
        let client = self.client(at);
        let request = client.delete_connection().connection_id(connection.as_str());
        request.send().await.map(drop).map_err(classify)
    }

    fn has_fixed_endpoint(&self) -> bool {
        self.fixed.is_some()
    }
}

/// Classifies by status, on which API Gateway and its stand-ins agree. The error's own message may quote the request.
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
            let cause = failure.as_connector_error().map(|error| error_chain(error));
            let cause = cause.unwrap_or_default();
            if failure.is_timeout() {
                TransportError::Timeout
            } else if failure.is_io() || failure.as_other().is_some() {
                unavailable(cause)
            } else {
                TransportError::Other(format!("API Gateway cannot be reached: {cause}").into())
            }
        }
        (None, _) => TransportError::Other("the request cannot be made".into()),
    }
}

impl fmt::Debug for ManagementApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagementApi")
            .field("region", &self.region)
            .field("endpoint_url", &self.fixed.as_ref().map(|fixed| &fixed.url))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn config() -> aws_types::sdk_config::Builder {
        SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
    }

    #[test]
    fn a_bounded_number_of_clients_is_kept() {
        let api = ManagementApi::new(&config().build()).unwrap();
        for number in 0..2 * MAX_CLIENTS {
            let endpoint = ApiEndpoint::new(&format!("a{number}"), "dev").unwrap();
            api.client(&endpoint);
            api.client(&endpoint);
        }
        assert_eq!(api.clients.lock().unwrap().recorded.len(), MAX_CLIENTS);
    }

    #[test]
    fn without_a_region_it_says_what_to_set() {
        for config in [
            SdkConfig::builder().build(),
            config().region(Region::new("eu west")).build(),
            config().region(Region::new("evil.example/")).build(),
        ] {
            let told = ManagementApi::new(&config).unwrap_err().to_string();
            assert!(told.contains("set AWS_REGION"), "{told}");
        }
    }

    #[test]
    fn a_global_endpoint_alone_is_refused() {
        let emulated = config().endpoint_url("http://localhost:4566").build();
        let told = ManagementApi::new(&emulated).unwrap_err().to_string();
        assert!(
            told.starts_with("AWS_ENDPOINT_URL is set") && told.contains(ENDPOINT_ENV),
            "{told}"
        );
        assert!(
            ManagementApi::new(&config().endpoint_url(" ").build()).is_ok(),
            "empty is unset"
        );
    }
}
