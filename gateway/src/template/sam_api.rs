//! `AWS::Serverless::WebSocketApi`, which SAM has had since May 2026.

use serde_json::Value;

use super::{api, reader::Reader, resource::Resource};
use crate::plan::{Plan, PlannedRoute};

/// What SAM names the stage if the template does not.
const DEFAULT_STAGE: &str = "default";

/// Reads the API.
///
/// # Errors
///
/// If the selection expression is not one, or the authorizer is not understood.
pub(super) fn read(reader: &Reader<'_>, id: &str, api: &Resource) -> Result<Plan, String> {
    let properties = &api.properties;
    reader.unread(
        id,
        properties,
        &[
            "Auth",
            "RouteSelectionExpression",
            "Routes",
            "StageName",
            "StageVariables",
            // Nothing of these is seen here.
            "AccessLogSettings",
            "Description",
            "DisableExecuteApiEndpoint",
            "IpAddressType",
            "Name",
            "PropagateTags",
            "Tags",
        ],
    );
    let mut plan = Plan {
        stage: Some(match properties.get("StageName") {
            Some(_) => reader
                .text(id, properties, "StageName")
                .ok_or_else(|| format!("{id}: the name of its stage is not understood; add --stage NAME"))?,
            None => DEFAULT_STAGE.to_owned(),
        }),
        stage_variables: reader.map(id, "the stage variable", properties.get("StageVariables")),
        route_selection: api::selection(reader, id, api)?,
        ..Plan::default()
    };
    if let Some(Value::Object(routes)) = properties.get("Routes") {
        for (key, route) in routes {
            if let Some(route) = read_route(reader, &format!("{id}: route {key}"), route) {
                plan.routes.insert(key.clone(), route);
            }
        }
    }
    if let Some(Value::Object(auth)) = properties.get("Auth") {
        let kind = reader.text(id, auth, "AuthType").unwrap_or_default();
        match kind.to_ascii_uppercase().as_str() {
            "NONE" => {}
            "AWS_IAM" => reader.note(id, "AuthType AWS_IAM is not checked here: everybody may connect"),
            _ => {
                let arn = reader.text(id, auth, "AuthArn");
                let sources = reader.texts(id, auth, "IdentitySource");
                plan.authorizer = Some(api::authorizer(reader, id, arn.as_deref(), &sources)?);
            }
        }
    }
    Ok(plan)
}

fn read_route(reader: &Reader<'_>, id: &str, route: &Value) -> Option<PlannedRoute> {
    let properties = route.as_object()?;
    reader.unread(
        id,
        properties,
        &["FunctionArn", "RouteResponseSelectionExpression", "OperationName"],
    );
    let arn = reader.text(id, properties, "FunctionArn");
    let Some(function) = arn.as_deref().and_then(|arn| reader.function_of(arn)) else {
        reader.note(
            id,
            "it is left out, as its FunctionArn is not a function of this template",
        );
        return None;
    };
    // SAM makes no other resource of a route response.
    let has_response = properties.contains_key("RouteResponseSelectionExpression");
    Some(PlannedRoute {
        function,
        has_response,
    })
}
