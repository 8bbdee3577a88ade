//! `docs/guides/events.md`.
#![expect(dead_code, reason = "it is compiled, not run")]

use futures_util::StreamExt as _;
use trunkline::{Cursor, EventKind};

use trunkline::{Diagnosis, Error, Trunkline};

fn load_cursor() -> Result<Option<Cursor>, Error> {
    Ok(None)
}

fn save_cursor(_: Cursor) -> Result<(), Error> {
    Ok(())
}

async fn tell(_: &str, _: Option<&Diagnosis>) -> Result<(), Error> {
    Ok(())
}

async fn follow(trunkline: Trunkline) -> Result<(), Error> {
    let mut events = trunkline.events(load_cursor()?.unwrap_or(Cursor::OLDEST));
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                eprintln!("{error}");
                continue;
            }
        };
        if let EventKind::NeedsConsent | EventKind::Superseded = event.kind {
            tell(&event.tenant, event.diagnosis.as_ref()).await?;
        }
        save_cursor(event.cursor)?;
    }
    Ok(())
}
