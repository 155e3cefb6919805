//! Listings, part by part.

/// A part of a listing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page<T> {
    /// What is in this part, expired ones included: the reader filters.
    pub items: Vec<T>,
    /// Where the next part begins; `None` after the last.
    pub next: Option<PageToken>,
}

impl<T> Page<T> {
    /// Creates a page.
    pub fn new(items: Vec<T>, next: Option<PageToken>) -> Self {
        Self { items, next }
    }
}

/// Where a listing goes on. Its contents belong to the registry that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageToken(String);

impl PageToken {
    /// Creates a token with contents of the registry's own.
    pub fn new(contents: impl Into<String>) -> Self {
        Self(contents.into())
    }

    /// Returns the contents.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
