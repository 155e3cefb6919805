//! Files with environment variables, in the format of `docker run --env-file`.

use std::{fs, path::PathBuf};

/// A file, and its variables, in their order.
#[derive(Clone, Debug)]
pub(super) struct EnvFile {
    pub(super) path: PathBuf,
    pub(super) variables: Vec<(String, String)>,
}

/// Reads the file at `path`.
///
/// # Errors
///
/// If it cannot be read, or a line has no name and `=`.
pub(super) fn read(path: &str) -> Result<EnvFile, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let (path, variables) = (path.into(), parse(&text)?);
    Ok(EnvFile { path, variables })
}

impl EnvFile {
    /// Reads the file again.
    ///
    /// # Errors
    ///
    /// As [`read`]. Then the variables stay as they were.
    pub(super) fn read_again(&mut self) -> Result<(), String> {
        let path = self.path.display();
        let text = fs::read_to_string(&self.path).map_err(|error| format!("{path}: {error}"))?;
        self.variables = parse(&text).map_err(|error| format!("{path}: {error}"))?;
        Ok(())
    }
}

fn parse(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut variables = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                variables.push((name.trim().to_owned(), value.to_owned()));
            }
            // The line itself may hold a secret.
            _ => return Err(format!("line {number} is not NAME=VALUE")),
        }
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_variables_comments_or_empty() {
        let text = "# a comment\n\nA=1\nKEY=a=b c \n EMPTY=\nQUOTED=\"x\"\n";
        let expected = [("A", "1"), ("KEY", "a=b c "), ("EMPTY", ""), ("QUOTED", "\"x\"")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(parse(text), Ok(expected.into()));
    }

    #[test]
    fn another_line_is_an_error_that_shows_nothing_of_it() {
        for text in ["A=1\nsecret", "A=1\n=secret"] {
            assert_eq!(parse(text), Err("line 2 is not NAME=VALUE".to_owned()));
        }
    }
}
