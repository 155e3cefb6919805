//! Where an issuer publishes its keys: over HTTPS, or over HTTP on this machine.

use std::fmt;
use std::net::IpAddr;

use http::Uri;

use crate::error::ConfigError;

/// An absolute URL that keys may be fetched from.
#[derive(Clone)]
pub(super) struct JwksUrl(Uri);

impl JwksUrl {
    pub(super) fn parse(text: &str) -> Result<Self, ConfigError> {
        let refused = |problem: &str| Err(ConfigError::new(format!("the URL of the JWK set {problem}")));
        let Ok(uri) = text.trim().parse::<Uri>() else {
            return refused(
                "is not a URL; give the `jwks_uri` of the issuer's /.well-known/openid-configuration",
            );
        };
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host().filter(|host| !host.is_empty()))
        else {
            return refused("is not absolute; give the whole URL, from `https://` on");
        };
        // It would be in logs and errors.
        if uri
            .authority()
            .is_some_and(|authority| authority.as_str().contains('@'))
        {
            return refused("holds a user name or password; keys are public, so give the URL without");
        }
        match scheme {
            "https" => Ok(Self(uri)),
            "http" if is_loopback(host) => Ok(Self(uri)),
            "http" => refused(
                "begins with `http://`, where anybody on the way could put in keys of their own; give an `https://` URL \
                 (HTTP is for this machine's own addresses only)",
            ),
            _ => refused("has another scheme than `https`; give an `https://` URL"),
        }
    }

    pub(super) fn is_https(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }

    pub(super) fn to_uri(&self) -> Uri {
        self.0.clone()
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Without the query, in which somebody may have put a key of an API.
impl fmt::Display for JwksUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.scheme_str().unwrap_or_default();
        let authority = self.0.authority().map_or("", |authority| authority.as_str());
        write!(f, "{scheme}://{authority}{}", self.0.path())
    }
}

impl fmt::Debug for JwksUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn https_is_taken_from_anywhere_and_http_from_this_machine_only() {
        for text in [
            "https://issuer.example/jwks.json",
            "HTTPS://issuer.example:8443/keys?version=2",
            "http://127.0.0.1:8080/jwks",
            "http://127.9.9.9/jwks",
            "http://[::1]:8080/jwks",
            "http://localhost:8080/jwks",
            " https://issuer.example/jwks.json\n",
        ] {
            assert!(JwksUrl::parse(text).is_ok(), "{text}");
        }
        for (text, problem) in [
            ("", "not a URL"),
            ("not a url", "not a URL"),
            ("/jwks.json", "not absolute"),
            ("issuer.example", "not absolute"),
            ("http://issuer.example/jwks.json", "`http://`"),
            ("http://127.0.0.1.issuer.example/jwks", "`http://`"),
            ("http://localhost.issuer.example/jwks", "`http://`"),
            ("http://10.0.0.1/jwks", "`http://`"),
            ("http://[::ffff:10.0.0.1]/jwks", "`http://`"),
            ("ftp://issuer.example/jwks", "another scheme"),
            ("file:///etc/jwks.json", "not "),
            ("https://user:secret@issuer.example/jwks", "user name"),
            ("http://127.0.0.1@issuer.example/jwks", "user name"),
        ] {
            let error = JwksUrl::parse(text).unwrap_err().to_string();
            assert!(error.contains(problem), "{text}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn the_query_is_not_shown() {
        let url = JwksUrl::parse("https://issuer.example/keys?apikey=secret").unwrap();
        assert_eq!(
            format!("{url} {url:?}"),
            "https://issuer.example/keys https://issuer.example/keys"
        );
        assert!(url.to_uri().to_string().ends_with("apikey=secret"), "it is sent");
    }
}
