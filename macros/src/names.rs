//! The names that the expansion uses beside the user's own.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

/// Returns the path of everything that the expansion calls: no import of the user's can change its meaning.
pub(crate) fn private() -> TokenStream {
    quote_spanned! {Span::mixed_site()=> ::room_auth::__private }
}

/// Makes a name that the user's code cannot refer to. Hygiene alone does not suffice: a pattern of a single word
/// also matches a constant of that name.
pub(crate) fn hidden(name: &str) -> Ident {
    Ident::new(&format!("__room_auth_{name}"), Span::mixed_site())
}
