//! A value as a row of numbers, for what crosses a page load: `serde` without names and without worded errors.
//!
//! The ready-made formats that would do cost more of the package: `serde_wasm_bindgen::from_value` 21 KB of brotli, since its errors format floats,
//! against 3 KB for this; and `postcard` cannot read back a field that `skip_serializing_if` left out, while here it stands as its `None`.

use core::fmt::{self, Display};

use serde::de::value::U32Deserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, Expected, IntoDeserializer, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde::ser::{self, Impossible, Serialize};

/// `value` as numbers; `None` if it holds maps or enums with data.
pub(crate) fn write(value: &impl Serialize) -> Option<Vec<f64>> {
    let mut numbers = Vec::new();
    value.serialize(&mut Writer(&mut numbers)).ok()?;
    Some(numbers)
}

/// The value that was written as `numbers`, if it was of this type.
pub(crate) fn read<T: DeserializeOwned>(numbers: &[f64]) -> Option<T> {
    let mut reader = Reader(numbers.iter());
    let value = T::deserialize(&mut reader).ok()?;
    reader.0.as_slice().is_empty().then_some(value)
}

/// It does not say why: nobody would read it.
#[derive(Debug)]
pub(crate) struct Unfit;

impl Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unfit")
    }
}

impl std::error::Error for Unfit {}

impl ser::Error for Unfit {
    fn custom<T: Display>(_: T) -> Unfit {
        Unfit
    }
}

impl de::Error for Unfit {
    fn custom<T: Display>(_: T) -> Unfit {
        Unfit
    }

    // What follows words the same error in more ways; saying so spares the words.
    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Unfit {
        Unfit
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Unfit {
        Unfit
    }

    fn invalid_length(_: usize, _: &dyn Expected) -> Unfit {
        Unfit
    }
}

struct Writer<'a>(&'a mut Vec<f64>);

impl Writer<'_> {
    fn push(&mut self, number: f64) -> Result<(), Unfit> {
        self.0.push(number);
        Ok(())
    }
}

macro_rules! write_numbers {
    ($($method:ident($type:ty)),+) => {
        $(fn $method(self, value: $type) -> Result<(), Unfit> { self.push(value as f64) })+
    };
}

macro_rules! write_never {
    ($($method:ident($($type:ty),*) -> $result:ty),+) => {
        $(fn $method(self, $(_: $type),*) -> Result<$result, Unfit> { Err(Unfit) })+
    };
}

impl ser::Serializer for &mut Writer<'_> {
    type Ok = ();
    type Error = Unfit;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Impossible<(), Unfit>;
    type SerializeMap = Impossible<(), Unfit>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Impossible<(), Unfit>;

    // Integers are counts and times, all below 2^53.
    write_numbers!(
        serialize_i8(i8),
        serialize_i16(i16),
        serialize_i32(i32),
        serialize_i64(i64),
        serialize_u8(u8),
        serialize_u16(u16),
        serialize_u32(u32),
        serialize_u64(u64),
        serialize_f32(f32),
        serialize_f64(f64)
    );
    write_never!(
        serialize_char(char) -> (), serialize_bytes(&[u8]) -> (), serialize_unit() -> (),
        serialize_unit_struct(&'static str) -> (),
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant,
        serialize_map(Option<usize>) -> Self::SerializeMap,
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant
    );

    fn serialize_bool(self, value: bool) -> Result<(), Unfit> {
        self.push(f64::from(u8::from(value)))
    }

    fn serialize_str(self, text: &str) -> Result<(), Unfit> {
        self.push(text.len() as f64)?;
        text.bytes().try_for_each(|byte| self.push(f64::from(byte)))
    }

    fn serialize_none(self) -> Result<(), Unfit> {
        self.push(0.0)
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), Unfit> {
        self.push(1.0)?;
        value.serialize(self)
    }

    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Result<(), Unfit> {
        self.push(f64::from(index))
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, value: &T) -> Result<(), Unfit> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Unfit> {
        Err(Unfit)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self, Unfit> {
        self.push(length.ok_or(Unfit)? as f64)?;
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Unfit> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Unfit> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Unfit> {
        Ok(self)
    }
}

macro_rules! write_elements {
    ($($trait:ident::$method:ident),+) => {
        $(impl ser::$trait for &mut Writer<'_> {
            type Ok = ();
            type Error = Unfit;
            fn $method<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Unfit> {
                value.serialize(&mut **self)
            }
            fn end(self) -> Result<(), Unfit> {
                Ok(())
            }
        })+
    };
}
write_elements!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field
);

impl ser::SerializeStruct for &mut Writer<'_> {
    type Ok = ();
    type Error = Unfit;

    fn serialize_field<T: ?Sized + Serialize>(&mut self, _: &'static str, value: &T) -> Result<(), Unfit> {
        value.serialize(&mut **self)
    }

    fn skip_field(&mut self, _: &'static str) -> Result<(), Unfit> {
        // Only `Option`s are ever skipped, when they are `None`.
        self.push(0.0)
    }

    fn end(self) -> Result<(), Unfit> {
        Ok(())
    }
}

struct Reader<'a>(core::slice::Iter<'a, f64>);

impl Reader<'_> {
    fn next(&mut self) -> Result<f64, Unfit> {
        self.0.next().copied().ok_or(Unfit)
    }

    fn integer(&mut self) -> Result<u64, Unfit> {
        let number = self.next()?;
        let integer = number as u64;
        if integer as f64 == number { Ok(integer) } else { Err(Unfit) }
    }
}

macro_rules! read_integers {
    ($($method:ident),+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
            visitor.visit_u64(self.integer()?)
        })+
    };
}

impl<'de> de::Deserializer<'de> for &mut Reader<'_> {
    type Error = Unfit;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unfit> {
        Err(Unfit)
    }

    read_integers!(deserialize_u8, deserialize_u16, deserialize_u32, deserialize_u64);

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_i64(self.next()? as i64)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_f64(self.next()?)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_bool(self.next()? != 0.0)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        let length = self.integer()?;
        let bytes: Vec<u8> = self.0.by_ref().take(length as usize).map(|byte| *byte as u8).collect();
        visitor.visit_str(core::str::from_utf8(&bytes).map_err(|_| Unfit)?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        if self.next()? == 0.0 { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        let length = self.integer()?;
        visitor.visit_seq(Elements { reader: self, left: length as usize })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_seq(Elements { reader: self, left: length })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        visitor.visit_seq(Elements { reader: self, left: fields.len() })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        visitor.visit_enum(self)
    }

    forward_to_deserialize_any! {
        i8 i16 i64 i128 u128 f32 char string bytes byte_buf unit unit_struct tuple_struct map identifier ignored_any
    }
}

/// The elements of a sequence, or the fields of a struct.
struct Elements<'a, 'b> {
    reader: &'a mut Reader<'b>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_, '_> {
    type Error = Unfit;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Unfit> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

impl<'de> EnumAccess<'de> for &mut Reader<'_> {
    type Error = Unfit;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Unfit> {
        let index: U32Deserializer<Unfit> = (self.integer()? as u32).into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> VariantAccess<'de> for &mut Reader<'_> {
    type Error = Unfit;

    fn unit_variant(self) -> Result<(), Unfit> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _: S) -> Result<S::Value, Unfit> {
        Err(Unfit)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Unfit> {
        Err(Unfit)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Unfit> {
        Err(Unfit)
    }
}
