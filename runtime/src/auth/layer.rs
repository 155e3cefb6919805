//! The layer: how a service gets its authentication.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use tower::Layer;

use super::authenticator::Authenticator;
use super::decision::{Policy, required};
use super::service::RoomAuth;
use super::session::Auth;
#[cfg(doc)]
use crate::claims::RoomClaims;
use crate::error::ConfigError;
use crate::event::WebSocketEvent;
use crate::registry::Registry;
use crate::rooms::Rooms;
use crate::token::Verifier;
use crate::transport::Transport;

/// Puts JWT authentication in front of a service of WebSocket events.
///
/// The inner service takes `LambdaEvent<Authenticated<E, T>>`; a refused request is answered without calling it. `T`
/// is the type of the user's own claims and `E` that of the events; where the layer is put around a service, the
/// compiler finds both. Cloning is cheap.
///
/// ```no_run
/// use room_auth::lambda_runtime::tower::ServiceBuilder;
/// use room_auth::{Authenticated, Error, LambdaEvent, RoomAuthLayer, WebSocketEvent, response};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Error> {
/// let service = ServiceBuilder::new().layer(RoomAuthLayer::from_env()?).service_fn(
///     |request: LambdaEvent<Authenticated<WebSocketEvent>>| async move {
///         tracing::info!(room = %request.payload.claims().room_id(), "joined");
///         Ok::<_, Error>(response::ok())
///     },
/// );
/// room_auth::run(service).await
/// # }
/// ```
pub struct RoomAuthLayer<T = (), E = WebSocketEvent> {
    auth: Arc<Auth>,
    takes: PhantomData<fn() -> (T, E)>,
}

impl<T, E> RoomAuthLayer<T, E> {
    /// Creates a layer that authenticates by `authenticator`, or by a [`Verifier`] and the default token sources.
    pub fn new(authenticator: impl Into<Authenticator>) -> Self {
        let policy = Policy {
            authenticator: authenticator.into(),
            has_registry: false,
            trusts_authorizer: false,
            required: Vec::new(),
        };
        Self {
            auth: Arc::new(Auth::new(policy)),
            takes: PhantomData,
        }
    }

    /// Creates a layer with the public keys of the environment variable `PUBLIC_KEY`.
    ///
    /// # Errors
    ///
    /// The variable is missing or holds no usable key; the message says which and what to do.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self::new(Authenticator::from_env()?))
    }

    /// Records connections in the rooms' registry at `$connect`, takes the claims of every later route from there,
    /// and forgets at `$disconnect`. When a message arrives on a connection whose token has expired, sends a final
    /// frame and closes the connection.
    ///
    /// The connection is recorded before the handler is called, and forgotten unless the handler answers 2xx; the
    /// 200 of a `$connect` leaves only after the record is written. A `$disconnect` is forgotten before the handler is
    /// called. So whoever hears of a member finds it listed, and whoever hears that it left does not.
    ///
    /// The rooms take the clock and the leeway of the layer's verifier, and verify renewals and joins with it. Whether
    /// tokens can be revoked, and are accepted once, is configured in the rooms
    /// ([`Rooms::with_revocation`], [`Rooms::with_single_use`]).
    ///
    /// If a trusted authorizer is configured too, the registry is asked: it knows of renewals and of who was
    /// disconnected.
    ///
    /// ```no_run
    /// # #[cfg(all(feature = "dynamodb", feature = "management"))] async fn configure() -> Result<(), room_auth::Error> {
    /// use room_auth::RoomAuthLayer;
    /// use room_auth::registry::DynamoRegistry;
    /// use room_auth::rooms::Rooms;
    /// use room_auth::transport::ManagementApi;
    ///
    /// let rooms = Rooms::new(DynamoRegistry::from_env().await?, ManagementApi::from_env().await?);
    /// let layer: RoomAuthLayer = RoomAuthLayer::from_env()?.with_rooms(rooms.clone());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_rooms(self, rooms: Rooms) -> Self {
        let rooms = rooms.with_verifier(self.verifier().clone());
        self.change(|auth| auth.set_rooms(rooms))
    }

    /// Does what [`with_rooms`](Self::with_rooms) does, for a function that sends nothing: expired connections are
    /// refused, and not closed.
    ///
    /// ```no_run
    /// # #[cfg(feature = "dynamodb")] async fn configure() -> Result<(), room_auth::Error> {
    /// use room_auth::RoomAuthLayer;
    /// use room_auth::registry::DynamoRegistry;
    ///
    /// let registry = DynamoRegistry::from_env().await?;
    /// let layer: RoomAuthLayer = RoomAuthLayer::from_env()?.with_registry(registry);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_registry(self, registry: impl Registry) -> Self {
        self.change(|auth| auth.set_registry(Arc::new(registry)))
    }

    /// Closes connections whose claims have expired when their next message arrives, after a final frame.
    ///
    /// For a layer without rooms, behind a trusted authorizer.
    ///
    /// ```no_run
    /// # #[cfg(feature = "management")] async fn configure() -> Result<(), room_auth::Error> {
    /// use room_auth::RoomAuthLayer;
    /// use room_auth::transport::ManagementApi;
    ///
    /// let layer: RoomAuthLayer = RoomAuthLayer::from_env()?
    ///     .with_trusted_authorizer()
    ///     .with_transport(ManagementApi::from_env().await?);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_transport(self, transport: impl Transport) -> Self {
        self.change(|auth| auth.set_transport(Arc::new(transport)))
    }

    /// Takes the claims of later routes from the context that [`Authorizer`](crate::authorizer::Authorizer) set at
    /// `$connect`.
    ///
    /// Only for an API whose `$connect` route has that authorizer: without it nobody vouches for the context.
    /// The claims stay those of `$connect`: they cannot be renewed without a registry. Give both the same
    /// [`Authenticator`].
    ///
    /// ```no_run
    /// use room_auth::RoomAuthLayer;
    ///
    /// # fn configure() -> Result<(), room_auth::Error> {
    /// let layer: RoomAuthLayer = RoomAuthLayer::from_env()?.with_trusted_authorizer();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_trusted_authorizer(self) -> Self {
        self.change(|auth| auth.policy.trusts_authorizer = true)
    }

    /// Requires that claims allow `capability` (default: nothing is required; see [`RoomClaims::can`]). May be called
    /// several times.
    ///
    /// A `$connect` without it gets a 403 and is not recorded. A message without it gets one too, after a frame that
    /// says so where the layer has a transport. The claims are those for the room of `$connect`; in a room that the
    /// connection joined later, ask [the claims for it](crate::rooms::Session::in_room). A `$disconnect` is handled in
    /// any case.
    ///
    /// ```no_run
    /// use room_auth::RoomAuthLayer;
    ///
    /// # fn configure() -> Result<(), room_auth::ConfigError> {
    /// let layer: RoomAuthLayer = RoomAuthLayer::from_env()?.requiring("send");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// `capability` is not the name of one: 1 to 64 characters out of a-z 0-9 _ . : -
    #[must_use]
    pub fn requiring(self, capability: &'static str) -> Self {
        let capability = required(capability);
        self.change(|auth| auth.policy.required.push(capability))
    }

    /// Returns the verifier that decides on tokens.
    pub fn verifier(&self) -> &Verifier {
        self.auth.policy.authenticator.verifier()
    }

    pub(crate) fn auth(&self) -> &Arc<Auth> {
        &self.auth
    }

    fn change(mut self, change: impl FnOnce(&mut Auth)) -> Self {
        change(Arc::make_mut(&mut self.auth));
        self
    }
}

impl<S, T, E> Layer<S> for RoomAuthLayer<T, E> {
    type Service = RoomAuth<S, T, E>;

    fn layer(&self, inner: S) -> Self::Service {
        RoomAuth::new(inner, self.auth.clone())
    }
}

impl<T, E> Clone for RoomAuthLayer<T, E> {
    fn clone(&self) -> Self {
        Self {
            auth: self.auth.clone(),
            takes: PhantomData,
        }
    }
}

impl<T, E> fmt::Debug for RoomAuthLayer<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomAuthLayer")
            .field("authenticator", &self.auth.policy.authenticator)
            .finish_non_exhaustive()
    }
}
