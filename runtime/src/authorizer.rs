//! The REQUEST authorizer: the same verification, in front of API Gateway's `$connect` route.
//!
//! With it API Gateway refuses before the integration is called (and billed), and passes the claims on with every
//! later event, for [`with_trusted_authorizer`](crate::RoomAuthLayer::with_trusted_authorizer).
//!
//! ```no_run
//! use room_auth::Error;
//! use room_auth::authorizer::Authorizer;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Error> {
//!     lambda_runtime::run(Authorizer::from_env()?).await
//! }
//! ```

use std::fmt;
use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use lambda_runtime::{Diagnostic, LambdaEvent};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Map;
use serde_json::value::RawValue;
use tower::Service;

use crate::auth::RejectionKind;
use crate::claims::RoomClaims;
use crate::error::ConfigError;
use crate::event::{EventType, Incoming, Sources, TokenSource, View};
use crate::token::{Verified, Verifier};

/// The key of the context under which the claims stand, as the text of a JSON object.
pub const CONTEXT_KEY: &str = "room_auth";

/// The most that API Gateway takes as a context, in bytes (8 KB; API Gateway quota page).
pub const MAX_CONTEXT_BYTES: usize = 8 * 1024;

/// What a context may hold: flat values (API Gateway refuses objects, arrays and null).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ContextValue {
    /// A string.
    Text(String),
    /// An integer.
    Number(i64),
    /// A boolean.
    Flag(bool),
}

impl From<&str> for ContextValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for ContextValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for ContextValue {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for ContextValue {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

type Decide<T> = dyn Fn(&RoomClaims<T>) -> bool + Send + Sync;
type AddContext<T> = dyn Fn(&RoomClaims<T>) -> Vec<(String, ContextValue)> + Send + Sync;

/// A Lambda REQUEST authorizer for the `$connect` route.
///
/// Allows exactly the `methodArn` it was asked about. A request without one good token fails with the message
/// `Unauthorized`, which API Gateway turns into a 401; one that [`with_permission`](Self::with_permission) turns
/// down gets a policy that denies, which becomes a 403.
pub struct Authorizer<T = ()> {
    verifier: Verifier,
    sources: Sources,
    permits: Option<Arc<Decide<T>>>,
    adds: Option<Arc<AddContext<T>>>,
    claims: PhantomData<fn() -> T>,
}

impl Authorizer {
    /// An authorizer with the public keys of the environment variable `PUBLIC_KEY`, which does not look at
    /// claims beside the standard ones.
    ///
    /// # Errors
    ///
    /// The variable is missing or holds no usable key.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self::new(Verifier::from_env()?))
    }
}

impl<T> Authorizer<T> {
    /// An authorizer that verifies with `verifier`, with the token sources of
    /// [`RoomAuthLayer::new`](crate::RoomAuthLayer::new).
    pub fn new(verifier: Verifier) -> Self {
        Self {
            verifier,
            sources: Sources::default(),
            permits: None,
            adds: None,
            claims: PhantomData,
        }
    }

    /// Looks for tokens in these places; give the layer behind it the same.
    ///
    /// # Errors
    ///
    /// See [`RoomAuthLayer::with_sources`](crate::RoomAuthLayer::with_sources).
    pub fn with_sources(
        mut self,
        sources: impl IntoIterator<Item = TokenSource>,
    ) -> Result<Self, ConfigError> {
        self.sources = self.sources.with_sources(sources.into_iter().collect())?;
        Ok(self)
    }

    /// See [`RoomAuthLayer::with_application_protocols`](crate::RoomAuthLayer::with_application_protocols).
    ///
    /// # Errors
    ///
    /// A name that cannot be a subprotocol, or is ours.
    pub fn with_application_protocols<P: Into<String>>(
        mut self,
        protocols: impl IntoIterator<Item = P>,
    ) -> Result<Self, ConfigError> {
        let protocols = protocols.into_iter().map(Into::into).collect();
        self.sources = self.sources.with_application_protocols(protocols)?;
        Ok(self)
    }

    /// Denies (403) those with a good token for whom `permits` does not hold.
    #[must_use]
    pub fn with_permission(
        mut self,
        permits: impl Fn(&RoomClaims<T>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.permits = Some(Arc::new(permits));
        self
    }

    /// Adds values to the context. The key `room_auth` is taken.
    #[must_use]
    pub fn with_context(
        mut self,
        adds: impl Fn(&RoomClaims<T>) -> Vec<(String, ContextValue)> + Send + Sync + 'static,
    ) -> Self {
        self.adds = Some(Arc::new(adds));
        self
    }
}

impl<T: DeserializeOwned> Authorizer<T> {
    fn authorize(&self, event: &RawValue) -> Result<AuthorizerResponse, AuthorizerError> {
        let refuse = |kind: RejectionKind, connection_id: &str, route: &str| {
            crate::auth::refuse(kind, connection_id, route);
            AuthorizerError::Unauthorized
        };
        let view = View::read(event, &self.sources).filter(|view| view.event_type == EventType::Connect);
        let (Some(view), Some(method_arn)) = (view, method_arn(event.get())) else {
            return Err(refuse(RejectionKind::Event, "", ""));
        };
        let refuse = |kind| refuse(kind, view.connection_id.as_str(), &view.route);
        let presented = self
            .sources
            .find(&view.handshake)
            .map_err(|error| refuse(error.into()))?;
        let Verified { claims, payload } = self
            .verifier
            .verify_at::<T>(&presented.token, self.verifier.now())
            .map_err(|error| refuse(RejectionKind::Token(error.kind())))?;
        let effect = if self.permits.as_ref().is_none_or(|permits| permits(&claims)) {
            "Allow"
        } else {
            "Deny"
        };
        let context = if effect == "Allow" {
            self.context(&claims, payload)?
        } else {
            Map::new()
        };
        tracing::info!(
            target: "room_auth",
            room_id = %claims.room_id(),
            connection_id = %view.connection_id,
            route = &*view.route,
            effect,
            "authorized"
        );
        Ok(AuthorizerResponse {
            principal_id: claims.room_id().as_str().to_owned(),
            policy_document: Policy {
                version: "2012-10-17",
                statement: [Statement {
                    action: "execute-api:Invoke",
                    effect,
                    resource: method_arn,
                }],
            },
            context,
        })
    }

    fn context(
        &self,
        claims: &RoomClaims<T>,
        payload: Vec<u8>,
    ) -> Result<Map<String, serde_json::Value>, AuthorizerError> {
        let mut context = Map::new();
        for (key, value) in self.adds.as_ref().map(|adds| adds(claims)).unwrap_or_default() {
            let value = serde_json::to_value(value).map_err(|_| AuthorizerError::ReservedKey)?;
            context.insert(key, value);
        }
        // The payload was read as JSON, which is UTF-8.
        let payload = String::from_utf8(payload).map_err(|_| AuthorizerError::Unauthorized)?;
        if context.insert(CONTEXT_KEY.to_owned(), payload.into()).is_some() {
            return Err(AuthorizerError::ReservedKey);
        }
        let size = serde_json::to_vec(&context).map_or(usize::MAX, |json| json.len());
        if size > MAX_CONTEXT_BYTES {
            return Err(AuthorizerError::ContextTooLarge(size));
        }
        Ok(context)
    }
}

/// The ARN that is asked about: of one method, without wildcards, since it becomes the policy's resource.
fn method_arn(event: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Asked<'a> {
        #[serde(borrow)]
        method_arn: &'a RawValue,
    }
    let asked: Asked<'_> = serde_json::from_str(event).ok()?;
    let arn: String = serde_json::from_str(asked.method_arn.get()).ok()?;
    (arn.starts_with("arn:") && !arn.contains(['*', '?'])).then_some(arn)
}

impl<T: DeserializeOwned> Service<LambdaEvent<Incoming>> for Authorizer<T> {
    type Response = AuthorizerResponse;
    type Error = AuthorizerError;
    type Future = Ready<Result<AuthorizerResponse, AuthorizerError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, event: LambdaEvent<Incoming>) -> Self::Future {
        ready(self.authorize(event.payload.as_raw()))
    }
}

impl<T> Clone for Authorizer<T> {
    fn clone(&self) -> Self {
        Self {
            verifier: self.verifier.clone(),
            sources: self.sources.clone(),
            permits: self.permits.clone(),
            adds: self.adds.clone(),
            claims: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Authorizer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer")
            .field("verifier", &self.verifier)
            .finish_non_exhaustive()
    }
}

/// What an authorizer answers: a policy for one method, and the context. Serializes without null members, which
/// API Gateway would refuse. Claims may hold personal data: `Debug` leaves the context out.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerResponse {
    principal_id: String,
    policy_document: Policy,
    #[serde(skip_serializing_if = "Map::is_empty")]
    context: Map<String, serde_json::Value>,
}

impl fmt::Debug for AuthorizerResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizerResponse")
            .field("principal_id", &self.principal_id)
            .field("policy_document", &self.policy_document)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    version: &'static str,
    statement: [Statement; 1],
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    action: &'static str,
    effect: &'static str,
    resource: String,
}

/// Why an authorizer did not answer with a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizerError {
    /// No good token. API Gateway makes a 401 of exactly this message.
    #[error("Unauthorized")]
    Unauthorized,
    /// Fault: the context would have this many bytes; API Gateway makes a 500 of it.
    #[error("the authorizer's context would have {0} bytes, API Gateway takes 8192; put less into it")]
    ContextTooLarge(usize),
    /// Fault: the context uses the key `room_auth`, under which the claims stand.
    #[error("the authorizer's context must not use the key room_auth, under which the claims stand")]
    ReservedKey,
}

impl From<AuthorizerError> for Diagnostic {
    fn from(error: AuthorizerError) -> Self {
        let error_type = match error {
            AuthorizerError::Unauthorized => "Unauthorized",
            AuthorizerError::ContextTooLarge(_) | AuthorizerError::ReservedKey => "AuthorizerError",
        };
        Self {
            error_type: error_type.to_owned(),
            error_message: error.to_string(),
        }
    }
}

#[cfg(all(test, feature = "issuer"))]
#[allow(clippy::unwrap_used)]
mod tests;
