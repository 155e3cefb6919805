//! What the use of a gateway would have cost on AWS.

use std::fmt;

use serde::Serialize;

use crate::usage::precise;

const MILLION: f64 = 1_000_000.0;

// US dollars, us-east-1, without free tiers, taxes and data transfer. Sources and dates are in docs/cost-and-scale.md.
const MESSAGE: f64 = 1.00 / MILLION;
const CONNECTION_MINUTE: f64 = 0.25 / MILLION;
const INVOCATION: f64 = 0.20 / MILLION;
const GB_SECOND_ARM: f64 = 0.000_013_333_4;
const WRITE_UNIT: f64 = 0.625 / MILLION;
const READ_UNIT: f64 = 0.125 / MILLION;

/// What a gateway's use so far would have cost on AWS: see [`Gateway::bill`](crate::Gateway::bill).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Bill {
    /// Messages in and out, each 32 KB begun. `$connect` and `$disconnect` are none.
    pub messages: u64,
    /// Minutes of connections, each one begun.
    pub connection_minutes: u64,
    /// Invocations of functions, the authorizer's included.
    pub invocations: u64,
    /// Memory times time of the functions, their inits included.
    pub gb_seconds: f64,
    /// Read units of the embedded DynamoDB.
    pub read_units: f64,
    /// Write units of the embedded DynamoDB.
    pub write_units: f64,
}

impl Bill {
    /// Returns the sum, in US dollars.
    ///
    /// ```
    /// # use room_auth_gateway::Bill;
    /// assert_eq!(Bill::default().total(), 0.0);
    /// ```
    pub fn total(&self) -> f64 {
        self.items().iter().map(|(_, amount, price)| amount * price).sum()
    }

    /// Returns what is billed, how much of it, and the price of one.
    fn items(&self) -> [(&'static str, f64, f64); 6] {
        [
            ("messages of 32 KB", precise(self.messages), MESSAGE),
            (
                "connected minutes",
                precise(self.connection_minutes),
                CONNECTION_MINUTE,
            ),
            ("invocations", precise(self.invocations), INVOCATION),
            ("GB-seconds, arm64", self.gb_seconds, GB_SECOND_ARM),
            ("DynamoDB read units", self.read_units, READ_UNIT),
            ("DynamoDB write units", self.write_units, WRITE_UNIT),
        ]
    }
}

/// Writes one line for each thing that was used, and the sum.
impl fmt::Display for Bill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, amount, price) in self.items().iter().filter(|(_, amount, _)| *amount > 0.0) {
            writeln!(f, "{name:<22} {amount:>14.3}  ${:>12.8}", amount * price)?;
        }
        write!(f, "{:<22} {:>14}  ${:>12.8}", "on AWS", "", self.total())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::usage::{ApiUsage, FunctionUsage, TableUsage};

    /// The row "message to a room of 10" of docs/cost-and-scale.md, a million times.
    #[test]
    fn the_prices_are_those_of_the_page_about_cost() {
        let message = Bill {
            messages: 11_000_000,
            invocations: 1_000_000,
            gb_seconds: 1_000_000.0 * 0.015 * 0.25,
            read_units: 2_000_000.0,
            ..Bill::default()
        };
        assert!((message.total() - 11.50).abs() < 0.01, "{}", message.total());
        let connect = Bill {
            invocations: 1_000_000,
            gb_seconds: 1_000_000.0 * 0.015 * 0.25,
            write_units: 4_000_000.0,
            ..Bill::default()
        };
        assert!((connect.total() - 2.75).abs() < 0.01, "{}", connect.total());
        let hour = Bill {
            connection_minutes: 60_000_000,
            ..Bill::default()
        };
        assert!((hour.total() - 15.0).abs() < 0.001, "{}", hour.total());
    }

    #[test]
    fn everything_is_counted_by_what_has_begun() {
        let api = ApiUsage::default();
        for bytes in [0, 1, 32 * 1024, 32 * 1024 + 1, 128 * 1024] {
            api.message(bytes);
        }
        assert_eq!(api.messages(), 1 + 1 + 1 + 2 + 4);
        for seconds in [1, 60, 61] {
            api.connection(Duration::from_secs(seconds));
        }
        assert_eq!(api.minutes(), 1 + 1 + 2);
        let function = FunctionUsage::default();
        function.invocation(1024, Duration::from_micros(999_001));
        function.run(512, Duration::from_secs(2));
        assert_eq!(function.invocations(), 1);
        assert!((function.gb_seconds() - 2.0).abs() < 1e-9);
        let table = TableUsage::default();
        table.operation(false, 0.5);
        table.operation(true, 4.0);
        assert!((table.read_units() - 0.5).abs() < 1e-9 && (table.write_units() - 4.0).abs() < 1e-9);
    }
}
