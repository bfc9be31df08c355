use serde::{Deserialize, Serialize};
use waver_schema::{EventBody, Navigation};

/// What came after a gap in the sequence numbers, so that it can be said on which way out of a page events are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ExitPath {
    /// The shopper left the page for one that was loaded.
    Load,
    /// The shopper left the view for another one of a single-page application.
    Route,
    /// The shopper left the page and came back to it by the back/forward cache.
    Restore,
    /// Nothing was left: the gap lies within a view.
    SameView,
}

impl ExitPath {
    /// By what the first event after the gap is.
    pub(crate) const fn before(body: &EventBody) -> ExitPath {
        match body {
            EventBody::PageView { navigation: Navigation::Load, .. } => ExitPath::Load,
            EventBody::PageView { navigation: Navigation::Route, .. } => ExitPath::Route,
            EventBody::PageView { navigation: Navigation::Restore, .. } => ExitPath::Restore,
            _ => ExitPath::SameView,
        }
    }
}
