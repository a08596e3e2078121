//! The figures of growth as a picture: sizes from left to right, each ten times the one before at the same distance, and
//! costs upwards from nothing. A flat line is what is hoped for.

use std::fmt::Write as _;

use anyhow::Result;

use super::table::{Costs, Memory, TELLING_FROM};

/// Of one panel, in points.
const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 250.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 58.0;
const BOTTOM: f64 = 34.0;
/// Lines of the grid.
const TICKS: u32 = 4;
/// Told apart on white and by those who see no red and green.
const COLOURS: [&str; 3] = ["#0f62fe", "#d9480f", "#2b8a3e"];

struct Line<'a> {
    name: &'a str,
    /// Lowest, middle and highest for each size.
    points: Vec<[f64; 3]>,
}

/// What holds, questions, memory and starts cost at these sizes.
pub(super) fn draw(
    sizes: &[usize],
    holds: &[(&str, &[Costs])],
    polls: &[Costs],
    memory: &[Memory],
) -> Result<String> {
    let of = |costs: &[Costs]| {
        let point = |costs: &Costs| costs.micros().map(|spread| [spread.low, spread.median, spread.high]);
        costs.iter().map(point).collect::<Result<Vec<_>>>()
    };
    let single = |pick: fn(&Memory) -> f64| memory.iter().map(|one| [pick(one); 3]).collect::<Vec<_>>();
    let mut costs = vec![Line { name: "ask for the place", points: of(polls)? }];
    for (name, all) in holds {
        costs.push(Line { name, points: of(all)? });
    }
    let kept = [
        Line { name: "a waiting fan", points: single(|one| one.bytes_a_fan) },
        Line { name: "a seat, half of them taken", points: single(|one| one.bytes_a_seat) },
    ];
    let starts = [
        Line { name: "seats and line", points: single(|one| one.whole_seconds) },
        Line { name: "seats alone", points: single(|one| one.seats_seconds) },
    ];
    let small = sizes.iter().position(|&size| size >= TELLING_FROM).unwrap_or(0);
    let panels = [
        panel("µs of processor a request", sizes, &costs),
        panel("bytes in memory for each", &sizes[small..], &kept.map(|line| line.from(small))),
        panel("seconds to start", sizes, &starts),
    ];
    let width = WIDTH * panels.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {HEIGHT}\" role=\"img\" \
         aria-label=\"Cost, memory and start by size\" font-family=\"system-ui, sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n"
    );
    for (at, panel) in panels.iter().enumerate() {
        let _ = writeln!(svg, "<g transform=\"translate({:.0} 0)\">\n{panel}</g>", WIDTH * at as f64);
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

impl Line<'_> {
    fn from(mut self, first: usize) -> Self {
        self.points.drain(..first);
        self
    }
}

fn panel(title: &str, sizes: &[usize], lines: &[Line<'_>]) -> String {
    let log = |size: usize| (size as f64).log10();
    let (first, last) = (log(sizes[0]), log(sizes[sizes.len() - 1]));
    let most = lines.iter().flat_map(|line| &line.points).map(|point| point[2]).fold(0.0, f64::max);
    let most = ceiling(most);
    let x = |size: usize| {
        LEFT + (WIDTH - LEFT - RIGHT) * (log(size) - first) / (last - first).max(f64::MIN_POSITIVE)
    };
    let y = |value: f64| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - value / most);
    // Writing into a string has no way to fail, here and below.
    let mut svg =
        format!("<text x=\"{LEFT}\" y=\"16\" font-weight=\"600\" fill=\"#161616\">{title}</text>\n");
    for tick in 0..=TICKS {
        let value = most * f64::from(tick) / f64::from(TICKS);
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{:.0}\" y1=\"{up:.1}\" y2=\"{up:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#525252\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            y(value) + 4.0,
            short(value),
            up = y(value)
        );
    }
    for (at, &size) in sizes.iter().enumerate() {
        let anchor = if at + 1 == sizes.len() { "end" } else { "middle" };
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.0}\" text-anchor=\"{anchor}\" fill=\"#525252\">{}</text>",
            x(size),
            HEIGHT - 12.0,
            compact(size)
        );
    }
    for (at, line) in lines.iter().enumerate() {
        let (colour, name) = (COLOURS[at % COLOURS.len()], line.name);
        let (across, down) = (LEFT + 138.0 * (at % 2) as f64, 30.0 + 14.0 * (at / 2) as f64);
        let _ = writeln!(
            svg,
            "<rect x=\"{across}\" y=\"{:.0}\" width=\"9\" height=\"9\" fill=\"{colour}\"/>\
             <text x=\"{:.0}\" y=\"{:.0}\" fill=\"#161616\">{name}</text>",
            down - 4.0,
            across + 13.0,
            down + 4.0
        );
        let mut path = String::new();
        for (&size, &[low, middle, high]) in sizes.iter().zip(&line.points) {
            let _ = write!(path, "{:.1},{:.1} ", x(size), y(middle));
            let _ = writeln!(
                svg,
                "<line x1=\"{across:.1}\" x2=\"{across:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\" stroke-opacity=\"0.4\" stroke-width=\"3\"/>\
                 <circle cx=\"{across:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>",
                y(low),
                y(high),
                y(middle),
                across = x(size)
            );
        }
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.trim_end()
        );
    }
    svg
}

/// The next number from here on that four lines of a grid divide well.
fn ceiling(most: f64) -> f64 {
    let size = 10_f64.powf(most.max(0.1).log10().floor());
    [1.0, 2.0, 4.0, 6.0, 8.0, 10.0]
        .into_iter()
        .map(|times| times * size)
        .find(|top| *top >= most)
        .unwrap_or(most)
}

/// A size as it is written in `--sizes`.
fn compact(size: usize) -> String {
    match size {
        size if size.is_multiple_of(1_000_000) => format!("{}M", size / 1_000_000),
        size if size.is_multiple_of(1_000) => format!("{}k", size / 1_000),
        size => size.to_string(),
    }
}

fn short(value: f64) -> String {
    if value >= 10.0 || value == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
