use super::{
    MAX_BYTES, MAX_CALIBRATION, MAX_FEATURES, MAX_NODES, MAX_NUMBER, MAX_TERMS, MAX_THRESHOLDS, Model, ModelError,
    Node, Parts, Term, Transform,
};

pub(super) const MAGIC: &[u8; 4] = b"WVMD";
pub(super) const VERSION: u8 = 1;

/// The model and the summary's bytes.
pub(super) fn read(bytes: &[u8]) -> Result<(Model, &[u8]), ModelError> {
    if bytes.len() > MAX_BYTES {
        return Err(ModelError::Limit);
    }
    let mut reader = Reader(bytes);
    if reader.take::<4>() != Ok(*MAGIC) || reader.u8() != Ok(VERSION) {
        return Err(ModelError::Unknown);
    }
    let told = u32::from_le_bytes(reader.take()?);
    if told != checksum(reader.0) {
        return Err(ModelError::Damaged);
    }
    // In the order of the fields, which is that of the form.
    let parts = Parts {
        task: reader.text()?,
        name: reader.text()?,
        features: reader.list(MAX_FEATURES, Reader::u8_count, Reader::text)?,
        bias: reader.f32()?,
        terms: reader.list(MAX_TERMS, Reader::u16, Reader::term)?,
        trees: reader.list(MAX_NODES, Reader::u16, |reader| reader.list(MAX_NODES, Reader::u16, Reader::node))?,
        calibration: reader.list(MAX_CALIBRATION, Reader::u8_count, |reader| Ok((reader.f32()?, reader.f32()?)))?,
        thresholds: reader.list(MAX_THRESHOLDS, Reader::u8_count, |reader| Ok((reader.text()?, reader.f32()?)))?,
    };
    Ok((Model::new(parts)?, reader.0))
}

/// Whether a model of these parts can be scored and written.
pub(super) fn check(parts: &Parts) -> Result<(), ModelError> {
    let nodes: usize = parts.trees.iter().map(Vec::len).sum();
    if parts.features.len() > MAX_FEATURES
        || parts.terms.len() > MAX_TERMS
        || nodes > MAX_NODES
        || parts.calibration.len() > MAX_CALIBRATION
        || parts.thresholds.len() > MAX_THRESHOLDS
    {
        return Err(ModelError::Limit);
    }
    let number = |number: f32| number.abs() <= MAX_NUMBER;
    let known = |feature: u8| usize::from(feature) < parts.features.len();
    let rising = |points: &[(f32, f32)]| points.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1);
    let holds = text(&parts.task)
        && text(&parts.name)
        && parts.features.iter().all(|name| text(name))
        && number(parts.bias)
        && parts.terms.iter().all(|term| known(term.feature) && number(term.centre) && number(term.weight))
        && parts.trees.iter().all(|tree| {
            !tree.is_empty()
                && tree.iter().enumerate().all(|(at, node)| match *node {
                    Node::Leaf { value } => number(value),
                    Node::Split { feature, threshold, value, right } => {
                        let right = usize::from(right);
                        known(feature) && number(threshold) && number(value) && at + 1 < right && right < tree.len()
                    }
                })
        })
        && parts.calibration.iter().all(|&(x, y)| number(x) && number(y))
        && rising(&parts.calibration)
        && parts.thresholds.iter().all(|(name, value)| text(name) && (0.0..=1.0).contains(value));
    if holds { Ok(()) } else { Err(ModelError::Value) }
}

/// Whether something is a text of the form: short, and of letters that need no care anywhere.
pub(super) fn text(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.=-".contains(&byte);
    (1..=usize::from(u8::MAX)).contains(&text.len()) && text.bytes().all(letter)
}

/// FNV-1a (Fowler, Noll, Vo) of 32 bits: finds damage, proves nothing.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], ModelError> {
        let (first, rest) = self.0.split_first_chunk().ok_or(ModelError::Damaged)?;
        self.0 = rest;
        Ok(*first)
    }

    pub(super) fn u8(&mut self) -> Result<u8, ModelError> {
        Ok(self.take::<1>()?[0])
    }

    fn u8_count(&mut self) -> Result<u16, ModelError> {
        Ok(u16::from(self.u8()?))
    }

    fn u16(&mut self) -> Result<u16, ModelError> {
        Ok(u16::from_le_bytes(self.take()?))
    }

    fn f32(&mut self) -> Result<f32, ModelError> {
        Ok(f32::from_le_bytes(self.take()?))
    }

    pub(super) fn text(&mut self) -> Result<String, ModelError> {
        let length = usize::from(self.u8()?);
        let (text, rest) = self.0.split_at_checked(length).ok_or(ModelError::Damaged)?;
        self.0 = rest;
        Ok(str::from_utf8(text).map_err(|_| ModelError::Value)?.to_owned())
    }

    /// A count and that many of something; no memory is taken before the bytes are seen.
    fn list<T>(
        &mut self,
        most: usize,
        count: impl Fn(&mut Self) -> Result<u16, ModelError>,
        one: impl Fn(&mut Self) -> Result<T, ModelError>,
    ) -> Result<Vec<T>, ModelError> {
        let count = usize::from(count(self)?);
        if count > most {
            return Err(ModelError::Limit);
        }
        (0..count).map(|_| one(self)).collect()
    }

    fn term(&mut self) -> Result<Term, ModelError> {
        let feature = self.u8()?;
        let transform = match self.u8()? {
            0 => Transform::Identity,
            1 => Transform::Log,
            _ => return Err(ModelError::Value),
        };
        Ok(Term { feature, transform, centre: self.f32()?, weight: self.f32()? })
    }

    fn node(&mut self) -> Result<Node, ModelError> {
        Ok(match self.u16()? {
            0 => Node::Leaf { value: self.f32()? },
            feature => Node::Split {
                feature: u8::try_from(feature - 1).map_err(|_| ModelError::Value)?,
                threshold: self.f32()?,
                value: self.f32()?,
                right: self.u16()?,
            },
        })
    }
}
