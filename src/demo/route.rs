//! What the target answers to: paths, their names in metrics, and their methods.

use http::Method;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    ChargePoints,
    IssueToken,
    QueueStatus,
    Concerts,
    AvailableDates,
    AvailableSeats,
    ReserveSeat,
    MemberToken,
    Login,
    Posts,
    Comments,
    Metrics,
    Actuator,
    Unknown,
}

impl Route {
    /// The route of a path, and what stands in the place of its `{…}`, empty where it has none.
    pub fn of(path: &str) -> (Route, &str) {
        let path = path.strip_suffix('/').unwrap_or(path);
        let plain = match path {
            "/points/charge" => Route::ChargePoints,
            "/queue/tokens" => Route::IssueToken,
            "/concerts" => Route::Concerts,
            "/concerts/reserve-seat" => Route::ReserveSeat,
            "/api/member/developer-get-token" => Route::MemberToken,
            "/auth/login" => Route::Login,
            "/posts" => Route::Posts,
            "/comments" => Route::Comments,
            "/metrics" => Route::Metrics,
            "/actuator/prometheus" => Route::Actuator,
            _ => return Route::with_id(path).unwrap_or((Route::Unknown, "")),
        };
        (plain, "")
    }

    fn with_id(path: &str) -> Option<(Route, &str)> {
        if let Some(user) = path.strip_prefix("/queue/tokens/status/") {
            return (!user.contains('/')).then_some((Route::QueueStatus, user));
        }
        match path.strip_prefix("/concerts/")?.split_once('/')? {
            (concert, "available-dates") => Some((Route::AvailableDates, concert)),
            (concert, "available-seats") => Some((Route::AvailableSeats, concert)),
            _ => None,
        }
    }

    /// How metrics call it.
    pub fn pattern(self) -> &'static str {
        self.entry().0
    }

    /// The methods that it takes: none for the unknown route.
    pub fn methods(self) -> &'static [Method] {
        self.entry().1
    }

    fn entry(self) -> (&'static str, &'static [Method]) {
        match self {
            Route::ChargePoints => ("/points/charge", &[Method::PUT]),
            Route::IssueToken => ("/queue/tokens", &[Method::POST]),
            Route::QueueStatus => ("/queue/tokens/status/{userId}", &[Method::GET]),
            Route::Concerts => ("/concerts", &[Method::GET]),
            Route::AvailableDates => ("/concerts/{concertId}/available-dates", &[Method::GET]),
            Route::AvailableSeats => ("/concerts/{concertId}/available-seats", &[Method::GET]),
            Route::ReserveSeat => ("/concerts/reserve-seat", &[Method::POST]),
            Route::MemberToken => ("/api/member/developer-get-token", &[Method::GET]),
            Route::Login => ("/auth/login", &[Method::POST]),
            Route::Posts => ("/posts/", &[Method::GET, Method::POST]),
            Route::Comments => ("/comments/", &[Method::POST]),
            Route::Metrics => ("/metrics", &[Method::GET]),
            Route::Actuator => ("/actuator/prometheus", &[Method::GET]),
            Route::Unknown => ("/**", &[]),
        }
    }

    /// Whether an administrator asks, not a customer: never slowed down and never made to fail.
    pub fn is_management(self) -> bool {
        matches!(self, Route::Metrics | Route::Actuator)
    }

    /// Whether a token is asked for.
    pub fn is_guarded(self, method: &Method) -> bool {
        match self {
            Route::Concerts | Route::AvailableDates | Route::AvailableSeats | Route::ReserveSeat | Route::Comments => {
                true
            }
            Route::Posts => *method == Method::POST,
            _ => false,
        }
    }
}
