//! What functions get from the gateway if they do not say it themselves.

use crate::function::{Function, LogSink};

#[derive(Debug)]
pub(crate) struct FunctionDefaults {
    pub(crate) region: String,
    pub(crate) account_id: String,
    pub(crate) logs: LogSink,
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl FunctionDefaults {
    /// Returns the function that routes call `name`, with what it does not say itself.
    pub(crate) fn apply(&self, name: &str, function: Function) -> Function {
        function
            .name_or(name)
            .region_or(&self.region)
            .account_id_or(&self.account_id)
            .logs_or(&self.logs)
            .env_defaults(&self.environment)
    }
}
