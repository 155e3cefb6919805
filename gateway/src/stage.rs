//! The API's stage: what events and ARNs say about it.

use std::{collections::BTreeMap, net::SocketAddr};

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
    /// Whether clients come by a custom domain, which maps its root to this stage.
    pub(crate) is_mapped: bool,
}

impl Stage {
    /// Returns the path of the stage: `/dev`, or nothing behind a custom domain.
    pub(crate) fn path(&self) -> String {
        if self.is_mapped {
            String::new()
        } else {
            format!("/{}", self.name)
        }
    }

    /// Returns the URL for clients of a gateway at this address.
    pub(crate) fn websocket_url(&self, address: SocketAddr, is_secure: bool) -> String {
        let scheme = if is_secure { "wss" } else { "ws" };
        format!("{scheme}://{address}{}", self.path())
    }

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
