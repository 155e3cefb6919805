//! The user of a request.

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
        account
            .map(Self)
            .ok_or_else(|| Failure::new(StatusCode::UNAUTHORIZED, "Log in first."))
    }
}
