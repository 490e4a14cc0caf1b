import Foundation

/// What a destination wants.
public struct ResultOptions: Hashable, Sendable {
    /// Which objects are built.
    public var kinds: Set<ResultKind>
    /// The storage class of the findings report.
    public var findingsClass: FindingsReportClass
    /// The keys of the findings that make a key-object note; nil for every abnormality that is present.
    public var flaggedFindings: Set<String>?
    /// The fonts of the overlay.
    public var fonts: OverlayFonts

    /// Everything but key objects, which are for sites that ask for them.
    public static let standard = ResultOptions()

    /// A destination's wishes.
    public init(
        kinds: Set<ResultKind> = [.narrative, .findings, .presentation, .overlay],
        findingsClass: FindingsReportClass = .comprehensive, flaggedFindings: Set<String>? = nil,
        fonts: OverlayFonts = .debian
    ) {
        self.kinds = kinds
        self.findingsClass = findingsClass
        self.flaggedFindings = flaggedFindings
        self.fonts = fonts
    }
}

/// The font files that the overlay is written with. A character is drawn from the first file that has it.
public struct OverlayFonts: Hashable, Sendable {
    /// Headings and labels.
    public var bold: URL
    /// Running text.
    public var regular: URL
    /// Consulted in order for characters that the others lack; files that are not installed are passed over.
    public var fallbacks: [URL]

    /// DejaVu Sans (fonts-dejavu-core) and, where installed, a font with Chinese, Japanese and Korean characters
    /// (fonts-droid-fallback).
    public static let debian: OverlayFonts = {
        let folder = URL(fileURLWithPath: "/usr/share/fonts/truetype")
        return OverlayFonts(
            bold: folder.appendingPathComponent("dejavu/DejaVuSans-Bold.ttf"),
            regular: folder.appendingPathComponent("dejavu/DejaVuSans.ttf"),
            fallbacks: [folder.appendingPathComponent("droid/DroidSansFallbackFull.ttf")])
    }()

    /// Fonts by file.
    public init(bold: URL, regular: URL, fallbacks: [URL] = []) {
        self.bold = bold
        self.regular = regular
        self.fallbacks = fallbacks
    }
}
