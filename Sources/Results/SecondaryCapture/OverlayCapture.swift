import DICOM
import Findings
import Foundation

/// Object D: a Secondary Capture of one image with the regions drawn in (PS3.3 A.8.1), which works everywhere.
struct OverlayCapture {
    static let sopClassUID = "1.2.840.10008.5.1.4.1.1.7"

    /// Purpose of Reference of the source image (PS3.16 CID 7202).
    private static let sourceImage = Code(
        value: "121322", scheme: "DCM", meaning: "Source image for image processing operation")

    let context: BuildContext
    let image: SourceImage
    private let source: SourceInstance
    private let header: CompositeHeader

    init(context: BuildContext, image: SourceImage, index: Int) {
        self.context = context
        self.image = image
        source = context.source(of: image)
        header = CompositeHeader(kind: .overlay, sopClassUID: Self.sopClassUID, index: index)
    }

    func reference() -> ResultReference { header.reference(in: context) }

    /// The capture as a file in memory.
    ///
    /// - Parameter picture: The source in its own window.
    func file(picture: GrayPicture, fonts: FontLibrary) throws -> DICOMFile {
        let scale = CaptureScale(columns: picture.columns, rows: picture.rows)
        let canvas = OverlayPicture(
            picture: scale.apply(to: picture), marks: marks(scale), words: legend, fonts: fonts
        ).drawn()
        let file = DICOMFile()
        let dataset = file.dataset
        try header.write(to: dataset, in: context)
        try writeImage(to: dataset, scale)
        try writeCapture(to: dataset)
        try writeSource(to: dataset, scale)
        try writePixels(of: canvas, to: dataset)
        return file
    }

    // MARK: - Words

    private func marks(_ scale: CaptureScale) -> [OverlayPicture.Mark] {
        context.marks(on: image).map { mark in
            OverlayPicture.Mark(
                box: scale.apply(to: mark.box), style: MarkStyle(index: mark.styleIndex),
                labels: mark.labels(context.words))
        }
    }

    private var legend: OverlayPicture.Words {
        let model = context.reading.model
        return OverlayPicture.Words(
            model: DICOMText.line("\(model.name) \(model.version), \(model.manufacturer)"),
            disclaimer: context.reading.disclaimer, findings: entries)
    }

    /// Findings with boxes here, then those without, then what is uncertain, then what was looked for and not found.
    private var entries: [OverlayPicture.LegendEntry] {
        let here = context.marks(on: image)
        let boxed = Set(here.map(\.finding.id))
        var entries = context.reading.findings.filter { boxed.contains($0.id) }.map { finding in
            let marks = here.filter { $0.finding.id == finding.id }
            let tags = marks.map(\.tag).joined(separator: ", ")
            return OverlayPicture.LegendEntry(
                style: marks.first.map { MarkStyle(index: $0.styleIndex) },
                text: "\(tags) \(context.words.text(finding))\(percentage(finding))\(question(finding))")
        }
        let others = context.reading.findings.filter { !boxed.contains($0.id) }
        for finding in others where finding.polarity == .present {
            let place = finding.regions.isEmpty ? "" : " (other image)"
            entries.append(
                .init(style: nil, text: "\(context.words.text(finding))\(percentage(finding))\(place)"))
        }
        for finding in others where finding.polarity == .undetermined {
            entries.append(.init(style: nil, text: "\(context.words.text(finding)): undetermined"))
        }
        let absent = others.filter { $0.polarity == .absent }.map(context.words.text)
        if !absent.isEmpty {
            entries.append(.init(style: nil, text: "Not seen: \(absent.joined(separator: ", "))"))
        }
        if entries.isEmpty { entries.append(.init(style: nil, text: "No coded finding; see the report")) }
        return entries
    }

    private func percentage(_ finding: Finding) -> String { context.words.percentage(finding) }

    private func question(_ finding: Finding) -> String {
        finding.polarity == .undetermined ? " (undetermined)" : ""
    }

    // MARK: - Attributes

    private func writeImage(to dataset: Dataset, _ scale: CaptureScale) throws {
        try dataset.set(.imageType, "DERIVED\\SECONDARY\\AI_OVERLAY")
        try dataset.set(.contentDate, context.moment.date)
        try dataset.set(.contentTime, context.moment.time)
        try dataset.set(.bodyPartExamined, "CHEST")
        if !dataset.copy(.patientOrientation, from: source.original) { try dataset.set(.patientOrientation, "") }
        try dataset.set(.imageComments, "AI-GENERATED OVERLAY - NOT VERIFIED - NOT FOR PRIMARY DIAGNOSIS")
        try dataset.set(.burnedInAnnotation, "YES")
        try dataset.set(.recognizableVisualFeatures, "NO")
        try writeLossyCompression(to: dataset)
        // Imager Pixel Spacing is measured at the detector and is not promoted to a distance in the patient.
        if let spacing = source.original.doubles(.pixelSpacing), spacing.count == 2, spacing.allSatisfy({ $0 > 0 }) {
            if scale.isIdentity {
                dataset.copy(.pixelSpacing, from: source.original)
            } else {
                let scaled = spacing.map { CaptureScale.decimalString($0 / scale.factor) }
                try dataset.set(.pixelSpacing, scaled.joined(separator: "\\"))
            }
        }
    }

    /// Once lossy, always lossy (PS3.3 C.7.6.1.1.5).
    private func writeLossyCompression(to dataset: Dataset) throws {
        let original = source.original
        let isLossy = TransferSyntax(uid: source.transferSyntaxUID)?.isLossy == true
        try dataset.set(.lossyImageCompression, original.text(.lossyImageCompression) ?? (isLossy ? "01" : "00"))
        for tag in [.lossyImageCompressionRatio, .lossyImageCompressionMethod] as [Tag] {
            dataset.copy(tag, from: original)
        }
    }

    private func writeCapture(to dataset: Dataset) throws {
        try dataset.set(.conversionType, "WSD")
        try dataset.set(.dateOfSecondaryCapture, context.moment.date)
        try dataset.set(.timeOfSecondaryCapture, context.moment.time)
        let identity = context.identity
        try dataset.set(.secondaryCaptureDeviceManufacturer, identity.manufacturer)
        try dataset.set(.secondaryCaptureDeviceManufacturerModelName, identity.modelName)
        try dataset.set(
            .secondaryCaptureDeviceSoftwareVersions, identity.softwareVersions(with: context.reading.model))
    }

    private func writeSource(to dataset: Dataset, _ scale: CaptureScale) throws {
        try References.append(image, of: source, to: .sourceImageSequence, in: dataset)
        if let item = dataset.items(.sourceImageSequence).first {
            try item.append(Self.sourceImage, to: .purposeOfReferenceCodeSequence)
            try item.set(.spatialLocationsPreserved, scale.isIdentity ? "YES" : "NO")
        }
        let resampling = scale.isIdentity ? "same pixel grid" : "resampled by \(scale.factor)"
        try dataset.set(
            .derivationDescription,
            "8-bit RGB rendering of the source in its own window (\(resampling)) with AI finding boxes burned in and"
                + " a legend below the image; unverified")
    }

    private func writePixels(of canvas: Canvas, to dataset: Dataset) throws {
        try dataset.set(.samplesPerPixel, 3)
        try dataset.set(.photometricInterpretation, "RGB")
        try dataset.set(.planarConfiguration, 0)
        try dataset.set(.rows, canvas.rows)
        try dataset.set(.columns, canvas.columns)
        try dataset.set(.bitsAllocated, 8)
        try dataset.set(.bitsStored, 8)
        try dataset.set(.highBit, 7)
        try dataset.set(.pixelRepresentation, 0)
        try dataset.set(.pixelData, bytes: canvas.pixels, vr: "OB")
    }
}

/// Enlarges an image that is too small to write on and reduces one beyond what viewers take as a capture; between the
/// two the capture has the source's pixels.
struct CaptureScale {
    /// The smallest longer side without enlarging.
    static let minimum = 300
    /// The longest side without reducing.
    static let maximum = 8192

    private let enlargement: Int
    private let reduction: Int

    init(columns: Int, rows: Int) {
        let side = max(1, max(columns, rows))
        enlargement = side < Self.minimum ? (Self.minimum + side - 1) / side : 1
        reduction = (side + Self.maximum - 1) / Self.maximum
    }

    var isIdentity: Bool { enlargement == 1 && reduction == 1 }

    /// Pixels of the capture for one of the source.
    var factor: Double { Double(enlargement) / Double(reduction) }

    func apply(to picture: GrayPicture) -> GrayPicture {
        picture.enlarged(by: enlargement).reduced(by: reduction)
    }

    func apply(to box: PixelBox) -> PixelBox {
        func up(_ edge: Int) -> Int { (edge * enlargement + reduction - 1) / reduction }
        func down(_ edge: Int) -> Int { edge * enlargement / reduction }
        return PixelBox(left: down(box.left), top: down(box.top), right: up(box.right), bottom: up(box.bottom))
    }

    /// A decimal string of at most 16 characters (PS3.5 6.2).
    static func decimalString(_ value: Double) -> String {
        String(format: "%.9g", value)
    }
}
