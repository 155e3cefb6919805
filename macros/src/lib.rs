//! The `#[room_auth]` attribute. It belongs to the crate `room-auth`, which re-exports it: depend on that one.
//!
//! The way of a function through here, one module a step:
//!
//! | step | module | what |
//! | --- | --- | --- |
//! | read | `ast` | the item's tokens, the body left unread |
//! | | `attr` | the arguments in the attribute's parentheses |
//! | check | `valid` | what is claims, event and state; every refusal on the span that has to change |
//! | write | `expand` | the function that authenticates before it runs the body |
//! | | `fallback` | what stands in for a function that was refused |

mod ast;
mod attr;
mod expand;
mod fallback;
#[cfg(test)]
mod tests;
mod valid;

use proc_macro::TokenStream;

/// Lets an `async fn` see authenticated requests only.
///
/// The first parameter is the claims of the caller's token, the second the event, all others are state. What is
/// left is an ordinary `async fn` of the same name that takes the raw event and the state: the claims can't be
/// passed in, they come from a verified token.
///
/// ```no_run
/// use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
/// use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};
///
/// #[room_auth]
/// async fn connect(
///     claims: RoomClaims,
///     event: LambdaEvent<ApiGatewayWebsocketProxyRequest>,
/// ) -> Result<ApiGatewayProxyResponse, Error> {
///     tracing::info!(room = %claims.room_id(), "joined");
///     Ok(room_auth::response::ok())
/// }
///
/// # async fn start() -> Result<(), Error> {
/// // Now it is: async fn connect(event: LambdaEvent<Incoming>) -> Result<ApiGatewayProxyResponse, Error>
/// room_auth::run(connect).await
/// # }
/// ```
///
/// - Claims: `RoomClaims`, or `RoomClaims<T>` with your own claims beside the standard ones. Event:
///   `LambdaEvent<E>`, where `E` is any type that can be deserialized. Return type: `Result<R, E>`, where
///   `R: WebSocketResponse`. All of them may be aliases, and all parameters may be patterns.
/// - A refused request never reaches the body: the caller gets `Ok` of a 401.
/// - Name, visibility, generics, `where` clause, attributes and documentation stay. An attribute *above*
///   `#[room_auth]` sees the function with its claims, one *below* sees it without: `#[tracing::instrument]`
///   with a field out of the claims belongs above.
///
/// # Another configuration
///
/// Without arguments, the layer is built once from the environment (`PUBLIC_KEY`). `with` takes any expression
/// that is a `RoomAuthLayer` or refers to one, which may come out of a state parameter:
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
/// The expression is evaluated anew for every request, before authentication; only refer to something that was
/// built before.
#[proc_macro_attribute]
pub fn room_auth(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(args.into(), &item.into()).into()
}
