//! The `#[room_auth]` attribute. Depend on the crate `room-auth`, which re-exports it.
//!
//! The modules, in the order in which a function passes through them:
//!
//! | step | module | what it does |
//! | --- | --- | --- |
//! | read | `ast` | parses the item, but not the function's body |
//! | | `attr` | parses the arguments of the attribute |
//! | check | `valid` | finds the claims, the event and the state; reports each mistake where it has to be fixed |
//! | write | `expand` | writes the function that authenticates before it runs the body |
//! | | `fallback` | writes a stub in place of an invalid function |
//!
//! `ty` and `names` serve the last three.

mod ast;
mod attr;
mod expand;
mod fallback;
mod names;
#[cfg(test)]
mod tests;
mod ty;
mod valid;

use proc_macro::TokenStream;
use quote::quote;

/// Makes an `async fn` a handler of authenticated requests.
///
/// The first parameter is the claims of the caller's token, the second is the event, and all others are state. The
/// attribute replaces the function by one of the same name that takes the raw event and the state, verifies the
/// token, and only then runs the body. Nobody can pass in the claims: they always come from a verified token.
///
/// ```no_run
/// use room_auth::{Error, LambdaEvent, Response, RoomClaims, WebSocketEvent, response, room_auth};
///
/// #[room_auth]
/// async fn connect(claims: RoomClaims, event: LambdaEvent<WebSocketEvent>) -> Result<Response, Error> {
///     tracing::info!(room = %claims.room_id(), connection = %event.payload.connection_id(), "joined");
///     Ok(response::ok())
/// }
///
/// # async fn start() -> Result<(), Error> {
/// // The attribute has made it: async fn connect(event: LambdaEvent<Incoming>) -> Result<…>
/// room_auth::run(connect).await
/// # }
/// ```
///
/// - The claims are a `RoomClaims`, or a `RoomClaims<T>` with your own claims beside the standard ones.
/// - The event is a `LambdaEvent<E>`, where `E` is any type that can be deserialized.
/// - The return type is a `Result<R, E>`, where `R: WebSocketResponse`.
/// - All of these types may be aliases, and all parameters may be patterns.
/// - A refused request never reaches the body: the caller receives a response with status 401, as `Ok`.
/// - The function keeps its name, visibility, generics, `where` clause, attributes and documentation. An attribute
///   *above* `#[room_auth]` sees the function with its claims, one *below* sees it without. Put
///   `#[tracing::instrument]` above if one of its fields comes from the claims.
///
/// # Another configuration
///
/// Without arguments, the attribute builds a layer from the environment (`PUBLIC_KEY`), once for all functions.
/// `with = EXPR` uses another one: `EXPR` is a `RoomAuthLayer` or a reference to one, and may use the state
/// parameters:
///
/// ```
/// use room_auth::{Error, LambdaEvent, RoomAuthLayer, RoomClaims, room_auth};
/// use serde_json::{Value, json};
///
/// struct App {
///     auth: RoomAuthLayer,
///     greeting: String,
/// }
///
/// #[room_auth(with = &app.auth)]
/// async fn connect(claims: RoomClaims, _: LambdaEvent<Value>, app: &App) -> Result<Value, Error> {
///     Ok(json!({"statusCode": 200, "body": format!("{}, {}", app.greeting, claims.room_id())}))
/// }
/// ```
///
/// The expression is evaluated for every request, before authentication, so it should refer to an existing layer
/// rather than build one.
///
/// # What the caller may do
///
/// `can = "NAME"` requires that the token allows something: that its claim `can`, an array of names, holds this one. A
/// token without that claim allows everything. Without the capability a `$connect` and a message are refused with
/// status 403; a `$disconnect` reaches the body in any case.
///
/// ```
/// use room_auth::{Error, LambdaEvent, Response, RoomClaims, WebSocketEvent, response, room_auth};
///
/// #[room_auth(can = "send")]
/// async fn send(claims: RoomClaims, event: LambdaEvent<WebSocketEvent>) -> Result<Response, Error> {
///     Ok(response::ok())
/// }
/// ```
#[proc_macro_attribute]
pub fn room_auth(args: TokenStream, item: TokenStream) -> TokenStream {
    attribute(args.into(), &item.into()).into()
}

fn attribute(args: proc_macro2::TokenStream, item: &proc_macro2::TokenStream) -> proc_macro2::TokenStream {
    let (args, error) = match attr::Args::read(args) {
        Ok(args) => (args, None),
        // After invalid arguments the function is expanded as if it had none, so that its body is checked as well.
        Err(error) => (attr::Args::default(), Some(error.into_compile_error())),
    };
    let tokens = match ast::Item::read(item) {
        ast::Item::Function(function) => match valid::Handler::check(&function) {
            Ok(handler) => expand::handler(&handler, &args),
            Err(error) => fallback::invalid(&function, error),
        },
        ast::Item::Unreadable { vis, name, error } => fallback::unreadable(&vis, name.as_ref(), error),
        ast::Item::Other(error) => {
            let error = error.into_compile_error();
            quote! { #error #item }
        }
    };
    quote! { #error #tokens }
}
