//! The user of a request, and whether it is a moderator.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use axum_extra::extract::cookie::CookieJar;

use super::{Backend, accounts::Account, reply::Failure};

/// The user of a request. Without one, the request is answered with 401.
pub(super) struct User(pub(super) &'static Account);

impl FromRequestParts<Arc<Backend>> for User {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, backend: &Arc<Backend>) -> Result<Self, Failure> {
        let cookies = CookieJar::from_headers(&parts.headers);
        let account = backend.sessions.account(&cookies, Instant::now());
        account.map(Self).ok_or_else(Failure::log_in_first)
    }
}

/// The user of a request that only a moderator may make. Others are answered with 403.
pub(super) struct Moderator;

impl FromRequestParts<Arc<Backend>> for Moderator {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, backend: &Arc<Backend>) -> Result<Self, Failure> {
        let User(account) = User::from_request_parts(parts, backend).await?;
        if account.is_moderator {
            return Ok(Self);
        }
        Err(Failure::new(
            StatusCode::FORBIDDEN,
            "Only a moderator may do this.",
        ))
    }
}
