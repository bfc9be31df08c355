use std::sync::OnceLock;

use super::{COUNT, NAMES, Shape, TASK};
use crate::model::Model;

/// Fitted on simulated reaches alone; docs/models.md says how to make it anew.
const SHIPPED: &[u8] = include_bytes!("../../models/path.wvmd");
/// The threshold that hardly anything but a change of mind comes to.
const SURE: &str = "sure";

/// The model that we ship, with its threshold; `None` would be a mistake of ours, which a test finds.
fn shipped() -> Option<&'static (Model, f64)> {
    static MODEL: OnceLock<Option<(Model, f64)>> = OnceLock::new();
    let read = || {
        let model = Model::decode(SHIPPED).ok()?;
        let threshold = model.threshold(SURE)?;
        (model.parts().task == TASK && model.parts().features == NAMES).then_some((model, threshold))
    };
    MODEL.get_or_init(read).as_ref()
}

/// Whether the shopper changed their mind on the way, as far as can be told with hardly any false alarm; what is no reach is none.
pub(crate) fn turned(Shape { values, reach }: &Shape) -> bool {
    let values: &[f64; COUNT] = values;
    *reach && shipped().is_some_and(|(model, threshold)| model.score(values) >= *threshold)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Origin, Summary};

    #[test]
    fn what_we_ship_is_simulated_and_fits() {
        assert!(shipped().is_some());
        let (_, summary) = Summary::decode(SHIPPED).expect("whole");
        assert_eq!((summary.origin, summary.data.as_str()), (Origin::Simulated, "reaches"));
    }
}
