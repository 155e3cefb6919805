//! The API's stage: what events and ARNs say about it.

use std::collections::BTreeMap;

#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) api_id: String,
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) account_id: String,
    /// `domainName` of the events: a host, and a port, which API Gateway would not have.
    pub(crate) domain_name: String,
    pub(crate) port: u16,
    pub(crate) variables: BTreeMap<String, String>,
}

impl Stage {
    /// Returns the ARN that an authorizer is asked about.
    pub(crate) fn method_arn(&self) -> String {
        let Self {
            region,
            account_id,
            api_id,
            name,
            ..
        } = self;
        format!("arn:aws:execute-api:{region}:{account_id}:{api_id}/{name}/$connect")
    }
}
