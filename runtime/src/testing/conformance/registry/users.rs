//! What must hold of the connections of a user.

use super::{MS, Suite};
use crate::registry::{Registry, Trace, UserConnection};

impl<R: Registry> Suite<R> {
    /// The name of a user of this run.
    pub(super) fn user(&self, name: &str) -> String {
        format!("{name}@{:016x}", self.run)
    }

    pub(super) async fn a_users_connections_are_listed_page_by_page(&self) {
        let (alice, bob) = (self.user("alice"), self.user("alice2"));
        let connections: Vec<_> = (0..30)
            .map(|number| {
                let user = if number % 3 == 0 { &bob } else { &alice };
                let connection = self.connection(&format!("of{number}"), "of", self.now);
                connection.with_user(Some(user))
            })
            .collect();
        self.each(&connections, |connection| self.record(connection))
            .await;
        for (user, count) in [(&alice, 20), (&bob, 10)] {
            let listed = self.list_of(user).await;
            assert_eq!(listed.len(), count, "the connections of one user");
        }
        for connection in &connections {
            self.expect(connection, "beside those of others").await;
        }
        self.each(&connections, |connection| self.end(connection)).await;
        assert!(self.list_of(&alice).await.is_empty(), "all forgotten");
    }

    pub(super) async fn names_of_users_are_kept_apart(&self) {
        let users = ["Zoe", "zoe", "zoë", "z#e", "z/e \u{1f600}", "TOKEN#zoe"].map(|name| self.user(name));
        for (number, user) in users.iter().enumerate() {
            let connection = self.connection(&format!("name{number}"), "names", self.now);
            let connection = connection.with_user(Some(user));
            self.record(&connection).await;
            self.expect(&connection, "beside names alike").await;
        }
        for (number, user) in users.iter().enumerate() {
            assert_eq!(self.list_of(user).await.len(), 1, "alone");
            let id = self.id(&format!("name{number}"));
            let connection = self.find(&id).await.expect("it is recorded");
            self.end(&connection).await;
            assert!(self.list_of(user).await.is_empty(), "forgotten");
        }
    }

    pub(super) async fn sweeping_leaves_what_is_recorded(&self) {
        let user = self.user("swept");
        let connection = self.connection("swept", "swept", self.now).with_user(Some(&user));
        let member = connection.member();
        let entry = UserConnection::new(connection.id.clone(), connection.endpoint.clone());
        let sweep = async || {
            for trace in [Trace::Member(&member), Trace::User(&user, &entry)] {
                self.registry.sweep(trace).await.expect("a listing can be swept");
            }
        };
        sweep().await;
        self.record(&connection).await;
        sweep().await;
        self.expect(&connection, "swept while it is there").await;
        let newer = self
            .connection("swept", "swept", self.now + MS)
            .with_user(Some(&user));
        self.record(&newer).await;
        sweep().await;
        self.expect(&newer, "swept by the traces of an older one").await;
        self.end(&newer).await;
        sweep().await;
        self.expect_absent(&newer, "swept when nothing is there").await;
    }
}
