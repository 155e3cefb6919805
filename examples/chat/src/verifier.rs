use room_auth::{Error, Verifier};

/// Makes the verifier of the chat and its authorizer.
///
/// With `JWKS_URL` set, tokens are an identity provider's: they speak of a user, whose `rooms` they list, and clients
/// request one by `?room=`. Otherwise tokens are a backend's, each for one room, and `PUBLIC_KEY` verifies them. Both name
/// the `user`, by whom they are revoked.
// Without the feature `jwks` there is nothing to wait for.
#[allow(clippy::unused_async)]
pub(crate) async fn from_env() -> Result<Verifier, Error> {
    #[cfg(feature = "jwks")]
    if std::env::var_os(room_auth::JWKS_URL_ENV).is_some() {
        let verifier = Verifier::from_jwks_env().await?;
        let verifier = verifier.with_room_source(room_auth::RoomSource::requested_from("rooms"));
        return Ok(verifier.with_user_claim("user"));
    }
    Ok(Verifier::from_env()?.with_user_claim("user"))
}
