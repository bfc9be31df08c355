//! The collector: durable events, session aggregates, decisions, dashboard.
