//! Which row of a table each charge belongs to.

use super::{By, TableRow};
use crate::measures::Measures;
use crate::profile::{Function, PageCost, Place, Profile, Row, SpaceNo, bare};
use std::collections::BTreeMap;

/// The rows of a grouping, in the order of their keys.
pub(super) fn rows(profile: &Profile, by: By) -> Vec<TableRow> {
    let mut groups = Groups::default();
    match by {
        By::Function => of_rows(profile, &mut groups, |row| function_names(function_of(profile, row))),
        By::Line => of_rows(profile, &mut groups, |row| line_names(profile, profile.place(row.place))),
        By::Process => of_rows(profile, &mut groups, |row| process_names(profile, row.space)),
        By::Page => of_pages(profile, &mut groups, |page| page_names(profile, page)),
        By::Mapping => of_pages(profile, &mut groups, |page| mapping_names(profile, page)),
        By::Cause => of_causes(profile, &mut groups),
    }
    groups.0.into_iter().map(|((_, names), measures)| TableRow { names, measures }).collect()
}

/// Sums by a number and names: of two things with the same names, the number tells them apart.
#[derive(Default)]
struct Groups(BTreeMap<(u64, Vec<String>), Measures>);

impl Groups {
    fn add(&mut self, key: (u64, Vec<String>), measures: Measures) {
        *self.0.entry(key).or_default() += measures;
    }
}

fn of_rows(profile: &Profile, groups: &mut Groups, key: impl Fn(&Row) -> (u64, Vec<String>)) {
    profile.rows.iter().for_each(|row| groups.add(key(row), Measures::of_row(profile, row)));
}

fn of_pages(profile: &Profile, groups: &mut Groups, key: impl Fn(&PageCost) -> (u64, Vec<String>)) {
    profile.pages.iter().for_each(|page| groups.add(key(page), Measures::of_charges(profile, &page.charges)));
}

fn of_causes(profile: &Profile, groups: &mut Groups) {
    for charge in profile.rows.iter().flat_map(|row| &row.charges) {
        let cause = profile.cause(charge.cause);
        groups.add((charge.cause.0.into(), vec![cause.name.clone()]), Measures::of_charge(cause.kind, *charge));
    }
}

fn function_of<'a>(profile: &'a Profile, row: &Row) -> &'a Function {
    profile.function(profile.place(row.place).function)
}

fn function_names(function: &Function) -> (u64, Vec<String>) {
    (function.start.0, vec![function.label(), function.file.clone()])
}

/// The line of the innermost function. Code of which none is known is one row a function.
fn line_names(profile: &Profile, place: &Place) -> (u64, Vec<String>) {
    let function = profile.function(place.function);
    match place.frames.first() {
        Some(frame) => {
            let name = frame.function.clone().unwrap_or_else(|| function.label());
            (0, vec![format!("{}:{}", frame.file, frame.line), name])
        }
        None => (function.start.0, vec![format!("[{}]", bare(function.file_label())), function.label()]),
    }
}

fn process_names(profile: &Profile, space: SpaceNo) -> (u64, Vec<String>) {
    let space = profile.space(space);
    (space.number.into(), vec![space.pid.to_string(), space.program.clone()])
}

fn page_names(profile: &Profile, cost: &PageCost) -> (u64, Vec<String>) {
    let space = profile.space(cost.space);
    let mapping = space.mapping_at(cost.page).map_or("[unknown]", |mapping| mapping.label());
    (space.number.into(), vec![format!("{:#x}", cost.page.0), space.pid.to_string(), mapping.into()])
}

fn mapping_names(profile: &Profile, cost: &PageCost) -> (u64, Vec<String>) {
    let space = profile.space(cost.space);
    let pid = space.pid.to_string();
    let names = match space.mapping_at(cost.page) {
        Some(mapping) => {
            let addresses = format!("{:x}-{:x}", mapping.start.0, mapping.end.0);
            vec![mapping.label().into(), pid, addresses, mapping.rights.clone()]
        }
        None => vec!["[unknown]".into(), pid, String::new(), String::new()],
    };
    (space.number.into(), names)
}
