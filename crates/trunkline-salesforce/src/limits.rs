//! How much of an org's calls are used, as each answer of the API says.

use trunkline_core::http::HeaderMap;

/// Calls of the last 24 hours, from the header `Sforce-Limit-Info`. Salesforce counts afterwards, so the figures
/// are approximate; the org's are shared with every other integration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiUsage {
    /// Calls of the whole org.
    pub used: u64,
    /// How many it may make.
    pub limit: u64,
    /// Calls of this app, and how many it may make, where an administrator set a limit.
    pub per_app: Option<(u64, u64)>,
}

impl ApiUsage {
    /// Reads an answer's headers. `None` if they do not say.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let header = headers.get("sforce-limit-info")?.to_str().ok()?;
        let named = |name: &str| {
            let mut parts = header.split([';', ',']).filter_map(|part| part.trim().split_once('='));
            let value = parts.find(|(known, _)| known.trim() == name)?.1;
            let (used, limit) = value.split('(').next()?.split_once('/')?;
            Some((used.trim().parse().ok()?, limit.trim().parse().ok()?))
        };
        let (used, limit) = named("api-usage")?;
        Some(Self { used, limit, per_app: named("per-app-api-usage") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(text: &'static str) -> Option<ApiUsage> {
        let mut headers = HeaderMap::new();
        headers.insert("sforce-limit-info", text.parse().unwrap());
        ApiUsage::of(&headers)
    }

    #[test]
    fn the_org_s_and_the_app_s_calls_are_read_in_either_order() {
        let both = Some(ApiUsage { used: 18, limit: 5000, per_app: Some((17, 250)) });
        assert_eq!(usage("api-usage=18/5000; per-app-api-usage=17/250(appName=sample)"), both);
        assert_eq!(usage("per-app-api-usage=17/250(appName=a=b);api-usage=18/5000"), both);
        let alone = ApiUsage { used: 10_018, limit: 100_000, per_app: None };
        assert_eq!(usage("api-usage=10018/100000"), Some(alone));
    }

    #[test]
    fn what_makes_no_sense_says_nothing() {
        for text in ["", "api-usage", "api-usage=1", "api-usage=a/b", "api-usage=-1/5", "usage=1/2"] {
            assert_eq!(usage(text), None, "{text}");
        }
        assert_eq!(ApiUsage::of(&HeaderMap::new()), None);
    }
}
