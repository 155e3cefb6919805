//! What the page shows: the last entries of the journal, masked and cut, and their events as they were.

use std::{collections::VecDeque, sync::Arc, time::SystemTime};

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::shown;
use crate::{
    ids,
    journal::{Content, Entry},
    masks::Masks,
};

/// How many entries are kept.
const MAX_ENTRIES: usize = 2_000;

/// How large all that is kept may be, in bytes: what is shown, and the events.
const MAX_BYTES: usize = 32 * 1024 * 1024;

pub(crate) struct History {
    /// Sets this run apart from earlier ones, whose entries a page may have seen.
    run: u64,
    masks: Masks,
    kept: Mutex<Kept>,
    newest: watch::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    items: VecDeque<Item>,
    bytes: usize,
    last_number: u64,
}

struct Item {
    number: u64,
    /// One server-sent event.
    text: String,
    event: Option<SentEvent>,
}

/// An event as a function was given it. It has no `Debug`, because it may hold a token.
#[derive(Clone)]
pub(super) struct SentEvent {
    pub(super) function: Arc<str>,
    pub(super) connection_id: Arc<str>,
    /// The route, or `None` for the authorizer.
    pub(super) route: Option<Arc<str>>,
    pub(super) bytes: Bytes,
}

impl Item {
    fn cost(&self) -> usize {
        self.text.len() + self.event.as_ref().map_or(0, |event| event.bytes.len())
    }
}

impl Default for History {
    fn default() -> Self {
        Self {
            run: rand::random(),
            masks: Masks::default(),
            kept: Mutex::default(),
            newest: watch::Sender::default(),
        }
    }
}

impl History {
    pub(super) fn masks(&self) -> &Masks {
        &self.masks
    }

    /// Keeps an entry of the journal.
    pub(crate) fn add(&self, entry: &Entry) {
        let mut shown = shown::content(&entry.content, &self.masks);
        shown["at"] = ids::millis(entry.at).into();
        // Whoever calls @connections may call anything a connection.
        shown["connection"] = self.masks.text(&entry.connection_id).into();
        let event = match &entry.content {
            Content::Invoked {
                function,
                route,
                event,
                ..
            } => Some(SentEvent {
                function: function.clone(),
                connection_id: entry.connection_id.clone(),
                route: route.clone(),
                bytes: event.clone(),
            }),
            _ => None,
        };
        self.push(shown, event);
    }

    /// Notes what a person has ordered, for a connection or for all of them.
    pub(super) fn add_order(&self, now: SystemTime, connection_id: &str, order: &Value) {
        let mut shown = json!({
            "kind": "fault",
            "at": ids::millis(now),
            "connection": connection_id,
            "order": order,
        });
        self.masks.json(&mut shown);
        self.push(shown, None);
    }

    fn push(&self, mut shown: Value, event: Option<SentEvent>) {
        let mut kept = self.kept.lock();
        kept.last_number += 1;
        let number = kept.last_number;
        shown["number"] = number.into();
        let text = format!("id: {}-{number}\ndata: {shown}\n\n", self.run);
        let item = Item { number, text, event };
        kept.bytes += item.cost();
        kept.items.push_back(item);
        while kept.items.len() > MAX_ENTRIES || kept.bytes > MAX_BYTES {
            let Some(oldest) = kept.items.pop_front() else {
                break;
            };
            kept.bytes -= oldest.cost();
        }
        drop(kept);
        self.newest.send_replace(number);
    }

    /// Returns what tells that there is something new.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Returns the number of the entry with the id of a server-sent event, or 0 if it is not of this run.
    pub(super) fn number_of(&self, id: &str) -> u64 {
        let (run, number) = id.split_once('-').unwrap_or_default();
        let is_of_this_run = run.parse() == Ok(self.run);
        number.parse().ok().filter(|_| is_of_this_run).unwrap_or_default()
    }

    /// Returns the server-sent events after the one with this number, and the number of the last of them.
    pub(super) fn events_after(&self, seen: u64) -> (String, u64) {
        let kept = self.kept.lock();
        let begin = kept.items.partition_point(|item| item.number <= seen);
        let text = kept.items.range(begin..).map(|item| item.text.as_str()).collect();
        (text, kept.last_number)
    }

    /// Returns the event of an entry, if the entry is kept and has one.
    pub(super) fn event(&self, number: u64) -> Option<SentEvent> {
        let kept = self.kept.lock();
        let position = kept
            .items
            .binary_search_by_key(&number, |item| item.number)
            .ok()?;
        kept.items[position].event.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invoked(event: impl Into<Bytes>) -> Entry {
        Entry {
            at: SystemTime::UNIX_EPOCH,
            connection_id: "id".into(),
            content: Content::Invoked {
                route: None,
                is_resent: false,
                function: "gate".into(),
                request_id: "r".into(),
                event: event.into(),
            },
        }
    }

    #[test]
    fn the_oldest_entries_go_when_there_are_too_many_or_they_are_too_large() {
        let history = History::default();
        for _ in 0..=MAX_ENTRIES {
            history.add(&invoked("{}"));
        }
        assert!(history.event(1).is_none());
        assert!(history.event(2).is_some());

        let large = Bytes::from(vec![b'x'; MAX_BYTES / 4]);
        for _ in 0..4 {
            history.add(&invoked(large.clone()));
        }
        let newest = *history.changes().borrow();
        assert!(history.event(newest - 2).is_some() && history.event(newest - 3).is_none());
        assert!(history.kept.lock().bytes <= MAX_BYTES);
    }

    #[test]
    fn a_page_that_comes_back_gets_what_it_has_not_seen() {
        let history = History::default();
        for _ in 0..3 {
            history.add_order(SystemTime::UNIX_EPOCH, "", &Value::Null);
        }
        let (text, newest) = history.events_after(0);
        let ids: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("id: "))
            .collect();
        assert_eq!((ids.len(), newest), (3, 3));
        let (rest, _) = history.events_after(history.number_of(ids[1]));
        assert_eq!(rest.matches("\nid: ").count() + 1, 1);
        assert!(rest.starts_with(&format!("id: {}\n", ids[2])));
        assert_eq!(history.events_after(3), (String::new(), 3));
    }

    #[test]
    fn ids_of_another_run_count_for_nothing() {
        let history = History::default();
        history.add_order(SystemTime::UNIX_EPOCH, "", &Value::Null);
        assert_eq!(history.number_of(&format!("{}-1", history.run)), 1);
        for id in [
            &*format!("{}-1", history.run.wrapping_add(1)),
            "",
            "-",
            "1",
            "a-b",
        ] {
            assert_eq!(history.number_of(id), 0, "{id}");
        }
    }
}
