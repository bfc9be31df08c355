use waver_core::model::logistic;

/// Points of a line that makes frequencies of the sums of a model, fitted on sums it was not fitted on: the scaling of Platt (1999) with his
/// softened targets. None where the sums say nothing, or the wrong way round.
pub(crate) fn platt(sums: &[f64], labels: &[bool]) -> Vec<(f32, f32)> {
    let (low, high) =
        sums.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), sum| (low.min(*sum), high.max(*sum)));
    let positives = labels.iter().filter(|label| **label).count() as f64;
    let negatives = labels.len() as f64 - positives;
    let (yes, no) = ((positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0));
    let (mut offset, mut slope) = (0.0, 0.0);
    for _ in 0..100 {
        let (mut g0, mut g1, mut h00, mut h01, mut h11) = (0.0, 0.0, 1e-9, 0.0, 1e-9);
        for (sum, label) in sums.iter().zip(labels) {
            let p = logistic(offset + slope * sum);
            let (miss, weight) = (p - if *label { yes } else { no }, p * (1.0 - p));
            g0 += miss;
            g1 += miss * sum;
            h00 += weight;
            h01 += weight * sum;
            h11 += weight * sum * sum;
        }
        let determinant = h00 * h11 - h01 * h01;
        if determinant < 1e-12 {
            break;
        }
        let (d0, d1) = ((h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant);
        // Short steps: the loss is convex, and far off its curve is a poor guide.
        let scale = 1.0 / d0.abs().max(d1.abs()).max(1.0);
        offset -= scale * d0;
        slope -= scale * d1;
        if d0.abs() < 1e-10 && d1.abs() < 1e-10 {
            break;
        }
    }
    let point = |sum: f64| (sum as f32, (offset + slope * sum) as f32);
    let rises = slope > 1e-3 && slope < 1e3 && offset.abs() < 1e3 && point(low).0 < point(high).0;
    if rises && point(low).1 < point(high).1 { vec![point(low), point(high)] } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums twice as far out as the frequencies are come back to them.
    #[test]
    fn exaggeration_is_taken_back() {
        let (mut sums, mut labels) = (Vec::new(), Vec::new());
        for (odds, of) in [(-2.0, 1_000), (-1.0, 1_000), (0.0, 1_000), (1.0, 1_000)] {
            let positives = (logistic(odds) * f64::from(of)) as i32;
            for n in 0..of {
                sums.push(odds * 2.0);
                labels.push(n < positives);
            }
        }
        let points = platt(&sums, &labels);
        assert_eq!(points.len(), 2);
        assert!((points[0].1 + 2.0).abs() < 0.02 && (points[1].1 - 1.0).abs() < 0.02, "{points:?}");
    }

    #[test]
    fn what_points_the_wrong_way_is_left_alone() {
        assert_eq!(platt(&[1.0, 2.0, 3.0, 4.0], &[true, true, false, false]), Vec::new());
        assert_eq!(platt(&[1.0, 1.0], &[true, false]), Vec::new());
    }
}
