//! Where a token may stand in a CONNECT event: exactly one place, in exactly its form.

use room_auth_forge::{HEADER, PAYLOAD, token};
use serde_json::Value;

use super::harness::{Behind, authenticator, good_token, with_members};

/// `$T` and `$U` are two valid tokens. Rows are the members of an event beside its `requestContext`.
fn event(members: &str) -> String {
    let other = token(HEADER, &PAYLOAD.replace("1800000300", "1800000299"));
    with_members(members)
        .replace("$T", &good_token())
        .replace("$U", &other)
}

#[tokio::test]
async fn a_token_in_one_place_in_its_form_is_accepted() {
    let mut behind = Behind::<Value>::new(&authenticator());
    for (name, members, subprotocol) in ACCEPTED {
        let outcome = behind.send(&event(members)).await.unwrap();
        outcome.assert_accepted(name);
        assert_eq!(outcome.subprotocol().as_deref(), *subprotocol, "{name}");
    }
}

#[tokio::test]
async fn everything_else_is_refused_for_its_own_reason_with_the_same_bytes() {
    let mut behind = Behind::<Value>::new(&authenticator());
    for (name, members, reason) in REFUSED {
        let outcome = behind.send(&event(members)).await.unwrap();
        outcome.assert_refused(name, reason);
        behind.assert_still_serves(name).await;
    }
}

#[tokio::test]
async fn duplicate_members_of_what_decides_are_refused() {
    let mut behind = Behind::<Value>::new(&authenticator());
    let context = super::harness::bare()["requestContext"].to_string();
    let headers = r#""headers":{"Authorization":"Bearer $T"}"#;
    let inside = |extra: &str| context.replacen('{', &format!("{{{extra},"), 1);
    let rows = [
        (
            "requestContext twice",
            format!(r#"{{{headers},"requestContext":{context},"requestContext":{context}}}"#),
        ),
        (
            "requestContext twice, once null",
            format!(r#"{{{headers},"requestContext":{context},"requestContext":null}}"#),
        ),
        (
            "requestContext twice, once escaped",
            format!(r#"{{{headers},"requestContext":{context},"requestConte\u0078t":{context}}}"#),
        ),
        (
            "eventType twice",
            format!(
                r#"{{{headers},"requestContext":{}}}"#,
                inside(r#""eventType":"CONNECT""#)
            ),
        ),
        (
            "routeKey twice",
            format!(
                r#"{{{headers},"requestContext":{}}}"#,
                inside(r#""routeKey":"$default""#)
            ),
        ),
        (
            "connectionId twice",
            format!(
                r#"{{{headers},"requestContext":{}}}"#,
                inside(r#""connectionId":"other""#)
            ),
        ),
        (
            "connectionId twice, once escaped",
            format!(
                r#"{{{headers},"requestContext":{}}}"#,
                inside(r#""\u0063onnectionId":"other""#)
            ),
        ),
        (
            "headers twice",
            format!(r#"{{{headers},"headers":{{}},"requestContext":{context}}}"#),
        ),
        (
            "headers twice, once null",
            format!(r#"{{"headers":null,{headers},"requestContext":{context}}}"#),
        ),
    ];
    for (name, text) in rows {
        let outcome = behind.send(&text.replace("$T", &good_token())).await.unwrap();
        outcome.assert_refused(name, "event");
        behind.assert_still_serves(name).await;
    }
}

#[tokio::test]
async fn what_is_no_event_at_all_is_refused() {
    let mut behind = Behind::<Value>::new(&authenticator());
    for text in [
        "null",
        "true",
        "7",
        "\"CONNECT\"",
        "[]",
        "[{}]",
        "{}",
        r#"{"requestContext":{}}"#,
        r#"{"Records":[]}"#,
    ] {
        let outcome = behind.send(text).await.unwrap();
        outcome.assert_refused(text, "event");
        behind.assert_still_serves(text).await;
    }
}

const OURS: Option<&str> = Some("room-auth");

#[rustfmt::skip]
const ACCEPTED: &[(&str, &str, Option<&str>)] = &[
    ("subprotocol", r#""headers":{"Sec-WebSocket-Protocol":"room-auth, $T"}"#, OURS),
    ("subprotocol without a space", r#""headers":{"Sec-WebSocket-Protocol":"room-auth,$T"}"#, OURS),
    ("subprotocol with white space", r#""headers":{"Sec-WebSocket-Protocol":" room-auth \t, \t$T "}"#, OURS),
    ("subprotocol, name in lower case", r#""headers":{"sec-websocket-protocol":"room-auth, $T"}"#, OURS),
    ("subprotocol in both maps", r#""headers":{"Sec-WebSocket-Protocol":"room-auth, $T"},"multiValueHeaders":{"Sec-WebSocket-Protocol":["room-auth, $T"]}"#, OURS),
    ("subprotocol in both maps, spelled in two ways", r#""headers":{"Sec-WebSocket-Protocol":"room-auth, $T"},"multiValueHeaders":{"sec-websocket-protocol":["room-auth, $T"]}"#, OURS),
    ("subprotocol in the map of lists alone", r#""multiValueHeaders":{"Sec-WebSocket-Protocol":["room-auth, $T"]}"#, OURS),
    ("header", r#""headers":{"Authorization":"Bearer $T"}"#, None),
    ("header, all in lower case", r#""headers":{"authorization":"bearer $T"}"#, None),
    ("header, all in upper case", r#""headers":{"AUTHORIZATION":"BEARER $T"}"#, None),
    ("header, more spaces", r#""headers":{"Authorization":"Bearer   $T  "}"#, None),
    ("header, name escaped", r#""headers":{"Author\u0069zation":"Bearer $T"}"#, None),
    ("header in the map of lists alone", r#""headers":null,"multiValueHeaders":{"Authorization":["Bearer $T"]}"#, None),
    ("query", r#""queryStringParameters":{"token":"$T"}"#, None),
    ("query among others", r#""queryStringParameters":{"lang":"en","token":"$T"},"multiValueQueryStringParameters":{"lang":["en","de"],"token":["$T"]}"#, None),
    ("query, headers null", r#""headers":null,"multiValueHeaders":null,"queryStringParameters":{"token":"$T"}"#, None),
    ("query in the map of lists alone", r#""multiValueQueryStringParameters":{"token":["$T"]}"#, None),
    ("a header of another type beside", r#""headers":{"Authorization":"Bearer $T","X-Number":7,"X-Null":null,"X-List":[]}"#, None),
    ("another header twice", r#""headers":{"Authorization":"Bearer $T","x-a":"1","X-A":"2","x-a":"3"}"#, None),
    ("a cookie beside", r#""headers":{"Authorization":"Bearer $T","Cookie":"token=$U"}"#, None),
    // Another scheme presents nothing, and leaves the token of another place alone.
    ("header: Basic beside a good parameter", r#""headers":{"Authorization":"Basic dXNlcjpwYXNz"},"queryStringParameters":{"token":"$T"}"#, None),
    ("header: Basic beside a good subprotocol", r#""headers":{"Authorization":"Basic dXNlcjpw","Sec-WebSocket-Protocol":"room-auth, $T"}"#, OURS),
    // A list without `room-auth` presents nothing, and none of it is selected (RFC 6455 §4.2.2).
    ("subprotocol: empty beside a good header", r#""headers":{"Sec-WebSocket-Protocol":"","Authorization":"Bearer $T"}"#, None),
    ("subprotocol: one that is not allowed, beside a good header", r#""headers":{"Sec-WebSocket-Protocol":"chat","Authorization":"Bearer $T"}"#, None),
    ("subprotocol: of an embedded client, beside a good header", r#""headers":{"Authorization":"Bearer $T","Sec-WebSocket-Protocol":"arduino","Origin":"file://"}"#, None),
    // Several lines are one list (RFC 6455 §11.3.4), which the plain map repeats in part or joined.
    ("subprotocol in two lines", r#""multiValueHeaders":{"Sec-WebSocket-Protocol":["room-auth","$T"]}"#, OURS),
    ("subprotocol in two lines, the last one in the plain map", r#""headers":{"Sec-WebSocket-Protocol":"$T"},"multiValueHeaders":{"Sec-WebSocket-Protocol":["room-auth","$T"]}"#, OURS),
    ("subprotocol in two lines, the first one in the plain map", r#""headers":{"Sec-WebSocket-Protocol":"room-auth"},"multiValueHeaders":{"Sec-WebSocket-Protocol":["room-auth","$T"]}"#, OURS),
    ("subprotocol in two lines, joined in the plain map", r#""headers":{"Sec-WebSocket-Protocol":"room-auth,$T"},"multiValueHeaders":{"Sec-WebSocket-Protocol":["room-auth","$T"]}"#, OURS),
    ("control characters in another header", r#""headers":{"Authorization":"Bearer $T","X-A":"\u0000\u001f\u007f\r\n"}"#, None),
];

#[rustfmt::skip]
const REFUSED: &[(&str, &str, &str)] = &[
    // Nowhere.
    ("no member at all", r#""body":null"#, "token_missing"),
    ("empty maps", r#""headers":{},"multiValueHeaders":{},"queryStringParameters":{}"#, "token_missing"),
    ("maps of null", r#""headers":null,"multiValueHeaders":null,"queryStringParameters":null"#, "token_missing"),
    ("wrong place: another header", r#""headers":{"X-Token":"$T","Token":"$T","X-Authorization":"Bearer $T"}"#, "token_missing"),
    ("wrong place: proxy header", r#""headers":{"Proxy-Authorization":"Bearer $T"}"#, "token_missing"),
    ("wrong place: space behind the name", r#""headers":{"Authorization ":"Bearer $T"}"#, "token_missing"),
    ("wrong place: cookie", r#""headers":{"Cookie":"token=$T"}"#, "token_missing"),
    ("wrong place: Sec-WebSocket-Key", r#""headers":{"Sec-WebSocket-Key":"$T"}"#, "token_missing"),
    ("wrong place: Sec-WebSocket-Extensions", r#""headers":{"Sec-WebSocket-Extensions":"room-auth, $T"}"#, "token_missing"),
    ("wrong place: body", r#""body":"$T""#, "token_missing"),
    ("wrong place: body as JSON", r#""body":"{\"token\":\"$T\"}""#, "token_missing"),
    ("wrong place: path", r#""path":"/$T","pathParameters":{"token":"$T"}"#, "token_missing"),
    ("wrong place: stage variable", r#""stageVariables":{"token":"$T","Authorization":"Bearer $T"}"#, "token_missing"),
    ("wrong place: top of the event", r#""token":"$T","Authorization":"Bearer $T""#, "token_missing"),
    ("wrong place: another parameter", r#""queryStringParameters":{"access_token":"$T","jwt":"$T"}"#, "token_missing"),
    ("wrong place: parameter in capitals", r#""queryStringParameters":{"Token":"$T"}"#, "token_missing"),
    ("wrong place: parameter with brackets", r#""queryStringParameters":{"token[]":"$T"}"#, "token_missing"),
    ("wrong place: header in the query", r#""queryStringParameters":{"Authorization":"Bearer $T"}"#, "token_missing"),
    ("wrong place: query in the headers", r#""headers":{"token":"$T"}"#, "token_missing"),
    ("wrong place: map in capitals", r#""Headers":{"Authorization":"Bearer $T"}"#, "token_missing"),
    // In two places.
    ("two places: subprotocol and header", r#""headers":{"Sec-WebSocket-Protocol":"room-auth, $T","Authorization":"Bearer $T"}"#, "several_tokens"),
    ("two places: subprotocol and query", r#""headers":{"Sec-WebSocket-Protocol":"room-auth, $T"},"queryStringParameters":{"token":"$T"}"#, "several_tokens"),
    ("two places: header and query", r#""headers":{"Authorization":"Bearer $T"},"queryStringParameters":{"token":"$T"}"#, "several_tokens"),
    ("two places: header and another one in the query", r#""headers":{"Authorization":"Bearer $T"},"queryStringParameters":{"token":"$U"}"#, "several_tokens"),
    ("two places: header and nonsense in the query", r#""headers":{"Authorization":"Bearer $T"},"queryStringParameters":{"token":"x"}"#, "several_tokens"),
    ("all three places", r#""headers":{"Sec-WebSocket-Protocol":"room-auth, $T","Authorization":"Bearer $T"},"queryStringParameters":{"token":"$T"}"#, "several_tokens"),
    ("two spellings of the header", r#""headers":{"Authorization":"Bearer $T","authorization":"Bearer $T"}"#, "several_tokens"),
    // One list of two lines, with an entry too many behind the token.
    ("two spellings of the subprotocol header", r#""headers":{"Sec-WebSocket-Protocol":"room-auth, $T","Sec-Websocket-Protocol":"chat"}"#, "token_form"),
    ("the header twice", r#""headers":{"Authorization":"Bearer $T","Authorization":"Bearer $U"}"#, "several_tokens"),
    ("the header twice, once escaped", r#""headers":{"Authorization":"Bearer $T","\u0041uthorization":"Bearer $T"}"#, "several_tokens"),
    ("the parameter twice", r#""queryStringParameters":{"token":"$T","token":"$T"}"#, "several_tokens"),
    ("two spellings of the parameter", r#""queryStringParameters":{"token":"$T","Token":"$U"}"#, "several_tokens"),
    ("two values of the header", r#""headers":{"Authorization":"Bearer $T"},"multiValueHeaders":{"Authorization":["Bearer $U","Bearer $T"]}"#, "several_tokens"),
    ("two equal values of the header", r#""headers":{"Authorization":"Bearer $T"},"multiValueHeaders":{"Authorization":["Bearer $T","Bearer $T"]}"#, "several_tokens"),
    ("two values of the header under two spellings", r#""multiValueHeaders":{"Authorization":["Bearer $T"],"authorization":["Bearer $T"]}"#, "several_tokens"),
    ("two values of the parameter", r#""queryStringParameters":{"token":"$T"},"multiValueQueryStringParameters":{"token":["$T","$U"]}"#, "several_tokens"),
    ("the maps contradict each other about the header", r#""headers":{"Authorization":"Bearer $T"},"multiValueHeaders":{"Authorization":["Bearer $U"]}"#, "several_tokens"),
    ("the maps contradict each other about the subprotocol", r#""headers":{"Sec-WebSocket-Protocol":"room-auth, $T"},"multiValueHeaders":{"Sec-WebSocket-Protocol":["chat"]}"#, "several_tokens"),
    ("the plain map has a line of its own", r#""headers":{"Sec-WebSocket-Protocol":"room-auth, $U"},"multiValueHeaders":{"Sec-WebSocket-Protocol":["room-auth","$T"]}"#, "several_tokens"),
    ("the maps contradict each other about the parameter", r#""queryStringParameters":{"token":"$T"},"multiValueQueryStringParameters":{"token":["$U"]}"#, "several_tokens"),
    // Not of the form of its place.
    ("header: no scheme", r#""headers":{"Authorization":"$T"}"#, "token_form"),
    // Another scheme is not ours: browsers resend Basic credentials by themselves.
    ("header: Basic", r#""headers":{"Authorization":"Basic dXNlcjpwYXNz"}"#, "token_missing"),
    // Another scheme is not ours: browsers resend Basic credentials by themselves.
    ("header: Basic with a token", r#""headers":{"Authorization":"Basic $T"}"#, "token_missing"),
    // Another scheme is not ours: browsers resend Basic credentials by themselves.
    ("header: JWT for a scheme", r#""headers":{"Authorization":"JWT $T"}"#, "token_missing"),
    ("header: empty", r#""headers":{"Authorization":""}"#, "token_form"),
    ("header: scheme alone", r#""headers":{"Authorization":"Bearer"}"#, "token_form"),
    ("header: scheme and spaces", r#""headers":{"Authorization":"Bearer   "}"#, "token_form"),
    ("header: tab behind the scheme", r#""headers":{"Authorization":"Bearer\t$T"}"#, "token_form"),
    ("header: space before the scheme", r#""headers":{"Authorization":" Bearer $T"}"#, "token_form"),
    ("header: no space behind the scheme", r#""headers":{"Authorization":"Bearer$T"}"#, "token_form"),
    ("header: colon behind the scheme", r#""headers":{"Authorization":"Bearer: $T"}"#, "token_form"),
    ("header: cut in the middle of a character", r#""headers":{"Authorization":"Bearerä$T"}"#, "token_form"),
    ("query: empty", r#""queryStringParameters":{"token":""}"#, "token_form"),
    ("query: empty beside a good header", r#""headers":{"Authorization":"Bearer $T"},"queryStringParameters":{"token":""}"#, "token_form"),
    // A list without `room-auth` is not ours.
    ("subprotocol: empty", r#""headers":{"Sec-WebSocket-Protocol":""}"#, "token_missing"),
    // A list without `room-auth` is not ours.
    ("subprotocol: a comma", r#""headers":{"Sec-WebSocket-Protocol":","}"#, "token_missing"),
    ("subprotocol: ours alone", r#""headers":{"Sec-WebSocket-Protocol":"room-auth"}"#, "token_form"),
    ("subprotocol: ours and nothing", r#""headers":{"Sec-WebSocket-Protocol":"room-auth, "}"#, "token_form"),
    ("subprotocol: ours alone beside a good header", r#""headers":{"Sec-WebSocket-Protocol":"room-auth","Authorization":"Bearer $T"}"#, "token_form"),
    // A list without `room-auth` is not ours.
    ("subprotocol: the token alone", r#""headers":{"Sec-WebSocket-Protocol":"$T"}"#, "token_missing"),
    ("subprotocol: the token first", r#""headers":{"Sec-WebSocket-Protocol":"$T, room-auth"}"#, "token_form"),
    ("subprotocol: one more behind", r#""headers":{"Sec-WebSocket-Protocol":"room-auth, $T, chat"}"#, "token_form"),
    ("subprotocol: a comma behind", r#""headers":{"Sec-WebSocket-Protocol":"room-auth, $T,"}"#, "token_form"),
    ("subprotocol: two tokens", r#""headers":{"Sec-WebSocket-Protocol":"room-auth, $T, $U"}"#, "token_form"),
    ("subprotocol: twice ours", r#""headers":{"Sec-WebSocket-Protocol":"room-auth, $T, room-auth, $T"}"#, "token_form"),
    ("subprotocol: one that is not allowed before", r#""headers":{"Sec-WebSocket-Protocol":"graphql-transport-ws, room-auth, $T"}"#, "token_form"),
    // A list without `room-auth` is not ours.
    ("subprotocol: in other case", r#""headers":{"Sec-WebSocket-Protocol":"Room-Auth, $T"}"#, "token_missing"),
    // A list without `room-auth` is not ours.
    ("subprotocol: a space for the comma", r#""headers":{"Sec-WebSocket-Protocol":"room-auth $T"}"#, "token_missing"),
    // A list without `room-auth` is not ours.
    ("subprotocol: quoted", r#""headers":{"Sec-WebSocket-Protocol":"\"room-auth\", $T"}"#, "token_missing"),
    // Of its form, but no token.
    ("header: two tokens", r#""headers":{"Authorization":"Bearer $T $U"}"#, "malformed"),
    ("header: two tokens with a comma", r#""headers":{"Authorization":"Bearer $T, Bearer $U"}"#, "malformed"),
    ("header: a parameter behind", r#""headers":{"Authorization":"Bearer $T; realm=x"}"#, "malformed"),
    ("header: NUL behind", r#""headers":{"Authorization":"Bearer $T\u0000"}"#, "malformed"),
    ("header: line end and another header", r#""headers":{"Authorization":"Bearer $T\r\nX-A: 1"}"#, "malformed"),
    ("header: quoted", r#""headers":{"Authorization":"Bearer \"$T\""}"#, "malformed"),
    ("query: with the scheme", r#""queryStringParameters":{"token":"Bearer $T"}"#, "malformed"),
    ("query: a space behind", r#""queryStringParameters":{"token":"$T "}"#, "malformed"),
    ("query: the text null", r#""queryStringParameters":{"token":"null"}"#, "malformed"),
    ("subprotocol: a control character in the token", r#""headers":{"Sec-WebSocket-Protocol":"room-auth, $T\u0001"}"#, "malformed"),
    // The event itself contradicts itself.
    ("header: lone surrogate", r#""headers":{"Authorization":"Bearer $T\ud800"}"#, "event"),
    ("header: lone surrogate in the map of lists", r#""multiValueHeaders":{"Authorization":["Bearer \udc00"]}"#, "event"),
    ("query: lone surrogate", r#""queryStringParameters":{"token":"\ud83d"}"#, "event"),
    ("a header's name with a lone surrogate", r#""headers":{"Authorization":"Bearer $T","\ud800":"x"}"#, "event"),
    ("header: null", r#""headers":{"Authorization":null}"#, "event"),
    ("header: null beside a good parameter", r#""headers":{"Authorization":null},"queryStringParameters":{"token":"$T"}"#, "event"),
    ("header: a list in the plain map", r#""headers":{"Authorization":["Bearer $T"]}"#, "event"),
    ("header: a text in the map of lists", r#""multiValueHeaders":{"Authorization":"Bearer $T"}"#, "event"),
    ("header: null in the list", r#""multiValueHeaders":{"Authorization":["Bearer $T",null]}"#, "event"),
    ("header: an empty list", r#""headers":{"Authorization":"Bearer $T"},"multiValueHeaders":{"Authorization":[]}"#, "event"),
    ("query: a number", r#""queryStringParameters":{"token":7}"#, "event"),
    ("query: an empty list", r#""queryStringParameters":{"token":"$T"},"multiValueQueryStringParameters":{"token":[]}"#, "event"),
];
