//! What must hold of rooms that fill several pages.

use super::{MS, Suite, expect_same_member};
use crate::registry::Registry;

impl<R: Registry> Suite<R> {
    pub(super) async fn pages_hold_each_connection_once(&self) {
        let all: Vec<_> = (0..100)
            .map(|number| self.connection(&format!("paged{number}"), "paged", self.now + number * MS))
            .collect();
        self.each(&all, |connection| self.record(connection)).await;
        let room = self.room("paged");
        let listed = self.list(&room).await;
        for connection in &all {
            expect_same_member(
                listed.get(&connection.id),
                &connection.member(),
                "every connection is listed",
            );
        }
        assert_eq!(listed.len(), all.len());

        let first = self.registry.members(&room, None).await.expect("a page");
        if let Some(next) = first.next {
            let ids = async || {
                let page = self.registry.members(&room, Some(&next)).await.expect("a page");
                let mut ids: Vec<_> = page.items.into_iter().map(|connection| connection.id).collect();
                ids.sort();
                ids
            };
            assert_eq!(ids().await, ids().await, "a page token can be used again");
        }
        self.each(&all, |connection| self.end(connection)).await;
        assert!(self.list(&room).await.is_empty(), "all forgotten");
    }

    pub(super) async fn pages_hold_who_stays_while_others_come_and_go(&self) {
        let room = self.room("busy");
        let staying: Vec<_> = (0..40)
            .map(|number| self.connection(&format!("stay{number}"), "busy", self.now))
            .collect();
        let passing: Vec<_> = (0..40)
            .map(|number| self.connection(&format!("pass{number}"), "busy", self.now))
            .collect();
        self.each(&staying, |connection| self.record(connection)).await;
        let come_and_go = self.each(&passing, async |connection| {
            self.record(connection).await;
            self.end(connection).await;
        });
        let list = async {
            for _ in 0..5 {
                let listed = self.list(&room).await;
                for connection in &staying {
                    assert!(listed.contains_key(&connection.id), "missed while others moved");
                }
            }
        };
        futures_util::join!(come_and_go, list);
        assert_eq!(self.list(&room).await.len(), staying.len());
        self.each(&staying, |connection| self.end(connection)).await;
    }
}
