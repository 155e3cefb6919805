//! Questions about a type as it is written. What a type means is known to the compiler alone.

use quote::quote_spanned;
use syn::Type;
use syn::visit_mut::{self, VisitMut};

/// Returns whether the type could be a `Result`: a path (perhaps an alias) or a macro. All other types have
/// a shape of their own.
pub(crate) fn could_be_result(ty: &Type) -> bool {
    matches!(ungrouped(ty), Type::Path(_) | Type::Macro(_) | Type::Verbatim(_))
}

/// Returns whether the last segment of a path is `name`. An alias has another name, so this only chooses between
/// messages.
pub(crate) fn is_named(ty: &Type, name: &str) -> bool {
    match ungrouped(ty) {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == name),
        _ => false,
    }
}

fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(paren) => ungrouped(&paren.elem),
        _ => ty,
    }
}

/// Returns whether `impl Trait` occurs anywhere in the type.
pub(crate) fn contains_impl_trait(ty: &Type) -> bool {
    let mut visitor = InferImplTrait { found: false };
    visitor.visit_type_mut(&mut ty.clone());
    visitor.found
}

/// Returns the type with `_` for each `impl Trait`, which cannot be written inside a function.
pub(crate) fn with_inferred_impl_trait(ty: &Type) -> Type {
    let mut ty = ty.clone();
    InferImplTrait { found: false }.visit_type_mut(&mut ty);
    ty
}

struct InferImplTrait {
    found: bool,
}

impl VisitMut for InferImplTrait {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::ImplTrait(trait_) = ty {
            self.found = true;
            let underscore = quote_spanned! {trait_.impl_token.span=> _ };
            *ty = syn::parse2(underscore).expect("`_` is a type");
        } else {
            visit_mut::visit_type_mut(self, ty);
        }
    }
}
