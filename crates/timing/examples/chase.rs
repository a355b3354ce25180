//! Draws the pointer chase on silicon and on the model of Golden Cove: `chase FILE.svg`.

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/silicon/chase.rs"]
mod chase;

use chase::{Series, measured, simulated};
use pagewalk_timing::{HardwareConfig, HardwareFile, Setting};
use plotters::prelude::*;
use std::error::Error;

/// 5 cycles are 1.392 ns.
const NS_PER_CYCLE: f64 = 1.392 / 5.0;
/// Behind this many pages the measurement is mostly noise and nested paging.
const MOST_PAGES: u64 = 4096;

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("usage: chase FILE.svg")?;
    let splinter = ["itlb.splinter=4k", "dtlb.splinter=4k", "stlb.splinter=4k"];
    let mut curves = Vec::new();
    for (series, set, colour) in [(Series::Small, &[][..], BLUE), (Series::Large, &splinter[..], RED)] {
        let config = golden_cove(set)?;
        let mut rows = Vec::new();
        for (pages, ns) in measured(series).into_iter().filter(|(pages, _)| *pages <= MOST_PAGES) {
            let (silicon, model) = (ns / NS_PER_CYCLE, simulated(&config, series, pages));
            println!("{:>4} {pages:>6} pages: silicon {silicon:>8.2} cycles, model {model:>8.2}", series.name());
            rows.push((pages as f64, silicon, model));
        }
        curves.push((series, colour, rows));
    }
    draw(&file, &curves)
}

fn golden_cove(set: &[&str]) -> Result<HardwareConfig, Box<dyn Error>> {
    let mut file = HardwareFile::open("golden-cove")?;
    for text in set {
        file.set(&text.parse::<Setting>()?)?;
    }
    Ok(file.config()?)
}

type Curve = (Series, RGBColor, Vec<(f64, f64, f64)>);

fn draw(file: &str, curves: &[Curve]) -> Result<(), Box<dyn Error>> {
    let area = SVGBackend::new(file, (900, 520)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(16)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d((8f64..4096f64).log_scale(), (4f64..1000f64).log_scale())?;
    chart.configure_mesh().x_desc("pages").y_desc("cycles a load").light_line_style(WHITE).draw()?;
    for (series, colour, rows) in curves {
        let (name, colour) = (series.name(), *colour);
        let model = rows.iter().map(|&(pages, _, model)| (pages, model));
        chart
            .draw_series(LineSeries::new(model, colour.stroke_width(2)))?
            .label(format!("{name}: model"))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        let silicon = rows.iter().map(|&(pages, silicon, _)| Circle::new((pages, silicon), 4, colour.filled()));
        chart
            .draw_series(silicon)?
            .label(format!("{name}: silicon"))
            .legend(move |(x, y)| Circle::new((x + 9, y), 4, colour.filled()));
    }
    chart.configure_series_labels().position(SeriesLabelPosition::UpperLeft).border_style(BLACK).draw()?;
    area.present()?;
    Ok(())
}
