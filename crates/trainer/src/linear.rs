//! Logistic regression with a ridge, and its plain sister for numbers, by Newton's method (iteratively reweighted least squares; McCullagh & Nelder 1989).

use serde::{Deserialize, Serialize};
use waver_core::model::{Parts, Term, Transform, logistic};

use crate::Dataset;

/// Steps, at most; it takes about eight.
const STEPS: usize = 50;

/// How a linear model is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    /// Weight of the data against the pull of the weights to nothing: C of scikit-learn and LIBLINEAR, over standardised features.
    pub strength: f64,
    /// Whether features are taken by their logarithm.
    pub log: bool,
}

impl Default for Linear {
    fn default() -> Linear {
        Linear { strength: 0.1, log: true }
    }
}

impl Linear {
    /// What is wrong with these, if something is.
    pub fn fault(&self) -> Option<String> {
        let sound = self.strength > 0.0 && self.strength.is_finite();
        (!sound).then(|| "the strength of a linear model is above 0".to_owned())
    }
}

/// Bias and terms fitted on `rows` of `data`; whoever asks sets the rest of the parts.
///
/// # Panics
/// When `rows` are empty: a mistake of the caller.
pub fn regress(data: &Dataset, rows: &[usize], how: &Linear) -> Parts {
    let scale = Scale::of(data, rows, how);
    let width = scale.width();
    let xs: Vec<Vec<f64>> = rows.iter().map(|row| scale.standard(data.row(*row))).collect();
    let mut weights = vec![0.0; width];
    for _ in 0..STEPS {
        let mut slope = vec![0.0; width];
        let mut curve = pulled(width, how);
        for (place, pull) in weights.iter().enumerate().skip(1) {
            slope[place] = pull / how.strength;
        }
        for (x, &row) in xs.iter().zip(rows) {
            let p = logistic(dot(&weights, x));
            let (miss, weight) = (p - f64::from(u8::from(data.labels[row])), p * (1.0 - p));
            add(&mut slope, &mut curve, x, miss, weight);
        }
        let step = solve(curve, slope, width);
        for (weight, step) in weights.iter_mut().zip(&step) {
            *weight -= step;
        }
        if step.iter().all(|step| step.abs() < 1e-9) {
            break;
        }
    }
    scale.parts(data, &weights)
}

/// The same for numbers, `targets[row]` of each row of `data`: least squares with a ridge (Hoerl & Kennard 1970). The sum of such a model is the
/// number itself, not log-odds.
///
/// # Panics
/// When `rows` are empty: a mistake of the caller.
pub fn ridge(data: &Dataset, targets: &[f64], rows: &[usize], how: &Linear) -> Parts {
    let scale = Scale::of(data, rows, how);
    let width = scale.width();
    let mut right = vec![0.0; width];
    let mut curve = pulled(width, how);
    for &row in rows {
        add(&mut right, &mut curve, &scale.standard(data.row(row)), targets[row], 1.0);
    }
    scale.parts(data, &solve(curve, right, width))
}

/// How features become alike in size: transformed, less their mean, by their deviation.
struct Scale {
    transform: Transform,
    /// Mean and deviation of each.
    scales: Vec<(f64, f64)>,
    /// Those that change at all: what never changes says nothing.
    live: Vec<usize>,
}

impl Scale {
    fn of(data: &Dataset, rows: &[usize], how: &Linear) -> Scale {
        let transform = if how.log { Transform::Log } else { Transform::Identity };
        let count = rows.len() as f64;
        let scales: Vec<(f64, f64)> = (0..data.features.len())
            .map(|feature| {
                let value = |row: &usize| transform.apply(data.row(*row)[feature]);
                let mean = rows.iter().map(value).sum::<f64>() / count;
                let variance = rows.iter().map(|row| (value(row) - mean) * (value(row) - mean)).sum::<f64>() / count;
                (mean, libm::sqrt(variance))
            })
            .collect();
        let live = (0..scales.len()).filter(|feature| scales[*feature].1 > 1e-9).collect();
        Scale { transform, scales, live }
    }

    /// The bias is the first.
    fn width(&self) -> usize {
        self.live.len() + 1
    }

    fn standard(&self, values: &[f64]) -> Vec<f64> {
        let mut x = vec![1.0; self.width()];
        for (place, &feature) in self.live.iter().enumerate() {
            let (mean, deviation) = self.scales[feature];
            x[place + 1] = (self.transform.apply(values[feature]) - mean) / deviation;
        }
        x
    }

    fn parts(&self, data: &Dataset, weights: &[f64]) -> Parts {
        let term = |(&feature, weight): (&usize, &f64)| Term {
            feature: feature as u8,
            transform: self.transform,
            centre: self.scales[feature].0 as f32,
            weight: (weight / self.scales[feature].1) as f32,
        };
        let terms = self.live.iter().zip(&weights[1..]).map(term).collect();
        Parts { features: data.features.clone(), bias: weights[0] as f32, terms, ..Parts::default() }
    }
}

/// The matrix of the ridge. The bias has none: a hair keeps the matrix invertible.
fn pulled(width: usize, how: &Linear) -> Vec<f64> {
    let mut curve = vec![0.0; width * width];
    curve[0] = 1e-9;
    (1..width).for_each(|place| curve[place * width + place] = 1.0 / how.strength);
    curve
}

/// Adds a row to both sides of the equations; of the matrix the lower half is kept.
fn add(right: &mut [f64], curve: &mut [f64], x: &[f64], by: f64, weight: f64) {
    let width = x.len();
    for i in 0..width {
        right[i] += by * x[i];
        for j in 0..=i {
            curve[i * width + j] += weight * x[i] * x[j];
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `x` of `matrix * x = right`, by Cholesky's method; of the matrix, which is symmetric and positive, the lower half is read.
fn solve(mut matrix: Vec<f64>, mut right: Vec<f64>, width: usize) -> Vec<f64> {
    for i in 0..width {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| matrix[i * width + k] * matrix[j * width + k]).sum();
            let rest = matrix[i * width + j] - known;
            matrix[i * width + j] = if i == j { libm::sqrt(rest.max(1e-12)) } else { rest / matrix[j * width + j] };
        }
    }
    for i in 0..width {
        let known: f64 = (0..i).map(|k| matrix[i * width + k] * right[k]).sum();
        right[i] = (right[i] - known) / matrix[i * width + i];
    }
    for i in (0..width).rev() {
        let known: f64 = (i + 1..width).map(|k| matrix[k * width + i] * right[k]).sum();
        right[i] = (right[i] - known) / matrix[i * width + i];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equations_are_solved() {
        let x = solve(vec![4.0, 0.0, 2.0, 3.0], vec![8.0, 7.0], 2);
        assert!((4.0 * x[0] + 2.0 * x[1] - 8.0).abs() < 1e-12 && (2.0 * x[0] + 3.0 * x[1] - 7.0).abs() < 1e-12);
    }

    #[test]
    fn a_line_is_found_and_pulled_flat() {
        let mut data = Dataset::of(vec!["x".to_owned()]);
        let targets: Vec<f64> = (0..20).map(|n| 3.0 + 0.5 * f64::from(n)).collect();
        (0..20).for_each(|n| data.push(&[f64::from(n)], false, n, 0, 0.0));
        let rows: Vec<usize> = (0..20).collect();
        let parts = ridge(&data, &targets, &rows, &Linear { strength: 1e9, log: false });
        let at =
            |x: f64| f64::from(parts.bias) + f64::from(parts.terms[0].weight) * (x - f64::from(parts.terms[0].centre));
        assert!((at(0.0) - 3.0).abs() < 1e-5 && (at(30.0) - 18.0).abs() < 1e-5);
        let pulled = ridge(&data, &targets, &rows, &Linear { strength: 0.05, log: false });
        assert!((pulled.terms[0].weight - 0.25).abs() < 1e-6, "20 rows against 20 of the ridge: half");
    }

    /// Four cells of a table of two by two: without a ridge the weight is the logarithm of the odds ratio.
    #[test]
    fn a_table_of_two_by_two_gives_its_odds_ratio() {
        let mut data = Dataset::of(vec!["x".to_owned(), "constant".to_owned()]);
        for (x, label, count) in [(0.0, false, 60), (0.0, true, 20), (1.0, false, 30), (1.0, true, 40)] {
            for _ in 0..count {
                data.push(&[x, 5.0], label, data.len() as u32, 0, 0.0);
            }
        }
        let rows: Vec<usize> = (0..data.len()).collect();
        let parts = regress(&data, &rows, &Linear { strength: 1e9, log: false });
        assert_eq!(parts.terms.len(), 1);
        let odds_ratio: f64 = (40.0 / 30.0) / (20.0 / 60.0);
        assert!((f64::from(parts.terms[0].weight) - libm::log(odds_ratio)).abs() < 1e-5);
        let pulled = regress(&data, &rows, &Linear { strength: 0.01, log: false });
        assert!(pulled.terms[0].weight.abs() < parts.terms[0].weight.abs() / 2.0);
    }
}
