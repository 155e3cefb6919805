//! Reading properties, and noting what is not understood of them.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use super::{resolve::Resolver, resource::Resource, yaml::text};

pub(super) struct Reader<'a> {
    /// The directory of the template, from which its paths start.
    pub(super) dir: &'a Path,
    /// Where the API is reached here.
    pub(super) address: Option<&'a str>,
    pub(super) resources: &'a BTreeMap<String, Resource>,
    pub(super) resolver: Resolver<'a>,
    pub(super) notes: RefCell<Vec<String>>,
}

impl Reader<'_> {
    /// Notes what is not understood of a resource.
    pub(super) fn note(&self, id: &str, what: &str) {
        self.notes.borrow_mut().push(format!("{id}: {what}"));
    }

    /// Returns a property without functions, or `None` if it is absent or not understood.
    pub(super) fn value(&self, id: &str, properties: &Map<String, Value>, name: &str) -> Option<Value> {
        let value = self.resolver.value(properties.get(name)?);
        let value = value.map_err(|what| self.note(id, &format!("{name} is not understood: {what}")));
        value.ok().filter(|value| !value.is_null())
    }

    /// Returns a property as a text.
    pub(super) fn text(&self, id: &str, properties: &Map<String, Value>, name: &str) -> Option<String> {
        let value = self.value(id, properties, name)?;
        let found = text(&value);
        if found.is_none() {
            self.note(id, &format!("{name} is not a text"));
        }
        found
    }

    /// Returns a property as a number, which may be written as a text.
    pub(super) fn number(&self, id: &str, properties: &Map<String, Value>, name: &str) -> Option<u32> {
        let found = self.text(id, properties, name)?.parse().ok();
        if found.is_none() {
            self.note(id, &format!("{name} is not a number"));
        }
        found
    }

    /// Returns a property that is a list of texts, or several in one text with commas.
    pub(super) fn texts(&self, id: &str, properties: &Map<String, Value>, name: &str) -> Vec<String> {
        match self.value(id, properties, name) {
            Some(Value::Array(items)) => items.iter().filter_map(text).collect(),
            Some(value) => text(&value).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// Returns the texts of a map, each by itself: one that is not understood is noted and left out.
    pub(super) fn map(&self, id: &str, what: &str, map: Option<&Value>) -> BTreeMap<String, String> {
        let Some(Value::Object(map)) = map else {
            return BTreeMap::new();
        };
        let entry = |(name, value): (&String, &Value)| match self.resolver.value(value) {
            Ok(value) => text(&value).map(|text| (name.clone(), text)),
            Err(reason) => {
                self.note(
                    id,
                    &format!("{what} {name} is not set, as it is not understood: {reason}"),
                );
                None
            }
        };
        map.iter().filter_map(entry).collect()
    }

    /// Notes the properties that nobody reads.
    pub(super) fn unread(&self, id: &str, properties: &Map<String, Value>, known: &[&str]) {
        for name in properties.keys().filter(|name| !known.contains(&name.as_str())) {
            self.note(id, &format!("{name} has no effect here"));
        }
    }

    /// Returns a path of the template.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.dir.join(path)
    }

    /// Returns the logical id of the function that an ARN, or the URI of an integration, names.
    pub(super) fn function_of(&self, arn: &str) -> Option<String> {
        let (_, name) = arn.rsplit_once(":function:")?;
        let end = name.find([':', '/']).unwrap_or(name.len());
        let functions = self.resources.iter().filter(|(_, resource)| {
            matches!(
                resource.kind.as_str(),
                "AWS::Lambda::Function" | "AWS::Serverless::Function"
            )
        });
        let name_of = |id: &String| self.resolver.text(&serde_json::json!({"Ref": id})).ok();
        let mut ids = functions.map(|(id, _)| id);
        ids.find(|id| name_of(id).as_deref() == Some(&name[..end]))
            .cloned()
    }
}
