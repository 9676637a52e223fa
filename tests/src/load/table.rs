//! Measurements as people read them: every pass, and the median.
#![expect(clippy::print_stdout, reason = "it is printed by programs")]

use super::machine::Foreign;

/// Measurements of one contender, or of one part of what it does, pass by pass.
#[derive(Clone, Debug, Default)]
pub struct Row {
    name: String,
    passes: Vec<f64>,
}

impl Row {
    /// No pass yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), passes: Vec::new() }
    }

    /// One pass more.
    pub fn add(&mut self, figure: f64) {
        self.passes.push(figure);
    }

    /// The median of the passes; 0 when there is none.
    pub fn median(&self) -> f64 {
        let mut passes = self.passes.clone();
        median(&mut passes)
    }

    /// What was measured.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Prints the median, then every pass; nothing when there was none.
    pub fn print(&self) {
        if self.passes.is_empty() {
            return;
        }
        let passes: Vec<String> = self.passes.iter().map(|figure| readable(*figure)).collect();
        println!("{:<58} {:>10}  [{}]", self.name, readable(self.median()), passes.join(" "));
    }
}

/// The median; sorts. 0 of nothing.
pub fn median(values: &mut [f64]) -> f64 {
    percentile(values, 50)
}

/// The figure that so many per cent are not above; sorts. 0 of nothing.
pub fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let place = (values.len() * percent / 100).min(values.len().saturating_sub(1));
    values.get(place).copied().unwrap_or_default()
}

/// A title, and what the columns are.
pub fn title(text: &str) {
    println!("\n{text}\n{:<58} {:>10}  [every pass]", "", "median");
}

/// A ratio to a peer of the same run, beside what it should be.
pub fn ratio(what: &str, ours: f64, theirs: f64, goal: &str) {
    if theirs > 0.0 {
        println!("{what:<58} {:>9.2}x  goal {goal}", ours / theirs);
    }
}

/// Something that is not a ratio, beside what it should be.
pub fn figure(what: &str, value: f64, goal: &str) {
    println!("{what:<58} {:>10}  goal {goal}", readable(value));
}

/// Says how much of the machine others had during the passes: above 8 % a figure is not to be quoted.
pub fn disturbance(foreign: &Row) {
    foreign.print();
    if foreign.median() >= 8.0 {
        println!(
            "  others used this machine meanwhile: ratios hold roughly, absolute numbers do not"
        );
    }
}

/// A row for [`disturbance`].
pub fn foreign() -> Row {
    Row::new("CPU used by others, % of the machine")
}

/// Runs a pass and notes what others used of the machine meanwhile.
pub fn watched<T>(foreign: &mut Row, processes: &[u32], pass: impl FnOnce() -> T) -> T {
    let meter = Foreign::begin(processes);
    let done = pass();
    foreign.add(meter.percent());
    done
}

fn readable(figure: f64) -> String {
    if figure >= 100.0 {
        let whole = format!("{figure:.0}");
        let from_end = whole.chars().rev().enumerate();
        let grouped = from_end.flat_map(|(place, digit)| {
            let comma = (place > 0 && place % 3 == 0).then_some(',');
            comma.into_iter().chain([digit])
        });
        return grouped.collect::<Vec<_>>().into_iter().rev().collect();
    }
    format!("{figure:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_grouped_by_thousands() {
        let shown = [0.0, 1.234, 99.99, 100.4, 1_234.0, 1_234_567.0].map(readable);
        assert_eq!(shown, ["0.00", "1.23", "99.99", "100", "1,234", "1,234,567"]);
    }

    #[test]
    fn the_median_and_the_99th_percentile_are_among_the_values() {
        let mut values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(median(&mut values), 101.0);
        assert_eq!(percentile(&mut values, 99), 199.0);
        assert_eq!(percentile(&mut [], 99), 0.0);
    }
}
