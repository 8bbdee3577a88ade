//! What the builders of all grants have in common.

/// Setters over the field `endpoint: TokenEndpoint`.
macro_rules! token_endpoint_setters {
    () => {
        /// Where tokens are revoked (RFC 7009). Without it, `revoke` answers "not supported".
        #[must_use]
        pub fn revoke_url(mut self, url: Url) -> Self {
            self.endpoint.revoke_url = Some(url);
            self
        }

        /// How a revocation is asked for, if not as RFC 7009 says.
        #[must_use]
        pub fn revocation(mut self, request: super::revocation::RevocationRequest) -> Self {
            self.endpoint.revocation = request;
            self
        }

        /// Sends `token_type_hint` with a revocation. Default false.
        #[must_use]
        pub fn revoke_hint(mut self, hint: bool) -> Self {
            self.endpoint.revoke_hint = hint;
            self
        }

        /// Takes the error code `code` of a revocation for "was no longer valid", which is what was
        /// wanted. `invalid_token` always counts so.
        #[must_use]
        pub fn revoke_done_code(mut self, code: impl Into<String>) -> Self {
            self.endpoint.revoke_done_codes.push(code.into());
            self
        }

        /// The method of token requests. Default POST; GET only together with
        /// [`TokenEncoding::Query`].
        #[must_use]
        pub fn token_method(mut self, method: Method) -> Self {
            self.endpoint.method = method;
            self
        }

        /// How the parameters of token requests are written. Default form-encoded.
        #[must_use]
        pub fn token_encoding(mut self, encoding: TokenEncoding) -> Self {
            self.endpoint.encoding = encoding;
            self
        }

        /// Allows [`TokenEncoding::Query`], for the few services that know no other way. URLs end up
        /// in logs of proxies and servers. Default false.
        #[must_use]
        pub fn allow_secrets_in_url(mut self, allow: bool) -> Self {
            self.endpoint.secrets_in_url = allow;
            self
        }

        /// Lets requests go to the public Internet only, also after their host's name is resolved: for
        /// endpoints that somebody else named. A host that is plainly another one is not meant. Default false.
        #[must_use]
        pub fn public_only(mut self, public_only: bool) -> Self {
            self.endpoint.public_only = public_only;
            self
        }

        /// Sends a parameter of each token request; the grant's own cannot be set.
        #[must_use]
        pub fn token_param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
            self.endpoint.params.push((name.into(), value.into()));
            self
        }

        /// Sends the standard's parameter `standard` as `name`, in every request.
        #[must_use]
        pub fn rename(mut self, standard: impl Into<String>, name: impl Into<String>) -> Self {
            self.endpoint.renames.insert(standard.into(), name.into());
            self
        }

        /// Leaves the standard's parameter `standard` out of token requests, for services that do not take it:
        /// `redirect_uri`, `scope`, or `grant_type` where the endpoint knows one grant alone.
        #[must_use]
        pub fn omit(mut self, standard: impl Into<String>) -> Self {
            self.endpoint.omitted.push(standard.into());
            self
        }

        /// Asks for `scope`, too.
        #[must_use]
        pub fn scope(self, scope: impl Into<String>) -> Self {
            self.scopes([scope])
        }

        /// Asks for `scopes`, too.
        #[must_use]
        pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
            self.scopes = self.scopes.union(&scopes.into_iter().collect());
            self
        }

        /// What separates scopes, in requests and, unless the codec says otherwise, in answers.
        /// Default a blank.
        #[must_use]
        pub fn scope_separator(mut self, separator: char) -> Self {
            self.scope_separator = separator;
            self
        }

        /// How answers are read. Default [`TokenCodec::new`].
        #[must_use]
        pub fn codec(mut self, codec: TokenCodec) -> Self {
            self.endpoint.codec = codec;
            self
        }

        /// How the grant is kept alive. `default_lifetime` is applied to each answer that does not
        /// say how long its token serves.
        #[must_use]
        pub fn policy(mut self, policy: RefreshPolicy) -> Self {
            self.endpoint.policy = policy;
            self
        }

        /// Asked first about each failed exchange; see [`Judge`](super::Judge).
        #[must_use]
        pub fn judge(
            mut self,
            judge: impl Fn(&Exchange<'_>) -> Option<Diagnosis> + Send + Sync + 'static,
        ) -> Self {
            self.endpoint.judge = Some(std::sync::Arc::new(judge));
            self
        }

        /// Reads from an answer who we seem to be: a hint that the connector confirms.
        #[must_use]
        pub fn account_hint(
            mut self,
            hint: impl Fn(&TokenResponse) -> Option<Account> + Send + Sync + 'static,
        ) -> Self {
            self.endpoint.account_hint = Some(std::sync::Arc::new(hint));
            self
        }
    };
}

pub(super) use token_endpoint_setters;
