//! Checks that the parts of a gateway fit together, before anything is started.

use std::collections::HashSet;

use crate::error::StartError;

/// A route as the builder was given it.
#[derive(Debug)]
pub(crate) struct RouteSpec {
    pub(crate) key: String,
    pub(crate) function: String,
    pub(crate) has_response: bool,
}

/// Checks the name of the stage.
///
/// # Errors
///
/// If it is empty, or has other characters than a stage name has.
pub(crate) fn stage(name: &str) -> Result<(), StartError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "$-_".contains(c);
    if name.is_empty() || !name.chars().all(fits) {
        return Err(StartError::Stage(name.to_owned()));
    }
    Ok(())
}

/// Checks the names of the functions, and everything that refers to them.
///
/// # Errors
///
/// If a name or a key is there twice, or is not valid, or refers to nothing.
pub(crate) fn references<'a>(
    functions: impl Iterator<Item = &'a str>,
    routes: &[RouteSpec],
    authorizer: Option<&str>,
) -> Result<(), StartError> {
    let mut names = HashSet::new();
    for name in functions {
        if !names.insert(name) {
            return Err(StartError::TwoFunctions(name.to_owned()));
        }
    }
    let known = |user: &str, function: &str| {
        if names.contains(function) {
            return Ok(());
        }
        let (user, function) = (user.to_owned(), function.to_owned());
        Err(StartError::UnknownFunction { user, function })
    };
    let mut keys = HashSet::new();
    for RouteSpec { key, function, .. } in routes {
        if !keys.insert(key) {
            return Err(StartError::TwoRoutes(key.clone()));
        }
        let is_predefined = ["$connect", "$disconnect", "$default"].contains(&key.as_str());
        if key.is_empty() || (key.starts_with('$') && !is_predefined) {
            return Err(StartError::RouteKey(key.clone()));
        }
        known(&format!("route `{key}`"), function)?;
    }
    authorizer.map_or(Ok(()), |function| known("the authorizer", function))
}
