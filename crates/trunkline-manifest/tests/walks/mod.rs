//! How each manifest of the catalogue is walked.

mod consented_a_k;
mod consented_l_z;
mod given;

/// What one service answers, and what must come of it.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// What the operator gives.
    pub(crate) settings: &'static [(&'static str, &'static str)],
    /// What the tenant gives.
    pub(crate) inputs: &'static [(&'static str, &'static str)],
    /// What the service appends to the redirect URI.
    pub(crate) callback: &'static str,
    /// Where the token is asked for, and what comes; empty where there is none.
    pub(crate) token: (&'static str, &'static str),
    /// Where a renewal is asked for, if elsewhere.
    pub(crate) refresh: &'static str,
    /// Where the identity or the probe is asked for, and what comes; empty where nothing is.
    pub(crate) asks: (&'static str, &'static str),
    /// Where captures are asked for after consent, if they are, and what comes.
    pub(crate) after: (&'static str, &'static str),
    /// Where a probe is sent, if elsewhere.
    pub(crate) probes: &'static str,
    pub(crate) account: &'static str,
    /// What the API's base is.
    pub(crate) base: &'static str,
    /// The headers that requests carry.
    pub(crate) carries: &'static [(&'static str, &'static str)],
}

const TOKEN: &str = r#"{"access_token":"at","refresh_token":"rt","token_type":"bearer","expires_in":3600}"#;

const fn row(
    name: &'static str,
    token: &'static str,
    asks: (&'static str, &'static str),
    account: &'static str,
    base: &'static str,
) -> Row {
    Row {
        name,
        settings: &[],
        after: ("", ""),
        probes: "",
        inputs: &[],
        callback: "code=c",
        token: (token, TOKEN),
        refresh: "",
        asks,
        account,
        base,
        carries: &[("authorization", "Bearer at")],
    }
}

/// Every manifest but those whose answers are not known beforehand.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    [consented_a_k::ROWS, consented_l_z::ROWS, given::ROWS].into_iter().flatten()
}
