//! What the two forms of a WebSocket API have in common.

use room_auth_gateway::{IdentitySources, SelectionExpression};

use super::{reader::Reader, resource::Resource};
use crate::plan::PlannedAuthorizer;

/// Reads the expression that selects the route of a message.
///
/// # Errors
///
/// If it is not one.
pub(super) fn selection(
    reader: &Reader<'_>,
    id: &str,
    api: &Resource,
) -> Result<Option<SelectionExpression>, String> {
    let text = reader.text(id, &api.properties, "RouteSelectionExpression");
    let parsed = text.map(|text| text.parse::<SelectionExpression>()).transpose();
    parsed.map_err(|error| format!("{id}: {error}"))
}

/// Returns the authorizer that an ARN or a URI names.
///
/// # Errors
///
/// If it is not a function of the template, or an identity source is not one. Without its authorizer the API would let
/// everybody in.
pub(super) fn authorizer(
    reader: &Reader<'_>,
    id: &str,
    arn: Option<&str>,
    sources: &[String],
) -> Result<PlannedAuthorizer, String> {
    let function = arn.and_then(|arn| reader.function_of(arn)).ok_or_else(|| {
        format!(
            "{id}: the function of the authorizer is not understood; it must be one of this template{}",
            arn.map(|arn| format!(", and it is {arn}")).unwrap_or_default()
        )
    })?;
    let sources = match sources {
        [] => IdentitySources::new(),
        sources => sources
            .join(",")
            .parse()
            .map_err(|error| format!("{id}: {error}"))?,
    };
    Ok(PlannedAuthorizer { function, sources })
}
