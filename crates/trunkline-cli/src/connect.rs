//! `trunkline connect`: a consent on the developer's own machine.

mod inputs;
mod listener;
mod page;

use std::io::Write;
use std::net::Ipv4Addr;

use serde::Serialize;
use tokio::net::TcpListener;
use trunkline::{
    Account, BrowserSession, Callback, Connect, Connection, ConnectionId, ConsentRequest, ConsentStep,
    Diagnosis, Inputs, State, Trunkline,
};
use url::Url;

use self::inputs::Given;
use self::listener::Listener;
use crate::advice;
use crate::arguments::ConnectArguments;
use crate::exit::{Exit, Failure};
use crate::output::{BOLD, Output, plain};
use crate::{session, view};

/// What happens, step by step, for programs.
#[derive(Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
enum Step<'a> {
    /// A person has to go there, before the time is over.
    Consent { url: &'a Url, redirect_uri: &'a Url },
    /// A person has to enter the code there, before the time is over.
    DeviceCode { user_code: &'a str, verification_uri: &'a Url, verification_uri_complete: Option<&'a Url> },
    Connected {
        tenant: &'a str,
        connector: &'a str,
        label: &'a str,
        id: ConnectionId,
        account: Option<Account>,
        state: State,
        /// Whether a person was asked.
        consented: bool,
    },
}

pub(crate) async fn run(arguments: &ConnectArguments, output: &mut Output) -> Result<Exit, Failure> {
    let given = inputs::given(arguments)?;
    // Its port has to be known before the service's page is asked for.
    let early = match arguments.port {
        Some(port) => Some(listener::bind((Ipv4Addr::LOCALHOST, port).into()).await?),
        None => None,
    };
    let trunkline = session::start(&arguments.settings, &arguments.store, true).await?;
    let outcome = connect(arguments, given, early, &trunkline, output).await;
    // Whatever happened: what the service gave is stored before this ends.
    let ended = session::end(&trunkline, output).await;
    let exit = outcome?;
    ended?;
    Ok(exit)
}

async fn connect(
    arguments: &ConnectArguments,
    mut given: Given,
    early: Option<TcpListener>,
    trunkline: &Trunkline,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let port = early.as_ref().map(TcpListener::local_addr).transpose()?.map(|address| address.port());
    let mut answer = ask(arguments, &given, port, trunkline).await?;
    if let Connect::NeedsConsent(request) = &answer
        && !request.missing_inputs().is_empty()
    {
        given.complete(&request.missing_inputs()).await?;
        answer = ask(arguments, &given, port, trunkline).await?;
    }
    match answer {
        Connect::Ready(connection) => {
            tell(&connection, false, output).await?;
            Ok(Exit::Done)
        }
        Connect::NeedsConsent(request) => {
            let connection = consent(arguments, &request, early, trunkline, output).await?;
            tell(&connection, true, output).await?;
            Ok(Exit::Done)
        }
        Connect::Suspended(diagnosis) => Err(suspended(diagnosis)),
        _ => Err(Failure::new(Exit::Failed, "this version does not know what the connection answers")),
    }
}

/// The code says that it is suspended, whatever the cause.
fn suspended(diagnosis: Diagnosis) -> Failure {
    Failure { exit: Exit::Suspended, ..trunkline_core::Error::from(diagnosis).into() }
}

async fn ask(
    arguments: &ConnectArguments,
    given: &Given,
    port: Option<u16>,
    trunkline: &Trunkline,
) -> Result<Connect, Failure> {
    let tenant = trunkline.tenant(&arguments.tenant);
    let mut asked = tenant.connect(&arguments.connector).label(&arguments.label).scopes(&arguments.scope);
    for (name, value) in given.iter() {
        asked = asked.input(name, value.expose());
    }
    if let Some(method) = &arguments.method {
        asked = asked.method(method);
    }
    if arguments.replace_account {
        asked = asked.replace_account();
    }
    if let Some(port) = port {
        asked = asked.loopback_port(port);
    }
    Ok(asked.await?)
}

/// Has a person consent, and takes the answer.
async fn consent(
    arguments: &ConnectArguments,
    request: &ConsentRequest,
    early: Option<TcpListener>,
    trunkline: &Trunkline,
    output: &mut Output,
) -> Result<Connection, Failure> {
    if let Some(diagnosis) = request.diagnosis().filter(|_| !output.is_json()) {
        output.note(format_args!("a consent is needed: {}", plain(&diagnosis.to_string())))?;
    }
    let browser = BrowserSession::random()?;
    let tenant = trunkline.tenant(&arguments.tenant);
    match request.begin(&browser).await? {
        ConsentStep::Redirect { url } => {
            let listener = Listener::of(&url, early).await?;
            show(arguments, &url, &listener, output)?;
            let waiting = output.progress("waiting for the answer from the browser");
            let complete = async |callback| Ok(tenant.complete(callback, &browser).await?.connection);
            let connection = listener.answer(arguments.wait, complete).await;
            drop(waiting);
            connection
        }
        ConsentStep::Form { state, inputs } => {
            let mut form = Given::default();
            form.complete(&inputs).await?;
            let callback = Callback::from_form(&state, &form.into_inputs());
            Ok(tenant.complete(callback, &browser).await?.connection)
        }
        ConsentStep::Device { state, user_code, verification_uri, verification_uri_complete, .. } => {
            let (page, complete) = (&verification_uri, verification_uri_complete.as_ref());
            show_code(arguments, &user_code, page, complete, output)?;
            let waiting = output.progress("waiting for the answer from the service");
            let callback = Callback::from_form(&state, &Inputs::default());
            let completed = tokio::select! {
                completed = tenant.complete(callback, &browser) => completed,
                // What the service has given by now is stored before the program ends.
                stopped = tokio::signal::ctrl_c() => {
                    stopped?;
                    return Err(Failure::interrupted());
                }
            };
            drop(waiting);
            Ok(completed?.connection)
        }
        _ => Err(Failure::new(Exit::Failed, "the command line cannot take this kind of consent")),
    }
}

/// Says where to go, and opens it.
fn show(
    arguments: &ConnectArguments,
    url: &Url,
    listener: &Listener,
    output: &mut Output,
) -> Result<(), Failure> {
    if output.is_json() {
        output.json(&Step::Consent { url, redirect_uri: listener.redirect_uri() })?;
    } else {
        output.note(format_args!("{BOLD}Approve access at the service:{BOLD:#}\n\n  {url}\n"))?;
        output.note(format_args!("Listening on {} for the answer.", listener.address()))?;
    }
    if !arguments.no_browser
        && let Err(error) = open::that_detached(url.as_str())
    {
        output.note(format_args!("no browser could be opened ({error}): open the URL yourself"))?;
    }
    Ok(())
}

/// Says which code to enter where, and opens the page with the code in it, if there is one.
fn show_code(
    arguments: &ConnectArguments,
    user_code: &str,
    page: &Url,
    complete: Option<&Url>,
    output: &mut Output,
) -> Result<(), Failure> {
    if output.is_json() {
        let (verification_uri, verification_uri_complete) = (page, complete);
        output.json(&Step::DeviceCode { user_code, verification_uri, verification_uri_complete })?;
    } else {
        let code = plain(user_code);
        output.note(format_args!("{BOLD}Enter the code {code} at the service:{BOLD:#}\n\n  {page}\n"))?;
    }
    if !arguments.no_browser
        && let Err(error) = open::that_detached(complete.unwrap_or(page).as_str())
    {
        output.note(format_args!("no browser could be opened ({error}): open the page yourself"))?;
    }
    Ok(())
}

async fn tell(connection: &Connection, consented: bool, output: &mut Output) -> Result<(), Failure> {
    let (account, status) = (connection.account().await?, connection.status().await?);
    let (tenant, connector, label) = (connection.tenant(), connection.connector(), connection.label());
    if output.is_json() {
        let (id, state) = (connection.id(), status.state());
        return output.json(&Step::Connected { tenant, connector, label, id, account, state, consented });
    }
    let how = if consented { "connected" } else { "already connected" };
    let (style, account) = (view::style(status.state()), view::account(account.as_ref()));
    writeln!(output.out(), "{style}{how}{style:#}: {connector} of {tenant}, label {label}, as {account}")?;
    if let Some(diagnosis) = status.diagnosis() {
        advice::write(output.out(), diagnosis)?;
    }
    Ok(())
}
