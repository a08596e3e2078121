//! Tickets: their codes, as text and as pictures for the door.

mod code;
mod qr;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use frontrow_domain::TicketId;
use frontrow_domain::ticket::TicketState;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use code::{NotATicket, TicketCode, TicketSigner};

use crate::auth::Caller;
use crate::docs::problems;
use crate::problem::{Code, Problem};
use crate::request::At;
use crate::respond::{Answer, Keep};
use crate::state::HttpState;
use crate::time::Uid;

pub(crate) fn router() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(svg)).routes(routes!(png))
}

problems! {
    PictureProblems: Unauthenticated AccessTokenExpired AccountBlocked NotFound TicketVoid;
}

/// The code of a ticket as a picture
///
/// A QR code (ISO/IEC 18004) in black on white with its quiet zone, as SVG.
#[utoipa::path(get, operation_id = "readTicketSvg", path = "/api/v1/tickets/{ticketId}/qr.svg", tag = "reservations",
    security(("bearer" = [])), params(("ticketId" = Uid, Path)),
    responses((status = 200, content_type = "image/svg+xml", body = String), PictureProblems))]
async fn svg(State(state): State<HttpState>, caller: Caller, At(id): At<TicketId>) -> Answer {
    let code = code_of(&state, caller, id).await?;
    let picture = qr::svg(&code).ok_or_else(Problem::internal)?;
    Ok(shown("image/svg+xml", picture.into_bytes()))
}

/// The code of a ticket as a picture of points
///
/// The same as PNG, eight points a module.
#[utoipa::path(get, operation_id = "readTicketPng", path = "/api/v1/tickets/{ticketId}/qr.png", tag = "reservations",
    security(("bearer" = [])), params(("ticketId" = Uid, Path)),
    responses((status = 200, content_type = "image/png", body = Vec<u8>), PictureProblems))]
async fn png(State(state): State<HttpState>, caller: Caller, At(id): At<TicketId>) -> Answer {
    let code = code_of(&state, caller, id).await?;
    let picture = qr::png(&code).ok_or_else(Problem::internal)?;
    Ok(shown("image/png", picture))
}

/// The code of a ticket of one's own. A void one has no picture: nobody is to travel with it.
async fn code_of(state: &HttpState, caller: Caller, id: TicketId) -> Result<std::sync::Arc<str>, Problem> {
    let found = state.app().ticket(caller.user, id).await.map_err(|error| state.problem(error))?;
    let ticket = found.ok_or_else(Problem::not_found)?;
    if ticket.state == TicketState::Void {
        return Err(Problem::new(Code::TicketVoid, "Its seat was given back."));
    }
    Ok(state.tickets().sign(&ticket))
}

fn shown(kind: &'static str, picture: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind.parse()),
        (header::CACHE_CONTROL, Ok(Keep::Private.header())),
        // A picture that somebody opens by itself has nothing to run.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'".parse()),
    ];
    let mut response = picture.into_response();
    for (name, value) in headers {
        if let Ok(value) = value {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
