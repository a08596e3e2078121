//! Read reservations: only ever the owner's (R-R7).

use std::sync::Arc;

use frontrow_domain::account::Account;
use frontrow_domain::catalog::{Concert, Schedule};
use frontrow_domain::reservation::{Reservation, ReservationState};
use frontrow_domain::ticket::Ticket;
use frontrow_domain::{ReservationId, UserId};

use crate::app::App;
use crate::store::{ReadError, ReservationFilter, StaffFilter};

/// A reservation with everything that its owner is shown.
#[derive(Debug, Clone)]
pub struct ReservationDetails {
    /// The reservation.
    pub reservation: Reservation,
    /// Its concert, as it is now.
    pub concert: Arc<Concert>,
    /// Its schedule, as it is now.
    pub schedule: Arc<Schedule>,
    /// Its tickets, once paid.
    pub tickets: Vec<Ticket>,
}

impl App {
    /// A reservation of this fan; nobody else's is ever found.
    pub async fn reservation(
        &self,
        user: UserId,
        id: ReservationId,
    ) -> Result<Option<ReservationDetails>, ReadError> {
        match self.reads.reservation(id).await?.filter(|found| found.user == user) {
            Some(reservation) => self.details(reservation).await.map(Some),
            None => Ok(None),
        }
    }

    /// The reservations of a fan, newest first, before the one given.
    pub async fn reservations(
        &self,
        user: UserId,
        filter: ReservationFilter,
        before: Option<ReservationId>,
        limit: usize,
    ) -> Result<Vec<ReservationDetails>, ReadError> {
        let found = self.reads.reservations_of(user, filter, before, limit, self.clock.now()).await?;
        let mut details = Vec::with_capacity(found.len());
        for reservation in found {
            details.push(self.details(reservation).await?);
        }
        Ok(details)
    }

    /// A reservation, whoever asks.
    pub async fn any_reservation(&self, id: ReservationId) -> Result<Option<ReservationDetails>, ReadError> {
        match self.reads.reservation(id).await? {
            Some(reservation) => self.details(reservation).await.map(Some),
            None => Ok(None),
        }
    }

    /// The reservations that staff asks for, newest first, before the one given, each with whose it is; nobody, once
    /// their account is not there.
    pub async fn find_reservations(
        &self,
        filter: StaffFilter,
        before: Option<ReservationId>,
        limit: usize,
    ) -> Result<Vec<(ReservationDetails, Option<Account>)>, ReadError> {
        let found = self.reads.reservations(filter, before, limit, self.clock.now()).await?;
        let mut details = Vec::with_capacity(found.len());
        for reservation in found {
            let fan = self.reads.account(reservation.user).await?;
            details.push((self.details(reservation).await?, fan));
        }
        Ok(details)
    }

    /// Adds to a reservation what its owner is shown with it.
    pub async fn details(&self, reservation: Reservation) -> Result<ReservationDetails, ReadError> {
        let missing = || ReadError::Corrupt(format!("{} has no schedule or concert", reservation.id));
        let schedule = self.memory.catalog.schedule(reservation.schedule).await?.ok_or_else(missing)?;
        let concert = self.memory.catalog.concert(reservation.concert).await?.ok_or_else(missing)?;
        let tickets = match reservation.state {
            ReservationState::Confirmed { .. } | ReservationState::Refunded { .. } => {
                self.reads.tickets(reservation.id).await?
            }
            _ => Vec::new(),
        };
        Ok(ReservationDetails { reservation, concert, schedule, tickets })
    }
}
