//! Which shape of window serves which metric. Everything is counted once, in tumbling panes; the other shapes cost nothing more to write.

/// A shape of window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Side by side, each moment in one: minutes, and the hours and reports that add them up.
    Tumbling,
    /// The last panes, anew with each pane: [`super::Windows::recent`].
    Sliding {
        /// How many minutes, the one under way included.
        panes: u64,
    },
    /// One per session, counted in the pane of its last event once it has ended: [`crate::session::SessionState::closing`].
    Session,
}

/// Panes of the live activity.
pub(crate) const RECENT_PANES: u64 = 5;

/// A metric and its shape.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name in [`super::WindowReport`].
    pub name: &'static str,
    /// Its shape.
    pub shape: Shape,
    /// Why that is the cheapest that serves.
    pub why: &'static str,
}

const fn tumbling(name: &'static str, why: &'static str) -> Metric {
    Metric { name, shape: Shape::Tumbling, why }
}

const fn session(name: &'static str, why: &'static str) -> Metric {
    Metric { name, shape: Shape::Session, why }
}

/// Every metric. A test compares it with what reports hold.
pub const METRICS: &[Metric] = &[
    tumbling("sessions", "a session begins once"),
    tumbling("active_sessions", "a sketch a pane, since a session is active in several; panes merge to any range"),
    Metric {
        name: "recent",
        shape: Shape::Sliding { panes: RECENT_PANES },
        why: "what goes on now must not drop to zero with each new minute; five panes are added up on reading",
    },
    tumbling("events", "a sum"),
    tumbling("views", "a sum by kind of page"),
    tumbling("hesitations", "a sum by kind, zone and page"),
    tumbling("frustrations", "a sum by kind, zone and page"),
    tumbling("stages", "entries are instants, so they add up; who is in a stage now is asked of the sessions"),
    tumbling("stage_moves", "moves are instants"),
    tumbling("offers", "steps of an offer are instants"),
    tumbling("orders", "a sum"),
    tumbling("revenue", "a sum by currency"),
    tumbling("velocity_ms", "a mergeable sketch a pane"),
    session("ended", "duration, attention and outcome are known only when the session is over"),
    tumbling("lost_events", "gaps open and close by signed changes"),
    tumbling("lost", "the same, by browser and exit path"),
    tumbling("dropped", "a sum by browser and cause"),
    tumbling("automated", "sums apart from all the others"),
];
