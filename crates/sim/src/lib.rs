//! Seeded shoppers, replay of recorded clickstreams, and the demo shop behind them.
