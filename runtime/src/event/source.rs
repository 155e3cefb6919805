//! Where in a CONNECT event a token may stand, and in what form.

use std::borrow::Cow;
use std::sync::Arc;

use super::error::SourceError;
use super::subprotocol;
use crate::error::ConfigError;
use crate::token::ROOM_PARAMETER;

/// A place in the handshake where a token may be presented.
///
/// ```
/// use room_auth::TokenSource;
///
/// let sources = [TokenSource::subprotocol(), TokenSource::query("access_token")];
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSource(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Subprotocol,
    Bearer {
        header: String,
    },
    Query {
        name: String,
    },
    Cookie {
        name: String,
        allowed_origins: Vec<String>,
    },
}

impl TokenSource {
    /// Looks at `Sec-WebSocket-Protocol: room-auth, <token>`: the only header that a browser lets a page set.
    pub fn subprotocol() -> Self {
        Self(Kind::Subprotocol)
    }

    /// Looks at `Authorization: Bearer <token>` (RFC 6750 §2.1).
    pub fn authorization() -> Self {
        Self::bearer("Authorization")
    }

    /// Looks at `<header>: Bearer <token>`. The case of scheme and header name does not matter; another scheme
    /// presents nothing.
    pub fn bearer(header: impl Into<String>) -> Self {
        Self(Kind::Bearer {
            header: header.into(),
        })
    }

    /// Looks at `?<name>=<token>`. URLs end up in logs: keep tokens short-lived.
    pub fn query(name: impl Into<String>) -> Self {
        Self(Kind::Query { name: name.into() })
    }

    /// Looks at the cookie `name`.
    ///
    /// Browsers attach cookies to whatever page opens the socket, so the `Origin` header must be one of
    /// `allowed_origins` (`https://chat.example`, or a web view's own, such as `capacitor://localhost`): otherwise any
    /// site could connect as its visitor.
    pub fn cookie<O: Into<String>>(
        name: impl Into<String>,
        allowed_origins: impl IntoIterator<Item = O>,
    ) -> Self {
        Self(Kind::Cookie {
            name: name.into(),
            allowed_origins: allowed_origins.into_iter().map(Into::into).collect(),
        })
    }

    /// Checks the names, and normalizes the allowed origins.
    fn checked(mut self) -> Result<Self, ConfigError> {
        let fault = match &self.0 {
            Kind::Subprotocol => None,
            Kind::Bearer { header } => {
                (!is_token(header)).then_some("a header name consists of letters, digits and -")
            }
            Kind::Query { name } => name.is_empty().then_some("a query parameter needs a name"),
            Kind::Cookie { name, .. } if !is_token(name) => {
                Some("a cookie name consists of letters, digits, - and _")
            }
            Kind::Cookie { allowed_origins, .. } => allowed_origins
                .is_empty()
                .then_some("a cookie source needs at least one allowed origin, such as https://chat.example"),
        };
        if let Some(fault) = fault {
            return Err(ConfigError::new(format!("token source: {fault}")));
        }
        if let Kind::Cookie { allowed_origins, .. } = &mut self.0 {
            for origin in allowed_origins {
                *origin = normalize_origin(origin)?;
            }
        }
        Ok(self)
    }
}

/// `token` of RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// An origin as browsers and web views send it (RFC 6454 §6.2): `scheme://host[:port]` in lower case, without a
/// default port. Undoes what is unambiguous: white space around, one `/` at the end, capitals.
fn normalize_origin(text: &str) -> Result<String, ConfigError> {
    let origin = text.trim().to_ascii_lowercase();
    let origin = origin.strip_suffix('/').unwrap_or(&origin);
    let refused = |found: &str| {
        Err(ConfigError::new(format!(
            "token source: the allowed origin {text:?} {found}; write scheme://host[:port], such as https://chat.example"
        )))
    };
    let Some((scheme, host)) = origin.split_once("://") else {
        return refused(match origin {
            "*" => "would allow every site",
            "null" => "is that of any sandboxed page",
            _ => "has no scheme",
        });
    };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let is_host = !host.is_empty()
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte));
    match (is_scheme, is_host) {
        (false, _) => refused("has no scheme"),
        (_, false) if host.contains('*') => refused("has a wildcard, and origins are compared byte for byte"),
        (_, false) if host.contains(['/', '?', '#']) => refused("has a path"),
        (_, false) => refused("has no host"),
        (true, true) => {
            let default_port = match scheme {
                "https" => ":443",
                "http" => ":80",
                _ => return Ok(origin.to_owned()),
            };
            Ok(origin.strip_suffix(default_port).unwrap_or(origin).to_owned())
        }
    }
}

/// The sources that are looked at, and the application protocols that may stand before ours.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    places: Arc<[TokenSource]>,
    /// The header names whose values decide.
    headers: Arc<[String]>,
    application_protocols: Arc<[String]>,
    /// Whether the handshake also says which room is requested.
    requests_room: bool,
}

impl Default for Sources {
    fn default() -> Self {
        let places = [
            TokenSource::subprotocol(),
            TokenSource::authorization(),
            TokenSource::query("token"),
        ];
        Self::of(places.into(), [].into(), false)
    }
}

impl Sources {
    pub(crate) fn with_sources(self, sources: Vec<TokenSource>) -> Result<Self, ConfigError> {
        if sources.is_empty() {
            return Err(ConfigError::new(
                "token sources: at least one is needed, or nobody can connect",
            ));
        }
        let sources: Vec<_> = sources
            .into_iter()
            .map(TokenSource::checked)
            .collect::<Result<_, _>>()?;
        for (index, source) in sources.iter().enumerate() {
            if sources[..index].iter().any(|earlier| earlier.place_eq(source)) {
                return Err(ConfigError::new("token sources: the same place is named twice"));
            }
        }
        let takes_room = |source: &TokenSource| matches!(&source.0, Kind::Query { name } if name.eq_ignore_ascii_case(ROOM_PARAMETER));
        if self.requests_room && sources.iter().any(takes_room) {
            return Err(ConfigError::new(
                "token sources: the query parameter `room` names the room that is requested; name another for the token",
            ));
        }
        Ok(Self::of(
            sources.into(),
            self.application_protocols,
            self.requests_room,
        ))
    }

    pub(crate) fn with_application_protocols(self, protocols: Vec<String>) -> Result<Self, ConfigError> {
        for protocol in &protocols {
            if !is_token(protocol) || protocol == subprotocol::ROOM_AUTH {
                return Err(ConfigError::new(format!(
                    "application protocols: {protocol:?} cannot be one; name your own, such as graphql-transport-ws"
                )));
            }
        }
        Ok(Self::of(self.places, protocols.into(), self.requests_room))
    }

    /// Also reads which room is requested.
    pub(crate) fn requesting_room(self) -> Self {
        Self {
            requests_room: true,
            ..self
        }
    }

    fn of(places: Arc<[TokenSource]>, application_protocols: Arc<[String]>, requests_room: bool) -> Self {
        let headers = places.iter().flat_map(|source| match &source.0 {
            Kind::Subprotocol => vec![subprotocol::HEADER.to_owned()],
            Kind::Bearer { header } => vec![header.clone()],
            Kind::Query { .. } => Vec::new(),
            Kind::Cookie { .. } => vec!["Cookie".to_owned(), "Origin".to_owned()],
        });
        // One of them is answered, even where the token may not stand beside it.
        let offer = (!application_protocols.is_empty()).then(|| subprotocol::HEADER.to_owned());
        Self {
            headers: headers.chain(offer).collect(),
            places,
            application_protocols,
            requests_room,
        }
    }

    /// The header names whose values decide.
    pub(crate) fn headers(&self) -> &[String] {
        &self.headers
    }

    /// The names of the query parameters whose values decide.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &str> {
        let tokens = self.places.iter().filter_map(|source| match &source.0 {
            Kind::Query { name } => Some(name.as_str()),
            _ => None,
        });
        tokens.chain(self.requests_room.then_some(ROOM_PARAMETER))
    }

    /// The one token that the handshake presents.
    pub(crate) fn find<'e>(&self, fields: &impl Fields<'e>) -> Result<Presented<'e>, SourceError> {
        let mut token = None;
        let mut subprotocol = None;
        for source in self.places.iter() {
            let found = match &source.0 {
                Kind::Subprotocol => match fields.header(subprotocol::HEADER)? {
                    Some(Cow::Borrowed(list)) => {
                        let offer = subprotocol::read(list, &self.application_protocols)?;
                        subprotocol = offer.selected;
                        offer.token.map(Cow::Borrowed)
                    }
                    Some(Cow::Owned(list)) => {
                        let offer = subprotocol::read(&list, &self.application_protocols)?;
                        subprotocol = offer.selected;
                        offer.token.map(|token| Cow::Owned(token.to_owned()))
                    }
                    None => None,
                },
                Kind::Bearer { header } => match fields.header(header)? {
                    Some(value) => read_bearer(&value)?,
                    None => None,
                },
                Kind::Query { name } => fields.parameter(name)?,
                Kind::Cookie {
                    name,
                    allowed_origins,
                } => {
                    let found = fields
                        .header("Cookie")?
                        .map(|list| read_cookie(&list, name))
                        .transpose()?
                        .flatten();
                    if found.is_some() {
                        let origin = fields.header("Origin")?.ok_or(SourceError::Origin)?;
                        if !allowed_origins.iter().any(|allowed| *allowed == origin) {
                            return Err(SourceError::Origin);
                        }
                    }
                    found
                }
            };
            if let Some(found) = found {
                if found.is_empty() {
                    return Err(SourceError::Malformed);
                }
                if token.replace(found).is_some() {
                    return Err(SourceError::Multiple);
                }
            }
        }
        if !self.application_protocols.is_empty() && !self.places.contains(&TokenSource::subprotocol()) {
            let offer = fields.header(subprotocol::HEADER)?;
            subprotocol = offer.and_then(|list| subprotocol::select(&list, &self.application_protocols));
        }
        Ok(Presented {
            token: token.ok_or(SourceError::Missing)?,
            subprotocol,
        })
    }
}

impl TokenSource {
    /// Whether both name the same place, whatever else they say.
    fn place_eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Kind::Subprotocol, Kind::Subprotocol) => true,
            (Kind::Bearer { header: a }, Kind::Bearer { header: b }) => a.eq_ignore_ascii_case(b),
            (Kind::Query { name: a }, Kind::Query { name: b })
            | (Kind::Cookie { name: a, .. }, Kind::Cookie { name: b, .. }) => a == b,
            _ => false,
        }
    }
}

/// The header fields and query parameters of a handshake, each known to be there once, or not at all.
pub(crate) trait Fields<'e> {
    fn header(&self, name: &str) -> Result<Option<Cow<'e, str>>, SourceError>;
    fn parameter(&self, name: &str) -> Result<Option<Cow<'e, str>>, SourceError>;
}

/// What a handshake presents. Without `Debug`: it holds the token.
pub(crate) struct Presented<'e> {
    pub(crate) token: Cow<'e, str>,
    /// The subprotocol to answer with, where the client offered some.
    pub(crate) subprotocol: Option<Cow<'static, str>>,
}

/// Reads `Bearer <token>` (RFC 6750 §2.1, RFC 9110 §11.1: the scheme is case-insensitive).
///
/// Another scheme is not ours and presents nothing: browsers send cached Basic credentials by themselves.
fn read_bearer<'e>(value: &Cow<'e, str>) -> Result<Option<Cow<'e, str>>, SourceError> {
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("Bearer") {
        // A scheme alone, such as a token that was sent without one, is not an `Authorization` (RFC 9110 §11.6.2).
        let is_scheme = is_token(scheme) && !scheme.contains('.');
        return if is_scheme {
            Ok(None)
        } else {
            Err(SourceError::Malformed)
        };
    }
    let token = rest.trim_matches(' ');
    if token.is_empty() {
        return Err(SourceError::Malformed);
    }
    Ok(Some(match value {
        Cow::Borrowed(value) => Cow::Borrowed(value[scheme.len()..].trim_matches(' ')),
        Cow::Owned(value) => Cow::Owned(value[scheme.len()..].trim_matches(' ').to_owned()),
    }))
}

/// The value of the cookie `name` (RFC 6265 §4.2.1).
fn read_cookie(list: &str, name: &str) -> Result<Option<Cow<'static, str>>, SourceError> {
    let mut values = list.split(';').filter_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key.trim_matches(' ') == name).then(|| value.trim_matches(' '))
    });
    let value = values.next();
    if values.next().is_some() {
        return Err(SourceError::Multiple);
    }
    Ok(value.map(|value| Cow::Owned(value.to_owned())))
}
