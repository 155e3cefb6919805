//! The layer: how a service gets its authentication.

use std::fmt;
use std::sync::Arc;

use tower::Layer;

use super::decision::Policy;
use super::service::RoomAuth;
use crate::error::ConfigError;
use crate::event::{Sources, TokenSource};
use crate::registry::Registry;
use crate::token::Verifier;
use crate::transport::Transport;

/// Puts JWT authentication in front of a service of WebSocket events.
///
/// The inner service takes `LambdaEvent<Authenticated<E, T>>`; a refused request is answered without calling it.
/// Cloning is cheap.
///
/// ```no_run
/// use aws_lambda_events::apigw::ApiGatewayWebsocketProxyRequest;
/// use room_auth::{Authenticated, Error, LambdaEvent, RoomAuthLayer, response};
/// use tower::ServiceBuilder;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Error> {
/// let service = ServiceBuilder::new().layer(RoomAuthLayer::from_env()?).service_fn(
///     |request: LambdaEvent<Authenticated<ApiGatewayWebsocketProxyRequest>>| async move {
///         tracing::info!(room = %request.payload.claims().room_id(), "joined");
///         Ok::<_, Error>(response::ok())
///     },
/// );
/// lambda_runtime::run(service).await
/// # }
/// ```
#[derive(Clone)]
pub struct RoomAuthLayer {
    policy: Arc<Policy>,
}

impl RoomAuthLayer {
    /// A layer that verifies with `verifier` and looks for tokens in the default places: the subprotocol
    /// list, the `Authorization` header and the query parameter `token`.
    pub fn new(verifier: Verifier) -> Self {
        let policy = Policy {
            verifier,
            sources: Sources::default(),
            registry: None,
            transport: None,
            trusts_authorizer: false,
        };
        Self {
            policy: Arc::new(policy),
        }
    }

    /// A layer with the public keys of the environment variable `PUBLIC_KEY`.
    ///
    /// # Errors
    ///
    /// The variable is missing or holds no usable key; the message says which and what to do.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self::new(Verifier::from_env()?))
    }

    /// Looks for tokens in these places instead of the default ones.
    ///
    /// # Errors
    ///
    /// No source, the same place twice, or a source that could never match.
    pub fn with_sources(self, sources: impl IntoIterator<Item = TokenSource>) -> Result<Self, ConfigError> {
        let sources = self
            .policy
            .sources
            .clone()
            .with_sources(sources.into_iter().collect())?;
        Ok(self.change(|policy| policy.sources = sources))
    }

    /// Lets these application protocols stand before `room-auth` in the subprotocol list, as GraphQL clients
    /// need it; the first of those offered is echoed.
    ///
    /// # Errors
    ///
    /// A name that cannot be a subprotocol, or is ours.
    pub fn with_application_protocols<P: Into<String>>(
        self,
        protocols: impl IntoIterator<Item = P>,
    ) -> Result<Self, ConfigError> {
        let protocols = protocols.into_iter().map(Into::into).collect();
        let sources = self
            .policy
            .sources
            .clone()
            .with_application_protocols(protocols)?;
        Ok(self.change(|policy| policy.sources = sources))
    }

    /// Records connections in `registry` at `$connect`, takes the claims of every later route from there, and
    /// forgets at `$disconnect`.
    ///
    /// The 200 of a `$connect` leaves only after the record is written. If both a registry and a trusted
    /// authorizer are configured, the registry is asked: it knows of renewals and of who was disconnected.
    #[must_use]
    pub fn with_registry(self, registry: impl Registry) -> Self {
        self.change(|policy| policy.registry = Some(Arc::new(registry)))
    }

    /// Tells connections whose token has expired, and closes them, when their next message comes.
    #[must_use]
    pub fn with_transport(self, transport: impl Transport) -> Self {
        self.change(|policy| policy.transport = Some(Arc::new(transport)))
    }

    /// Takes the claims of later routes from the context that [`Authorizer`](crate::authorizer::Authorizer) set at
    /// `$connect`.
    ///
    /// Only for an API whose `$connect` route has that authorizer: without it nobody vouches for the context.
    /// The claims stay those of `$connect`: they cannot be renewed without a registry.
    #[must_use]
    pub fn with_trusted_authorizer(self) -> Self {
        self.change(|policy| policy.trusts_authorizer = true)
    }

    /// The verifier that decides on tokens.
    pub fn verifier(&self) -> &Verifier {
        &self.policy.verifier
    }

    pub(crate) fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    fn change(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(Arc::make_mut(&mut self.policy));
        self
    }
}

impl<S> Layer<S> for RoomAuthLayer {
    type Service = RoomAuth<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RoomAuth::new(inner, self.clone())
    }
}

impl fmt::Debug for RoomAuthLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomAuthLayer")
            .field("verifier", &self.policy.verifier)
            .finish_non_exhaustive()
    }
}
