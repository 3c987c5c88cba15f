//! [`Text`]: a text that stands in place where it is short.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU8;

use crate::kept::allocated;

/// A text. Up to `N` bytes of it stand in place: whoever reads it follows no
/// pointer, and a copy takes no allocation.
// The crates for short texts hold 24 bytes in place, and a UUID has 36.
//
// Each text has one form, so that the derived comparison is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Text<const N: usize> {
    Short(InPlace<N>),
    Long(Box<str>),
}

/// The text, zeros, and its length.
// In this order: the bytes begin where a word does, and are checked by the word.
#[derive(Debug, Clone, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct InPlace<const N: usize> {
    bytes: [u8; N],
    /// One more than that, so that it is never 0 and [`Text`] needs no other
    /// room to tell its variants apart.
    length_and_one: NonZeroU8,
}

impl<const N: usize> Text<N> {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            // A text was copied there, whole.
            Self::Short(text) => str::from_utf8(text.as_bytes()).unwrap_or_default(),
            Self::Long(text) => text,
        }
    }

    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short(text) => text.as_bytes(),
            Self::Long(text) => text.as_bytes(),
        }
    }

    /// What it takes in memory beside itself.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Short(_) => 0,
            Self::Long(text) => allocated(text.len()),
        }
    }
}

impl<const N: usize> InPlace<N> {
    /// `None` where there is not enough room.
    fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; N];
        let place = bytes.get_mut(..text.len())?;
        place.copy_from_slice(text.as_bytes());
        let length = u8::try_from(text.len()).ok()?;
        Some(Self {
            bytes,
            length_and_one: NonZeroU8::MIN.checked_add(length)?,
        })
    }

    fn as_bytes(&self) -> &[u8] {
        let length = usize::from(self.length_and_one.get()) - 1;
        self.bytes.get(..length).unwrap_or_default()
    }
}

impl<const N: usize> From<&str> for Text<N> {
    fn from(text: &str) -> Self {
        InPlace::new(text).map_or_else(|| Self::Long(text.into()), Self::Short)
    }
}

impl<const N: usize> PartialOrd for Text<N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// As that of the texts, which is that of their bytes.
impl<const N: usize> Ord for Text<N> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

/// As that of the texts, which a map may be asked with.
impl<const N: usize> Hash for Text<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use proptest::prelude::*;

    use super::*;

    type Short = Text<6>;

    #[test]
    fn as_many_bytes_as_there_is_room_for_stand_in_place() {
        for (text, in_place) in [
            ("", true),
            ("sechs6", true),
            ("sieben7", false),
            ("ééé", true),
        ] {
            let is_in_place = matches!(Short::from(text), Text::Short(_));
            assert_eq!(is_in_place, in_place, "{text}");
        }
    }

    #[test]
    fn all_of_it_is_room_but_the_length() {
        assert_eq!(size_of::<Text<39>>(), 40);
        assert_eq!(size_of::<Text<23>>(), 24);
    }

    proptest! {
        #[test]
        fn it_is_read_compared_and_hashed_as_the_text_that_it_is(
            one in "[ab\0é]{0,8}",
            other in "[ab\0é]{0,8}",
        ) {
            let texts = [&*one, &*other].map(Short::from);
            prop_assert_eq!(texts[0].as_str(), &one);
            prop_assert_eq!(texts[0] == texts[1], one == other);
            prop_assert_eq!(texts[0].cmp(&texts[1]), one.cmp(&other));
            let hasher = std::hash::RandomState::new();
            prop_assert_eq!(hasher.hash_one(&texts[0]), hasher.hash_one(&*one));
        }
    }
}
