import DICOM
import Findings
import Radiography

/// Object C: a Grayscale Softcopy Presentation State with the regions of one image (PS3.3 A.33.1).
struct PresentationState {
    static let sopClassUID = "1.2.840.10008.5.1.4.1.1.11.1"

    let context: BuildContext
    let image: SourceImage
    private let source: SourceInstance
    private let header: CompositeHeader

    init(context: BuildContext, image: SourceImage, index: Int) {
        self.context = context
        self.image = image
        source = context.source(of: image)
        header = CompositeHeader(kind: .presentation, sopClassUID: Self.sopClassUID, index: index)
    }

    func reference() -> ResultReference { header.reference(in: context) }

    /// The presentation state as a file in memory.
    func file() throws -> DICOMFile {
        let file = DICOMFile()
        let dataset = file.dataset
        try header.write(to: dataset, in: context)
        try dataset.set(.bodyPartExamined, "CHEST")
        try writeIdentification(to: dataset)
        try writeReferencedSeries(to: dataset)
        try writeDisplayedArea(to: dataset)
        try writeGrayscale(to: dataset)
        copyShutter(to: dataset)
        let overlays = try activateOverlays(in: dataset)
        try PresentationGraphics(context: context, image: image, source: source)
            .write(to: dataset, overlayLayer: overlays)
        return file
    }

    private func writeIdentification(to dataset: Dataset) throws {
        try dataset.set(.contentLabel, "AI_CXR_FINDINGS")
        try dataset.set(.contentDescription, "AI finding boxes, unverified")
        try dataset.set(.presentationCreationDate, context.moment.date)
        try dataset.set(.presentationCreationTime, context.moment.time)
        try dataset.set(.contentCreatorName, "")
    }

    private func writeReferencedSeries(to dataset: Dataset) throws {
        let series = try dataset.appendItem(.referencedSeriesSequence)
        try series.set(.seriesInstanceUID, image.seriesInstanceUID)
        try References.append(image, of: source, to: .referencedImageSequence, in: series)
    }

    /// The whole image. Spacing as calibrated in the patient if the source has it; a detector's spacing only tells
    /// the shape of a pixel.
    private func writeDisplayedArea(to dataset: Dataset) throws {
        let area = try dataset.appendItem(.displayedAreaSelectionSequence)
        try References.append(image, of: source, to: .referencedImageSequence, in: area)
        try area.set(.displayedAreaTopLeftHandCorner, "1\\1")
        try area.set(.displayedAreaBottomRightHandCorner, "\(image.columns)\\\(image.rows)")
        try area.set(.presentationSizeMode, "SCALE TO FIT")
        if let spacing = source.original.doubles(.pixelSpacing), Self.isSpacing(spacing) {
            area.copyValue(of: .pixelSpacing, as: .presentationPixelSpacing, from: source.original)
        } else {
            try area.set(.presentationPixelAspectRatio, aspectRatio)
        }
    }

    private static func isSpacing(_ values: [Double]) -> Bool {
        values.count == 2 && values.allSatisfy { $0 > 0 }
    }

    private var aspectRatio: String {
        if let ratio = source.original.doubles(.pixelAspectRatio), Self.isSpacing(ratio) {
            return "\(Int(ratio[0]))\\\(Int(ratio[1]))"
        }
        guard let spacing = source.original.doubles(.imagerPixelSpacing), Self.isSpacing(spacing),
            spacing[0] != spacing[1]
        else { return "1\\1" }
        let scale = 10000 / max(spacing[0], spacing[1])
        return "\(max(1, Int((spacing[0] * scale).rounded())))\\\(max(1, Int((spacing[1] * scale).rounded())))"
    }

    /// The source's own modality and VOI transformations, so that the boxes appear on the picture that the modality
    /// meant.
    private func writeGrayscale(to dataset: Dataset) throws {
        let original = source.original
        if original.text(.rescaleSlope) != nil, original.text(.rescaleIntercept) != nil {
            for tag in [.rescaleIntercept, .rescaleSlope] as [Tag] { dataset.copy(tag, from: original) }
            if !dataset.copy(.rescaleType, from: original) { try dataset.set(.rescaleType, "US") }
        } else {
            dataset.copy(.modalityLUTSequence, from: original)
        }
        try writeVOI(to: dataset)
        try dataset.set(.presentationLUTShape, source.isMonochrome1 ? "INVERSE" : "IDENTITY")
    }

    private func writeVOI(to dataset: Dataset) throws {
        let original = source.original
        let voi = try dataset.appendItem(.softcopyVOILUTSequence)
        try References.append(image, of: source, to: .referencedImageSequence, in: voi)
        let centers = original.texts(.windowCenter)
        let widths = original.texts(.windowWidth)
        // As in the overlay's rendering, a table goes before a window and the first window before others.
        if let table = original.items(.voiLUTSequence).first {
            let item = try voi.appendItem(.voiLUTSequence)
            for (tag, _) in table.elements { item.copy(tag, from: table) }
        } else if !centers.isEmpty, !widths.isEmpty {
            try voi.set(.windowCenter, centers[0])
            try voi.set(.windowWidth, widths[0])
            if original.text(.voiLUTFunction) != nil { voi.copy(.voiLUTFunction, from: original) }
        } else if let window = computedWindow() {
            // The exact linear function in the terms of the default one, which every viewer knows (C.11.2.1.2.1).
            try voi.set(.windowCenter, CaptureScale.decimalString(window.center + 0.5))
            try voi.set(.windowWidth, CaptureScale.decimalString(window.width + 1))
            try voi.set(.windowCenterWidthExplanation, "Computed by the gateway")
        } else {
            dataset.remove(.softcopyVOILUTSequence)
        }
    }

    /// The window that the overlay shows a source in whose header gives none; nil when the pixels need none or cannot
    /// be decoded, where a viewer's own choice is as good.
    private func computedWindow() -> Window? {
        guard let presented = try? source.presented(), case .percentiles(let window) = presented.valueOfInterest else {
            return nil
        }
        return window
    }

    /// Display Shutter (PS3.3 C.7.6.11), copied whole.
    private func copyShutter(to dataset: Dataset) {
        let shapes = source.original.texts(.shutterShape)
        guard !shapes.isEmpty, !shapes.contains("BITMAP") else { return }
        for (tag, _) in source.original.elements where tag.group == 0x0018 && (0x1600...0x1624).contains(tag.element) {
            dataset.copy(tag, from: source.original)
        }
    }

    /// Overlay Activation (PS3.3 C.11.7): without it a viewer hides the source's overlays, side markers among them.
    ///
    /// - Returns: Whether the source has overlays.
    private func activateOverlays(in dataset: Dataset) throws -> Bool {
        var found = false
        for group in stride(from: UInt16(0x6000), through: 0x601E, by: 2)
        where source.original.int(Tag(group, 0x0010)) != nil {
            try dataset.set(Tag(group, 0x1001), PresentationGraphics.overlayLayer, vr: "CS")
            found = true
        }
        return found
    }
}

extension Dataset {
    /// Copies a value to another attribute of the same representation.
    fileprivate func copyValue(of tag: Tag, as other: Tag, from source: Dataset) {
        let text = source.texts(tag).joined(separator: "\\")
        try? set(other, text)
    }
}
