//! The ways to hold a grant, as a manifest says.

mod build;
mod captured;
mod client;
mod key;
mod needs;
mod token;

pub(crate) use build::{Grants, introspection};
pub(crate) use client::signing_key;
pub(crate) use key::KeyProvider;
pub(crate) use needs::inputs_of;
pub(crate) use token::{TokenProvider, inner, specs};

use std::sync::Arc;

use trunkline_core::{Captures, InputSpec, Inputs, Secret};

use crate::config::Operator;
use crate::format::{GivenBy, Method};
use crate::intern::intern;
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
            .filter(|(name, input)| input.given_by == GivenBy::Tenant && needed.contains(name.as_str()));
        let spec = |(name, input): (&String, &crate::at::At<crate::format::Input>)| InputSpec {
            name: intern(name),
            title: intern(&input.title),
            example: intern(&input.example),
            secret: input.secret,
        };
        tenants.map(spec).collect()
    }

    /// The tenant's and the operator's inputs together.
    pub(crate) fn all_inputs(&self, inputs: &Inputs) -> Inputs {
        let mut all = inputs.clone();
        self.operator.inputs.iter().for_each(|(name, value)| all.insert(name, value.clone()));
        all
    }

    /// Keeps the inputs that URLs need again; none of them is a secret.
    pub(crate) fn keep_inputs(&self, inputs: &Inputs, captures: &mut Captures) {
        let format = &self.manifest.format;
        for (name, input) in format.inputs.iter().filter(|(_, input)| !input.secret) {
            if let Some(value) =
                inputs.get(name).filter(|value| crate::values::accepts(input, value.expose()))
            {
                captures.insert(kept(name), Secret::expose(value));
            }
        }
    }
}
