//! Which inputs a way to hold a grant needs.

use std::collections::HashSet;

use crate::at::At;
use crate::format::{Format, Method};
use crate::template::{Root, Template};

/// The names of the inputs that `method` needs, those of the API included.
pub(crate) fn inputs_of(format: &Format, method: Method) -> HashSet<&str> {
    let mut names = HashSet::new();
    let mut templates: Vec<&At<Template>> = vec![&format.api.base_url];
    templates.extend(&format.api.further_urls);
    templates.extend(format.api.headers.values());
    templates.extend(&format.api.entity);
    if let Some(identity) = &format.identity {
        templates.extend(identity.url.iter().chain(&identity.company).chain(&identity.user));
        templates.extend(identity.details.values());
    }
    templates.extend(format.probe.as_ref().map(|probe| &probe.url));
    let mut direct: Vec<&At<String>> = Vec::new();
    if let Some(after) = &format.after_consent {
        templates.push(&after.url);
        direct.extend(after.choice.as_ref().map(|choice| &choice.input));
    }
    match method {
        Method::AuthorizationCode | Method::DeviceCode | Method::ClientCredentials => {
            if let Some(oauth2) = &format.oauth2 {
                if method == Method::AuthorizationCode {
                    templates.extend(&oauth2.authorization_endpoint);
                    templates.extend(oauth2.authorization_params.values());
                }
                if method == Method::DeviceCode {
                    templates.extend(&oauth2.device_authorization_endpoint);
                }
                templates.push(&oauth2.token_endpoint);
                templates.extend(oauth2.refresh_endpoint.iter().chain(&oauth2.revocation_endpoint));
                templates.extend(&oauth2.introspection_endpoint);
                templates.extend(oauth2.token_params.values());
                templates.extend(oauth2.revocation.iter().flat_map(|asks| asks.params.values()));
                direct.extend(oauth2.client_id_input.iter().chain(&oauth2.client_secret_input));
                if let Some(assertion) = &oauth2.client_assertion {
                    templates.extend(assertion.audience.iter().chain(assertion.claims.values()));
                    direct.extend(assertion.private_key_input.iter().chain(&assertion.key_id_input));
                }
            }
        }
        Method::OAuth1 => {
            if let Some(oauth1) = &format.oauth1 {
                templates.extend([
                    &oauth1.temporary_credential_endpoint,
                    &oauth1.authorization_endpoint,
                    &oauth1.token_endpoint,
                ]);
                templates.extend(oauth1.realm.iter().chain(oauth1.authorization_params.values()));
            }
        }
        Method::OAuth1Token => {
            if let Some(oauth1) = &format.oauth1_token {
                templates.extend(&oauth1.realm);
                direct.extend([&oauth1.token_input, &oauth1.token_secret_input]);
                direct.extend(oauth1.client_id_input.iter().chain(&oauth1.client_secret_input));
            }
        }
        Method::ApiKey => direct.extend(format.api_key.iter().flat_map(|key| &key.inputs)),
        Method::Basic => direct.extend(format.basic.iter().flat_map(|basic| &basic.inputs)),
        Method::SessionLogin => {
            if let Some(login) = &format.session_login {
                templates.push(&login.login_endpoint);
                templates.extend(login.fixed_params.values());
                direct.extend(login.params.values());
            }
        }
        Method::JwtBearer => {
            if let Some(jwt) = &format.jwt_bearer {
                templates.push(&jwt.token_endpoint);
                templates.extend(jwt.key_id.iter().chain(jwt.claims.values()));
                direct.push(&jwt.private_key);
            }
        }
    }
    for (root, name) in templates.into_iter().flat_map(|template| template.expressions()) {
        if root == Root::Input {
            names.insert(name);
        }
    }
    names.extend(direct.into_iter().map(|name| name.as_str()));
    names
}
