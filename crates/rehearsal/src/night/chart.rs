//! Plots as SVG, drawn into the page: nothing is fetched from anywhere.

use std::fmt::Write as _;

use super::verdict::number;

/// Points of the longest line: more than a screen shows.
const POINTS_MAX: usize = 600;
const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 30.0;
/// Lines of the grid.
const TICKS: u32 = 4;

/// A line over time: its name and its points as seconds and values.
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) points: Vec<(f64, f64)>,
}

/// A plot of lines over the same time, each in the colour of its place.
pub(super) fn lines(title: &str, lines: &[Line]) -> String {
    let every = |pick: fn(&(f64, f64)) -> f64| {
        lines.iter().flat_map(|line| &line.points).map(pick).fold(0.0, f64::max)
    };
    let (last, most) = (every(|point| point.0).max(1.0), ceiling(every(|point| point.1)));
    let (plot_width, plot_height) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
    let x = |second: f64| LEFT + plot_width * second / last;
    let y = |value: f64| TOP + plot_height * (1.0 - value / most);
    let mut svg = format!(
        "<figure><figcaption>{title}{}</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">",
        legend(lines.iter().map(|line| line.name))
    );
    for tick in 0..=TICKS {
        let share = f64::from(tick) / f64::from(TICKS);
        let (across, up) = (x(last * share), y(most * share));
        // The last one would not fit into the frame on both sides of its line.
        let beside = if tick == TICKS { "end" } else { "middle" };
        // Writing into a string has no way to fail.
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.0}\" y1=\"{up:.1}\" y2=\"{up:.1}\"/>\
             <text class=\"end\" x=\"{:.0}\" y=\"{:.1}\">{}</text>\
             <text class=\"{beside}\" x=\"{across:.1}\" y=\"{:.0}\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            up + 4.0,
            short(most * share),
            HEIGHT - 8.0,
            clock(last * share)
        );
    }
    for (at, line) in lines.iter().enumerate() {
        let step = line.points.len().div_ceil(POINTS_MAX).max(1);
        let final_point = line.points.last().into_iter();
        let mut path = String::new();
        for (second, value) in line.points.iter().step_by(step).chain(final_point) {
            let _ = write!(path, "{:.1},{:.1} ", x(*second), y(*value));
        }
        let _ = write!(svg, "<polyline class=\"c{at}\" points=\"{}\"/>", path.trim_end());
    }
    svg.push_str("</svg></figure>");
    svg
}

/// Bars below each other for each row, in milliseconds. Not drawn but laid out, as [`shares`].
pub(super) fn bars(title: &str, names: [&'static str; 3], rows: &[(String, [f64; 3])]) -> String {
    let most = rows.iter().flat_map(|(_, values)| values).copied().fold(1.0, f64::max);
    let mut html = format!("<h3>{title}{}</h3><div class=\"shares\">", legend(names.into_iter()));
    for (name, values) in rows {
        // Writing into a string has no way to fail.
        let _ = write!(
            html,
            "<div>{name}</div><div class=\"count\">{:.1} <small>{:.1}</small> <small>{:.1}</small></div><div class=\"bar\">",
            values[0], values[1], values[2]
        );
        for (place, value) in values.iter().enumerate() {
            let _ = write!(html, "<i class=\"c{place}\" style=\"width:{:.1}%\"></i>", 100.0 * value / most);
        }
        html.push_str("</div>");
    }
    html + "</div>"
}

/// Shares of a whole, a line each: a name, how many, and how many of a hundred that are. Not drawn but laid out, so that it fits
/// a phone.
pub(super) fn shares(rows: &[(String, u64)], class: &str) -> String {
    let whole = rows.iter().map(|(_, count)| count).sum::<u64>().max(1);
    rows.iter().fold(String::from("<div class=\"shares\">"), |mut html, (name, count)| {
        let percent = 100.0 * *count as f64 / whole as f64;
        // Writing into a string has no way to fail.
        let _ = write!(
            html,
            "<div>{name}</div><div class=\"count\">{} <small>{percent:.1} %</small></div>\
             <div class=\"bar\"><i class=\"{class}\" style=\"width:{percent:.1}%\"></i></div>",
            number(*count)
        );
        html
    }) + "</div>"
}

fn legend(names: impl Iterator<Item = &'static str>) -> String {
    names.enumerate().fold(String::new(), |mut html, (at, name)| {
        // Writing into a string has no way to fail.
        let _ = write!(html, "<span class=\"key k{at}\">{name}</span>");
        html
    })
}

/// The next round number from here on, so that a grid of four has readable lines.
fn ceiling(most: f64) -> f64 {
    let size = 10_f64.powf(most.max(1.0).log10().floor());
    [1.0, 2.0, 4.0, 6.0, 8.0, 10.0]
        .into_iter()
        .map(|times| times * size)
        .find(|top| *top >= most)
        .unwrap_or(most)
}

fn short(value: f64) -> String {
    match value {
        value if value >= 10_000.0 => format!("{:.0}k", value / 1_000.0),
        value if value >= 10.0 || value == 0.0 => format!("{value:.0}"),
        value => format!("{value:.1}"),
    }
}

/// Seconds as minutes and seconds.
fn clock(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of a night")]
    let whole = seconds as u64;
    format!("{}:{:02}", whole / 60, whole % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_has_a_line_for_each_and_stays_within_its_frame() {
        let points = (0..5_000).map(|at| (f64::from(at), f64::from(at * 3))).collect();
        let svg = lines("Sold", &[Line { name: "sold", points }, Line { name: "none", points: Vec::new() }]);
        assert_eq!(svg.matches("<polyline").count(), 2);
        let path = svg.split("c0\" points=\"").nth(1).unwrap().split('"').next().unwrap();
        let points: Vec<(f64, f64)> = path
            .split(' ')
            .map(|point| point.split_once(',').unwrap())
            .map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()))
            .collect();
        assert!(points.len() <= POINTS_MAX + 1, "{}", points.len());
        assert!(points.iter().all(|(x, y)| (LEFT..=WIDTH - RIGHT).contains(x) && (TOP..=HEIGHT).contains(y)));
        assert!(svg.contains(">83:19<"), "the end of the time is there");
    }

    #[test]
    fn shares_are_of_the_whole_and_bars_of_the_longest() {
        let rows = [("bought".to_owned(), 1_500), ("left".to_owned(), 500)];
        let html = shares(&rows, "c1");
        assert!(html.contains("1,500 <small>75.0 %") && html.contains("width:25.0%"), "{html}");
        assert!(shares(&[("nobody".to_owned(), 0)], "c0").contains("width:0.0%"));
        let html = bars("Time", ["half", "95 %", "99 %"], &[("pay".to_owned(), [1.0, 2.0, 4.0])]);
        assert!(html.contains("width:50.0%") && html.contains("width:100.0%"), "{html}");
    }

    #[test]
    fn the_top_of_the_grid_is_a_round_number() {
        let tops = [0.0, 1.0, 7.0, 61.0, 14_997.0].map(|most| ceiling(most).to_string());
        assert_eq!(tops, ["1", "1", "8", "80", "20000"]);
    }
}
