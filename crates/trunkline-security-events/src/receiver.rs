//! The sink: what comes in, what it does, and what goes back.

use std::fmt;
use std::sync::Arc;

use trunkline::{SystemClock, Trunkline};
use trunkline_core::{Clock, Error, ErrorKind, Transport};

use crate::claims::Claims;
use crate::json::text;
use crate::keys::Network;
use crate::notice::{Notice, notices};
use crate::token::Unverified;
use crate::{Answer, Refusal, RefusalCode, Rejected, Transmitter};

/// How long a token may be. Real ones have one or two kilobytes.
const LONGEST: usize = 64 * 1024;

/// Takes the Security Event Tokens of transmitters that are configured, and hands what they say to the hub.
///
/// It knows no web framework: mount [`receive`](Self::receive) in a route. Clones share everything.
#[derive(Clone)]
pub struct Receiver(Arc<Inner>);

struct Inner {
    trunkline: Trunkline,
    transmitters: Vec<Transmitter>,
    network: Network,
    longest: usize,
}

impl Receiver {
    /// Starts to put a receiver for this hub together.
    pub fn builder(trunkline: &Trunkline) -> ReceiverBuilder {
        ReceiverBuilder {
            trunkline: trunkline.clone(),
            transmitters: Vec::new(),
            transport: None,
            clock: None,
            longest: LONGEST,
        }
    }

    /// Takes what a transmitter sent, and says what to send back (RFC 8935, 2). `content_type` is the request's
    /// `Content-Type`; its body is one token.
    ///
    /// # Cancel safety
    ///
    /// An event of a dropped call may have been applied wholly, in part or not at all. The transmitter has no
    /// answer and sends it again, which does no harm.
    pub async fn receive(&self, content_type: Option<&str>, body: &[u8]) -> Answer {
        let outcome = match content_type.is_some_and(is_token) {
            true => self.take(body).await,
            false => Err(Refusal::malformed("Content-Type is not application/secevent+jwt").into()),
        };
        Answer::of(&outcome)
    }

    /// Takes one token, however it came: when it answers `Ok`, what the token says is applied durably.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and [`Rejected::NotNow`] when the store fails.
    ///
    /// # Cancel safety
    ///
    /// As [`receive`](Self::receive).
    pub async fn take(&self, token: &[u8]) -> Result<(), Rejected> {
        let opened = self.open(token).await.inspect_err(|rejected| {
            tracing::info!(target: "trunkline", why = %rejected, "event token not taken");
        });
        let (transmitter, notices) = opened?;
        for notice in notices {
            self.act(transmitter, notice).await?;
        }
        Ok(())
    }

    /// What a token says, after everything about it was checked. Nothing is changed.
    ///
    /// # Errors
    ///
    /// [`Rejected::Refused`] for a token that is forged, foreign, stale or malformed, [`Rejected::NotNow`]
    /// when the transmitter's keys cannot be fetched.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing but a fetch of keys.
    pub async fn read(&self, token: &[u8]) -> Result<Vec<Notice>, Rejected> {
        Ok(self.open(token).await?.1)
    }

    async fn open(&self, token: &[u8]) -> Result<(&Transmitter, Vec<Notice>), Rejected> {
        let Inner { transmitters, network, longest, .. } = &*self.0;
        let token = Unverified::parse(token, *longest)?;
        let issuer = text(&token.claims, "iss");
        let transmitter = transmitters
            .iter()
            .find(|transmitter| issuer == Some(transmitter.issuer.as_str()))
            .ok_or(Refusal::new(RefusalCode::InvalidIssuer, "the issuer is not known here"))?;
        transmitter.keys.verify(&token, network).await?;
        let claims = Claims::check(&token.claims, transmitter, network.clock.wall())?;
        Ok((transmitter, notices(transmitter, &token.claims, &claims)?))
    }

    async fn act(&self, transmitter: &Transmitter, notice: Notice) -> Result<(), Rejected> {
        let issuer = &transmitter.issuer;
        match notice {
            Notice::Signal(signal) => match self.0.trunkline.signal(&signal).await {
                Ok(_) => Ok(()),
                Err(error) => {
                    tracing::error!(target: "trunkline", issuer, error = %error, "event could not be applied; it is to be sent again");
                    Err(Rejected::NotNow)
                }
            },
            Notice::Verification { state } if transmitter.expects(state.as_deref()) => {
                tracing::info!(target: "trunkline", issuer, "event stream verified");
                Ok(())
            }
            Notice::Verification { .. } => {
                Err(Refusal::new(RefusalCode::InvalidState, "the state is not the one that was given").into())
            }
            Notice::StreamUpdated(update) => {
                tracing::warn!(target: "trunkline", issuer, status = %update.status, "event stream changed its status");
                transmitter.tell(&update);
                Ok(())
            }
        }
    }
}

/// Whether a `Content-Type` is that of a token, whatever its parameters.
fn is_token(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/secevent+jwt")
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("transmitters", &self.0.transmitters).finish_non_exhaustive()
    }
}

/// Puts a [`Receiver`] together.
#[must_use = "nothing happens before it is built"]
pub struct ReceiverBuilder {
    trunkline: Trunkline,
    transmitters: Vec<Transmitter>,
    transport: Option<Arc<dyn Transport>>,
    clock: Option<Arc<dyn Clock>>,
    longest: usize,
}

impl ReceiverBuilder {
    /// Adds one whose tokens are taken.
    pub fn transmitter(mut self, transmitter: Transmitter) -> Self {
        self.transmitters.push(transmitter);
        self
    }

    /// Another transport for keys than reqwest. It must keep [`Transport`]'s contract.
    pub fn transport(mut self, transport: impl Transport + 'static) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Another clock than the operating system's, for tests.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Refuses tokens of more bytes. Default 64 KiB.
    pub fn longest_token(mut self, bytes: usize) -> Self {
        self.longest = bytes;
        self
    }

    /// Checks everything together.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`] when two transmitters have the same issuer, or one has no audience, or its
    /// keys are published and there is no transport; [`ErrorKind::NotConfigured`] when a connector is not.
    pub fn build(self) -> Result<Receiver, Error> {
        let Self { trunkline, transmitters, transport, clock, longest } = self;
        let invalid = |what: String| Err(Error::new(ErrorKind::ConfigInvalid, what));
        for (place, transmitter) in transmitters.iter().enumerate() {
            let issuer = &transmitter.issuer;
            if transmitters[..place].iter().any(|other| other.issuer == *issuer) {
                return invalid(format!("two transmitters have the issuer {issuer}"));
            }
            if transmitter.all_connectors().next().is_none() {
                return invalid(format!("the transmitter {issuer} has no audience"));
            }
            for connector in transmitter.all_connectors() {
                if !trunkline.connectors().any(|configured| configured == connector) {
                    let what =
                        format!("no connector `{}` is configured", trunkline_core::printable(connector));
                    return Err(Error::new(ErrorKind::NotConfigured, what));
                }
            }
        }
        let needed = transmitters.iter().any(|transmitter| transmitter.keys.needs_network());
        let transport = if needed { Some(transport_or(transport)?) } else { None };
        let network = Network { transport, clock: clock.unwrap_or_else(|| Arc::new(SystemClock)) };
        Ok(Receiver(Arc::new(Inner { trunkline, transmitters, network, longest })))
    }
}

impl fmt::Debug for ReceiverBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverBuilder").field("transmitters", &self.transmitters).finish_non_exhaustive()
    }
}

fn transport_or(given: Option<Arc<dyn Transport>>) -> Result<Arc<dyn Transport>, Error> {
    match given {
        Some(given) => Ok(given),
        #[cfg(feature = "reqwest")]
        None => Ok(Arc::new(trunkline::ReqwestTransport::api()?)),
        #[cfg(not(feature = "reqwest"))]
        None => Err(Error::new(ErrorKind::ConfigInvalid, "published keys need a transport")),
    }
}
