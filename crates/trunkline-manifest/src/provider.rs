//! The ways to hold a grant, as a manifest says.

mod build;
mod captured;
mod client;
mod key;
mod needs;
mod oauth1;
mod revocation;
mod token;

pub(crate) use build::{Grants, introspection};
pub(crate) use client::signing_key;
pub(crate) use key::KeyProvider;
pub(crate) use needs::inputs_of;
pub(crate) use oauth1::RequestSigner;
pub(crate) use token::{Carrier, TokenProvider, inner, specs};

use std::sync::Arc;

use trunkline_core::{Captures, Error, InputSpec, Inputs, Secret};

use crate::config::Operator;
use crate::format::{GivenBy, Input, Method};
use crate::manifest::Manifest;
use crate::values::{Values, kept};

/// What all ways of one connector share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) operator: Operator,
}

impl Shared {
    pub(crate) fn values<'a>(
        &'a self,
        inputs: Option<&'a Inputs>,
        captures: Option<&'a Captures>,
    ) -> Values<'a> {
        Values { format: &self.manifest.format, operator: &self.operator.inputs, inputs, captures }
    }

    /// What a connection has to know before it can be made this way.
    pub(crate) fn inputs(&self, method: Method) -> Vec<InputSpec> {
        let format = &self.manifest.format;
        let needed = inputs_of(format, method);
        let tenants = format
            .inputs
            .iter()
            .filter(|(name, input)| input.given_by != GivenBy::Operator && needed.contains(name.as_str()));
        tenants.map(|(name, input)| input.spec(name)).collect()
    }

    /// Whether what has to be given is there and good.
    pub(crate) fn check_inputs(&self, method: Method, inputs: &Inputs) -> Result<(), Error> {
        let values = self.values(Some(inputs), None);
        let names = self.inputs(method).into_iter().map(|spec| spec.name);
        names.into_iter().try_for_each(|name| values.input_if_given(name).map(drop))
    }

    /// The tenant's and the operator's inputs together, with the defaults of those that nobody gave.
    pub(crate) fn all_inputs(&self, inputs: &Inputs) -> Inputs {
        let mut all = Inputs::default();
        for (name, input) in &self.manifest.format.inputs {
            if let Some(default) = &input.default {
                all.insert(name, Secret::new(default.as_str()));
            }
        }
        let given = inputs.iter().filter(|(_, value)| !value.is_empty());
        given.for_each(|(name, value)| all.insert(name, value.clone()));
        self.operator.inputs.iter().for_each(|(name, value)| all.insert(name, value.clone()));
        all
    }

    /// Keeps the inputs that URLs need again; none of them is a secret.
    pub(crate) fn keep_inputs(&self, inputs: &Inputs, captures: &mut Captures) {
        let format = &self.manifest.format;
        let is_kept = |input: &Input| !input.secret && input.given_by != GivenBy::Once;
        for (name, input) in format.inputs.iter().filter(|(_, input)| is_kept(input)) {
            if let Some(value) =
                inputs.get(name).filter(|value| crate::values::accepts(input, value.expose()))
            {
                captures.insert(kept(name), Secret::expose(value));
            }
        }
    }
}
