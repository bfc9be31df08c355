//! Tables of events: a row is something a shopper did. Rows become signals, and the features are those that the engine in the browser counts.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Deserialize;
use waver_core::{Engine, Signal, SignalKind};
use waver_schema::{CommerceAction, DeviceClass, Feature, ItemRef, Navigation, PageType, Referrer};

use crate::rows::Rows;
use crate::{Dataset, TrainError};

/// What the columns of a table of events mean. A row of the data set is the beginning of a session, up to and with the k-th event, as long as
/// nothing was bought; it came about if something is bought later in the session.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Events {
    /// Whose events they are. Who it is stays on one side of a split.
    pub user: String,
    /// Which session of that user.
    pub session: String,
    /// When, in `unit`, on any clock that all sessions of a user share.
    pub time: String,
    /// Unit of the time.
    pub unit: Unit,
    /// What was done.
    pub event: String,
    /// What each word of that column means; a word that is not here is passed over.
    pub kinds: BTreeMap<String, Kind>,
    /// The product.
    pub item: String,
    /// The category of the product, if there is one.
    #[serde(default)]
    pub category: Option<String>,
    /// Shortest and longest beginning of a session that is judged, in events: k.
    pub prefixes: [u32; 2],
    /// Whether the engine is told of the earlier sessions of the same user, as far as a browser would remember them.
    pub history: bool,
    /// Names of the features (`waver_schema::Feature`).
    pub features: Vec<String>,
}

/// Unit of a column of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Seconds.
    S,
    /// Milliseconds.
    Ms,
}

/// What a row means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A product was looked at.
    View,
    /// It was put on a wish list.
    AddToWishlist,
    /// It was put into the cart.
    AddToCart,
    /// It was taken out of the cart.
    RemoveFromCart,
    /// It was bought: what is predicted.
    Purchase,
}

struct Event {
    at_ms: u64,
    kind: Kind,
    item: ItemRef,
    category: Option<ItemRef>,
}

impl Event {
    fn signals(&self, t: u64) -> impl Iterator<Item = Signal> {
        let commerce = |action| SignalKind::Commerce {
            action,
            item: Some(self.item),
            quantity: 1,
            value_minor: None,
            currency: None,
            order: None,
        };
        let kind = match self.kind {
            Kind::View => SignalKind::View {
                page: PageType::Product,
                navigation: Navigation::Load,
                referrer: Referrer::Internal,
                device: DeviceClass::Touch,
                item: Some(self.item),
            },
            Kind::AddToWishlist => commerce(CommerceAction::AddToWishlist),
            Kind::AddToCart => commerce(CommerceAction::AddToCart),
            Kind::RemoveFromCart => commerce(CommerceAction::RemoveFromCart),
            Kind::Purchase => commerce(CommerceAction::Purchase),
        };
        let category = self.category.map(|category| SignalKind::Category { category });
        [Some(kind), category].into_iter().flatten().map(move |kind| Signal { t, kind })
    }
}

impl Events {
    /// What is wrong with it, if something is.
    pub fn fault(&self) -> Option<String> {
        if let Some(name) = self.features.iter().find(|name| Feature::from_name(name).is_none()) {
            return Some(format!("{name} is no feature of the engine"));
        }
        let [from, to] = self.prefixes;
        if from == 0 || from > to || to > 1_000 {
            return Some("prefixes go from at least 1 to at most 1000 events".to_owned());
        }
        let predicted = self.kinds.values().any(|kind| *kind == Kind::Purchase);
        (!predicted).then(|| "no kind of event is a purchase".to_owned())
    }

    pub(crate) fn read(&self, file: &Path) -> Result<Dataset, TrainError> {
        let users = self.sessions(file)?;
        let features: Vec<Feature> = self.features.iter().filter_map(|name| Feature::from_name(name)).collect();
        let mut data = Dataset::of(self.features.clone());
        for (user, sessions) in users.iter().enumerate() {
            self.follow(user as u32, sessions, &features, &mut data);
        }
        Ok(data)
    }

    /// The sessions of each user in order of time, and their events likewise; events of one moment stay in the order of the file.
    fn sessions(&self, file: &Path) -> Result<Vec<Vec<Vec<Event>>>, TrainError> {
        let mut rows = Rows::open(file)?;
        let [user, session, time, event, item] =
            [&self.user, &self.session, &self.time, &self.event, &self.item].map(|name| rows.column(name));
        let (user, session, time, event, item) = (user?, session?, time?, event?, item?);
        let category = self.category.as_ref().map(|name| rows.column(name)).transpose()?;
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut users: Vec<HashMap<String, Vec<Event>>> = Vec::new();
        while rows.advance()? {
            let Some(kind) = self.kinds.get(rows.text(event)) else { continue };
            let at = rows.number(time)?;
            if !(0.0..9e15).contains(&at) {
                return Err(rows.fault(format!("{at} is no time")));
            }
            let at_ms = match self.unit {
                Unit::S => (at * 1_000.0) as u64,
                Unit::Ms => at as u64,
            };
            let category = category.map(|column| ItemRef::from_label(rows.text(column)));
            let read = Event { at_ms, kind: *kind, item: ItemRef::from_label(rows.text(item)), category };
            let place = *places.entry(rows.text(user).to_owned()).or_insert(users.len());
            if place == users.len() {
                users.push(HashMap::new());
            }
            users[place].entry(rows.text(session).to_owned()).or_default().push(read);
        }
        Ok(users
            .into_iter()
            .map(|sessions| {
                let mut sessions: Vec<(String, Vec<Event>)> = sessions.into_iter().collect();
                sessions.iter_mut().for_each(|(_, events)| events.sort_by_key(|event| event.at_ms));
                sessions.sort_by(|a, b| a.1[0].at_ms.cmp(&b.1[0].at_ms).then_with(|| a.0.cmp(&b.0)));
                sessions.into_iter().map(|(_, events)| events).collect()
            })
            .collect())
    }

    fn follow(&self, user: u32, sessions: &[Vec<Event>], features: &[Feature], data: &mut Dataset) {
        let [from, to] = self.prefixes;
        let mut past = None;
        for events in sessions {
            let began = events[0].at_ms;
            let mut engine = Engine::new();
            if let (true, Some((history, ended))) = (self.history, past.take()) {
                engine.remember(history, began.saturating_sub(ended) as f64 / 3_600_000.0);
            }
            let bought = events.iter().position(|event| event.kind == Kind::Purchase);
            for (place, event) in events.iter().enumerate() {
                for signal in event.signals(event.at_ms - began) {
                    engine.observe(&signal);
                }
                let k = u32::try_from(place + 1).unwrap_or(u32::MAX);
                if (from..=to).contains(&k) && bought.is_none_or(|bought| place < bought) {
                    let measured = engine.features();
                    let values: Vec<f64> = features.iter().map(|feature| measured.get(*feature)).collect();
                    data.push(&values, bought.is_some(), user, k, began as f64);
                }
            }
            let ended = events.last().map_or(began, |event| event.at_ms);
            past = Some((engine.history(), ended));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPPING: &str = r#"
        user = "u"
        session = "s"
        time = "t"
        unit = "s"
        event = "e"
        kinds = { look = "view", put = "add_to_cart", pay = "purchase" }
        item = "i"
        category = "c"
        prefixes = [1, 3]
        history = true
        features = ["views", "cart_adds", "step_ms", "past_sessions", "past_purchases", "hours_away", "known_items", "categories"]
    "#;

    fn read(text: &str) -> Dataset {
        let events: Events = toml::from_str(MAPPING).expect("right");
        assert_eq!(events.fault(), None);
        let file = tempfile::NamedTempFile::new().expect("temporary");
        std::fs::write(file.path(), text).expect("written");
        events.read(file.path()).expect("right")
    }

    /// Two sessions of one user, told out of order, and one of another.
    const SMALL: &str = "u,s,t,e,i,c\n\
        1,b,7300,look,mug,cups\n\
        1,a,0,look,mug,cups\n1,a,40,put,mug,cups\n1,a,100,pay,mug,cups\n1,a,101,look,pan,pots\n\
        2,x,50,look,mug,cups\n2,x,50,zoom,mug,cups\n2,x,52,look,pan,pots\n";

    #[test]
    fn rows_become_beginnings_of_sessions_before_any_purchase() {
        let data = read(SMALL);
        assert_eq!(data.labels, [true, true, false, false, false]);
        assert_eq!(data.blocks, [1, 2, 1, 1, 2]);
        assert_eq!(data.groups, [0, 0, 0, 1, 1]);
        assert_eq!(data.row(1), [1.0, 1.0, 40_000.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        let hours = (7_300.0 - 101.0) / 3_600.0;
        assert_eq!(data.row(2), [1.0, 0.0, 0.0, 1.0, 1.0, hours, 1.0, 1.0]);
        assert_eq!(data.row(4), [2.0, 0.0, 2_000.0, 0.0, 0.0, 0.0, 0.0, 2.0]);
    }

    /// What comes after the k-th event changes nothing of what is known at it, but whether something is bought.
    #[test]
    fn nothing_of_the_future_is_in_a_row() {
        let (known, other) = (read(SMALL), read(&SMALL.replace("52,look,pan,pots", "999,put,cup,cups")));
        assert_eq!(known.row(3), other.row(3));
        assert_ne!(known.row(4), other.row(4));
    }
}
