import DICOM

/// One upright, normalised grayscale picture, and the way back to the source.
public struct Radiograph: Sendable, Equatable {
    /// Rows of the picture.
    public let rows: Int
    /// Columns of the picture.
    public let columns: Int
    /// `[rows, columns]`, 0 black to 1 white in display polarity (air dark).
    public let pixels: [Float]
    /// This picture's pixel coordinates to the source's (`AffineMap` has the convention).
    public let toSource: AffineMap
    /// Rows and columns of the source.
    public let sourceRows: Int
    public let sourceColumns: Int
    /// How the picture was made.
    public let provenance: RadiographProvenance

    private init(
        rows: Int, columns: Int, pixels: [Float], toSource: AffineMap, sourceRows: Int, sourceColumns: Int,
        provenance: RadiographProvenance
    ) {
        self.rows = rows
        self.columns = columns
        self.pixels = pixels
        self.toSource = toSource
        self.sourceRows = sourceRows
        self.sourceColumns = sourceColumns
        self.provenance = provenance
    }

    /// Turns a presented image upright and makes its pixels square, in one resampling.
    ///
    /// - Parameters:
    ///   - image: The image as presented.
    ///   - longestSide: Rows and columns at most; `nil` keeps the source's resolution.
    public init(_ image: PresentedImage, longestSide: Int? = nil) {
        self.init(image, orientation: Self.orientation(of: image.facts), longestSide: longestSide)
    }

    /// The same with a given orientation.
    init(_ image: PresentedImage, orientation: UprightState, longestSide: Int?) {
        let turn = orientation.orientation
        let size = turn.uprightSize(rows: image.rows, columns: image.columns)
        let aspect = turn.transposes ? 1 / image.facts.pixelAspect : image.facts.pixelAspect
        // Square pixels: the longer pixel side is divided, so that no resolution is lost.
        var height = Double(size.rows) * max(aspect, 1)
        var width = Double(size.columns) * max(1 / aspect, 1)
        if let longestSide, longestSide > 0, max(height, width) > Double(longestSide) {
            let scale = Double(longestSide) / max(height, width)
            height *= scale
            width *= scale
        }
        // Long pixels must not make of a legal image one that no memory holds.
        let excess = height * width / Double(max(image.rows * image.columns, Self.maximumPixels))
        if excess > 1 {
            height /= excess.squareRoot()
            width /= excess.squareRoot()
        }
        let newRows = max(1, Int(height.rounded()))
        let newColumns = max(1, Int(width.rounded()))
        // The source is shrunk first and turned then: turning the smaller image is cheaper, and the result is the same.
        let shrunk = turn.uprightSize(rows: newRows, columns: newColumns)
        let resized = Resampler.resize(
            rows: image.rows, columns: image.columns, newRows: shrunk.rows, newColumns: shrunk.columns,
            source: image.line)
        let toUpright = AffineMap.scale(
            x: Double(size.columns) / Double(newColumns), y: Double(size.rows) / Double(newRows))
        self.init(
            rows: newRows, columns: newColumns,
            pixels: turn.apply(to: resized, rows: shrunk.rows, columns: shrunk.columns),
            toSource: turn.toSource(rows: image.rows, columns: image.columns).after(toUpright),
            sourceRows: image.rows, sourceColumns: image.columns,
            provenance: RadiographProvenance(image, orientation: orientation))
    }

    /// Pixels that squaring may make of a smaller source.
    private static let maximumPixels = 1 << 26

    /// The part inside a box of whole pixels, clamped to the picture; at least one pixel.
    public func cropped(x: Int, y: Int, width: Int, height: Int) -> Radiograph {
        let left = min(max(x, 0), columns - 1)
        let top = min(max(y, 0), rows - 1)
        let newColumns = min(max(width, 1), columns - left)
        let newRows = min(max(height, 1), rows - top)
        var part: [Float] = []
        part.reserveCapacity(newRows * newColumns)
        for row in top..<(top + newRows) {
            part += pixels[(row * columns + left)..<(row * columns + left + newColumns)]
        }
        let shift = AffineMap.scale(x: 1, y: 1, thenShiftX: Double(left), y: Double(top))
        return replacing(rows: newRows, columns: newColumns, pixels: part, map: shift)
    }

    /// Resized to exactly these rows and columns; proportions change when theirs do.
    public func resized(rows newRows: Int, columns newColumns: Int) -> Radiograph {
        let (newRows, newColumns) = (max(newRows, 1), max(newColumns, 1))
        let scale = AffineMap.scale(x: Double(columns) / Double(newColumns), y: Double(rows) / Double(newRows))
        return replacing(
            rows: newRows, columns: newColumns,
            pixels: Resampler.resize(
                pixels, rows: rows, columns: columns, newRows: newRows, newColumns: newColumns),
            map: scale)
    }

    /// Resized into the middle of a black square, proportions kept.
    public func letterboxed(side: Int) -> Radiograph {
        let scale = Double(side) / Double(max(rows, columns))
        let inner = resized(
            rows: min(side, Int((Double(rows) * scale).rounded())),
            columns: min(side, Int((Double(columns) * scale).rounded())))
        let (top, left) = ((side - inner.rows) / 2, (side - inner.columns) / 2)
        var square = [Float](repeating: 0, count: side * side)
        for row in 0..<inner.rows {
            let target = (row + top) * side + left
            square.replaceSubrange(
                target..<(target + inner.columns),
                with: inner.pixels[(row * inner.columns)..<((row + 1) * inner.columns)])
        }
        let shift = AffineMap.scale(x: 1, y: 1, thenShiftX: -Double(left), y: -Double(top))
        return inner.replacing(rows: side, columns: side, pixels: square, map: shift)
    }

    /// The pixels as 8-bit gray, rounded.
    public var gray8: [UInt8] { PresentedImage.gray8(pixels) }

    /// - Parameter map: The new picture's coordinates to this one's.
    private func replacing(rows: Int, columns: Int, pixels: [Float], map: AffineMap) -> Radiograph {
        Radiograph(
            rows: rows, columns: columns, pixels: pixels, toSource: toSource.after(map), sourceRows: sourceRows,
            sourceColumns: sourceColumns, provenance: provenance)
    }

    /// The same picture in the other polarity, with a note that says why.
    func inverted(note: String) -> Radiograph {
        var provenance = provenance
        provenance.polarityCorrected = true
        provenance.notes.append(note)
        return Radiograph(
            rows: rows, columns: columns, pixels: pixels.map { 1 - $0 }, toSource: toSource, sourceRows: sourceRows,
            sourceColumns: sourceColumns, provenance: provenance)
    }

    private static func orientation(of facts: ImageFacts) -> UprightState {
        guard let orientation = Orientation(patientOrientation: facts.patientOrientation) else { return .unknown }
        return .known(orientation)
    }
}

/// What is known of a picture's orientation.
public enum UprightState: Codable, Equatable, Sendable {
    /// The header tells it, and the picture was turned accordingly.
    case known(Orientation)
    /// The header does not tell it; the picture is as the source stores it.
    case unknown

    /// What was applied.
    public var orientation: Orientation {
        switch self {
        case .known(let orientation): orientation
        case .unknown: .upright
        }
    }
}

/// How a picture was made of a source: enough to explain it and to make it again.
public struct RadiographProvenance: Codable, Equatable, Sendable {
    /// What the header says.
    public var facts: ImageFacts
    /// Where the displayed range comes from.
    public var valueOfInterest: ValueOfInterestSource
    /// Whether gray was inverted because the header says MONOCHROME1.
    public var isInverted: Bool
    /// Whether gray was inverted once more because the picture contradicts the header's polarity.
    public var polarityCorrected = false
    /// How the source was turned.
    public var orientation: UprightState
    /// Everything unusual, as sentences.
    public var notes: [String]

    init(_ image: PresentedImage, orientation: UprightState) {
        facts = image.facts
        valueOfInterest = image.valueOfInterest
        isInverted = image.isInverted
        self.orientation = orientation
        notes = image.notes
        if orientation == .unknown {
            notes.append("Patient Orientation is not usable: the picture is as stored, its orientation unknown")
        }
        if let rotation = image.facts.fieldOfViewRotation, rotation != 0 {
            notes.append("the stored pixels were rotated by \(rotation) degrees against the detector")
        }
        if image.facts.fieldOfViewFlip == true {
            notes.append("the stored pixels were flipped against the detector")
        }
    }
}
