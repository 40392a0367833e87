//! One rate of arrivals for several scenarios: which of the arrivals are whose.

use super::Crew;

/// Which arrivals of a common schedule are one scenario's. They are dealt like VUs, but there may be any number of them: the deal
/// repeats itself after as many turns as the weights come to, so that one round of it says all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rota {
    crew: Crew,
    round: u64,
}

impl Rota {
    /// By weights of which the sum is above 0.
    pub fn deal(weights: &[u64]) -> Vec<Rota> {
        let common = weights.iter().copied().fold(0, divisor).max(1);
        let weights: Vec<u64> = weights.iter().map(|weight| weight / common).collect();
        let round = weights.iter().sum();
        Crew::deal(&weights, round).into_iter().map(|crew| Rota { crew, round }).collect()
    }

    /// How many of the first `count` of the whole are its own.
    pub fn among(&self, count: u64) -> u64 {
        count / self.round * self.crew.len() + self.crew.among(count % self.round)
    }

    /// The number in the whole of its own k-th, from 0.
    pub fn number(&self, own: u64) -> u64 {
        let rounds = own / self.crew.len().max(1);
        let turn = self.crew.number(own % self.crew.len().max(1)).unwrap_or(0);
        rounds.saturating_mul(self.round).saturating_add(turn)
    }

    /// Whether this number in the whole is its own.
    pub fn has(&self, number: u64) -> bool {
        self.crew.number(self.crew.among(number % self.round)) == Some(number % self.round)
    }

    /// Of the whole.
    pub fn part(&self) -> f64 {
        self.crew.len() as f64 / self.round as f64
    }
}

/// The greatest common one.
fn divisor(one: u64, other: u64) -> u64 {
    if other == 0 { one } else { divisor(other, one % other) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_that_repeats_itself_deals_like_the_deal_of_all() {
        let table: [&[u64]; 5] = [&[1], &[3, 1], &[30, 10, 20], &[97, 2, 1], &[5, 5]];
        for weights in table {
            let all = Crew::deal(weights, 700);
            for (rota, crew) in Rota::deal(weights).iter().zip(&all) {
                let numbers: Vec<u64> = (0..crew.len()).map(|own| rota.number(own)).collect();
                let expected: Vec<u64> = (0..crew.len()).filter_map(|own| crew.number(own)).collect();
                assert_eq!(numbers, expected, "{weights:?}");
                let own: Vec<u64> = (0..700).filter(|number| rota.has(*number)).collect();
                assert_eq!(own, expected, "{weights:?}");
                assert!((0..=700).all(|count| rota.among(count) == crew.among(count)), "{weights:?}");
            }
        }
    }

    #[test]
    fn a_round_is_no_longer_than_it_needs_to_be() {
        let rounds = |weights: &[u64]| Rota::deal(weights).iter().map(|rota| rota.round).collect::<Vec<_>>();
        assert_eq!(rounds(&[10_000, 5_000]), [3, 3]);
        assert_eq!(Rota::deal(&[3, 1]).iter().map(Rota::part).collect::<Vec<_>>(), [0.75, 0.25]);
    }
}
