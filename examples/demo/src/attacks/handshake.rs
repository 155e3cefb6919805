//! A handshake with its tokens, and its result.

use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Error,
        client::IntoClientRequest as _,
        http::{HeaderName, HeaderValue, header},
    },
};

use super::{
    error::AttackError,
    forge::{decoded, shortened},
};

/// The places of the tokens in a handshake.
#[derive(Debug, Default)]
pub(super) struct Handshake {
    query: Option<String>,
    headers: Vec<TokenHeader>,
}

#[derive(Debug)]
struct TokenHeader {
    name: HeaderName,
    /// The part of the value before the token.
    before: &'static str,
    token: String,
}

/// The answer to a handshake.
#[derive(Debug)]
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    /// The port that it was sent from.
    pub(super) source_port: u16,
    /// The open socket, if the connection was accepted.
    pub(super) socket: Option<WebSocketStream<TcpStream>>,
}

impl Handshake {
    /// Puts the token where the page puts it.
    pub(super) fn with(token: &str) -> Self {
        Self::default().and_header(header::SEC_WEBSOCKET_PROTOCOL, "room-auth, ", token)
    }

    pub(super) fn and_query(self, token: &str) -> Self {
        Self {
            query: Some(token.to_owned()),
            ..self
        }
    }

    pub(super) fn and_cookie(self, token: &str) -> Self {
        self.and_header(header::COOKIE, "token=", token)
    }

    fn and_header(mut self, name: HeaderName, before: &'static str, token: &str) -> Self {
        self.headers.push(TokenHeader {
            name,
            before,
            token: token.to_owned(),
        });
        self
    }

    /// Returns what is sent, with shortened tokens and their contents.
    pub(super) fn lines(&self, url: &str) -> Vec<String> {
        // ws://127.0.0.1:8080/dev
        let target = url.splitn(4, '/').nth(3).unwrap_or_default();
        let mut lines = Vec::new();
        match &self.query {
            Some(token) => {
                lines.push(format!("GET /{}", with_token(target, &shortened(token))));
                lines.extend(decoded(token));
            }
            None => lines.push(format!("GET /{target}")),
        }
        for TokenHeader { name, before, token } in &self.headers {
            lines.push(format!("{name}: {before}{}", shortened(token)));
            lines.extend(decoded(token));
        }
        lines
    }

    pub(super) async fn perform(&self, url: &str) -> Result<Answer, AttackError> {
        let url = match &self.query {
            Some(token) => with_token(url, token),
            None => url.to_owned(),
        };
        let mut request = url.into_client_request().map_err(Box::new)?;
        for TokenHeader { name, before, token } in &self.headers {
            let value = HeaderValue::try_from(format!("{before}{token}")).expect("tokens are header values");
            request.headers_mut().append(name, value);
        }
        let address = request.uri().authority().expect("the URL was taken").to_string();
        let stream = TcpStream::connect(address).await?;
        let source_port = stream.local_addr()?.port();
        let answer = |status, socket| Answer {
            status,
            source_port,
            socket,
        };
        match client_async(request, stream).await {
            Ok((socket, response)) => Ok(answer(response.status().as_u16(), Some(socket))),
            Err(Error::Http(response)) => Ok(answer(response.status().as_u16(), None)),
            Err(Error::Io(error)) => Err(error.into()),
            Err(error) => Err(Box::new(error).into()),
        }
    }
}

fn with_token(url: &str, token: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}token={token}")
}
