//! Reads the sources of one crate: its modules, what they declare, and what their code refers to.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit_mut::VisitMut;
use syn::{Attribute, Item, Meta, Token, UseTree, Visibility, punctuated::Punctuated};

/// The texts of a crate's files, by their paths below the folder of its root.
pub(super) type Texts = BTreeMap<String, String>;

#[derive(Default)]
pub(super) struct Module {
    pub(super) file: String,
    pub(super) parent: Option<usize>,
    pub(super) children: BTreeMap<String, usize>,
    pub(super) uses: Vec<Use>,
    /// The names that the module itself defines.
    pub(super) items: BTreeSet<String>,
    /// The paths in its code, outside of `use`.
    pub(super) paths: Vec<Vec<String>>,
    /// Every word of its code.
    pub(super) words: BTreeSet<String>,
}

impl Module {
    /// Returns whether the module only declares and re-exports others.
    pub(super) fn is_map(&self) -> bool {
        self.items.is_empty() && self.words.is_empty()
    }
}

#[derive(Clone)]
pub(super) struct Use {
    /// The name in this module; `None` for `*`.
    pub(super) name: Option<String>,
    pub(super) path: Vec<String>,
    pub(super) is_public: bool,
}

/// Reads the modules of a crate, beginning with its root file. Code that is only compiled for tests is left out.
pub(super) fn modules(texts: &Texts, root: &str) -> Vec<Module> {
    let mut modules = Vec::new();
    read_file(texts, &mut modules, None, root, "");
    modules
}

/// Adds the module that `file` holds; `folder` is where its child modules are.
fn read_file(
    texts: &Texts,
    modules: &mut Vec<Module>,
    parent: Option<usize>,
    file: &str,
    folder: &str,
) -> usize {
    // A file that several crates share is outside of the folder, and knows none of them.
    let text = match texts.get(file) {
        Some(text) => text,
        None if file.contains("../") => "",
        None => panic!("no file {file}"),
    };
    let syntax = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
    read_items(texts, modules, parent, file, folder, syntax.items)
}

fn read_items(
    texts: &Texts,
    modules: &mut Vec<Module>,
    parent: Option<usize>,
    file: &str,
    folder: &str,
    items: Vec<Item>,
) -> usize {
    let index = modules.len();
    modules.push(Module {
        file: file.to_owned(),
        parent,
        ..Module::default()
    });
    for mut item in items {
        if attributes(&item).is_some_and(is_only_for_tests) {
            continue;
        }
        match item {
            Item::Use(item) => {
                let is_public = !matches!(item.vis, Visibility::Inherited);
                flatten(&item.tree, &mut Vec::new(), is_public, &mut modules[index].uses);
            }
            Item::Mod(module) => {
                let name = module.ident.to_string();
                let below = |rest: &str| {
                    if folder.is_empty() {
                        rest.to_owned()
                    } else {
                        format!("{folder}/{rest}")
                    }
                };
                let child = if let Some((_, items)) = module.content {
                    read_items(texts, modules, Some(index), file, &below(&name), items)
                } else if let Some(path) = path_attribute(&module.attrs) {
                    let beside = file
                        .rsplit_once('/')
                        .map_or(String::new(), |(folder, _)| format!("{folder}/"));
                    let child = format!("{beside}{path}");
                    let folder = child.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
                    read_file(texts, modules, Some(index), &child, &folder)
                } else {
                    let (flat, nested) = (below(&format!("{name}.rs")), below(&format!("{name}/mod.rs")));
                    let child = if texts.contains_key(&flat) { flat } else { nested };
                    read_file(texts, modules, Some(index), &child, &below(&name))
                };
                modules[index].children.insert(name, child);
            }
            ref mut other => {
                CutTests.visit_item_mut(other);
                modules[index].items.extend(defined_name(other));
                read_code(other.to_token_stream(), &mut modules[index]);
            }
        }
    }
    index
}

/// Removes the test-only functions of `impl` blocks.
struct CutTests;

impl VisitMut for CutTests {
    fn visit_item_impl_mut(&mut self, block: &mut syn::ItemImpl) {
        block.items.retain(|item| match item {
            syn::ImplItem::Fn(function) => !is_only_for_tests(&function.attrs),
            _ => true,
        });
    }
}

/// Collects the words and paths of code, also within macros, and the `use` declarations of function bodies.
fn read_code(tokens: TokenStream, module: &mut Module) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is = |at: usize, sign: char| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == sign);
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => read_code(group.stream(), module),
            TokenTree::Ident(word) if word == "use" => {
                let end = (at..tokens.len()).find(|end| is(*end, ';')).unwrap_or(at);
                let declaration: TokenStream = tokens[at..=end].iter().cloned().collect();
                if let Ok(declaration) = syn::parse2::<syn::ItemUse>(declaration) {
                    let mut uses = Vec::new();
                    flatten(&declaration.tree, &mut Vec::new(), false, &mut uses);
                    module.paths.extend(uses.into_iter().map(|import| import.path));
                    at = end;
                }
            }
            TokenTree::Ident(word) => {
                let mut path = vec![word.to_string()];
                while let (true, true, Some(TokenTree::Ident(next))) =
                    (is(at + 1, ':'), is(at + 2, ':'), tokens.get(at + 3))
                {
                    path.push(next.to_string());
                    at += 3;
                }
                module.words.insert(path[0].clone());
                if path.len() > 1 {
                    module.paths.push(path);
                }
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        at += 1;
    }
}

fn flatten(tree: &UseTree, before: &mut Vec<String>, is_public: bool, uses: &mut Vec<Use>) {
    let mut add = |name: Option<String>, path: Vec<String>| {
        uses.push(Use {
            name,
            path,
            is_public,
        });
    };
    let with = |last: &syn::Ident| {
        before
            .iter()
            .cloned()
            .chain([last.to_string()])
            .collect::<Vec<_>>()
    };
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, is_public, uses);
            before.pop();
        }
        UseTree::Name(name) if name.ident == "self" => add(before.last().cloned(), before.clone()),
        UseTree::Name(name) => add(Some(name.ident.to_string()), with(&name.ident)),
        UseTree::Rename(rename) if rename.ident == "self" => {
            add(Some(rename.rename.to_string()), before.clone());
        }
        UseTree::Rename(rename) => add(Some(rename.rename.to_string()), with(&rename.ident)),
        UseTree::Glob(_) => add(None, before.clone()),
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, before, is_public, uses);
            }
        }
    }
}

fn defined_name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

fn attributes(item: &Item) -> Option<&[Attribute]> {
    Some(match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => return None,
    })
}

fn path_attribute(attrs: &[Attribute]) -> Option<String> {
    attrs.iter().find_map(|attr| match &attr.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => {
            let path: syn::LitStr = syn::parse2(pair.value.to_token_stream()).ok()?;
            Some(path.value())
        }
        _ => None,
    })
}

fn is_only_for_tests(attrs: &[Attribute]) -> bool {
    attrs
        .iter()
        .filter(|attr| attr.path().is_ident("cfg"))
        .any(|attr| {
            attr.parse_args()
                .is_ok_and(|condition| holds_only_in_tests(&condition))
        })
}

fn holds_only_in_tests(condition: &Meta) -> bool {
    let inner = |list: &syn::MetaList| {
        list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
            .unwrap_or_default()
    };
    match condition {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => inner(list).iter().any(holds_only_in_tests),
        Meta::List(list) if list.path.is_ident("any") => inner(list).iter().all(holds_only_in_tests),
        _ => false,
    }
}
