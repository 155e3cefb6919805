//! One line for each thing that happens, for people.

use std::time::{Duration, SystemTime};

use anstyle::{AnsiColor, Style};
use room_auth_gateway::{ObservedEvent, Operation};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

/// UTC, as in the logs of AWS.
const TIME: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]:[second].[subsecond digits:3]Z");

/// The colours of functions' names. A function has the same in every run.
const COLORS: [AnsiColor; 6] = [
    AnsiColor::Cyan,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::BrightCyan,
    AnsiColor::BrightMagenta,
    AnsiColor::BrightBlue,
];

/// Returns the line for what happened to a connection, or `None` if another one tells the same: an invocation is shown
/// when it has ended, and a message with its invocation.
pub(super) fn event(at: SystemTime, connection_id: &str, event: &ObservedEvent) -> Option<String> {
    let (what, function, result, rest) = match event {
        ObservedEvent::AuthorizerAnswered {
            function,
            decision,
            took,
            cold,
        } => {
            let decision = serde_json::to_value(decision).ok()?;
            let decision = decision.as_str()?.replace('_', " ");
            let result = (good_if(decision == "allow"), decision);
            ("authorizer", named(function), result, Some(timing(*took, *cold)))
        }
        ObservedEvent::HandshakeAnswered { status } => {
            let result = (good_if(*status == 101), status.to_string());
            ("handshake", named(""), result, None)
        }
        ObservedEvent::FunctionAnswered {
            route,
            function,
            status,
            took,
            cold,
            ..
        } => {
            let result = match status {
                Some(status) => (good_if(*status < 400), status.to_string()),
                None => (good_if(false), "error".to_owned()),
            };
            (&**route, named(function), result, Some(timing(*took, *cold)))
        }
        ObservedEvent::FrameIn { route: None, .. } => {
            let result = (good_if(false), "no route".to_owned());
            ("message", named(""), result, None)
        }
        ObservedEvent::ManagementCall { operation, status } => {
            let operation = match operation {
                Operation::Post => "POST",
                Operation::Get => "GET",
                Operation::Delete => "DELETE",
                _ => "",
            };
            let result = (good_if(*status < 400), status.to_string());
            (operation, named(""), result, None)
        }
        ObservedEvent::Closed { code } => {
            let result = (Style::new(), code.to_string());
            ("closed", named(""), result, None)
        }
        _ => return None,
    };
    let at = OffsetDateTime::from(at).format(TIME).ok()?;
    let dim = Style::new().dimmed();
    let (style, result) = result;
    let what = format!("{dim}{at}  {connection_id}{dim:#}  {what:<12}  {function}");
    Some(match rest {
        None => format!("{what}  {style}{result}{style:#}"),
        Some(timing) => format!("{what}  {style}{result:<8}{style:#}  {timing}"),
    })
}

/// Returns the line for what a function has printed.
pub(super) fn log(function: &str, text: &str) -> String {
    let style = color_of(function);
    format!("{style}[{function}]{style:#} {text}")
}

/// Returns the line for the page of the inspector.
pub(super) fn inspector(url: &str) -> String {
    let style = Style::new().bold();
    format!("{style}inspector:{style:#} {url}")
}

/// Returns the line for a note.
pub(super) fn note(text: &str) -> String {
    let style = Style::new().fg_color(Some(AnsiColor::Yellow.into()));
    format!("{style}note:{style:#} {text}")
}

/// Returns the line for what has gone wrong, while the last good version goes on.
pub(super) fn kept(reason: &str) -> String {
    let style = good_if(false);
    format!("{style}error:{style:#} {reason}; the last good version goes on")
}

fn named(function: &str) -> String {
    let style = color_of(function);
    format!("{style}{function:<16}{style:#}")
}

fn color_of(function: &str) -> Style {
    let sum: usize = function.bytes().map(usize::from).sum();
    Style::new().fg_color(Some(COLORS[sum % COLORS.len()].into()))
}

/// Green or red.
fn good_if(is_good: bool) -> Style {
    let color = if is_good { AnsiColor::Green } else { AnsiColor::Red };
    Style::new().fg_color(Some(color.into()))
}

fn timing(took: Duration, is_cold: bool) -> String {
    let start = if is_cold { "cold" } else { "warm" };
    format!("{:>8.1} ms  {start}", took.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;
    use room_auth_gateway::Decision;

    use super::*;

    const ID: &str = "L0SM9cOFvHcCIhw=";

    fn plain(of: &ObservedEvent) -> Option<String> {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(45_296_789);
        event(at, ID, of).map(|line| strip_str(&line).to_string())
    }

    fn answered(status: Option<u16>, cold: bool) -> ObservedEvent {
        ObservedEvent::FunctionAnswered {
            route: "$connect".into(),
            function: "chat".into(),
            request_id: "r".into(),
            status,
            took: Duration::from_micros(3140),
            cold,
        }
    }

    #[test]
    fn a_line_says_who_what_how_long_and_whether_it_was_a_cold_start() {
        let decided = ObservedEvent::AuthorizerAnswered {
            function: "gate".into(),
            decision: Decision::NoIdentity,
            took: Duration::ZERO,
            cold: false,
        };
        let call = ObservedEvent::ManagementCall {
            operation: Operation::Post,
            status: 410,
        };
        let no_route = ObservedEvent::FrameIn {
            route: None,
            bytes: 3,
        };
        let table = [
            (
                answered(Some(200), true),
                "$connect      chat              200            3.1 ms  cold",
            ),
            (
                answered(None, false),
                "$connect      chat              error          3.1 ms  warm",
            ),
            (
                decided,
                "authorizer    gate              no identity       0.0 ms  warm",
            ),
            (call, "POST                            410"),
            (no_route, "message                         no route"),
            (
                ObservedEvent::Closed { code: 1001 },
                "closed                          1001",
            ),
        ];
        for (event, expected) in table {
            let expected = format!("12:34:56.789Z  {ID}  {expected}");
            assert_eq!(plain(&event), Some(expected), "{event:?}");
        }
    }

    #[test]
    fn what_another_line_tells_has_none() {
        let routed = ObservedEvent::FrameIn {
            route: Some("send".into()),
            bytes: 3,
        };
        for event in [routed, ObservedEvent::FrameOut { bytes: 3 }] {
            assert_eq!(plain(&event), None, "{event:?}");
        }
    }

    #[test]
    fn failures_are_red_and_a_function_keeps_its_color() {
        let color = |of: &ObservedEvent| {
            let line = event(SystemTime::UNIX_EPOCH, ID, of).unwrap();
            (line.contains("\x1b[31m"), line.contains("\x1b[32m"))
        };
        assert_eq!(color(&answered(Some(200), true)), (false, true));
        assert_eq!(color(&answered(Some(401), true)), (true, false));
        assert_eq!(color(&answered(None, true)), (true, false));
        assert_eq!(
            log("chat", "hi"),
            format!("{}[chat]{:#} hi", color_of("chat"), color_of("chat"))
        );
    }
}
