//! One load for several scenarios: which of its VUs, or iterations, are whose.

use std::sync::Arc;

/// What one scenario has of a common load: the numbers in the whole of its VUs, rising.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crew(Arc<[u64]>);

impl Crew {
    /// Deals `total` out by weights of which the sum is above 0. Of the first n, for every n, each gets its share to less than one.
    ///
    /// Each scenario's j-th turn has a window that its weight gives it; whoever's window closes first is next. That is the earliest
    /// deadline first of Pfair scheduling (Baruah, Cohen, Plaxton and Varvel, "Proportionate progress", 1996), which meets all
    /// windows on one processor that is fully used.
    pub fn deal(weights: &[u64], total: u64) -> Vec<Crew> {
        let sum: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
        let mut dealt: Vec<Vec<u64>> = vec![Vec::new(); weights.len()];
        for number in 0..total {
            let turn = |index: &usize| {
                let (weight, had) = (u128::from(weights[*index]), dealt[*index].len() as u128);
                let owed = (u128::from(number) + 1) * weight;
                let open = weight > 0 && had * sum < owed;
                // The window's end, and who has waited for longest where several end together.
                open.then(|| (((had + 1) * sum).div_ceil(weight), (had + 2) * sum - owed))
            };
            let next = (0..weights.len()).filter(|index| turn(index).is_some()).min_by_key(turn);
            if let Some(index) = next {
                dealt[index].push(number);
            }
        }
        dealt.into_iter().map(|numbers| Crew(numbers.into())).collect()
    }

    /// How much of `total` each has, without the numbers: the deal repeats itself after as many turns as the weights come to.
    pub fn shares(weights: &[u64], total: u64) -> Vec<u64> {
        let round: u64 = weights.iter().sum();
        let rest = Crew::deal(weights, total % round);
        weights.iter().zip(rest).map(|(weight, rest)| total / round * weight + rest.len()).collect()
    }

    pub fn len(&self) -> u64 {
        self.0.len() as u64
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many of the first `count` of the whole are its own.
    pub fn among(&self, count: u64) -> u64 {
        self.0.partition_point(|number| *number < count) as u64
    }

    /// The number in the whole of its own k-th, from 0.
    pub fn number(&self, own: u64) -> Option<u64> {
        self.0.get(usize::try_from(own).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_first_n_each_has_its_share_to_less_than_one_and_nothing_is_left_over() {
        let table: [&[u64]; 8] =
            [&[1], &[1, 1], &[3, 1], &[1, 0, 2], &[5, 3, 2], &[97, 2, 1], &[7, 7, 7, 1], &[1, 1, 1, 1, 1, 100]];
        for weights in table {
            let sum: u64 = weights.iter().sum();
            let crews = Crew::deal(weights, 500);
            for first in 0..=500u64 {
                let had: Vec<u64> = crews.iter().map(|crew| crew.among(first)).collect();
                assert_eq!(Crew::shares(weights, first), had, "{weights:?}");
                assert_eq!(had.iter().sum::<u64>(), first, "{weights:?}");
                for (had, weight) in had.iter().zip(weights) {
                    let owed = i128::from(first) * i128::from(*weight);
                    let off = (i128::from(*had) * i128::from(sum) - owed).abs();
                    assert!(off < i128::from(sum), "{had} of the first {first} with {weight} of {weights:?}");
                }
            }
        }
    }

    #[test]
    fn members_know_their_numbers_in_the_whole() {
        let crews = Crew::deal(&[3, 1], 8);
        let numbers = |crew: &Crew| (0..=crew.len()).map_while(|own| crew.number(own)).collect::<Vec<u64>>();
        assert_eq!(numbers(&crews[0]), [0, 1, 3, 4, 5, 7]);
        assert_eq!(numbers(&crews[1]), [2, 6]);
    }
}
