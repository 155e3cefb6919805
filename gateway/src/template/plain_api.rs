//! `AWS::ApiGatewayV2::Api` and what belongs to it: routes, integrations, authorizers, stages.

use super::{api, reader::Reader, resource::Resource};
use crate::plan::{Plan, PlannedAuthorizer, PlannedRoute};

/// Reads the API.
///
/// # Errors
///
/// If the selection expression is not one, or the authorizer is not understood.
pub(super) fn read(
    reader: &Reader<'_>,
    id: &str,
    api: &Resource,
    chosen_stage: Option<&str>,
) -> Result<Plan, String> {
    let mut plan = Plan {
        route_selection: api::selection(reader, id, api)?,
        ..Plan::default()
    };
    read_stage(reader, id, chosen_stage, &mut plan);
    for (id, route) in of_api(reader, id, "AWS::ApiGatewayV2::Route") {
        let Some(key) = reader.text(id, &route.properties, "RouteKey") else {
            reader.note(id, "it is left out, as it has no RouteKey that is understood");
            continue;
        };
        if key == "$connect" {
            plan.authorizer = read_authorization(reader, id, route)?;
        }
        if let Some(planned) = read_route(reader, id, route) {
            plan.routes.insert(key, planned);
        }
    }
    Ok(plan)
}

/// Returns the resources of a type whose `ApiId` is the API.
fn of_api<'a>(
    reader: &'a Reader<'_>,
    api: &'a str,
    kind: &'a str,
) -> impl Iterator<Item = (&'a String, &'a Resource)> {
    // Every API has the same id here, so what is compared is the name in `Ref`.
    let belongs = move |resource: &Resource| {
        let id = resource.properties.get("ApiId");
        id.is_some_and(|id| id["Ref"] == api || id["Fn::GetAtt"][0] == api)
    };
    let all = reader.resources.iter();
    all.filter(move |(_, resource)| resource.kind == kind && belongs(resource))
}

fn read_stage(reader: &Reader<'_>, api: &str, chosen: Option<&str>, plan: &mut Plan) {
    let mut names = Vec::new();
    for (id, stage) in of_api(reader, api, "AWS::ApiGatewayV2::Stage") {
        let Some(name) = reader.text(id, &stage.properties, "StageName") else {
            continue;
        };
        if plan.stage.is_none() && chosen.is_none_or(|chosen| chosen == name) {
            let variables = stage.properties.get("StageVariables");
            plan.stage_variables = reader.map(id, "the stage variable", variables);
            plan.stage = Some(name.clone());
        }
        names.push(name);
    }
    if names.len() > 1 && chosen.is_none() {
        let names = names.join(", ");
        reader.note(
            api,
            &format!("of its stages {names} only the first is run; choose one by --stage"),
        );
    }
}

fn read_route(reader: &Reader<'_>, id: &str, route: &Resource) -> Option<PlannedRoute> {
    let properties = &route.properties;
    reader.unread(
        id,
        properties,
        &[
            "ApiId",
            "AuthorizationType",
            "AuthorizerId",
            "OperationName",
            "RouteKey",
            "RouteResponseSelectionExpression",
            "Target",
        ],
    );
    let target = reader.text(id, properties, "Target");
    let integration = target
        .as_deref()
        .and_then(|target| target.strip_prefix("integrations/"));
    let function = integration.and_then(|integration| read_integration(reader, integration));
    let Some(function) = function else {
        reader.note(
            id,
            "it is left out, as its Target is not an integration of a function of this template",
        );
        return None;
    };
    let has_response = properties.contains_key("RouteResponseSelectionExpression");
    let answered = reader.resources.values().any(|resource| {
        let of_route = resource
            .properties
            .get("RouteId")
            .is_some_and(|route| route["Ref"] == *id);
        resource.kind == "AWS::ApiGatewayV2::RouteResponse" && of_route
    });
    if has_response != answered {
        reader.note(
            id,
            "its responses are not sent: that takes both a RouteResponseSelectionExpression and a \
             AWS::ApiGatewayV2::RouteResponse",
        );
    }
    Some(PlannedRoute {
        function,
        has_response: has_response && answered,
    })
}

/// Returns the function of an integration.
fn read_integration(reader: &Reader<'_>, id: &str) -> Option<String> {
    let properties = &reader.resources.get(id)?.properties;
    let kind = reader.text(id, properties, "IntegrationType")?;
    if kind != "AWS_PROXY" {
        reader.note(id, &format!("the IntegrationType {kind} is not run here"));
        return None;
    }
    reader.unread(
        id,
        properties,
        &[
            "ApiId",
            "ConnectionType",
            // On AWS a role for the call.
            "CredentialsArn",
            "Description",
            "IntegrationMethod",
            "IntegrationType",
            "IntegrationUri",
            "PayloadFormatVersion",
        ],
    );
    let uri = reader.text(id, properties, "IntegrationUri")?;
    reader.function_of(&uri)
}

/// Returns the authorizer of the route `$connect`.
fn read_authorization(
    reader: &Reader<'_>,
    id: &str,
    route: &Resource,
) -> Result<Option<PlannedAuthorizer>, String> {
    match reader.text(id, &route.properties, "AuthorizationType").as_deref() {
        Some("CUSTOM") => {}
        Some("AWS_IAM") => {
            reader.note(
                id,
                "AuthorizationType AWS_IAM is not checked here: everybody may connect",
            );
            return Ok(None);
        }
        None if route.properties.contains_key("AuthorizationType") => {
            return Err(format!("{id}: its AuthorizationType is not understood"));
        }
        _ => return Ok(None),
    }
    let authorizer = reader.text(id, &route.properties, "AuthorizerId");
    let Some((id, authorizer)) = authorizer.and_then(|id| reader.resources.get_key_value(&id)) else {
        return Err(format!(
            "{id}: its AuthorizerId is not an authorizer of this template"
        ));
    };
    let uri = reader.text(id, &authorizer.properties, "AuthorizerUri");
    let sources = reader.texts(id, &authorizer.properties, "IdentitySource");
    api::authorizer(reader, id, uri.as_deref(), &sources).map(Some)
}
