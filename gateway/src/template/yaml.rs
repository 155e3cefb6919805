//! Templates as JSON: YAML, with the short forms of the functions written out (`!Ref X` becomes `{"Ref": "X"}`).

use saphyr::{Scalar, ScalarStyle, Tag, Yaml, YamlLoader};
use saphyr_parser::Parser;
use serde_json::{Map, Value, json};

/// Reads a template. JSON is YAML, too.
///
/// # Errors
///
/// If it is not YAML, or has something that JSON cannot express.
pub(super) fn read(text: &str) -> Result<Value, String> {
    let mut loader = YamlLoader::<Yaml<'_>>::default();
    // `012345678901` is an account, and not a number.
    loader.early_parse(false);
    let parsed = Parser::new_from_str(text).load(&mut loader, false);
    parsed.map_err(|error| error.to_string())?;
    if let Some(error) = loader.error() {
        return Err(error.to_string());
    }
    match loader.into_documents().pop() {
        Some(document) => value(document),
        None => Err("it is empty".to_owned()),
    }
}

/// Returns a text, number or boolean as a text.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn value(yaml: Yaml<'_>) -> Result<Value, String> {
    match yaml {
        Yaml::Representation(text, style, None) => Ok(scalar(&text, style)),
        Yaml::Representation(text, style, Some(tag)) => {
            let value = if tag.is_yaml_core_schema() || style != ScalarStyle::Plain {
                text.as_ref().into()
            } else {
                scalar(&text, style)
            };
            Ok(tagged(&tag, value))
        }
        Yaml::Sequence(items) => items.into_iter().map(value).collect(),
        Yaml::Mapping(entries) => {
            let mut map = Map::new();
            for (key, item) in entries {
                let Yaml::Representation(key, ..) = key else {
                    return Err("a key is not a text".to_owned());
                };
                if map.insert(key.clone().into_owned(), value(item)?).is_some() {
                    return Err(format!("the key `{key}` is there twice"));
                }
            }
            Ok(map.into())
        }
        Yaml::Tagged(tag, inner) => Ok(tagged(&tag, value(*inner)?)),
        Yaml::Value(_) | Yaml::Alias(_) | Yaml::BadValue => Err("it is not YAML that can be read".to_owned()),
    }
}

/// Reads a plain text as what YAML's core schema says it is, if that is written in one way only.
fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return text.into();
    }
    if text.is_empty() {
        return Value::Null;
    }
    match Scalar::parse_from_cow(text.into()) {
        Scalar::Null => Value::Null,
        Scalar::Boolean(boolean) => boolean.into(),
        Scalar::Integer(number) if number.to_string() == text => number.into(),
        Scalar::FloatingPoint(number) if number.to_string() == text => json!(number.into_inner()),
        _ => text.into(),
    }
}

/// Writes out the short form of a function.
fn tagged(tag: &Tag, value: Value) -> Value {
    let name = match tag.suffix.as_str() {
        _ if tag.is_yaml_core_schema() => return value,
        name @ ("Ref" | "Condition") => name.to_owned(),
        name => format!("Fn::{name}"),
    };
    let value = match value {
        // `!GetAtt A.B.C` is the attribute `B.C` of `A`.
        Value::String(text) if name == "Fn::GetAtt" => match text.split_once('.') {
            Some((resource, attribute)) => json!([resource, attribute]),
            None => text.into(),
        },
        other => other,
    };
    json!({ name: value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_are_written_out() {
        let template = "\
A: !Ref B
C: !GetAtt D.Arn
E: !Sub '${B}-x'
F: !Join ['/', [integrations, !Ref G]]
H: !Sub
  - ${X}
  - X: !GetAtt D.Stream.Arn
I: !If [Yes, 1, !Ref 'AWS::NoValue']
";
        let expected = json!({
            "A": {"Ref": "B"},
            "C": {"Fn::GetAtt": ["D", "Arn"]},
            "E": {"Fn::Sub": "${B}-x"},
            "F": {"Fn::Join": ["/", ["integrations", {"Ref": "G"}]]},
            "H": {"Fn::Sub": ["${X}", {"X": {"Fn::GetAtt": ["D", "Stream.Arn"]}}]},
            "I": {"Fn::If": ["Yes", 1, {"Ref": "AWS::NoValue"}]},
        });
        assert_eq!(read(template), Ok(expected));
    }

    #[test]
    fn a_number_is_one_only_if_nothing_of_its_text_is_lost() {
        let template = "[1, 012345678901, 1.5, 1.50, '2', true, \"true\", 2010-09-09, 0x10, ~, $connect]";
        let expected = json!([
            1,
            "012345678901",
            1.5,
            "1.50",
            "2",
            true,
            "true",
            "2010-09-09",
            "0x10",
            null,
            "$connect"
        ]);
        assert_eq!(read(template), Ok(expected));
    }

    #[test]
    fn anchors_are_followed_and_json_is_read_too() {
        assert_eq!(
            read("a: &x {k: 1}\nb: *x"),
            Ok(json!({"a": {"k": 1}, "b": {"k": 1}}))
        );
        assert_eq!(
            read(r#"{"a": {"Fn::GetAtt": ["b", "Arn"]}}"#),
            Ok(json!({"a": {"Fn::GetAtt": ["b", "Arn"]}}))
        );
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for (text, reason) in [
            ("", "it is empty"),
            ("a: 1\n'a': 2", "twice"),
            ("a: [", "line"),
            ("? [a]\n: b", "a key is not a text"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(reason), "{text:?}: {error}");
        }
    }
}
