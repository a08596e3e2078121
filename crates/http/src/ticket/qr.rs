//! Codes as pictures: QR (ISO/IEC 18004), error correction M, which a phone reads off a screen or folded paper.

use qrcode::render::svg;
use qrcode::{Color, EcLevel, QrCode};

/// Points that a module of the PNG is wide.
const SCALE: usize = 8;
/// Modules of white around it that the standard asks for.
const QUIET_ZONE: usize = 4;

/// The picture as SVG; nothing for a text that is too long for any code.
pub(super) fn svg(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    Some(code.render::<svg::Color<'_>>().min_dimensions(240, 240).quiet_zone(true).build())
}

/// The picture as PNG, one bit a point; nothing for a text that is too long for any code.
pub(super) fn png(text: &str) -> Option<Vec<u8>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let modules = code.width();
    let side = (modules + 2 * QUIET_ZONE) * SCALE;
    let colors = code.to_colors();
    let is_dark = |x: usize, y: usize| {
        let (column, row) = (x / SCALE, y / SCALE);
        let inside = QUIET_ZONE..QUIET_ZONE + modules;
        inside.contains(&column)
            && inside.contains(&row)
            && colors[(row - QUIET_ZONE) * modules + column - QUIET_ZONE] == Color::Dark
    };
    let mut points = Vec::with_capacity(side * side.div_ceil(8));
    for y in 0..side {
        for first in (0..side).step_by(8) {
            let white = |bit: usize| first + bit >= side || !is_dark(first + bit, y);
            points.push((0..8).fold(0_u8, |byte, bit| byte << 1 | u8::from(white(bit))));
        }
    }
    let mut picture = Vec::new();
    let side = u32::try_from(side).ok()?;
    let mut encoder = png::Encoder::new(&mut picture, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&points).ok()?;
    writer.finish().ok()?;
    Some(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of a code of a ticket.
    const CODE: &str = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_\
                        AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdEf";

    #[test]
    fn the_png_says_what_was_written() {
        let bytes = png(CODE).expect("a picture");
        let decoder = png::Decoder::new(std::io::Cursor::new(bytes));
        let mut reader = decoder.read_info().expect("a PNG");
        let mut points = vec![0; reader.output_buffer_size().expect("it fits")];
        let info = reader.next_frame(&mut points).expect("points");
        let (side, line) = (info.width as usize, info.line_size);
        let dark = |x: usize, y: usize| points[y * line + x / 8] >> (7 - x % 8) & 1 == 0;
        let mut image =
            rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| if dark(x, y) { 0 } else { 255 });
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1);
        let (_, text) = grids[0].decode().expect("it can be read");
        assert_eq!(text, CODE);
    }

    #[test]
    fn the_svg_is_one_picture_without_anything_that_runs() {
        let picture = svg(CODE).expect("a picture");
        assert!(picture.contains("<svg") && picture.trim_end().ends_with("</svg>"), "{picture}");
        assert!(!picture.contains("<script"), "{picture}");
    }

    #[test]
    fn a_text_that_fits_no_code_has_no_picture() {
        assert_eq!(svg(&"x".repeat(5_000)), None);
        assert_eq!(png(&"x".repeat(5_000)), None);
    }
}
