//! One resource of a template.

use serde_json::{Map, Value};

/// A resource as the template has it.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) kind: String,
    pub(super) properties: Map<String, Value>,
    pub(super) metadata: Map<String, Value>,
}
