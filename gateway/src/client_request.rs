//! The headers and the query string of a client's handshake, as events show them.

use std::{net::SocketAddr, time::SystemTime};

use hyper::{HeaderMap, Request, http::HeaderName};

use crate::{
    http::{Scheme, Spelling},
    ids,
    stage::Stage,
};

pub(crate) struct ClientRequest {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) query: Vec<(String, String)>,
}

impl ClientRequest {
    /// Reads a request from `peer` to the stage, and adds the headers that API Gateway adds.
    pub(crate) fn read<B>(request: &Request<B>, peer: SocketAddr, stage: &Stage, now: SystemTime) -> Self {
        let mut headers = spelled(request, |name| {
            !name.as_str().starts_with("x-forwarded-") && name != "x-amzn-trace-id"
        });
        let forwarded_for = text(request.headers(), "x-forwarded-for");
        let forwarded_for =
            forwarded_for.map_or_else(String::new, |before| before + ", ") + &peer.ip().to_string();
        headers.push(("X-Forwarded-For".into(), forwarded_for));
        headers.push(("X-Forwarded-Port".into(), stage.port.to_string()));
        let proto = match request.extensions().get() {
            Some(Scheme::Https) => "https",
            Some(Scheme::Http) | None => "http",
        };
        headers.push(("X-Forwarded-Proto".into(), proto.into()));
        let trace = text(request.headers(), "x-amzn-trace-id").unwrap_or_else(|| ids::trace_root(now));
        headers.push(("X-Amzn-Trace-Id".into(), trace));
        // As behind a mapping of several levels ("Working with API mappings" in the developer guide).
        if stage.is_mapped {
            for (name, _) in &mut headers {
                name.make_ascii_lowercase();
            }
        }
        let query = request.uri().query().unwrap_or_default();
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self { headers, query }
    }

    /// Returns the first header of this name, in any case.
    pub(crate) fn header(&self, wanted: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.as_str())
    }
}

/// Returns the headers of a request as the client spelled them, if `is_wanted`.
pub(crate) fn spelled<B>(
    request: &Request<B>,
    is_wanted: impl Fn(&HeaderName) -> bool,
) -> Vec<(String, String)> {
    let spelling = request
        .extensions()
        .get::<Spelling>()
        .cloned()
        .unwrap_or_default();
    let mut headers = Vec::with_capacity(request.headers().len() + 4);
    for name in request.headers().keys().filter(|name| is_wanted(name)) {
        for (position, value) in request.headers().get_all(name).iter().enumerate() {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            headers.push((spelling.get(name, position), value));
        }
    }
    headers
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}
