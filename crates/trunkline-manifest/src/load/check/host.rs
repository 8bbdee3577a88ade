//! Hosts that somebody gives: nobody else's secrets go there.

use trunkline_core::nearest;

use super::Check;
use crate::format::{AuthMethod, GivenBy};
use crate::template::{Root, Template};

impl Check<'_, '_> {
    /// What is marked in `allowed_hosts` is an input that is a host; and where a tenant names it, what goes there is the
    /// tenant's.
    pub(super) fn given_hosts(&mut self) {
        let format = self.format;
        for host in &format.allowed_hosts {
            let Some(name) = host.input() else { continue };
            if !format.inputs.get(name).is_some_and(|input| input.public_host) {
                let hosts = format.inputs.iter().filter(|(_, input)| input.public_host);
                let near = nearest(name, hosts.map(|(name, _)| name.as_str()));
                let hint = near.map_or_else(
                    || format!("declare it: [inputs.{name}] with `public_host = true`"),
                    |near| format!("did you mean `{near}`?"),
                );
                self.problem(host.span, format!("`{name}` is no input that is a host")).hint = Some(hint);
            }
        }
        if !format.inputs.values().any(|input| input.public_host && input.given_by != GivenBy::Operator) {
            return;
        }
        for (name, input) in &format.inputs {
            if input.secret && input.given_by == GivenBy::Operator {
                let why = format!(
                    "the secret `{name}` is the operator's, and could go to a host that a tenant names"
                );
                self.problem(input.span, why).hint = Some("let each tenant give its own".to_owned());
            }
        }
        self.client_stays_home();
        self.account_names_its_host();
    }

    /// Whether a tenant names the host of this URL.
    fn is_tenants(&self, template: &Template) -> bool {
        template.expressions().any(|(root, name)| {
            let input = self.format.inputs.get(name).filter(|_| root == Root::Input);
            input.is_some_and(|input| input.public_host && input.given_by != GivenBy::Operator)
        })
    }

    /// What proves the application's own client would serve whoever names the host.
    fn client_stays_home(&mut self) {
        let Some(oauth2) = &self.format.oauth2 else { return };
        let is_own =
            oauth2.client_id_input.is_none() && oauth2.token_endpoint_auth_method != AuthMethod::None;
        let others = [&oauth2.refresh_endpoint, &oauth2.revocation_endpoint, &oauth2.introspection_endpoint];
        let endpoints = [&oauth2.token_endpoint].into_iter().chain(others.into_iter().flatten());
        let codes = oauth2.device_authorization_endpoint.iter();
        let asked = endpoints.chain(codes).find(|endpoint| self.is_tenants(endpoint));
        if let Some(endpoint) = asked.filter(|_| is_own) {
            let why = "what proves the application's client would go to a host that a tenant names";
            self.problem(endpoint.span, why).hint = Some(
                "where each customer has a client of its own, `client_id_input` names it; or it is a public one"
                    .to_owned(),
            );
        }
    }

    /// Two hosts number their users alike.
    fn account_names_its_host(&mut self) {
        let Some(identity) = &self.format.identity else { return };
        let named = [&identity.company, &identity.user];
        if !named.into_iter().flatten().any(|text| self.is_tenants(text)) {
            let why =
                "another host has the same identifiers: `company` or `user` holds the input that is the host";
            self.problem(identity.span, why);
        }
    }
}
