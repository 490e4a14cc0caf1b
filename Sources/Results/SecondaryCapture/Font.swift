import CFreeType
import Foundation

/// A TrueType or OpenType file opened by FreeType. Not thread-safe: one owner at a time.
final class FontFile {
    private let library: FT_Library
    private let face: FT_Face

    /// FT_LOAD_RENDER, a macro that Swift does not import: rasterise with 256 gray levels.
    private static let loadAndRender: FT_Int32 = 1 << 2

    /// - Throws: `ResultsError.unusableFont`.
    init(_ url: URL) throws {
        var library: FT_Library?
        guard FT_Init_FreeType(&library) == 0, let library else {
            throw ResultsError.unusableFont(path: url.path, reason: "FreeType does not start")
        }
        guard FileManager.default.fileExists(atPath: url.path) else {
            FT_Done_FreeType(library)
            throw ResultsError.unusableFont(path: url.path, reason: "there is no such file")
        }
        var face: FT_Face?
        let code = FT_New_Face(library, url.path, 0, &face)
        guard code == 0, let face else {
            FT_Done_FreeType(library)
            throw ResultsError.unusableFont(path: url.path, reason: "it is not a font; FreeType error \(code)")
        }
        self.library = library
        self.face = face
    }

    deinit {
        FT_Done_Face(face)
        FT_Done_FreeType(library)
    }

    /// Whether the font has the character.
    func has(_ scalar: Unicode.Scalar) -> Bool {
        FT_Get_Char_Index(face, FT_ULong(scalar.value)) != 0
    }

    /// A character's picture and how far the pen moves, at a size in pixels per em. A character that the font lacks
    /// gives its box for missing characters.
    func glyph(_ scalar: Unicode.Scalar, size: Int) -> Glyph? {
        guard FT_Set_Pixel_Sizes(face, 0, FT_UInt(size)) == 0,
            FT_Load_Char(face, FT_ULong(scalar.value), Self.loadAndRender) == 0,
            let slot = face.pointee.glyph?.pointee
        else { return nil }
        let bitmap = slot.bitmap
        let columns = Int(bitmap.width)
        let rows = Int(bitmap.rows)
        var coverage = [UInt8](repeating: 0, count: columns * rows)
        if let buffer = bitmap.buffer {
            for row in 0..<rows {
                let line = buffer + row * Int(bitmap.pitch)
                for column in 0..<columns { coverage[row * columns + column] = line[column] }
            }
        }
        return Glyph(
            columns: columns, rows: rows, coverage: coverage, left: Int(slot.bitmap_left), top: Int(slot.bitmap_top),
            advance: Int((slot.advance.x + 32) >> 6))
    }
}

/// A rasterised character.
struct Glyph {
    let columns: Int
    let rows: Int
    /// `[rows, columns]`, 0 to 255.
    let coverage: [UInt8]
    /// From the pen to the picture's left edge.
    let left: Int
    /// From the base line up to the picture's top edge.
    let top: Int
    /// How far the pen moves.
    let advance: Int
}

/// A font with substitutes, at one size.
///
/// Characters are set one after the other from left to right, without the joining of Arabic or Indic scripts.
final class Typeface {
    /// Pixels per em.
    let size: Int
    private let files: [FontFile]
    private var cache: [Unicode.Scalar: Glyph] = [:]

    init(files: [FontFile], size: Int) {
        self.files = files
        self.size = size
    }

    /// Distance between base lines.
    var lineHeight: Int { size * 5 / 4 }

    /// From the top of a line to its base line.
    var ascent: Int { size }

    /// Pixels that a text takes across.
    func width(of text: String) -> Int {
        text.unicodeScalars.reduce(0) { $0 + glyph($1).advance }
    }

    /// Draws a text whose line begins at the top-left point given.
    func draw(_ text: String, on canvas: inout Canvas, left: Int, top: Int, _ color: RGB) {
        var pen = left
        for scalar in text.unicodeScalars {
            let glyph = glyph(scalar)
            for row in 0..<glyph.rows {
                for column in 0..<glyph.columns {
                    canvas.blend(
                        column: pen + glyph.left + column, row: top + ascent - glyph.top + row, color,
                        coverage: glyph.coverage[row * glyph.columns + column])
                }
            }
            pen += glyph.advance
        }
    }

    /// The longest beginning of a text that fits, with an ellipsis when something was cut.
    func fitted(_ text: String, width: Int) -> String {
        guard self.width(of: text) > width else { return text }
        var cut = text
        while !cut.isEmpty, self.width(of: cut + "…") > width { cut.removeLast() }
        while cut.last == " " { cut.removeLast() }
        return cut + "…"
    }

    /// A text in lines that fit, broken at spaces, inside a word only where it is longer than a line.
    func wrapped(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(whereSeparator: \.isWhitespace).map(String.init) {
            let longer = line.isEmpty ? word : "\(line) \(word)"
            if self.width(of: longer) <= width {
                line = longer
                continue
            }
            if !line.isEmpty { lines.append(line) }
            line = word
            while self.width(of: line) > width, line.count > 1 {
                var head = line
                while self.width(of: head) > width, head.count > 1 { head.removeLast() }
                lines.append(head)
                line.removeFirst(head.count)
            }
        }
        return line.isEmpty ? lines : lines + [line]
    }

    private func glyph(_ scalar: Unicode.Scalar) -> Glyph {
        if let known = cache[scalar] { return known }
        let file = files.first { $0.has(scalar) } ?? files.first
        let glyph =
            file?.glyph(scalar, size: size)
            ?? Glyph(columns: 0, rows: 0, coverage: [], left: 0, top: 0, advance: size / 2)
        cache[scalar] = glyph
        return glyph
    }
}

/// The opened fonts of an overlay.
final class FontLibrary {
    private let bold: [FontFile]
    private let regular: [FontFile]

    /// - Throws: `ResultsError.unusableFont` when one of the two main fonts, or a fallback that is there, cannot be used.
    init(_ fonts: OverlayFonts) throws {
        let installed = fonts.fallbacks.filter { FileManager.default.fileExists(atPath: $0.path) }
        let fallbacks = try installed.map(FontFile.init)
        let regularFile = try FontFile(fonts.regular)
        bold = [try FontFile(fonts.bold), regularFile] + fallbacks
        regular = [regularFile] + fallbacks
    }

    func bold(size: Int) -> Typeface { Typeface(files: bold, size: size) }

    func regular(size: Int) -> Typeface { Typeface(files: regular, size: size) }
}
