use proptest::prelude::*;

use super::*;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// One linear term, one stump under a split, a calibration of three points.
fn parts() -> Parts {
    Parts {
        task: "p_buy".into(),
        name: "test-1".into(),
        features: names(&["views", "cart_items"]),
        bias: -1.0,
        terms: vec![Term { feature: 0, transform: Transform::Log, centre: 1.0, weight: 0.5 }],
        trees: vec![vec![
            Node::Split { feature: 1, threshold: 0.5, value: 0.25, right: 2 },
            Node::Leaf { value: -0.25 },
            Node::Split { feature: 0, threshold: 3.0, value: 1.25, right: 4 },
            Node::Leaf { value: 1.0 },
            Node::Leaf { value: 2.0 },
        ]],
        calibration: vec![(-2.0, -3.0), (0.0, 0.0), (2.0, 1.0)],
        thresholds: vec![("fpr05".into(), 0.75)],
    }
}

fn summary() -> Summary {
    Summary {
        origin: Origin::Simulated,
        data: "made-up".into(),
        data_hash: 7,
        seed: 42,
        rows: 10,
        positives: 3,
        groups: 4,
        figures: vec![("cv_roc_auc".into(), 0.75)],
    }
}

#[test]
fn a_score_is_the_calibrated_sum() {
    let model = Model::new(parts()).expect("sound");
    let expected = -1.0 + 0.5 * (libm::log1p(4.0) - 1.0) + 2.0;
    assert_eq!(model.score(&[4.0, 1.0]), logistic(expected / 2.0));
    // Beyond the ends of the table: one to one.
    let low = Model::new(Parts { bias: -5.0, terms: Vec::new(), ..parts() }).expect("sound");
    assert_eq!(low.score(&[0.0, 0.0]), logistic(-3.0 - 3.25));
    assert_eq!(model.threshold("fpr05"), Some(0.75));
    assert_eq!(model.threshold("fpr01"), None);
}

#[test]
fn what_is_explained_adds_up() {
    let model = Model::new(parts()).expect("sound");
    let values = [4.0, 1.0];
    let told = model.explain(&values, 5);
    assert_eq!(told.iter().map(|contribution| contribution.feature).collect::<Vec<_>>(), [0, 1]);
    let sum: f64 = told.iter().map(|contribution| contribution.weight).sum();
    let root = 0.25;
    assert!((model.sum(&values, |_, _| ()) - (-1.0 + root + sum)).abs() < 1e-9);
    assert_eq!(model.explain(&values, 1).len(), 1);
}

#[test]
fn what_is_missing_or_no_number_counts_as_nothing() {
    let model = Model::new(parts()).expect("sound");
    assert_eq!(model.score(&[f64::NAN, f64::INFINITY]), model.score(&[0.0, 0.0]));
    assert_eq!(model.score(&[]), model.score(&[0.0, 0.0]));
}

#[test]
fn parts_that_cannot_be_scored_are_refused() {
    let split = |feature, right| vec![Node::Split { feature, threshold: 0.0, value: 0.0, right }];
    let leaf = Node::Leaf { value: 0.0 };
    let with_trees = |trees| Model::new(Parts { trees, ..parts() });
    assert_eq!(with_trees(vec![vec![]]), Err(ModelError::Value));
    assert_eq!(with_trees(vec![split(0, 1)]), Err(ModelError::Value));
    assert_eq!(with_trees(vec![[split(0, 1), vec![leaf, leaf]].concat()]), Err(ModelError::Value));
    assert_eq!(with_trees(vec![[split(0, 3), vec![leaf, leaf]].concat()]), Err(ModelError::Value));
    assert_eq!(with_trees(vec![[split(2, 2), vec![leaf, leaf]].concat()]), Err(ModelError::Value));
    assert_eq!(with_trees(vec![vec![leaf]; MAX_NODES + 1]), Err(ModelError::Limit));
    assert!(with_trees(vec![vec![leaf]; MAX_NODES]).is_ok());
    for broken in [
        Parts { bias: f32::NAN, ..parts() },
        Parts { bias: 2e9, ..parts() },
        Parts { name: String::new(), ..parts() },
        Parts { task: "P".into(), ..parts() },
        Parts { calibration: vec![(0.0, 0.0), (0.0, 1.0)], ..parts() },
        Parts { calibration: vec![(0.0, 0.0), (1.0, 0.0)], ..parts() },
        Parts { thresholds: vec![("a".into(), 1.5)], ..parts() },
    ] {
        assert_eq!(Model::new(broken), Err(ModelError::Value));
    }
}

#[test]
fn an_artifact_is_read_as_it_was_written_and_no_other() {
    let model = Model::new(parts()).expect("sound");
    let artifact = model.encode(&summary()).expect("small");
    assert_eq!(Summary::decode(&artifact), Ok((model.clone(), summary())));
    assert_eq!(Model::decode(&artifact), Ok(model));
    for cut in 0..artifact.len() {
        assert!(Model::decode(&artifact[..cut]).is_err(), "cut at {cut}");
    }
    for at in 0..artifact.len() {
        let mut changed = artifact.clone();
        changed[at] ^= 0x10;
        assert!(Model::decode(&changed).is_err(), "changed at {at}");
    }
    assert_eq!(Model::decode(&vec![0; MAX_BYTES + 1]), Err(ModelError::Limit));
}

fn trees(features: u8) -> impl Strategy<Value = Vec<Vec<Node>>> {
    let leaf = (-9.0_f32..9.0).prop_map(|value| vec![Node::Leaf { value }]);
    let tree = leaf.prop_recursive(5, 32, 2, move |inner| {
        (0..features, -9.0_f32..9.0, -9.0_f32..9.0, inner.clone(), inner).prop_map(
            |(feature, threshold, value, left, right)| {
                // Where the children move, so do the places of theirs.
                let moved = |nodes: Vec<Node>, by: usize| {
                    nodes.into_iter().map(move |node| match node {
                        Node::Split { feature, threshold, value, right } => {
                            Node::Split { feature, threshold, value, right: right + by as u16 }
                        }
                        leaf => leaf,
                    })
                };
                let behind = 1 + left.len();
                let root = Node::Split { feature, threshold, value, right: behind as u16 };
                std::iter::once(root).chain(moved(left, 1)).chain(moved(right, behind)).collect()
            },
        )
    });
    prop::collection::vec(tree, 0..5)
}

proptest! {
    #[test]
    fn any_model_crosses_its_artifact_and_scores_between_zero_and_one(
        trees in trees(3),
        terms in prop::collection::vec((0..3_u8, any::<bool>(), -9.0_f32..9.0, -9.0_f32..9.0), 0..6),
        values in prop::collection::vec(any::<f64>(), 0..4),
    ) {
        let terms = terms
            .into_iter()
            .map(|(feature, log, centre, weight)| {
                let transform = if log { Transform::Log } else { Transform::Identity };
                Term { feature, transform, centre, weight }
            })
            .collect();
        let features = names(&["a", "b", "c"]);
        let model = Model::new(Parts { features, terms, trees, ..parts() }).expect("sound");
        let read = Model::decode(&model.encode(&summary()).expect("small")).expect("as written");
        prop_assert_eq!(&read, &model);
        let score = read.score(&values);
        prop_assert_eq!(score.to_bits(), model.score(&values).to_bits());
        prop_assert!((0.0..=1.0).contains(&score));
        prop_assert!(model.explain(&values, 2).iter().all(|contribution| contribution.weight.is_finite()));
    }

    #[test]
    fn a_higher_sum_never_scores_lower(a in -20.0_f32..20.0, b in -20.0_f32..20.0) {
        let at = |bias| Model::new(Parts { bias, terms: Vec::new(), ..parts() }).expect("sound").score(&[0.0, 0.0]);
        prop_assert!(a > b || at(a) <= at(b));
    }
}
