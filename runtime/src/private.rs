//! What the code of `#[room_auth]` names. Not part of the API: may change in any release.

use std::future::Future;
use std::sync::{LazyLock, OnceLock};

pub use lambda_runtime::LambdaEvent;
use serde::de::DeserializeOwned;

use crate::auth::{Rejection, RejectionKind, Request, ResponseFuture, RoomAuthLayer, refuse};
use crate::claims::RoomClaims;
use crate::error::ConfigError;
pub use crate::event::Incoming;
use crate::response::WebSocketResponse;

/// The layer that an attributed function uses, or the refusal that stands in for it.
#[derive(Debug)]
pub struct Configured(Result<RoomAuthLayer, Rejection>);

static FROM_ENV: OnceLock<Result<RoomAuthLayer, ConfigError>> = OnceLock::new();

fn from_env() -> &'static Result<RoomAuthLayer, ConfigError> {
    FROM_ENV.get_or_init(RoomAuthLayer::from_env)
}

/// Builds the layer of the environment, if it has not been built yet.
pub(crate) fn check_env() -> Result<(), ConfigError> {
    from_env().as_ref().map(|_| ()).map_err(Clone::clone)
}

/// The layer of the environment, built at the first call.
pub fn layer_from_env() -> Configured {
    Configured(from_env().clone().map_err(|error| {
        tracing::error!(target: "room_auth", %error, "the configuration cannot be used");
        refuse(RejectionKind::Configuration, "", "")
    }))
}

/// The layer of `with = EXPR`.
#[allow(clippy::needless_pass_by_value)]
pub fn layer(config: impl AuthConfig) -> Configured {
    Configured(Ok(config.to_layer()))
}

/// What may stand behind `with =`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no configuration for `#[room_auth(with = …)]`",
    label = "expected a `RoomAuthLayer`, a reference to one, or a reference to a `LazyLock<RoomAuthLayer>`",
    note = "for example `static AUTH: LazyLock<RoomAuthLayer> = …;` and `#[room_auth(with = &AUTH)]`"
)]
pub trait AuthConfig {
    #[doc(hidden)]
    fn to_layer(&self) -> RoomAuthLayer;
}

impl AuthConfig for RoomAuthLayer {
    fn to_layer(&self) -> RoomAuthLayer {
        self.clone()
    }
}

impl AuthConfig for LazyLock<RoomAuthLayer> {
    fn to_layer(&self) -> RoomAuthLayer {
        (**self).clone()
    }
}

impl<C: AuthConfig + ?Sized> AuthConfig for &C {
    fn to_layer(&self) -> RoomAuthLayer {
        (**self).to_layer()
    }
}

/// The first parameter of an attributed function.
#[diagnostic::on_unimplemented(
    message = "the first parameter of a `#[room_auth]` function must be the claims, not `{Self}`",
    label = "expected `RoomClaims` or `RoomClaims<YourClaims>`",
    note = "write `async fn connect(claims: RoomClaims, event: LambdaEvent<…>) -> Result<…>`"
)]
pub trait ClaimsParameter: sealed::Sealed {
    #[doc(hidden)]
    type Custom: DeserializeOwned;
    #[doc(hidden)]
    fn from_claims(claims: RoomClaims<Self::Custom>) -> Self;
}

impl<T: DeserializeOwned> ClaimsParameter for RoomClaims<T> {
    type Custom = T;

    fn from_claims(claims: RoomClaims<T>) -> Self {
        claims
    }
}

/// The second parameter of an attributed function.
#[diagnostic::on_unimplemented(
    message = "the second parameter of a `#[room_auth]` function must be the event, not `{Self}`",
    label = "expected `LambdaEvent<E>`, where `E` can be deserialized",
    note = "write `event: LambdaEvent<ApiGatewayWebsocketProxyRequest>`, or `LambdaEvent<serde_json::Value>`"
)]
pub trait EventParameter: sealed::Sealed {
    #[doc(hidden)]
    type Payload: DeserializeOwned;
    #[doc(hidden)]
    fn from_event(event: LambdaEvent<Self::Payload>) -> Self;
}

impl<E: DeserializeOwned> EventParameter for LambdaEvent<E> {
    type Payload = E;

    fn from_event(event: LambdaEvent<E>) -> Self {
        event
    }
}

/// What an attributed function returns.
#[diagnostic::on_unimplemented(
    message = "a `#[room_auth]` function must return a `Result` whose response can refuse, not `{Self}`",
    label = "expected `Result<ApiGatewayProxyResponse, Error>` or the like",
    note = "the response type must implement `room_auth::WebSocketResponse`"
)]
pub trait HandlerOutput: sealed::Sealed {
    #[doc(hidden)]
    type Response: WebSocketResponse;
    #[doc(hidden)]
    type Error;
    #[doc(hidden)]
    fn into_result(self) -> Result<Self::Response, Self::Error>;
    #[doc(hidden)]
    fn from_result(result: Result<Self::Response, Self::Error>) -> Self;
}

impl<R: WebSocketResponse, E> HandlerOutput for Result<R, E> {
    type Response = R;
    type Error = E;

    fn into_result(self) -> Result<R, E> {
        self
    }

    fn from_result(result: Result<R, E>) -> Self {
        result
    }
}

mod sealed {
    pub trait Sealed {}
    impl<T> Sealed for crate::RoomClaims<T> {}
    impl<E> Sealed for lambda_runtime::LambdaEvent<E> {}
    impl<R, E> Sealed for Result<R, E> {}
}

/// Runs `handler` behind the layer: the same way that [`RoomAuth`](crate::RoomAuth) goes.
pub async fn authenticate<C, Ev, F, Fut, Out>(
    configured: Configured,
    event: LambdaEvent<Incoming>,
    handler: F,
) -> Out
where
    C: ClaimsParameter,
    Ev: EventParameter,
    F: FnOnce(C, Ev) -> Fut,
    Fut: Future<Output = Out>,
    Out: HandlerOutput,
{
    let (incoming, context) = event.into_parts();
    let event = LambdaEvent::new(incoming.retarget::<Ev::Payload, C::Custom>(), context);
    let admitted = configured.0.and_then(|layer| Request::admit(&layer, event));
    let response = match admitted {
        Ok(request) => {
            let (authenticated, context) = request.event.into_parts();
            let (claims, payload) = authenticated.into_parts();
            let handler = handler(
                C::from_claims(claims),
                Ev::from_event(LambdaEvent::new(payload, context)),
            );
            let handler = async move { handler.await.into_result() };
            ResponseFuture::admitted(handler, request.subprotocol)
        }
        Err(rejection) => ResponseFuture::rejected(rejection),
    };
    Out::from_result(response.await)
}
