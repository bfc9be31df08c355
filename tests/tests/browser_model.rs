//! Intent by an artifact that the collector serves, in a real browser; and by rules where it cannot be had.

use anyhow::Result;
use serde_json::json;
use waver_core::model::{Model, Origin, Parts, Summary, Term, Transform};
use waver_tests::browser::PATIENCE;
use waver_tests::eventually;
use waver_tests::house::House;

const ALL: &str = "window.waver('consent', { measure: true, personalize: true })";
const SCORED: &str =
    "return window.waver('state').then((state) => state && { views: state.features.views, ...state.intent })";

/// One that says 1 / (1 + exp(2 - views)).
fn artifact() -> Vec<u8> {
    let term = Term { feature: 0, transform: Transform::Identity, centre: 2.0, weight: 1.0 };
    let parts = Parts {
        task: "p_buy".to_owned(),
        name: "by-views-1".to_owned(),
        features: vec!["views".to_owned()],
        terms: vec![term],
        ..Parts::default()
    };
    let summary = Summary {
        origin: Origin::Own,
        data: "test".to_owned(),
        data_hash: 0,
        seed: 1,
        rows: 0,
        positives: 0,
        groups: 0,
        figures: Vec::new(),
    };
    Model::new(parts).expect("a model").encode(&summary).expect("an artifact")
}

/// What `model` says after the first view.
async fn scored_by(house: &House, model: &str) -> Result<f64> {
    house.visit("index.html").await?;
    house.browser.execute(ALL, vec![]).await?;
    eventually("a score", PATIENCE, || async {
        let scored = house.browser.promised(SCORED, vec![]).await?;
        Ok((scored["model"] == json!(model) && scored["views"] == 1).then(|| scored["p_buy"].as_f64()).flatten())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_names_the_model_is_scored_by_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("intent.wvmd");
    std::fs::write(&file, artifact())?;
    let settings = [("WAVER__MODELS__INTENT", file.to_str().expect("a path"))];
    let house = House::of_page_with("data-model=/sdk/models/intent", "<h1>A page</h1>", &settings).await?;
    let score = scored_by(&house, "by-views-1").await?;
    let expected = 1.0 / (1.0 + 1.0_f64.exp());
    assert!((score - expected).abs() < 1e-3, "{score}");
    house.browser.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_there_is_no_model_to_be_had_rules_score_and_say_so() -> Result<()> {
    let house = House::of_page("data-model=/sdk/models/intent", "<h1>A page</h1>").await?;
    scored_by(&house, "rules-1").await?;
    house.browser.close().await
}
