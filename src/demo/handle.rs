//! From request to answer: one function for each route.

use std::sync::Arc;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::answer::{Answer, Refusal, bad_request, data, json_answer, method_not_allowed, metrics_answer, not_found};
use super::hall::Reservation;
use super::prometheus;
use super::queue::Turn;
use super::route::Route;
use super::shop::Shop;
use crate::clock::now;

/// Larger bodies are refused.
const MAX_BODY: usize = 1 << 20;
/// Larger titles are refused: they are kept.
const MAX_TITLE: usize = 200;

/// Where one worker serves.
pub struct Desk {
    pub shop: Arc<Shop>,
    pub worker: usize,
}

/// What a handler sees of a request.
struct Asked<'r> {
    method: &'r Method,
    /// What stands in the place of the route's `{…}`.
    id: &'r str,
    query: &'r str,
    body: Bytes,
}

type Served = Result<Answer, Refusal>;

/// Serves one request and counts it.
pub async fn answer(desk: &Desk, request: Request<Incoming>) -> Answer {
    let since = now();
    let (head, body) = request.into_parts();
    let (route, id) = Route::of(head.uri.path());
    let answer = respond(&desk.shop, route, id, &head, body).await;
    desk.shop.counters.count(desk.worker, &head.method, route, answer.status(), since.elapsed());
    answer
}

async fn respond(shop: &Shop, route: Route, id: &str, head: &Parts, body: Incoming) -> Answer {
    if route == Route::Unknown {
        return not_found("no such path").into_answer();
    }
    if !route.methods().contains(&head.method) {
        return method_not_allowed(route.methods());
    }
    let body = match read(body).await {
        Ok(body) => body,
        Err(refusal) => return refusal.into_answer(),
    };
    if route.is_management() {
        return metrics_answer(prometheus::render(shop));
    }
    let visit = shop.door.enter().await;
    if visit.fails {
        return Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "failed on purpose (fail rate)").into_answer();
    }
    let asked = Asked { method: &head.method, id, query: head.uri.query().unwrap_or(""), body };
    admit(shop, route, head).and_then(|()| serve(shop, route, asked)).unwrap_or_else(Refusal::into_answer)
}

async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 1 MiB"))
        }
        Err(error) => Err(bad_request(format!("the body cannot be read: {error}"))),
    }
}

fn admit(shop: &Shop, route: Route, head: &Parts) -> Result<(), Refusal> {
    let token = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    match token {
        _ if !route.is_guarded(&head.method) => Ok(()),
        Some(token) if shop.queue.knows(token) => Ok(()),
        Some(_) => Err(unauthorized("unknown token")),
        None => Err(unauthorized("`Authorization: Bearer TOKEN` is missing")),
    }
}

fn unauthorized(message: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, message)
}

fn serve(shop: &Shop, route: Route, asked: Asked) -> Served {
    match route {
        Route::ChargePoints => charge_points(shop, &asked),
        Route::IssueToken => issue_token(shop, &asked),
        Route::QueueStatus => queue_status(shop, &asked),
        Route::Concerts => Ok(json_answer(StatusCode::OK, shop.concerts.clone())),
        Route::AvailableDates => listing(shop.dates(number(asked.id)?)),
        Route::AvailableSeats => listing(shop.halls.free(number(asked.id)?)),
        Route::ReserveSeat => reserve_seat(shop, &asked),
        Route::MemberToken => member_token(shop, &asked),
        Route::Login => log_in(shop, &asked),
        Route::Posts if *asked.method == Method::POST => post(shop, &asked),
        Route::Posts => posts(shop, &asked),
        Route::Comments => comment(shop, &asked),
        Route::Metrics | Route::Actuator | Route::Unknown => Err(not_found("no such path")),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Charge {
    user_id: u64,
    amount: u64,
}

fn charge_points(shop: &Shop, asked: &Asked) -> Served {
    let Charge { user_id, amount } = json(asked)?;
    if amount == 0 {
        return Err(bad_request("`amount` must be at least 1"));
    }
    let total = shop.points.update(user_id, |points| {
        points.unwrap_or(0).checked_add(amount).ok_or_else(|| bad_request("that is more than anyone can have"))
    })?;
    Ok(data(&json!({ "userId": user_id, "point": total })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    user_id: u64,
}

fn issue_token(shop: &Shop, asked: &Asked) -> Served {
    let User { user_id } = json(asked)?;
    Ok(data(&json!({ "token": shop.queue.issue(user_id, now()) })))
}

fn queue_status(shop: &Shop, asked: &Asked) -> Served {
    let user = number(asked.id)?;
    match shop.queue.turn(user, now()) {
        Some(Turn::Waiting { order, remaining }) => {
            let seconds = remaining.as_secs_f64().ceil() as u64;
            Ok(data(&json!({ "status": "WAITING", "queueOrder": order, "remainingTime": seconds })))
        }
        Some(Turn::Active) => Ok(data(&json!({ "status": "ACTIVE", "queueOrder": 0, "remainingTime": 0 }))),
        None => Err(not_found(format!("user {user} has no token"))),
    }
}

fn listing(body: Option<Bytes>) -> Served {
    body.map(|body| json_answer(StatusCode::OK, body)).ok_or_else(|| not_found("no such concert"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reserve {
    seat_id: u64,
    user_id: u64,
}

fn reserve_seat(shop: &Shop, asked: &Asked) -> Served {
    let Reserve { seat_id, user_id } = json(asked)?;
    match shop.halls.reserve(seat_id) {
        Reservation::Reserved => Ok(data(&json!({ "seatId": seat_id, "userId": user_id }))),
        Reservation::Taken => Err(Refusal::new(StatusCode::CONFLICT, format!("seat {seat_id} is taken"))),
        Reservation::NoSuchSeat => Err(not_found(format!("there is no seat {seat_id}"))),
    }
}

fn member_token(shop: &Shop, asked: &Asked) -> Served {
    let member = parameter(asked.query, "id").ok_or_else(|| bad_request("`?id=N` is missing"))?;
    number(member)?;
    let body = json!({ "status": "success", "data": { "accessToken": shop.queue.issue_active() } });
    Ok(json_answer(StatusCode::OK, body.to_string()))
}

/// A form with any name and any password: what counts is that both are there.
fn log_in(shop: &Shop, asked: &Asked) -> Served {
    let form = String::from_utf8_lossy(&asked.body);
    for field in ["username", "password"] {
        if parameter(&form, field).is_none_or(str::is_empty) {
            return Err(unauthorized(&format!("the form field `{field}` is missing")));
        }
    }
    let body = json!({ "access_token": shop.queue.issue_active(), "token_type": "bearer" });
    Ok(json_answer(StatusCode::OK, body.to_string()))
}

fn posts(shop: &Shop, asked: &Asked) -> Served {
    let page = parameter(asked.query, "page").map_or(Ok(1), number)?;
    let page = usize::try_from(page).unwrap_or(usize::MAX).max(1);
    Ok(json_answer(StatusCode::OK, shop.board.page(page).to_string()))
}

/// The contents are demanded but not kept: nothing shows them.
#[derive(Deserialize)]
struct NewPost {
    title: String,
    content: String,
}

fn post(shop: &Shop, asked: &Asked) -> Served {
    let NewPost { title, content } = json(asked)?;
    if title.is_empty() || title.len() > MAX_TITLE || content.is_empty() {
        return Err(bad_request(format!("`title` needs 1 to {MAX_TITLE} bytes, `content` at least 1")));
    }
    Ok(json_answer(StatusCode::CREATED, json!(shop.board.post(title)).to_string()))
}

#[derive(Deserialize)]
struct NewComment {
    post_id: u64,
    content: String,
}

fn comment(shop: &Shop, asked: &Asked) -> Served {
    let NewComment { post_id, content } = json(asked)?;
    if content.is_empty() {
        return Err(bad_request("`content` is empty"));
    }
    let id = shop.board.comment(post_id).ok_or_else(|| not_found(format!("there is no post {post_id}")))?;
    Ok(json_answer(StatusCode::CREATED, json!({ "id": id, "post_id": post_id }).to_string()))
}

fn json<T: DeserializeOwned>(asked: &Asked) -> Result<T, Refusal> {
    serde_json::from_slice(&asked.body).map_err(|error| bad_request(error.to_string()))
}

fn number(text: &str) -> Result<u64, Refusal> {
    text.parse().map_err(|_| bad_request(format!("`{text}` is not a whole number")))
}

/// The first parameter of that name in a query or form, as it was sent.
fn parameter<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}
