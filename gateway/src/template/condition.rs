//! The conditions of a template.

use serde_json::Value;

use super::resolve::{NotUnderstood, Resolver, function};

impl Resolver<'_> {
    /// Returns whether a condition of the template holds.
    ///
    /// # Errors
    ///
    /// If there is none of this name, or it is not understood.
    pub(super) fn holds(&self, name: &str) -> Result<bool, NotUnderstood> {
        let condition = self.conditions.get(name);
        let condition = condition.ok_or_else(|| format!("the unknown condition `{name}`"))?;
        if self.open.borrow().iter().any(|open| open == name) {
            return Err(format!("the condition `{name}`, which refers to itself"));
        }
        self.open.borrow_mut().push(name.to_owned());
        let holds = self.evaluate(condition);
        self.open.borrow_mut().pop();
        holds
    }

    fn evaluate(&self, condition: &Value) -> Result<bool, NotUnderstood> {
        let call = condition.as_object().and_then(function);
        let each = |conditions: &Vec<Value>| -> Result<Vec<bool>, NotUnderstood> {
            conditions.iter().map(|one| self.evaluate(one)).collect()
        };
        match call {
            Some(("Condition", Value::String(name))) => self.holds(name),
            Some(("Fn::Equals", Value::Array(sides))) if sides.len() == 2 => {
                Ok(self.text(&sides[0])? == self.text(&sides[1])?)
            }
            Some(("Fn::Not", Value::Array(one))) if one.len() == 1 => Ok(!self.evaluate(&one[0])?),
            Some(("Fn::And", Value::Array(all))) => Ok(each(all)?.into_iter().all(|holds| holds)),
            Some(("Fn::Or", Value::Array(all))) => Ok(each(all)?.into_iter().any(|holds| holds)),
            _ => Err(format!("the condition {condition}")),
        }
    }
}
