//! The resources of a template, with its globals in them, and its parameters.

use std::{cell::RefCell, collections::BTreeMap};

use serde_json::{Map, Value};

use super::{resolve::Resolver, resource::Resource, yaml::text};

/// Returns the resources by their logical ids, those of a condition that does not hold left out.
///
/// # Errors
///
/// If the template has none, or a condition is not understood.
pub(super) fn read(
    template: &Value,
    parameters: &BTreeMap<String, Value>,
    region: &str,
) -> Result<BTreeMap<String, Resource>, String> {
    let all = template["Resources"].as_object().ok_or("it has no `Resources`")?;
    let none = BTreeMap::new();
    let conditions = Resolver {
        resources: &none,
        conditions: conditions(template),
        parameters: parameters.clone(),
        region,
        open: RefCell::default(),
    };
    let mut resources = BTreeMap::new();
    for (id, resource) in all {
        if let Some(condition) = resource["Condition"].as_str() {
            let holds = conditions.holds(condition);
            if !holds.map_err(|what| format!("the condition of `{id}` is not understood: {what}"))? {
                continue;
            }
        }
        let kind = resource["Type"].as_str().unwrap_or_default().to_owned();
        let own = object(&resource["Properties"]);
        let globals = kind.strip_prefix("AWS::Serverless::").unwrap_or_default();
        let properties = match merge(template["Globals"][globals].clone(), own.into()) {
            Value::Object(properties) => properties,
            _ => Map::new(),
        };
        let metadata = object(&resource["Metadata"]);
        resources.insert(
            id.clone(),
            Resource {
                kind,
                properties,
                metadata,
            },
        );
    }
    Ok(resources)
}

/// Returns the conditions of a template, not evaluated.
pub(super) fn conditions(template: &Value) -> Map<String, Value> {
    object(&template["Conditions"])
}

/// Returns the values of the template's parameters: as given, or else their defaults.
///
/// # Errors
///
/// If one has neither, or one is given that the template does not have.
pub(super) fn parameters(
    template: &Value,
    given: &[(String, String)],
) -> Result<BTreeMap<String, Value>, String> {
    let declared = object(&template["Parameters"]);
    if let Some((name, _)) = given.iter().find(|(name, _)| !declared.contains_key(name)) {
        return Err(format!(
            "it has no parameter `{name}`; correct --parameter {name}=…"
        ));
    }
    let mut values = BTreeMap::new();
    for (name, parameter) in declared {
        let kind = parameter["Type"].as_str().unwrap_or_default();
        let given = given.iter().rev().find(|(one, _)| *one == name);
        // The default of an SSM parameter is the name of the value, which is on AWS.
        let default = text(&parameter["Default"]).filter(|_| !kind.starts_with("AWS::SSM::"));
        let value = given.map(|(_, value)| value.clone()).or(default);
        let value = value
            .ok_or_else(|| format!("its parameter `{name}` has no value; add --parameter {name}=VALUE"))?;
        let value = if kind == "CommaDelimitedList" || kind.starts_with("List<") {
            value.split(',').map(|item| Value::from(item.trim())).collect()
        } else {
            value.into()
        };
        values.insert(name, value);
    }
    Ok(values)
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// Puts `own` over `global`, as SAM does: maps are merged, lists are joined, and of other values the own one counts.
fn merge(global: Value, own: Value) -> Value {
    match (global, own) {
        (Value::Object(mut global), Value::Object(own)) => {
            for (key, value) in own {
                let merged = match global.remove(&key) {
                    Some(below) => merge(below, value),
                    None => value,
                };
                global.insert(key, merged);
            }
            global.into()
        }
        (Value::Array(mut global), Value::Array(own)) => {
            global.extend(own);
            global.into()
        }
        (_, own) => own,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn globals_are_below_what_a_resource_has_itself() {
        let template = json!({
            "Globals": {"Function": {"Timeout": 5, "Environment": {"Variables": {"A": "global", "B": "global"}}}},
            "Resources": {
                "F": {
                    "Type": "AWS::Serverless::Function",
                    "Properties": {"MemorySize": 256, "Environment": {"Variables": {"A": "own"}}},
                },
                "Plain": {"Type": "AWS::Lambda::Function"},
            },
        });
        let resources = read(&template, &BTreeMap::new(), "us-east-1").unwrap();
        assert_eq!(
            Value::Object(resources["F"].properties.clone()),
            json!({"Timeout": 5, "MemorySize": 256, "Environment": {"Variables": {"A": "own", "B": "global"}}})
        );
        assert!(resources["Plain"].properties.is_empty());
    }

    #[test]
    fn a_resource_is_there_only_if_its_condition_holds() {
        let template = json!({
            "Conditions": {"IsProd": {"Fn::Equals": [{"Ref": "Env"}, "prod"]}},
            "Resources": {"A": {"Type": "X", "Condition": "IsProd"}, "B": {"Type": "X"}},
        });
        for (env, expected) in [("prod", vec!["A", "B"]), ("dev", vec!["B"])] {
            let parameters = BTreeMap::from([("Env".to_owned(), env.into())]);
            let resources = read(&template, &parameters, "us-east-1").unwrap();
            assert_eq!(resources.keys().collect::<Vec<_>>(), expected, "{env}");
        }
    }

    #[test]
    fn parameters_have_the_given_value_or_their_default() {
        let template = json!({"Parameters": {
            "A": {"Type": "String", "Default": "a"},
            "N": {"Type": "Number", "Default": 5},
            "L": {"Type": "CommaDelimitedList", "Default": "x, y"},
            "S": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/a/name"},
        }});
        let given = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect();
            parameters(&template, &pairs)
        };
        let values = given(&[("A", "b"), ("S", "secret")]).unwrap();
        assert_eq!(
            json!(values),
            json!({"A": "b", "N": "5", "L": ["x", "y"], "S": "secret"})
        );
        assert_eq!(
            given(&[]).unwrap_err(),
            "its parameter `S` has no value; add --parameter S=VALUE"
        );
        assert_eq!(
            given(&[("Z", "1")]).unwrap_err(),
            "it has no parameter `Z`; correct --parameter Z=…"
        );
    }
}
