//! `extends`: a manifest takes from another what it does not say itself.

use std::collections::{HashMap, HashSet};

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use trunkline_core::{nearest, printable};

use super::read::Parsed;
use super::sources::Sources;
use crate::at::Span;
use crate::problem::Problem;

/// Longest chain of manifests.
const MAX_DEPTH: usize = 8;

/// Each manifest by its name.
pub(super) struct Inherited<'a> {
    parsed: Vec<Parsed<'a>>,
    by_name: HashMap<String, usize>,
}

impl<'a> Inherited<'a> {
    /// Finds out what is called how. Of two of one name, the second is a problem.
    pub(super) fn new(parsed: Vec<Parsed<'a>>, sources: &Sources<'_>, problems: &mut Vec<Problem>) -> Self {
        let mut by_name = HashMap::new();
        for (index, one) in parsed.iter().enumerate() {
            let Some((name, span)) = text(&one.root, "name") else { continue };
            if let Some(earlier) = by_name.insert(name.to_owned(), index) {
                let earlier: &Parsed<'_> = &parsed[earlier];
                let message = format!("two manifests are called `{}`", printable(name));
                let hint = format!("the other one is in {}", earlier.file);
                problems.push(sources.problem(span, message).hint(hint));
            }
        }
        Self { parsed, by_name }
    }

    /// Every manifest, complete. One whose chain is broken is left out.
    pub(super) fn roots(
        &mut self,
        sources: &Sources<'_>,
        problems: &mut Vec<Problem>,
    ) -> Vec<Spanned<DeTable<'a>>> {
        let mut roots = Vec::with_capacity(self.parsed.len());
        let bases = self.parsed.iter().filter_map(|one| Some(text(&one.root, "extends")?.0.to_owned()));
        let bases: HashSet<String> = bases.collect();
        for index in 0..self.parsed.len() {
            if let Some(chain) = self.chain(index, sources, problems) {
                // Taken rather than copied where nobody else can need it.
                roots.push(match &chain[..] {
                    [] => None,
                    [alone] if !self.is_base(*alone, &bases) => {
                        let empty = Spanned::new(0..0, DeTable::new());
                        Some(std::mem::replace(&mut self.parsed[*alone].root, empty))
                    }
                    [own, bases @ ..] => {
                        let root = self.parsed[*own].root.clone();
                        Some(bases.iter().fold(root, |root, base| derived(root, &self.parsed[*base].root)))
                    }
                });
            }
        }
        roots.into_iter().flatten().collect()
    }

    fn is_base(&self, index: usize, bases: &HashSet<String>) -> bool {
        text(&self.parsed[index].root, "name").is_some_and(|(name, _)| bases.contains(name))
    }

    /// The manifest and those it extends, nearest first.
    fn chain(&self, index: usize, sources: &Sources<'_>, problems: &mut Vec<Problem>) -> Option<Vec<usize>> {
        let mut chain = vec![index];
        let mut last = index;
        while let Some((base, span)) = text(&self.parsed[last].root, "extends") {
            let Some(&next) = self.by_name.get(base) else {
                let problem = sources.problem(span, format!("there is no manifest `{}`", printable(base)));
                let near = nearest(base, self.by_name.keys().map(String::as_str));
                problems.push(match near {
                    Some(near) => problem.hint(format!("did you mean `{near}`?")),
                    None => problem.hint("a manifest extends one that is loaded together with it"),
                });
                return None;
            };
            if chain.contains(&next) || chain.len() == MAX_DEPTH {
                let names = chain.iter().filter_map(|index| text(&self.parsed[*index].root, "name"));
                let names: Vec<_> = names.map(|(name, _)| printable(name)).collect();
                let message = if chain.contains(&next) {
                    format!(
                        "manifests extend each other in a circle: {} → {}",
                        names.join(" → "),
                        printable(base)
                    )
                } else {
                    format!("a chain of more than {MAX_DEPTH} manifests")
                };
                problems.push(sources.problem(span, message));
                return None;
            }
            chain.push(next);
            last = next;
        }
        Some(chain)
    }
}

fn text<'t>(root: &'t Spanned<DeTable<'_>>, key: &str) -> Option<(&'t str, Span)> {
    let value = root.get_ref().get(key)?;
    Some((value.get_ref().as_str()?, value.span().into()))
}

/// What `own` does not say is as `base` has it. Name and base are a manifest's own.
fn derived<'a>(own: Spanned<DeTable<'a>>, base: &Spanned<DeTable<'a>>) -> Spanned<DeTable<'a>> {
    let span = own.span();
    let mut table = own.into_inner();
    let own_alone = ["name", "extends"];
    for (key, value) in base.get_ref().iter().filter(|(key, _)| !own_alone.contains(&&**key.get_ref())) {
        fill_in(&mut table, key, value);
    }
    Spanned::new(span, table)
}

fn fill_in<'a>(
    table: &mut DeTable<'a>,
    key: &Spanned<std::borrow::Cow<'a, str>>,
    base: &Spanned<DeValue<'a>>,
) {
    match (table.get_mut(key).map(Spanned::get_mut), base.get_ref()) {
        (None, _) => {
            table.insert(key.clone(), base.clone());
        }
        (Some(DeValue::Table(own)), DeValue::Table(base)) => {
            base.iter().for_each(|(key, value)| fill_in(own, key, value));
        }
        (Some(_), _) => {}
    }
}
