//! The functions of templates (`Ref`, `Fn::Sub`, …), as far as what is run here needs them.

use std::{cell::RefCell, collections::BTreeMap};

use serde_json::{Map, Value, json};

use super::{resource::Resource, yaml::text};

/// The account of everything local.
pub(super) const ACCOUNT: &str = "000000000000";

/// What `Ref` of the API is, the `apiId` of the events.
pub(super) const API_ID: &str = "local";

/// Replaces the functions in the values of a template.
pub(super) struct Resolver<'a> {
    pub(super) resources: &'a BTreeMap<String, Resource>,
    pub(super) conditions: Map<String, Value>,
    pub(super) parameters: BTreeMap<String, Value>,
    pub(super) region: &'a str,
    /// The conditions that are being evaluated, so that one that refers to itself is an error.
    pub(super) open: RefCell<Vec<String>>,
}

/// What a value has that is not understood.
pub(super) type NotUnderstood = String;

impl Resolver<'_> {
    /// Returns the value without functions. What is `AWS::NoValue` is left out.
    ///
    /// # Errors
    ///
    /// If it has a function, or refers to something, that is not understood here.
    pub(super) fn value(&self, value: &Value) -> Result<Value, NotUnderstood> {
        match value {
            Value::Array(items) => {
                let items: Result<Vec<Value>, _> = items.iter().map(|item| self.value(item)).collect();
                Ok(items?.into_iter().filter(|item| !item.is_null()).collect())
            }
            Value::Object(map) => match function(map) {
                Some((name, argument)) => self.call(name, argument),
                None => self.map(map),
            },
            other => Ok(other.clone()),
        }
    }

    fn map(&self, map: &Map<String, Value>) -> Result<Value, NotUnderstood> {
        let mut resolved = Map::new();
        for (key, value) in map {
            match self.value(value)? {
                Value::Null => {}
                value => drop(resolved.insert(key.clone(), value)),
            }
        }
        Ok(resolved.into())
    }

    /// Returns the value as a text.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value), or if it is a list or a map.
    pub(super) fn text(&self, value: &Value) -> Result<String, NotUnderstood> {
        let value = self.value(value)?;
        text(&value).ok_or_else(|| format!("{value} is not a text"))
    }

    fn call(&self, name: &str, argument: &Value) -> Result<Value, NotUnderstood> {
        let wrong = || format!("`{name}` has not the form that was expected: {argument}");
        match (name, argument) {
            ("Ref", Value::String(name)) => self.reference(name),
            ("Fn::GetAtt", Value::Array(path)) => match path.as_slice() {
                [Value::String(resource), Value::String(attribute)] => self.attribute(resource, attribute),
                _ => Err(wrong()),
            },
            ("Fn::GetAtt", Value::String(path)) => {
                let (resource, attribute) = path.split_once('.').ok_or_else(wrong)?;
                self.attribute(resource, attribute)
            }
            ("Fn::Sub", Value::String(pattern)) => self.substitute(pattern, &Map::new()),
            ("Fn::Sub", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(pattern), Value::Object(own)] => self.substitute(pattern, own),
                _ => Err(wrong()),
            },
            ("Fn::Join", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(between), items] => {
                    let items = self.value(items)?;
                    let items = items.as_array().ok_or_else(wrong)?;
                    let items: Option<Vec<String>> = items.iter().map(text).collect();
                    Ok(items.ok_or_else(wrong)?.join(between).into())
                }
                _ => Err(wrong()),
            },
            ("Fn::If", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(condition), then, otherwise] => {
                    let chosen = if self.holds(condition)? { then } else { otherwise };
                    self.value(chosen)
                }
                _ => Err(wrong()),
            },
            _ => Err(format!("the function `{name}`")),
        }
    }

    fn reference(&self, name: &str) -> Result<Value, NotUnderstood> {
        if let Some(value) = self.parameters.get(name) {
            return Ok(value.clone());
        }
        let pseudo = match name {
            "AWS::NoValue" => return Ok(Value::Null),
            "AWS::Region" => self.region,
            "AWS::AccountId" => ACCOUNT,
            "AWS::Partition" => "aws",
            "AWS::URLSuffix" => "amazonaws.com",
            "AWS::StackName" => "local",
            _ => "",
        };
        if !pseudo.is_empty() {
            return Ok(pseudo.into());
        }
        let resource = self.resource(name)?;
        match resource.kind.as_str() {
            "AWS::Lambda::Function" | "AWS::Serverless::Function" => {
                self.name_of(name, resource, "FunctionName")
            }
            "AWS::DynamoDB::Table" | "AWS::Serverless::SimpleTable" => {
                self.name_of(name, resource, "TableName")
            }
            "AWS::ApiGatewayV2::Api" | "AWS::Serverless::WebSocketApi" => Ok(API_ID.into()),
            "AWS::ApiGatewayV2::Stage" => self.name_of(name, resource, "StageName"),
            kind if kind.starts_with("AWS::ApiGatewayV2::") => Ok(name.into()),
            kind => Err(format!("`{name}`, of the type {kind}")),
        }
    }

    fn attribute(&self, name: &str, attribute: &str) -> Result<Value, NotUnderstood> {
        let resource = self.resource(name)?;
        let (region, account) = (self.region, ACCOUNT);
        let named = |property| self.text(&self.name_of(name, resource, property)?);
        match (resource.kind.as_str(), attribute) {
            ("AWS::Lambda::Function" | "AWS::Serverless::Function", "Arn") => {
                let function = named("FunctionName")?;
                Ok(json!(format!(
                    "arn:aws:lambda:{region}:{account}:function:{function}"
                )))
            }
            ("AWS::DynamoDB::Table" | "AWS::Serverless::SimpleTable", "Arn") => {
                let table = named("TableName")?;
                Ok(json!(format!(
                    "arn:aws:dynamodb:{region}:{account}:table/{table}"
                )))
            }
            ("AWS::ApiGatewayV2::Api" | "AWS::Serverless::WebSocketApi", "ApiId") => Ok(API_ID.into()),
            ("AWS::ApiGatewayV2::Api" | "AWS::Serverless::WebSocketApi", "ApiEndpoint") => {
                Ok(json!(format!("wss://{}", self.api_host())))
            }
            ("AWS::ApiGatewayV2::Authorizer", "AuthorizerId") => Ok(name.into()),
            (kind, _) => Err(format!("`{name}.{attribute}`, of the type {kind}")),
        }
    }

    /// Returns the host name that the API would have on AWS.
    pub(super) fn api_host(&self) -> String {
        format!("{API_ID}.execute-api.{}.amazonaws.com", self.region)
    }

    fn resource(&self, name: &str) -> Result<&Resource, NotUnderstood> {
        let known = self.resources.get(name);
        known.ok_or_else(|| format!("`{name}`, which is neither a parameter nor a resource"))
    }

    /// Returns the name that a resource is given, or else its logical id, of which AWS would make a name.
    fn name_of(&self, id: &str, resource: &Resource, property: &str) -> Result<Value, NotUnderstood> {
        match resource.properties.get(property) {
            Some(name) => self.text(name).map(Value::from),
            None => Ok(id.into()),
        }
    }

    fn substitute(&self, pattern: &str, own: &Map<String, Value>) -> Result<Value, NotUnderstood> {
        let mut result = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once("${") {
            result += before;
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| format!("`Fn::Sub` of a `${{` without an end: {pattern}"))?;
            match name.strip_prefix('!') {
                Some(literal) => result.extend(["${", literal, "}"]),
                None => result += &self.text(&self.named(name.trim(), own)?)?,
            }
            rest = after;
        }
        Ok((result + rest).into())
    }

    fn named(&self, name: &str, own: &Map<String, Value>) -> Result<Value, NotUnderstood> {
        match (own.get(name), name.split_once('.')) {
            (Some(value), _) => self.value(value),
            (None, Some((resource, attribute))) => self.attribute(resource, attribute),
            (None, None) => self.reference(name),
        }
    }
}

/// Returns the function that a map is: it has one member, which is named so.
pub(super) fn function(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = map.iter().next().filter(|_| map.len() == 1)?;
    let is_function = name.starts_with("Fn::") || name == "Ref" || name == "Condition";
    is_function.then_some((name.as_str(), argument))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(value: &Value) -> Result<Value, String> {
        let resource = |kind: &str, properties: Value| Resource {
            kind: kind.to_owned(),
            properties: properties.as_object().cloned().unwrap_or_default(),
            metadata: Map::new(),
        };
        let resources = BTreeMap::from([
            ("F".to_owned(), resource("AWS::Serverless::Function", json!({}))),
            (
                "Named".to_owned(),
                resource(
                    "AWS::Lambda::Function",
                    json!({"FunctionName": {"Fn::Sub": "${Env}-f"}}),
                ),
            ),
            ("Api".to_owned(), resource("AWS::ApiGatewayV2::Api", json!({}))),
            (
                "I".to_owned(),
                resource("AWS::ApiGatewayV2::Integration", json!({})),
            ),
            ("T".to_owned(), resource("AWS::DynamoDB::Table", json!({}))),
            ("Bucket".to_owned(), resource("AWS::S3::Bucket", json!({}))),
        ]);
        let conditions = json!({
            "IsProd": {"Fn::Equals": [{"Ref": "Env"}, "prod"]},
            "IsTest": {"Fn::And": [{"Fn::Not": [{"Condition": "IsProd"}]}, {"Fn::Equals": ["a", "a"]}]},
            "Loop": {"Condition": "Loop"},
        });
        let resolver = Resolver {
            resources: &resources,
            conditions: conditions.as_object().cloned().unwrap(),
            parameters: BTreeMap::from([("Env".to_owned(), "test".into())]),
            region: "eu-west-1",
            open: RefCell::default(),
        };
        resolver.value(value)
    }

    #[test]
    fn functions_become_what_they_stand_for() {
        let arn = "arn:aws:lambda:eu-west-1:000000000000:function";
        let table = [
            (json!({"Ref": "Env"}), json!("test")),
            (json!({"Ref": "F"}), json!("F")),
            (json!({"Ref": "Named"}), json!("test-f")),
            (json!({"Ref": "Api"}), json!("local")),
            (json!({"Fn::GetAtt": ["F", "Arn"]}), json!(format!("{arn}:F"))),
            (json!({"Fn::GetAtt": "Named.Arn"}), json!(format!("{arn}:test-f"))),
            (
                json!({"Fn::Sub": "${Env}:${F.Arn}:${!kept}:${AWS::Region}$"}),
                json!(format!("test:{arn}:F:${{kept}}:eu-west-1$")),
            ),
            (
                json!({"Fn::Sub": ["${X}/${Env}", {"X": {"Ref": "T"}}]}),
                json!("T/test"),
            ),
            (
                json!({"Fn::Join": ["/", ["integrations", {"Ref": "I"}]]}),
                json!("integrations/I"),
            ),
            (json!({"Fn::If": ["IsProd", 1, 2]}), json!(2)),
            (
                json!([{"Fn::If": ["IsTest", {"Ref": "AWS::NoValue"}, 2]}, 3]),
                json!([3]),
            ),
            (json!({"a": {"Ref": "AWS::NoValue"}, "b": 1}), json!({"b": 1})),
        ];
        for (value, expected) in table {
            assert_eq!(resolve(&value), Ok(expected), "{value}");
        }
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let table = [
            (json!({"Ref": "Bucket"}), "`Bucket`, of the type AWS::S3::Bucket"),
            (
                json!({"Fn::Sub": "x${Bucket.Arn}"}),
                "`Bucket.Arn`, of the type AWS::S3::Bucket",
            ),
            (
                json!({"Ref": "Nothing"}),
                "`Nothing`, which is neither a parameter nor a resource",
            ),
            (json!({"Fn::ImportValue": "x"}), "the function `Fn::ImportValue`"),
            (
                json!({"Fn::If": ["Loop", 1, 2]}),
                "the condition `Loop`, which refers to itself",
            ),
            (
                json!({"Fn::Sub": "${Env"}),
                "`Fn::Sub` of a `${` without an end: ${Env",
            ),
        ];
        for (value, expected) in table {
            assert_eq!(resolve(&value), Err(expected.to_owned()), "{value}");
        }
    }
}
