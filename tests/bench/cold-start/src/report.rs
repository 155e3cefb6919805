//! Medians, whether they are good enough, and what can go wrong.

pub(crate) type Error = Box<dyn std::error::Error>;

/// A figure and what it may be at most.
pub(crate) struct Target {
    value: f64,
    at_most: f64,
}

impl Target {
    /// Prints the verdict at once.
    pub(crate) fn new(name: &str, value: f64, at_most: f64) -> Self {
        let target = Self { value, at_most };
        let verdict = if target.is_met() { "met" } else { "MISSED" };
        println!("  {name}: {value:.3} <= {at_most:.2}  {verdict}\n");
        target
    }

    pub(crate) fn is_met(&self) -> bool {
        self.value <= self.at_most
    }
}

pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
