//! `POST /services/Soap/u/{version}`: `login` and `logout`, the part of SOAP that REST clients use.

use super::gates;
use super::host::Host;
use super::issue;
use super::policy::OrgStatus;
use super::state::{Who, World};
use crate::exchange::{Call, Reply, escape};

/// A fault: code and message.
type Fault = (&'static str, &'static str);

const INVALID_LOGIN: Fault =
    ("INVALID_LOGIN", "Invalid username, password, security token; or user locked out.");

pub(crate) fn answer(world: &mut World, host: &Host, call: &Call, version: &str) -> Reply {
    let version = version.trim_end_matches('/').split('/').next().unwrap_or_default();
    match operation(world, host, call, version) {
        Ok(body) => envelope(200, &body),
        Err((code, message)) => {
            // A login fails with a type of its own; its members are the same.
            let kind = if code == "INVALID_LOGIN" { "LoginFault" } else { "UnexpectedErrorFault" };
            let body = format!(
                "<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {message}</faultstring>\
                 <detail><sf:{kind} xsi:type=\"sf:{kind}\"><sf:exceptionCode>{code}</sf:exceptionCode>\
                 <sf:exceptionMessage>{message}</sf:exceptionMessage></sf:{kind}></detail></soapenv:Fault>"
            );
            envelope(500, &body)
        }
    }
}

fn operation(world: &mut World, host: &Host, call: &Call, version: &str) -> Result<String, Fault> {
    let malformed = ("UNKNOWN_EXCEPTION", "The request is not a SOAP envelope");
    let text = std::str::from_utf8(&call.body).map_err(|_| malformed)?;
    let document = roxmltree::Document::parse(text).map_err(|_| malformed)?;
    let text_of = |name: &str| {
        let node = document.descendants().find(|node| node.tag_name().name() == name);
        node.map(|node| node.text().unwrap_or_default().trim().to_owned())
    };
    if text_of("login").is_some() {
        let (username, password) = (text_of("username"), text_of("password"));
        return login(world, host, &username.unwrap_or_default(), &password.unwrap_or_default(), version);
    }
    if text_of("logout").is_some() {
        let token = text_of("sessionId").unwrap_or_default();
        let now_ms = world.clock.now_ms();
        let session = world.sessions.get_mut(&token).filter(|session| session.is_live(now_ms));
        let session = session.ok_or(("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader"))?;
        session.ended = true;
        return Ok("<logoutResponse/>".to_owned());
    }
    Err(("UNKNOWN_EXCEPTION", "Only login and logout are simulated"))
}

fn login(
    world: &mut World,
    host: &Host,
    username: &str,
    password: &str,
    version: &str,
) -> Result<String, Fault> {
    let who = gates::password(world, username, password).ok_or(INVALID_LOGIN)?;
    if !host.signs_in(world, &who.org) || !may_sign_in(world, &who) {
        return Err(INVALID_LOGIN);
    }
    gates::login_rate(world, &who).map_err(|_| ("REQUEST_LIMIT_EXCEEDED", "login rate exceeded"))?;
    let token = issue::open_session(world, &who, None, None, &["full".to_owned()]);
    let (Some(org), Some(user)) = (world.org(&who.org), world.user(&who)) else { return Err(INVALID_LOGIN) };
    let url = |kind: &str| format!("{}/services/Soap/{kind}/{version}/{}", org.instance_url, &who.org[..15]);
    let timeout_s = world.sessions.get(&token).map_or(0, |session| session.timeout_ms / 1000);
    Ok(format!(
        "<loginResponse><result><metadataServerUrl>{}</metadataServerUrl>\
         <passwordExpired>{}</passwordExpired><sandbox>{}</sandbox><serverUrl>{}</serverUrl>\
         <sessionId>{token}</sessionId><userId>{}</userId><userInfo>\
         <organizationId>{}</organizationId><sessionSecondsValid>{timeout_s}</sessionSecondsValid>\
         <userId>{}</userId><userName>{}</userName></userInfo></result></loginResponse>",
        escape(&url("m")),
        user.policy.password_expired,
        org.policy.sandbox,
        escape(&url("u")),
        who.user,
        who.org,
        who.user,
        escape(&user.username),
    ))
}

fn may_sign_in(world: &World, who: &Who) -> bool {
    let open = world.org(&who.org).is_some_and(|org| org.policy.status == OrgStatus::Active);
    let policy = world.user(who).map(|user| &user.policy);
    open && policy.is_some_and(|policy| policy.active && !policy.frozen && policy.login_allowed)
}

fn envelope(status: u16, body: &str) -> Reply {
    let mut reply = Reply::empty(status).with_header("content-type", "text/xml; charset=utf-8");
    reply.body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope \
         xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns=\"urn:partner.soap.sforce.com\" xmlns:sf=\"urn:fault.partner.soap.sforce.com\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Body>{body}</soapenv:Body>\
         </soapenv:Envelope>"
    );
    reply
}
