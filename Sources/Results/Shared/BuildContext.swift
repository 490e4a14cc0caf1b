import DICOM
import Findings
import Foundation

/// Everything that the objects of one reading have in common.
struct BuildContext {
    let reading: Reading
    let terminology: Terminology
    let words: FindingWords
    let identity: GatewayIdentity
    let revision: Revision
    let options: ResultOptions
    let moment: ContentMoment
    let uids: ResultUIDs
    let marks: [RegionMark]
    /// By SOP Instance UID.
    let sources: [String: SourceInstance]
    /// The source that patient and study are copied from.
    let primary: SourceInstance

    init(
        reading: Reading, sources: [SourceInstance], identity: GatewayIdentity, revision: Revision,
        options: ResultOptions, instant: Date, localTimeZone: TimeZone, terminology: Terminology
    ) throws {
        let reading = try reading.validated(against: terminology)
        self.reading = reading
        self.terminology = terminology
        self.identity = try identity.validated()
        self.revision = try revision.validated()
        self.options = options
        words = FindingWords(terminology: terminology)
        primary = try Self.check(sources, against: reading)
        self.sources = Dictionary(sources.map { ($0.sopInstanceUID, $0) }) { first, _ in first }
        for image in reading.images {
            guard let source = self.sources[image.sopInstanceUID] else {
                throw ResultsError.missingSource(sopInstanceUID: image.sopInstanceUID)
            }
            try source.check(against: image)
        }
        moment = ContentMoment(
            instant: instant, sourceOffset: primary.header.text(.timezoneOffsetFromUTC), localTimeZone: localTimeZone)
        uids = ResultUIDs(
            reading: reading, revision: revision.number, softwareVersion: identity.softwareVersion)
        marks = Self.marks(of: reading, words: words, uids: uids)
    }

    /// The regions on one image's frame, in numbering order.
    func marks(on image: SourceImage) -> [RegionMark] {
        marks.filter { $0.image == image }
    }

    /// The images that bear regions, in the reading's order.
    var markedImages: [SourceImage] {
        reading.images.filter { image in marks.contains { $0.image == image } }
    }

    /// The source file of an image; there is one for every image of the reading.
    func source(of image: SourceImage) -> SourceInstance {
        sources[image.sopInstanceUID] ?? primary
    }

    /// The first source in the reading's order (else in UID order), all being of the reading's study and one patient.
    private static func check(_ sources: [SourceInstance], against reading: Reading) throws -> SourceInstance {
        let order = Dictionary(
            reading.images.enumerated().map { ($0.element.sopInstanceUID, $0.offset) }, uniquingKeysWith: min)
        let sorted = sources.sorted {
            (order[$0.sopInstanceUID] ?? .max, $0.sopInstanceUID)
                < (order[$1.sopInstanceUID] ?? .max, $1.sopInstanceUID)
        }
        guard let first = sorted.first else { throw ResultsError.noSource }
        for source in sorted {
            let file = source.url.lastPathComponent
            guard source.studyInstanceUID == reading.studyInstanceUID else {
                throw ResultsError.foreignSource(
                    file: file, attribute: "Study Instance UID", expected: reading.studyInstanceUID,
                    found: source.studyInstanceUID)
            }
            guard source.patient == first.patient else {
                throw ResultsError.foreignSource(
                    file: file, attribute: "Patient ID", expected: first.patient[0] ?? "",
                    found: source.patient[0] ?? "")
            }
        }
        return first
    }

    private static func marks(of reading: Reading, words: FindingWords, uids: ResultUIDs) -> [RegionMark] {
        var marks: [RegionMark] = []
        var styleIndex = 0
        for finding in reading.findings where !finding.regions.isEmpty {
            for region in finding.regions {
                guard let image = reading.image(of: region) else { continue }
                let number = marks.count + 1
                marks.append(
                    RegionMark(
                        number: number, finding: finding, styleIndex: styleIndex, image: image,
                        box: PixelBox(around: region.region), text: words.text(finding),
                        shortText: words.shortText(finding), trackingUID: uids.tracking(number)))
            }
            styleIndex += 1
        }
        return marks
    }
}
