//! What the code of `#[room_auth]` names. Not part of the API: may change in any release.

mod deserialize;

use std::future::Future;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};

pub use lambda_runtime::{Error, LambdaEvent};
use serde::de::DeserializeOwned;
use tower::Service;

use crate::auth::{self, Auth, Authenticated, ResponseFuture, RoomAuthLayer};
use crate::claims::RoomClaims;
pub use crate::event::Incoming;
use crate::rejection::{Rejection, RejectionKind};
use crate::report;
use crate::response::WebSocketResponse;

/// What an attributed function authenticates by, or the refusal that stands in for it.
#[derive(Debug)]
pub struct LayerSource {
    auth: Result<Arc<Auth>, Rejection>,
    required: Option<&'static str>,
}

impl LayerSource {
    fn new(auth: Result<Arc<Auth>, Rejection>) -> Self {
        Self { auth, required: None }
    }
}

/// Requires the capability of `can = "…"`, whose name the attribute has checked.
pub fn requiring(source: LayerSource, capability: &'static str) -> LayerSource {
    LayerSource {
        required: Some(capability),
        ..source
    }
}

/// Uses the layer of the environment, which is built at the first call.
pub fn layer_from_env() -> LayerSource {
    LayerSource::new(auth::from_env().map_err(|error| {
        tracing::error!(target: "room_auth", %error, "the configuration is invalid");
        report::refused(RejectionKind::Configuration.into(), None)
    }))
}

/// Uses the layer of `with = EXPR`.
#[allow(clippy::needless_pass_by_value)]
pub fn layer(config: impl AuthConfig) -> LayerSource {
    config.source()
}

/// What `with =` takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a valid `with` argument of `#[room_auth]`",
    label = "expected a `RoomAuthLayer`, a reference to one, or a reference to a `LazyLock<RoomAuthLayer>`",
    note = "for example `static LAYER: LazyLock<RoomAuthLayer> = …;` and `#[room_auth(with = &LAYER)]`"
)]
pub trait AuthConfig: sealed::Sealed {
    #[doc(hidden)]
    fn source(&self) -> LayerSource;
}

impl<T, E> AuthConfig for RoomAuthLayer<T, E> {
    fn source(&self) -> LayerSource {
        LayerSource::new(Ok(self.auth().clone()))
    }
}

impl<T, E> AuthConfig for LazyLock<RoomAuthLayer<T, E>> {
    fn source(&self) -> LayerSource {
        LayerSource::new(Ok(self.auth().clone()))
    }
}

impl<C: AuthConfig + ?Sized> AuthConfig for &C {
    fn source(&self) -> LayerSource {
        (**self).source()
    }
}

/// The first parameter of an attributed function.
///
/// `Marker` is never named. Two implementations could be meant, so the compiler has to look at `T` before it settles
/// for one; it then says once, in these words, that the parameter does not fit, and draws no conclusions from it.
/// With a single implementation the same mistake is reported at each step that `T` takes from here to the layer.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the claims of a `#[room_auth]` function",
    label = "the first parameter is `RoomClaims`, or `RoomClaims<T>` where `T: DeserializeOwned`",
    note = "write `claims: RoomClaims`, or `claims: RoomClaims<Member>` to read claims of your own into a `Member` with `#[derive(serde::Deserialize)]`"
)]
pub trait ClaimsParameter<Marker>: sealed::Sealed {
    #[doc(hidden)]
    type Custom;
    #[doc(hidden)]
    fn from_claims(claims: RoomClaims<Self::Custom>) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> ClaimsParameter<Valid> for RoomClaims<T> {
    type Custom = T;

    fn from_claims(claims: RoomClaims<T>) -> Self {
        claims
    }
}

#[diagnostic::do_not_recommend]
impl<T: Never> ClaimsParameter<Invalid> for RoomClaims<T> {
    type Custom = T;

    fn from_claims(claims: RoomClaims<T>) -> Self {
        claims
    }
}

/// The second parameter of an attributed function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the event of a `#[room_auth]` function",
    label = "the second parameter is `LambdaEvent<E>` where `E: DeserializeOwned + 'static`",
    note = "write `event: LambdaEvent<WebSocketEvent>`, or an event type of your own with `#[derive(serde::Deserialize)]`; state goes after the event"
)]
pub trait EventParameter<Marker>: sealed::Sealed {
    #[doc(hidden)]
    type Payload;
    #[doc(hidden)]
    fn from_event(event: LambdaEvent<Self::Payload>) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: DeserializeOwned + 'static> EventParameter<Valid> for LambdaEvent<E> {
    type Payload = E;

    fn from_event(event: LambdaEvent<E>) -> Self {
        event
    }
}

#[diagnostic::do_not_recommend]
impl<E: Never> EventParameter<Invalid> for LambdaEvent<E> {
    type Payload = E;

    fn from_event(event: LambdaEvent<E>) -> Self {
        event
    }
}

/// What an attributed function returns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be what a `#[room_auth]` function returns",
    label = "expected `Result<R, E>` where `R: WebSocketResponse`, so that a refusal can be turned into a response",
    note = "write `-> Result<Response, Error>` or `-> Result<serde_json::Value, Error>`, or implement `room_auth::WebSocketResponse` for your own type"
)]
pub trait HandlerOutput<Marker>: sealed::Sealed {
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
impl<R: WebSocketResponse, Er> HandlerOutput<Valid> for Result<R, Er> {
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
impl<R: Never, Er> HandlerOutput<Invalid> for Result<R, Er> {
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
pub enum Valid {}

#[derive(Debug)]
pub enum Invalid {}

/// Implemented for nothing.
pub trait Never: sealed::Sealed {}

mod sealed {
    pub trait Sealed {}
    impl<T> Sealed for crate::RoomClaims<T> {}
    impl<E> Sealed for lambda_runtime::LambdaEvent<E> {}
    impl<R, E> Sealed for Result<R, E> {}
    impl<T, E> Sealed for crate::RoomAuthLayer<T, E> {}
    impl<T, E> Sealed for std::sync::LazyLock<crate::RoomAuthLayer<T, E>> {}
    impl<C: Sealed + ?Sized> Sealed for &C {}
}

/// A first parameter that fits.
#[derive(Debug)]
pub struct Claims<C, T>(fn(RoomClaims<T>) -> C);

/// Checks the first parameter.
pub fn claims<C: ClaimsParameter<Marker, Custom = T>, T, Marker>() -> Claims<C, T> {
    Claims(C::from_claims)
}

/// A second parameter that fits.
#[derive(Debug)]
pub struct Event<Ev, E>(fn(LambdaEvent<E>) -> Ev);

/// Checks the second parameter.
pub fn event<Ev: EventParameter<Marker, Payload = E>, E, Marker>() -> Event<Ev, E> {
    Event(Ev::from_event)
}

/// A return type that fits.
#[derive(Debug)]
pub struct Output<O, R, Er> {
    into_result: fn(O) -> Result<R, Er>,
    from_result: fn(Result<R, Er>) -> O,
}

/// Checks the return type.
pub fn output<O: HandlerOutput<Marker, Response = R, Error = Er>, R, Er, Marker>() -> Output<O, R, Er> {
    Output {
        into_result: O::into_result,
        from_result: O::from_result,
    }
}

/// Returns `None`: in `if let Some(value) = expect_return_type() { return value }` it tells the compiler what a block
/// returns.
pub fn expect_return_type<O>() -> Option<O> {
    None
}

/// Runs `handler` behind the layer, on the same way as [`RoomAuth`](crate::RoomAuth).
pub async fn authenticate<C, T, Ev, E, O, R, Er, F, Fut>(
    source: LayerSource,
    event: LambdaEvent<Incoming>,
    make_claims: Claims<C, T>,
    make_event: Event<Ev, E>,
    output: Output<O, R, Er>,
    handler: F,
) -> O
where
    T: DeserializeOwned,
    E: DeserializeOwned + 'static,
    R: WebSocketResponse,
    F: FnOnce(C, Ev) -> Fut,
    Fut: Future<Output = O>,
{
    let service = FnOnceService(Some(|request: LambdaEvent<Authenticated<E, T>>| {
        let (authenticated, context) = request.into_parts();
        let (claims, payload) = authenticated.into_parts();
        let event = LambdaEvent::new(payload, context);
        let handling = handler((make_claims.0)(claims), (make_event.0)(event));
        async move { (output.into_result)(handling.await) }
    }));
    let response = match source.auth {
        Ok(auth) => ResponseFuture::start(&auth, source.required, event, service),
        Err(rejection) => ResponseFuture::refused(rejection),
    };
    (output.from_result)(response.await)
}

/// An attributed function, about to be called.
struct FnOnceService<F>(Option<F>);

impl<Request, F, Fut, R, Er> Service<Request> for FnOnceService<F>
where
    F: FnOnce(Request) -> Fut,
    Fut: Future<Output = Result<R, Er>>,
{
    type Response = R;
    type Error = Er;
    type Future = Fut;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Er>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Fut {
        let handler = self.0.take().expect("one event calls the handler once");
        handler(request)
    }
}
