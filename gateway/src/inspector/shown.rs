//! An entry of the journal as the page gets it: JSON, masked, with long bodies cut.

use serde_json::{Value, json};

use crate::{
    journal::{Content, Headers},
    masks::Masks,
    proxy_response::ProxyResponse,
};

/// How much of a body is shown, in bytes.
const MAX_BODY: usize = 32 * 1024;

pub(super) fn content(content: &Content, masks: &Masks) -> Value {
    let body = |bytes: &[u8]| body(bytes, masks);
    match content {
        Content::Handshake { peer, uri, headers } => json!({
            "kind": "handshake",
            "peer": peer,
            "uri": masks.uri(uri),
            "headers": masked(headers, masks),
        }),
        Content::Decided {
            function,
            decision,
            reason,
        } => json!({
            "kind": "decided",
            "function": &**function,
            "decision": decision,
            "reason": reason.as_deref().map(|reason| masks.text(reason)),
        }),
        Content::HandshakeAnswered {
            status,
            headers,
            body: answer,
        } => json!({
            "kind": "handshake_answered",
            "status": status,
            "headers": masked(headers, masks),
            "body": body(answer),
        }),
        Content::MessageIn { route, text } => json!({
            "kind": "message_in",
            "route": route,
            "body": body(text),
        }),
        Content::Invoked {
            route,
            is_resent,
            function,
            request_id,
            event,
        } => json!({
            "kind": "invoked",
            "route": route,
            "resent": is_resent,
            "function": &**function,
            "request_id": &**request_id,
            "event": body(event),
        }),
        Content::Answered {
            function,
            request_id,
            answer,
            took,
            cold,
        } => {
            let bytes = answer.as_deref().ok();
            json!({
                "kind": "answered",
                "function": &**function,
                "request_id": &**request_id,
                "status": bytes.and_then(ProxyResponse::parse).map(|response| response.status),
                "answer": bytes.map(body),
                "error": answer.as_ref().err().map(|error| masks.text(error)),
                "took_ms": took.as_secs_f64() * 1000.0,
                "cold": cold,
            })
        }
        Content::MessageOut { message } => json!({
            "kind": "message_out",
            "body": body(message),
        }),
        Content::ManagementCall {
            operation,
            posted,
            status,
            answer,
        } => json!({
            "kind": "management_call",
            "operation": operation,
            "posted": body(posted),
            "status": status,
            "answer": body(answer),
        }),
        Content::Closed { code, reason, .. } => json!({
            "kind": "closed",
            "code": code,
            "reason": masks.text(reason),
        }),
        Content::Log { function, text } => json!({
            "kind": "log",
            "function": &**function,
            "text": body(text.as_bytes()),
        }),
    }
}

/// Masks first and cuts then: half a token would not be recognised.
fn body(bytes: &[u8], masks: &Masks) -> Value {
    let masked = masks.text(&String::from_utf8_lossy(bytes));
    let shown = &masked[..masked.floor_char_boundary(MAX_BODY)];
    json!({ "text": shown, "bytes": bytes.len(), "is_cut": shown.len() < masked.len() })
}

fn masked(headers: &Headers, masks: &Masks) -> Headers {
    let masked = headers
        .iter()
        .map(|(name, value)| (masks.text(name), masks.value(name, value)));
    masked.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_a_cut_would_divide_is_masked() {
        let token = format!("eyJhbGciOiJFUzI1NiJ9.{}.c2ln", "x".repeat(60));
        for before in [MAX_BODY - 30, MAX_BODY - 1, MAX_BODY] {
            let text = format!("{} {token} {}", "é".repeat(before / 2), "z".repeat(MAX_BODY));
            let shown = body(text.as_bytes(), &Masks::default());
            let shown_text = shown["text"].as_str().unwrap();
            assert!(!shown_text.contains("eyJ"), "{before}");
            assert!(shown_text.len() <= MAX_BODY, "{before}");
            assert_eq!(
                (&shown["bytes"], &shown["is_cut"]),
                (&text.len().into(), &true.into())
            );
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_far_as_they_are() {
        let shown = body(b"a\xffb", &Masks::default());
        assert_eq!(
            shown,
            json!({ "text": "a\u{fffd}b", "bytes": 3, "is_cut": false })
        );
    }
}
