//! The authorizer.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Map;
use serde_json::value::RawValue;

use super::error::AuthorizerError;
use super::response::{AuthorizerResponse, ContextValue, MAX_RESULT_BYTES};
use crate::auth::{Admission, Authenticator, CONTEXT_KEY, ROOM_CONTEXT_KEY, required};
use crate::claims::RoomClaims;
use crate::error::ConfigError;
use crate::event::{EventType, View};
use crate::rejection::{Rejection, RejectionKind};
use crate::report;

type Permission<T> = dyn Fn(&RoomClaims<T>) -> bool + Send + Sync;
type AddContext<T> = dyn Fn(&RoomClaims<T>) -> Vec<(String, ContextValue)> + Send + Sync;

/// A Lambda REQUEST authorizer for the `$connect` route.
///
/// Allows exactly the `methodArn` it was asked about. A request without one valid token fails with the message
/// `Unauthorized`, which API Gateway turns into a 401; one that [`with_permission`](Self::with_permission) or
/// [`requiring`](Self::requiring) turns down gets a policy that denies, which becomes a 403.
pub struct Authorizer<T = ()> {
    authenticator: Authenticator,
    required: Vec<&'static str>,
    permission: Option<Arc<Permission<T>>>,
    add_context: Option<Arc<AddContext<T>>>,
    claims: PhantomData<fn() -> T>,
}

impl Authorizer {
    /// Creates an authorizer with the public keys of the environment variable `PUBLIC_KEY`, which does not look at
    /// claims beside the standard ones.
    ///
    /// # Errors
    ///
    /// The variable is missing or holds no usable key.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self::new(Authenticator::from_env()?))
    }
}

impl<T> Authorizer<T> {
    /// Creates an authorizer that authenticates by `authenticator`, or by a [`Verifier`](crate::Verifier) and the
    /// default token sources. Give the layer behind it the same one.
    pub fn new(authenticator: impl Into<Authenticator>) -> Self {
        Self {
            authenticator: authenticator.into(),
            required: Vec::new(),
            permission: None,
            add_context: None,
            claims: PhantomData,
        }
    }

    /// Denies (403) requests with a valid token whose claims do not allow `capability` (default: nothing is required;
    /// see [`RoomClaims::can`]). May be called several times.
    ///
    /// ```no_run
    /// # use room_auth::authorizer::Authorizer;
    /// # fn configure() -> Result<Authorizer, room_auth::ConfigError> {
    /// Ok(Authorizer::from_env()?.requiring("connect"))
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// `capability` is not the name of one: 1 to 64 characters out of a-z 0-9 _ . : -
    #[must_use]
    pub fn requiring(mut self, capability: &'static str) -> Self {
        self.required.push(required(capability));
        self
    }

    /// Denies (403) requests with a valid token whose claims `permits` returns `false` for.
    ///
    /// ```no_run
    /// # use room_auth::{Authenticator, authorizer::Authorizer};
    /// #[derive(serde::Deserialize)]
    /// struct Member {
    ///     is_guest: bool,
    /// }
    ///
    /// # fn configure() -> Result<Authorizer<Member>, room_auth::ConfigError> {
    /// Ok(Authorizer::<Member>::new(Authenticator::from_env()?).with_permission(|claims| !claims.custom().is_guest))
    /// # }
    /// ```
    #[must_use]
    pub fn with_permission(
        mut self,
        permits: impl Fn(&RoomClaims<T>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.permission = Some(Arc::new(permits));
        self
    }

    /// Adds values to the context, for access logs and other integrations. The keys `room_auth` and
    /// `room_auth_room` are taken.
    ///
    /// ```no_run
    /// # use room_auth::{Authenticator, authorizer::Authorizer};
    /// # fn configure() -> Result<Authorizer, room_auth::ConfigError> {
    /// Ok(Authorizer::from_env()?.with_context(|claims| vec![("room".into(), claims.room_id().as_str().into())]))
    /// # }
    /// ```
    #[must_use]
    pub fn with_context(
        mut self,
        adds: impl Fn(&RoomClaims<T>) -> Vec<(String, ContextValue)> + Send + Sync + 'static,
    ) -> Self {
        self.add_context = Some(Arc::new(adds));
        self
    }
}

impl<T: DeserializeOwned> Authorizer<T> {
    pub(super) fn read<'e>(&self, event: &'e RawValue) -> Result<View<'e>, AuthorizerError> {
        View::read(event, self.authenticator.sources()).map_err(|member| {
            report::refused(member.into(), None);
            AuthorizerError::Unauthorized
        })
    }

    /// Returns what to wait for before [`authorize`](Self::authorize): newer keys of the token's issuer.
    pub(super) fn awaited_keys(&self, view: &View<'_>) -> Option<BoxFuture<'static, ()>> {
        let now = self.authenticator.verifier().now();
        self.authenticator.awaited_keys(&view.handshake, now)
    }

    /// Decides on an event with the keys that are there.
    pub(super) fn authorize(
        &self,
        event: &RawValue,
        view: &View<'_>,
    ) -> Result<AuthorizerResponse, AuthorizerError> {
        let context = &view.context;
        let refuse = |rejection: Rejection| {
            report::refused(rejection, Some(context));
            AuthorizerError::Unauthorized
        };
        if context.event_type() != EventType::Connect {
            return Err(refuse(Rejection::of_member(RejectionKind::Event, "eventType")));
        }
        let method_arn = method_arn(event.get())
            .ok_or_else(|| refuse(Rejection::of_member(RejectionKind::Event, "methodArn")))?;
        let now = self.authenticator.verifier().now();
        let Admission { claims, payload, .. } = self
            .authenticator
            .authenticate::<T>(&view.handshake, now)
            .map_err(refuse)?;
        let principal_id = claims.subject();
        let can_all = self.required.iter().all(|capability| claims.can(capability));
        let is_permitted = can_all && self.permission.as_ref().is_none_or(|permits| permits(&claims));
        if !is_permitted {
            if can_all {
                report::denied(context);
            } else {
                report::refused(RejectionKind::Forbidden.into(), Some(context));
            }
            return Ok(AuthorizerResponse::new(
                principal_id,
                false,
                method_arn,
                Map::new(),
            ));
        }
        let response =
            AuthorizerResponse::new(principal_id, true, method_arn, self.context(&claims, payload)?);
        let size = response.size();
        if size > MAX_RESULT_BYTES {
            return Err(AuthorizerError::ResultTooLarge(size));
        }
        report::accepted(&claims, context);
        Ok(response)
    }

    fn context(
        &self,
        claims: &RoomClaims<T>,
        payload: String,
    ) -> Result<Map<String, serde_json::Value>, AuthorizerError> {
        let added = self
            .add_context
            .as_ref()
            .map(|adds| adds(claims))
            .unwrap_or_default();
        let mut context: Map<_, _> = added
            .into_iter()
            .map(|(key, value)| (key, value.into()))
            .collect();
        if context.contains_key(CONTEXT_KEY) || context.contains_key(ROOM_CONTEXT_KEY) {
            return Err(AuthorizerError::ReservedKey);
        }
        context.insert(CONTEXT_KEY.to_owned(), payload.into());
        if self.authenticator.verifier().room_source().is_requested() {
            context.insert(ROOM_CONTEXT_KEY.to_owned(), claims.room_id().as_str().into());
        }
        Ok(context)
    }
}

/// The ARN that is asked about: of the route `$connect` of one stage, without wildcards and policy variables, since
/// it becomes the policy's resource.
fn method_arn(event: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Asked<'a> {
        #[serde(borrow)]
        method_arn: &'a RawValue,
    }
    let asked: Asked<'_> = serde_json::from_str(event).ok()?;
    let arn: String = serde_json::from_str(asked.method_arn.get()).ok()?;
    let (api, route) = arn.rsplit_once('/')?;
    let is_plain = |text: &str| {
        !text
            .chars()
            .any(|c| matches!(c, '*' | '?' | '{' | '}') || c.is_control())
    };
    let is_execute_api = api.starts_with("arn:") && api.split(':').nth(2) == Some("execute-api");
    (is_execute_api && route == "$connect" && is_plain(api)).then_some(arn)
}

impl<T> Clone for Authorizer<T> {
    fn clone(&self) -> Self {
        Self {
            authenticator: self.authenticator.clone(),
            required: self.required.clone(),
            permission: self.permission.clone(),
            add_context: self.add_context.clone(),
            claims: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Authorizer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer")
            .field("authenticator", &self.authenticator)
            .finish_non_exhaustive()
    }
}
