//! Where in a CONNECT event a token may stand, and in what form.

use std::borrow::Cow;
use std::sync::Arc;

use crate::error::ConfigError;

/// The subprotocol that says "the next entry is my token".
pub(crate) const SUBPROTOCOL: &str = "room-auth";
const SUBPROTOCOL_HEADER: &str = "Sec-WebSocket-Protocol";

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
    /// `Sec-WebSocket-Protocol: room-auth, <token>`: the only header that a browser lets a page set.
    pub fn subprotocol() -> Self {
        Self(Kind::Subprotocol)
    }

    /// `Authorization: Bearer <token>` (RFC 6750 §2.1).
    pub fn authorization() -> Self {
        Self::bearer("Authorization")
    }

    /// `<header>: Bearer <token>`. Scheme and header name count in any case.
    pub fn bearer(header: impl Into<String>) -> Self {
        Self(Kind::Bearer {
            header: header.into(),
        })
    }

    /// `?<name>=<token>`. URLs end up in logs: keep tokens short-lived.
    pub fn query(name: impl Into<String>) -> Self {
        Self(Kind::Query { name: name.into() })
    }

    /// The cookie `name`. Browsers attach cookies to whatever page opens the socket, so the `Origin` header must
    /// be one of `allowed_origins`, byte for byte (`https://chat.example`): without it any site could connect
    /// as its visitor.
    pub fn cookie<O: Into<String>>(
        name: impl Into<String>,
        allowed_origins: impl IntoIterator<Item = O>,
    ) -> Self {
        Self(Kind::Cookie {
            name: name.into(),
            allowed_origins: allowed_origins.into_iter().map(Into::into).collect(),
        })
    }

    fn check(&self) -> Result<(), ConfigError> {
        let fault = match &self.0 {
            Kind::Subprotocol => None,
            Kind::Bearer { header } => {
                (!is_token(header)).then_some("a header name must be letters, digits and -")
            }
            Kind::Query { name } => name.is_empty().then_some("a query parameter needs a name"),
            Kind::Cookie {
                name,
                allowed_origins,
            } => {
                if !is_token(name) {
                    Some("a cookie name must be letters, digits, - and _")
                } else if allowed_origins.is_empty() {
                    Some("a cookie source needs at least one allowed origin, such as https://chat.example")
                } else if !allowed_origins.iter().all(|origin| is_origin(origin)) {
                    Some("an allowed origin is scheme://host[:port] in lower case, without a path")
                } else {
                    None
                }
            }
        };
        fault.map_or(Ok(()), |fault| {
            Err(ConfigError::new(format!("token source: {fault}")))
        })
    }
}

/// `token` of RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn is_origin(text: &str) -> bool {
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| {
        !host.is_empty()
            && host
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte))
    })
}

/// The sources that are looked at, and the application protocols that may stand before ours.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    places: Arc<[TokenSource]>,
    /// The header names whose values decide.
    headers: Arc<[String]>,
    application_protocols: Arc<[String]>,
}

impl Default for Sources {
    fn default() -> Self {
        let places = [
            TokenSource::subprotocol(),
            TokenSource::authorization(),
            TokenSource::query("token"),
        ];
        Self::of(places.into(), [].into())
    }
}

impl Sources {
    pub(crate) fn with_sources(self, sources: Vec<TokenSource>) -> Result<Self, ConfigError> {
        if sources.is_empty() {
            return Err(ConfigError::new(
                "token sources: at least one is needed, or nobody can connect",
            ));
        }
        for (index, source) in sources.iter().enumerate() {
            source.check()?;
            if sources[..index].iter().any(|earlier| earlier.place_eq(source)) {
                return Err(ConfigError::new("token sources: the same place is named twice"));
            }
        }
        Ok(Self::of(sources.into(), self.application_protocols))
    }

    pub(crate) fn with_application_protocols(self, protocols: Vec<String>) -> Result<Self, ConfigError> {
        for protocol in &protocols {
            if !is_token(protocol) || protocol == SUBPROTOCOL {
                return Err(ConfigError::new(format!(
                    "application protocols: {protocol:?} cannot be one; name your own, such as graphql-transport-ws"
                )));
            }
        }
        Ok(Self::of(self.places, protocols.into()))
    }

    fn of(places: Arc<[TokenSource]>, application_protocols: Arc<[String]>) -> Self {
        let headers = places.iter().flat_map(|source| match &source.0 {
            Kind::Subprotocol => vec![SUBPROTOCOL_HEADER.to_owned()],
            Kind::Bearer { header } => vec![header.clone()],
            Kind::Query { .. } => Vec::new(),
            Kind::Cookie { .. } => vec!["Cookie".to_owned(), "Origin".to_owned()],
        });
        // One of them is answered, even where the token may not stand beside it.
        let offer = (!application_protocols.is_empty()).then(|| SUBPROTOCOL_HEADER.to_owned());
        Self {
            headers: headers.chain(offer).collect(),
            places,
            application_protocols,
        }
    }

    /// The header names whose values decide.
    pub(crate) fn headers(&self) -> &[String] {
        &self.headers
    }

    /// The names of the query parameters whose values decide.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &str> {
        self.places.iter().filter_map(|source| match &source.0 {
            Kind::Query { name } => Some(name.as_str()),
            _ => None,
        })
    }

    /// The one token that the handshake presents.
    pub(crate) fn find<'e>(&self, fields: &impl Fields<'e>) -> Result<Presented<'e>, SourceError> {
        let mut token = None;
        let mut subprotocol = None;
        for source in self.places.iter() {
            let found = match &source.0 {
                Kind::Subprotocol => match fields.header(SUBPROTOCOL_HEADER)? {
                    Some(Cow::Borrowed(list)) => {
                        let (selected, token) = self.read_offer(list)?;
                        subprotocol = Some(selected);
                        token.map(Cow::Borrowed)
                    }
                    Some(Cow::Owned(list)) => {
                        let (selected, token) = self.read_offer(&list)?;
                        subprotocol = Some(selected);
                        token.map(|token| Cow::Owned(token.to_owned()))
                    }
                    None => None,
                },
                Kind::Bearer { header } => fields.header(header)?.map(read_bearer).transpose()?,
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
                    return Err(SourceError::Form);
                }
                if token.replace(found).is_some() {
                    return Err(SourceError::Several);
                }
            }
        }
        if !self.application_protocols.is_empty() && !self.places.contains(&TokenSource::subprotocol()) {
            let offer = fields.header(SUBPROTOCOL_HEADER)?;
            subprotocol = offer.and_then(|list| self.select(&list));
        }
        Ok(Presented {
            token: token.ok_or(SourceError::Missing)?,
            subprotocol,
        })
    }

    /// The first application protocol of a list that holds no token.
    fn select(&self, list: &str) -> Option<Cow<'static, str>> {
        list.split(',')
            .map(|entry| entry.trim_matches([' ', '\t']))
            .find(|entry| self.application_protocols.iter().any(|allowed| allowed == entry))
            .map(|entry| Cow::Owned(entry.to_owned()))
    }

    /// Reads `[application protocol, …] room-auth, <token>`, or application protocols alone (the token then
    /// stands elsewhere). Returns what to answer with, and the token.
    fn read_offer<'l>(&self, list: &'l str) -> Result<(Cow<'static, str>, Option<&'l str>), SourceError> {
        let mut selected = None;
        let mut entries = list.split(',').map(|entry| entry.trim_matches([' ', '\t']));
        while let Some(entry) = entries.next() {
            if entry == SUBPROTOCOL {
                let (Some(token), None) = (entries.next(), entries.next()) else {
                    return Err(SourceError::Form);
                };
                return Ok((selected.unwrap_or(Cow::Borrowed(SUBPROTOCOL)), Some(token)));
            }
            if !self.application_protocols.iter().any(|allowed| allowed == entry) {
                return Err(SourceError::Form);
            }
            selected.get_or_insert_with(|| Cow::Owned(entry.to_owned()));
        }
        selected.map(|selected| (selected, None)).ok_or(SourceError::Form)
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

/// Why a handshake presents no token that could be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceError {
    /// Nowhere a token.
    Missing,
    /// More than one.
    Several,
    /// Something that is not of the form of its source.
    Form,
    /// A cookie from a page of an origin that is not allowed.
    Origin,
}

/// `Bearer <token>` (RFC 6750 §2.1, RFC 9110 §11.1: the scheme is case-insensitive).
fn read_bearer(value: Cow<'_, str>) -> Result<Cow<'_, str>, SourceError> {
    const SCHEME: &str = "Bearer ";
    let is_bearer = value
        .get(..SCHEME.len())
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME));
    if !is_bearer {
        return Err(SourceError::Form);
    }
    let token = match value {
        Cow::Borrowed(value) => Cow::Borrowed(value[SCHEME.len()..].trim_matches(' ')),
        Cow::Owned(value) => Cow::Owned(value[SCHEME.len()..].trim_matches(' ').to_owned()),
    };
    if token.is_empty() {
        Err(SourceError::Form)
    } else {
        Ok(token)
    }
}

/// The value of the cookie `name` (RFC 6265 §4.2.1).
fn read_cookie(list: &str, name: &str) -> Result<Option<Cow<'static, str>>, SourceError> {
    let mut values = list.split(';').filter_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key.trim_matches(' ') == name).then(|| value.trim_matches(' '))
    });
    let value = values.next();
    if values.next().is_some() {
        return Err(SourceError::Several);
    }
    Ok(value.map(|value| Cow::Owned(value.to_owned())))
}
