//! Relays an event: fetches its resource from WHOOP, publishes the state if it is new, remembers that, and confirms the order.

use serde::Serialize;
use serde_json::value::RawValue;
use whoop_partner::clock::Clock;
use whoop_partner::partner::{PartnerError, ResourceJson};

use crate::batch::Record;
use crate::bus::{Bus, Publication};
use crate::failure::Failure;
use crate::message::QueuedEvent;
use crate::pace::{Budget, PacedClient};
use crate::published_states::{Claim, PublishedStates};
use crate::resource::{self, Confirmation, Resource};

/// Relays events from the queue to the bus, with their resources from WHOOP.
pub(crate) struct Relay {
    pub(crate) partner: PacedClient,
    pub(crate) bus: Bus,
    pub(crate) published: PublishedStates,
    pub(crate) auto_confirm_orders: bool,
    pub(crate) clock: Clock,
}

/// What became of an event that needs no further try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Outcome {
    /// It is published.
    Published,
    /// The state that WHOOP returned was published before.
    AlreadyPublished,
    /// A newer state than the one that WHOOP returned was published before.
    Outdated,
}

impl Relay {
    /// Publishes an event with its resource, and confirms the order if the function is configured to do so.
    ///
    /// # Errors
    ///
    /// [`Failure`] if a call of WHOOP, of the table or of the bus fails, or if the event can never be published.
    pub(crate) async fn relay(
        &self,
        event: &QueuedEvent,
        record: &Record,
        budget: Budget,
    ) -> Result<Outcome, Failure> {
        let Some(resource) = Resource::of(event)? else {
            self.bus.publish(event, None).await?;
            return Ok(Outcome::Published);
        };
        let fetched = self
            .partner
            .call(budget, async |partner| resource.fetch(partner).await)
            .await;
        let json = match fetched {
            // nobody knows its state, so it is published each time, and nothing is confirmed
            Err(PartnerError::TooLarge { .. }) => {
                self.bus.publish_reference(event, &resource.path()).await?;
                return Ok(Outcome::Published);
            }
            fetched => fetched.map_err(|error| self.failure(&error, record))?,
        };
        let outcome = self.publish_new_state(event, &resource, &json).await?;
        if !self.auto_confirm_orders {
            return Ok(outcome);
        }
        if outcome == Outcome::Outdated {
            // somebody may have set a status that this older state lacks
            return Err(Failure::passing(
                "WHOOP returned an older state than the published one, so nothing is confirmed yet",
            ));
        }
        let to_confirm = resource.to_confirm(&json);
        // it may be large, and is not needed any more
        drop(json);
        let confirmed = match to_confirm {
            Ok(to_confirm) => self.confirm(to_confirm, budget).await,
            Err(error) => Err(error),
        };
        confirmed.map_err(|error| self.failure(&error, record))?;
        Ok(outcome)
    }

    /// Publishes a resource if its state is new, and remembers the state.
    async fn publish_new_state(
        &self,
        event: &QueuedEvent,
        resource: &Resource,
        json: &ResourceJson,
    ) -> Result<Outcome, Failure> {
        let path = resource.path();
        let state = resource::state(json);
        let lease = match self.published.claim(&path, state, self.clock.now()).await? {
            Claim::Granted(lease) => lease,
            Claim::Published => return Ok(Outcome::AlreadyPublished),
            Claim::Outdated => return Ok(Outcome::Outdated),
            Claim::Overtaken => {
                return Err(Failure::passing(
                    "WHOOP returned an older state than one that may have been published",
                ));
            }
            Claim::Busy => {
                return Err(Failure::passing(
                    "another execution is publishing the resource",
                ));
            }
        };
        let json: &RawValue =
            serde_json::from_str(json.as_str()).expect("the client checks that it is JSON");
        let publication = Publication { json, path: &path };
        if let Err(error) = self.bus.publish(event, Some(publication)).await {
            if let Err(error) = self.published.release(lease).await {
                tracing::warn!(%error, "the lease is not given back: the next try has to wait until it expires");
            }
            return Err(error.into());
        }
        if let Err(error) = self.published.remember(lease, self.clock.now()).await {
            // Not a failure: the next try would certainly publish the state again. This way, that happens only if WHOOP repeats
            // the webhook.
            tracing::error!(%error, "a published state is not remembered");
        }
        Ok(Outcome::Published)
    }

    /// Confirms as much as WHOOP accepts. If WHOOP refuses one confirmation, the others are still sent.
    async fn confirm(
        &self,
        to_confirm: Vec<Confirmation>,
        budget: Budget,
    ) -> Result<(), PartnerError> {
        let mut refusal = None;
        for confirmation in to_confirm {
            let confirmed = self
                .partner
                .call(budget, async |partner| confirmation.send(partner).await)
                .await;
            match confirmed {
                Ok(()) => {}
                Err(error @ (PartnerError::NotFound | PartnerError::InvalidRequest { .. })) => {
                    refusal = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        refusal.map_or(Ok(()), Err)
    }

    fn failure(&self, error: &PartnerError, record: &Record) -> Failure {
        Failure::from_partner(error, record, self.clock.now())
    }
}
