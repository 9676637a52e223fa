//! Whether two kinds of input take the same time: Welch's t-test as dudect does it (Reparaz, Balasch, Verbauwhede,
//! "Dude, is my code constant time?", DATE 2017).

/// Above this, the two kinds take different times (the bound of test vector leakage assessment).
pub const LIMIT: f64 = 4.5;

/// How many crops are tried, as in dudect.
const CROPS: i32 = 100;

/// A crop that leaves fewer samples of a kind says nothing.
const ENOUGH: f64 = 5_000.0;

/// Times of two kinds of input, in nanoseconds, in the order of measuring.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    times: Vec<(bool, u64)>,
}

/// Mean and variance as they grow (Welford).
#[derive(Clone, Copy, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (value - self.mean);
    }

    fn variance_of_mean(&self) -> f64 {
        self.squares / (self.count - 1.0) / self.count
    }
}

impl Samples {
    /// Adds a time; `kind` says of which of the two.
    pub fn add(&mut self, kind: bool, nanos: u64) {
        self.times.push((kind, nanos));
    }

    /// How many times were added.
    pub const fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether none was.
    pub const fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The t that is furthest from zero: of all times, and of those below each of a hundred percentiles, as what the
    /// machine does besides makes the long ones long. Positive when the first kind (`false`) takes longer.
    pub fn t(&self) -> f64 {
        let mut sorted: Vec<u64> = self.times.iter().map(|(_, nanos)| *nanos).collect();
        sorted.sort_unstable();
        let percentile = |part: f64| sorted.get((part * sorted.len() as f64) as usize);
        // dudect's: close together near the top, where most of the noise is.
        let crops =
            (1..=CROPS).map(|crop| 1.0 - 0.5_f64.powf(10.0 * f64::from(crop) / f64::from(CROPS)));
        let crops = crops.filter_map(|part| percentile(part).copied());
        let furthest = |one: f64, other: f64| if other.abs() > one.abs() { other } else { one };
        crops.chain([u64::MAX]).filter_map(|below| self.t_below(below)).fold(0.0, furthest)
    }

    /// The median of each kind, in nanoseconds.
    pub fn medians(&self) -> [u64; 2] {
        [false, true].map(|wanted| {
            let of_kind = self.times.iter().filter(|(kind, _)| *kind == wanted);
            let mut times: Vec<u64> = of_kind.map(|(_, nanos)| *nanos).collect();
            times.sort_unstable();
            times.get(times.len() / 2).copied().unwrap_or_default()
        })
    }

    fn t_below(&self, below: u64) -> Option<f64> {
        let mut moments = [Moments::default(); 2];
        let [first, second] = &mut moments;
        for (kind, nanos) in self.times.iter().filter(|(_, nanos)| *nanos < below) {
            let moments = if *kind { &mut *second } else { &mut *first };
            moments.add(*nanos as f64);
        }
        let spread = (first.variance_of_mean() + second.variance_of_mean()).sqrt();
        let enough = first.count >= ENOUGH && second.count >= ENOUGH && spread > 0.0;
        enough.then(|| (first.mean - second.mean) / spread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two kinds with the same spread, the second later by so much.
    fn shifted(by: u64) -> Samples {
        let mut samples = Samples::default();
        for sample in 0..40_000_u64 {
            let noise = sample.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58;
            let kind = sample % 2 == 1;
            samples.add(kind, 1_000 + noise + if kind { by } else { 0 });
        }
        samples
    }

    #[test]
    fn kinds_that_take_the_same_time_are_below_the_limit() {
        assert!(shifted(0).t().abs() < LIMIT, "{}", shifted(0).t());
    }

    #[test]
    fn a_kind_that_takes_longer_is_found_and_told() {
        assert!(shifted(2).t() < -LIMIT, "{}", shifted(2).t());
        assert_eq!(shifted(5).medians().map(|median| median / 1_000), [1, 1]);
    }
}
