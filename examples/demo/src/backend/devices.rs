//! Browsers that a user has logged in with before.
//!
//! Their log-ins are limited apart from those of strangers, so that strangers cannot lock a user out. This is OWASP's
//! "device cookie" (Blocking Brute Force Attacks).

use aws_lc_rs::hmac;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// How long a browser that does not log in stays known.
const LIFETIME: time::Duration = time::Duration::days(180);

/// A browser, by the number in its cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Device([u8; 16]);

/// Makes and reads the cookies. They are signed, not stored.
///
/// The key is this process's own: a backend that starts again often, or runs on several machines, keeps it in its
/// configuration.
#[derive(Debug)]
pub(super) struct Devices(hmac::Key);

impl Devices {
    pub(super) fn new() -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &rand::random::<[u8; 32]>()))
    }

    /// Returns the device of a request, if it is one of the user's.
    pub(super) fn of(&self, cookies: &CookieJar, user: &str) -> Option<Device> {
        let value = cookies.get(&name_for(user))?.value();
        let (id, signature) = value.split_once('.')?;
        let id = URL_SAFE_NO_PAD.decode(id).ok()?.try_into().ok()?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        hmac::verify(&self.0, &signed(user, id), &signature).ok()?;
        Some(Device(id))
    }

    /// Makes a cookie for a browser that the user has logged in with.
    pub(super) fn remember(&self, user: &str) -> Cookie<'static> {
        let id = rand::random::<[u8; 16]>();
        let signature = hmac::sign(&self.0, &signed(user, id));
        let value = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(id),
            URL_SAFE_NO_PAD.encode(signature)
        );
        Cookie::build((name_for(user), value))
            .max_age(LIFETIME)
            .http_only(true)
            .same_site(SameSite::Strict)
            .path("/api/login")
            .build()
    }
}

/// One cookie for each user: a browser may be known to several.
fn name_for(user: &str) -> String {
    format!("device-{user}")
}

fn signed(user: &str, id: [u8; 16]) -> Vec<u8> {
    [&id[..], user.as_bytes()].concat()
}

#[cfg(test)]
impl Device {
    pub(super) const fn numbered(number: u128) -> Self {
        Self(number.to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_known_to_the_user_who_logged_in_with_it() {
        let devices = Devices::new();
        let cookie = devices.remember("alice");
        let jar = CookieJar::new().add(cookie.clone());
        let device = devices.of(&jar, "alice");
        assert!(device.is_some());
        assert_eq!(devices.of(&jar, "alice"), device, "the same one each time");
        assert_eq!(devices.of(&jar, "bob"), None);

        let value = cookie.value().to_owned();
        let (id, signature) = value.split_once('.').unwrap_or_default();
        for (row, name, value) in [
            ("another user's cookie", "device-bob", value.clone()),
            ("no signature", "device-alice", id.to_owned()),
            (
                "another id",
                "device-alice",
                format!("{}.{signature}", "A".repeat(22)),
            ),
            ("nothing", "device-alice", String::new()),
        ] {
            let jar = CookieJar::new().add(Cookie::new(name, value));
            assert_eq!(devices.of(&jar, &name["device-".len()..]), None, "{row}");
        }
        assert_eq!(Devices::new().of(&jar, "alice"), None, "another key");
    }
}
