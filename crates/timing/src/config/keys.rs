//! Words in a hardware file that stand for what a structure is like.

use super::PredictorKind;
use arch::PageSize;
use paging::tlb::{Indexing, Prefetch, Replacement, SpuriousFaults};
use serde::Deserialize;
use serde::de::{Deserializer, Error};

/// The page sizes that an array holds, as the key that names it: `4k`, `2m`, `1g`, or several, joined by hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PageSizes(pub(super) Vec<PageSize>);

impl PageSizes {
    /// As it is written.
    pub(super) fn name(&self) -> String {
        let name = |size: &PageSize| match size {
            PageSize::Size2M => "2m",
            PageSize::Size1G => "1g",
            _ => "4k",
        };
        self.0.iter().map(name).collect::<Vec<_>>().join("-")
    }

    fn parse(text: &str) -> Option<Self> {
        let sizes: Option<Vec<_>> = text.split('-').map(size).collect();
        sizes.filter(|sizes| sizes.is_sorted_by(|a, b| a < b)).map(Self)
    }
}

fn size(word: &str) -> Option<PageSize> {
    match word {
        "4k" => Some(PageSize::Size4K),
        "2m" => Some(PageSize::Size2M),
        "1g" => Some(PageSize::Size1G),
        _ => None,
    }
}

impl<'de> Deserialize<'de> for PageSizes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format!(
                "unknown field `{text}`, expected page sizes, such as `4k`, `2m`, `1g` or `4k-2m`"
            ))
        })
    }
}

/// Pieces that a TLB holds larger pages in.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) enum Splinter {
    #[default]
    #[serde(rename = "none")]
    None,
    #[serde(rename = "4k")]
    Size4K,
    #[serde(rename = "2m")]
    Size2M,
}

impl From<Splinter> for Option<PageSize> {
    fn from(splinter: Splinter) -> Self {
        match splinter {
            Splinter::None => None,
            Splinter::Size4K => Some(PageSize::Size4K),
            Splinter::Size2M => Some(PageSize::Size2M),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ReplacementName {
    #[default]
    Lru,
    TreePlru,
    Nru,
    Fifo,
    Srrip,
    Random,
}

impl ReplacementName {
    pub(super) const fn seeded(self, seed: u64) -> Replacement {
        match self {
            Self::Lru => Replacement::Lru,
            Self::TreePlru => Replacement::TreePlru,
            Self::Nru => Replacement::Nru,
            Self::Fifo => Replacement::Fifo,
            Self::Srrip => Replacement::Srrip,
            Self::Random => Replacement::Random { seed },
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum IndexName {
    #[default]
    Plain,
    Hashed,
}

impl From<IndexName> for Indexing {
    fn from(name: IndexName) -> Self {
        match name {
            IndexName::Plain => Self::Plain,
            IndexName::Hashed => Self::Hashed,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SpuriousName {
    Never,
    Allowed,
}

impl From<SpuriousName> for SpuriousFaults {
    fn from(name: SpuriousName) -> Self {
        match name {
            SpuriousName::Never => Self::Never,
            SpuriousName::Allowed => Self::Allowed,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PredictorName {
    Perfect,
    NotTaken,
    Bimodal,
    Gshare,
}

impl From<PredictorName> for PredictorKind {
    fn from(name: PredictorName) -> Self {
        match name {
            PredictorName::Perfect => Self::Perfect,
            PredictorName::NotTaken => Self::NotTaken,
            PredictorName::Bimodal => Self::Bimodal,
            PredictorName::Gshare => Self::Gshare,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PrefetchName {
    #[default]
    None,
    NextPage,
}

impl From<PrefetchName> for Prefetch {
    fn from(name: PrefetchName) -> Self {
        match name {
            PrefetchName::None => Self::None,
            PrefetchName::NextPage => Self::NextPage,
        }
    }
}
