//! What the code of `#[room_auth]` names. Not part of the API: may change in any release.

#[path = "private/deserialize.rs"]
mod deserialize;

use std::future::Future;
use std::sync::{LazyLock, OnceLock};

pub use lambda_runtime::{Error, LambdaEvent};
use serde::de::DeserializeOwned;
pub use serde_json::Value;

use crate::auth::{
    Authenticated, Handle, Rejection, RejectionKind, ResponseFuture, RoomAuthLayer, Start, refuse,
};
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
    message = "`{Self}` can't stand behind `#[room_auth(with = …)]`",
    label = "expected a `RoomAuthLayer`, a reference to one, or a reference to a `LazyLock<RoomAuthLayer>`",
    note = "for example `static LAYER: LazyLock<RoomAuthLayer> = …;` and `#[room_auth(with = &LAYER)]`"
)]
pub trait AuthConfig: sealed::Sealed {
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
///
/// `By` is never named. Two implementations could be meant, so the compiler has to look at `T` before it settles
/// for one; it then says once, in these words, that the parameter does not fit, and draws no conclusions from it.
/// With a single implementation the same mistake is reported at each step that `T` takes from here to the layer.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the claims of a `#[room_auth]` function",
    label = "the first parameter is `RoomClaims`, or `RoomClaims<T>` where `T: DeserializeOwned`",
    note = "write `claims: RoomClaims`, or `claims: RoomClaims<Member>` to read claims of your own into a `Member` with `#[derive(serde::Deserialize)]`"
)]
pub trait ClaimsParameter<By>: sealed::Sealed {
    #[doc(hidden)]
    type Custom;
    #[doc(hidden)]
    fn from_claims(claims: RoomClaims<Self::Custom>) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> ClaimsParameter<Fits> for RoomClaims<T> {
    type Custom = T;

    fn from_claims(claims: RoomClaims<T>) -> Self {
        claims
    }
}

#[diagnostic::do_not_recommend]
impl<T: Nothing> ClaimsParameter<FitsNot> for RoomClaims<T> {
    type Custom = T;

    fn from_claims(claims: RoomClaims<T>) -> Self {
        claims
    }
}

/// The second parameter of an attributed function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the event of a `#[room_auth]` function",
    label = "the second parameter is `LambdaEvent<E>` where `E: DeserializeOwned`",
    note = "write `event: LambdaEvent<ApiGatewayWebsocketProxyRequest>`, or an event type of your own with `#[derive(serde::Deserialize)]`; state goes after the event"
)]
pub trait EventParameter<By>: sealed::Sealed {
    #[doc(hidden)]
    type Payload;
    #[doc(hidden)]
    fn from_event(event: LambdaEvent<Self::Payload>) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: DeserializeOwned> EventParameter<Fits> for LambdaEvent<E> {
    type Payload = E;

    fn from_event(event: LambdaEvent<E>) -> Self {
        event
    }
}

#[diagnostic::do_not_recommend]
impl<E: Nothing> EventParameter<FitsNot> for LambdaEvent<E> {
    type Payload = E;

    fn from_event(event: LambdaEvent<E>) -> Self {
        event
    }
}

/// What an attributed function returns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be what a `#[room_auth]` function returns",
    label = "expected `Result<R, E>` where `R: WebSocketResponse`, so that a refusal can be told",
    note = "write `-> Result<ApiGatewayProxyResponse, Error>` or `-> Result<serde_json::Value, Error>`, or implement `room_auth::WebSocketResponse` for your own type"
)]
pub trait HandlerOutput<By>: sealed::Sealed {
    #[doc(hidden)]
    type Response;
    #[doc(hidden)]
    type Error;
    #[doc(hidden)]
    fn into_result(self) -> Result<Self::Response, Self::Error>;
    #[doc(hidden)]
    fn from_result(result: Result<Self::Response, Self::Error>) -> Self;
}

#[diagnostic::do_not_recommend]
impl<R: WebSocketResponse, Er> HandlerOutput<Fits> for Result<R, Er> {
    type Response = R;
    type Error = Er;

    fn into_result(self) -> Result<R, Er> {
        self
    }

    fn from_result(result: Result<R, Er>) -> Self {
        result
    }
}

#[diagnostic::do_not_recommend]
impl<R: Nothing, Er> HandlerOutput<FitsNot> for Result<R, Er> {
    type Response = R;
    type Error = Er;

    fn into_result(self) -> Result<R, Er> {
        self
    }

    fn from_result(result: Result<R, Er>) -> Self {
        result
    }
}

#[derive(Debug)]
pub enum Fits {}

#[derive(Debug)]
pub enum FitsNot {}

/// Implemented for nothing.
pub trait Nothing: sealed::Sealed {}

mod sealed {
    pub trait Sealed {}
    impl<T> Sealed for crate::RoomClaims<T> {}
    impl<E> Sealed for lambda_runtime::LambdaEvent<E> {}
    impl<R, E> Sealed for Result<R, E> {}
    impl Sealed for crate::RoomAuthLayer {}
    impl Sealed for std::sync::LazyLock<crate::RoomAuthLayer> {}
    impl<C: Sealed + ?Sized> Sealed for &C {}
}

/// A first parameter that fits.
#[derive(Debug)]
pub struct Claims<C, T>(fn(RoomClaims<T>) -> C);

/// Checks the first parameter.
pub fn claims<C: ClaimsParameter<By, Custom = T>, T, By>() -> Claims<C, T> {
    Claims(C::from_claims)
}

/// A second parameter that fits.
#[derive(Debug)]
pub struct Event<Ev, E>(fn(LambdaEvent<E>) -> Ev);

/// Checks the second parameter.
pub fn event<Ev: EventParameter<By, Payload = E>, E, By>() -> Event<Ev, E> {
    Event(Ev::from_event)
}

/// A return type that fits.
#[derive(Debug)]
pub struct Output<O, R, Er> {
    into_result: fn(O) -> Result<R, Er>,
    from_result: fn(Result<R, Er>) -> O,
}

/// Checks the return type.
pub fn output<O: HandlerOutput<By, Response = R, Error = Er>, R, Er, By>() -> Output<O, R, Er> {
    Output {
        into_result: O::into_result,
        from_result: O::from_result,
    }
}

/// Never a value: in `if let Some(value) = declared() { return value }` it tells what a block returns.
pub fn declared<O>() -> Option<O> {
    None
}

/// Runs `handler` behind the layer: the same way that [`RoomAuth`](crate::RoomAuth) goes.
pub async fn authenticate<C, T, Ev, E, O, R, Er, F, Fut>(
    configured: Configured,
    event: LambdaEvent<Incoming>,
    make_claims: Claims<C, T>,
    make_event: Event<Ev, E>,
    output: Output<O, R, Er>,
    handler: F,
) -> O
where
    T: DeserializeOwned,
    E: DeserializeOwned,
    R: WebSocketResponse,
    F: FnOnce(C, Ev) -> Fut,
    Fut: Future<Output = O>,
{
    let (incoming, context) = event.into_parts();
    let event = LambdaEvent::new(incoming.retarget::<E, T>(), context);
    let handle = Once(|request: LambdaEvent<Authenticated<E, T>>| {
        let (authenticated, context) = request.into_parts();
        let (claims, payload) = authenticated.into_parts();
        let event = LambdaEvent::new(payload, context);
        let handling = handler((make_claims.0)(claims), (make_event.0)(event));
        async move { (output.into_result)(handling.await) }
    });
    let response = match configured.0.map(|layer| Start::new(&layer, event)) {
        Ok(Start::Admitted(request, then)) => ResponseFuture::handling(handle.handle(request), then),
        Ok(Start::Asking(asking, waiting)) => ResponseFuture::asking(asking, waiting, handle),
        Ok(Start::Refused(rejection)) | Err(rejection) => ResponseFuture::refused(rejection),
    };
    (output.from_result)(response.await)
}

/// An attributed function, about to be called.
struct Once<F>(F);

impl<E, T, F, Fut> Handle<E, T> for Once<F>
where
    F: FnOnce(LambdaEvent<Authenticated<E, T>>) -> Fut,
    Fut: Future,
{
    type Future = Fut;

    fn handle(self, request: LambdaEvent<Authenticated<E, T>>) -> Fut {
        (self.0)(request)
    }
}
