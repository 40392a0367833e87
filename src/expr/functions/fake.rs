//! Made-up data: names, addresses, words. Small lists, drawn from the scope's generator, so that a seed repeats them.

use std::borrow::Cow;

use rand::RngExt;
use rand::rngs::SmallRng;

use super::super::evaluate::Run;
use super::super::{EvalError, Val};
use super::text_of;

pub(super) const KINDS: [&str; 14] = [
    "first_name",
    "last_name",
    "name",
    "username",
    "email",
    "phone",
    "word",
    "sentence",
    "paragraph",
    "city",
    "country",
    "street",
    "company",
    "url",
];

const FIRST: [&str; 24] = [
    "Ada", "Alan", "Amira", "Boris", "Carla", "Chen", "Daniel", "Elena", "Farid", "Grace", "Hana", "Ivan", "Jonas",
    "Kofi", "Lena", "Maria", "Nadia", "Omar", "Priya", "Quinn", "Rosa", "Sven", "Tomas", "Yuki",
];
const LAST: [&str; 24] = [
    "Adams", "Bauer", "Chavez", "Diaz", "Eriksen", "Fischer", "Garcia", "Haddad", "Ito", "Jansen", "Kim", "Lopez",
    "Meyer", "Novak", "Okafor", "Patel", "Rossi", "Silva", "Tanaka", "Ueda", "Vargas", "Weber", "Yilmaz", "Zhang",
];
const WORDS: [&str; 32] = [
    "amber", "bridge", "candle", "delta", "ember", "forest", "garden", "harbor", "island", "jacket", "kettle",
    "lantern", "meadow", "needle", "orchard", "paper", "quartz", "river", "silver", "table", "umbrella", "velvet",
    "window", "yellow", "anchor", "basket", "copper", "feather", "granite", "marble", "pepper", "saddle",
];
const CITIES: [&str; 16] = [
    "Amsterdam",
    "Bogota",
    "Cairo",
    "Dublin",
    "Hanoi",
    "Istanbul",
    "Jakarta",
    "Kyoto",
    "Lagos",
    "Lima",
    "Madrid",
    "Nairobi",
    "Oslo",
    "Prague",
    "Seoul",
    "Toronto",
];
const COUNTRIES: [&str; 16] = [
    "Brazil",
    "Canada",
    "Chile",
    "Egypt",
    "France",
    "Germany",
    "India",
    "Indonesia",
    "Italy",
    "Japan",
    "Kenya",
    "Mexico",
    "Nigeria",
    "Norway",
    "Peru",
    "Spain",
];
const STREETS: [&str; 8] =
    ["Main Street", "Oak Avenue", "Mill Lane", "Station Road", "Park Row", "High Street", "Lake Drive", "Hill Road"];
const COMPANIES: [&str; 6] = ["Labs", "Logistics", "Partners", "Systems", "Trading", "Works"];

/// Addresses end in `example.com`, which nobody owns (RFC 2606), and phone numbers are of the range kept for fiction.
pub(super) fn fake<'a>(run: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Result<Val<'a>, EvalError> {
    let random = &mut *run.scope.random().borrow_mut();
    let kind = text_of(&arguments[0])?;
    let text = match kind {
        "first_name" => one(random, &FIRST).to_owned(),
        "last_name" => one(random, &LAST).to_owned(),
        "name" => format!("{} {}", one(random, &FIRST), one(random, &LAST)),
        "username" => username(random),
        "email" => format!("{}@example.com", username(random)),
        "phone" => format!("+1-202-555-{:04}", random.random_range(100..200)),
        "word" => one(random, &WORDS).to_owned(),
        "sentence" => sentence(random),
        "paragraph" => (0..4).map(|_| sentence(random)).collect::<Vec<_>>().join(" "),
        "city" => one(random, &CITIES).to_owned(),
        "country" => one(random, &COUNTRIES).to_owned(),
        "street" => format!("{} {}", random.random_range(1..=200), one(random, &STREETS)),
        "company" => format!("{} {}", one(random, &LAST), one(random, &COMPANIES)),
        "url" => format!("https://{}.example.com/{}", one(random, &WORDS), one(random, &WORDS)),
        _ => return Err(EvalError::new(format!("there is no {kind:?}; there are {}", KINDS.join(", ")))),
    };
    Ok(Val::Str(Cow::Owned(text)))
}

fn one<'l>(random: &mut SmallRng, list: &[&'l str]) -> &'l str {
    list[random.random_range(0..list.len())]
}

fn username(random: &mut SmallRng) -> String {
    format!("{}.{}{}", one(random, &FIRST), one(random, &LAST), random.random_range(1..10_000)).to_ascii_lowercase()
}

fn sentence(random: &mut SmallRng) -> String {
    let count = random.random_range(5..=10);
    let words = (0..count).map(|_| one(random, &WORDS)).collect::<Vec<_>>().join(" ");
    format!("{}{}.", words[..1].to_ascii_uppercase(), &words[1..])
}
