import Foundation

/// One frame of a source image: enough to refer to it in DICOM and to check regions against its size.
public struct SourceImage: Codable, Hashable, Sendable {
    /// SOP Class UID (0008,0016).
    public var sopClassUID: String
    /// SOP Instance UID (0008,0018).
    public var sopInstanceUID: String
    /// Series Instance UID (0020,000E).
    public var seriesInstanceUID: String
    /// The frame that was read, counted from 1.
    public var frame: Int
    /// Rows (0028,0010).
    public var rows: Int
    /// Columns (0028,0011).
    public var columns: Int

    /// A reference to an image's frame.
    public init(
        sopClassUID: String, sopInstanceUID: String, seriesInstanceUID: String, frame: Int = 1, rows: Int, columns: Int
    ) {
        self.sopClassUID = sopClassUID
        self.sopInstanceUID = sopInstanceUID
        self.seriesInstanceUID = seriesInstanceUID
        self.frame = frame
        self.rows = rows
        self.columns = columns
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        sopClassUID = try container.decode(String.self, forKey: .sopClassUID)
        sopInstanceUID = try container.decode(String.self, forKey: .sopInstanceUID)
        seriesInstanceUID = try container.decode(String.self, forKey: .seriesInstanceUID)
        frame = try container.decodeIfPresent(Int.self, forKey: .frame) ?? 1
        rows = try container.decode(Int.self, forKey: .rows)
        columns = try container.decode(Int.self, forKey: .columns)
    }

    /// The whole image as a box.
    public var bounds: Region { Region(x0: 0, y0: 0, x1: Double(columns), y1: Double(rows)) }
}

/// Where a sentence stands in the report.
public enum ReportSection: String, Codable, Sendable, CaseIterable {
    case findings, impression
}

/// One sentence of the narrative.
public struct ReportSentence: Codable, Hashable, Sendable {
    /// Findings or impression.
    public var section: ReportSection
    /// The words, as a person will read them.
    public var text: String
    /// The ids of the findings that the sentence speaks of.
    public var findings: [String]

    /// A sentence, optionally linked to findings.
    public init(section: ReportSection, text: String, findings: [String] = []) {
        self.section = section
        self.text = text
        self.findings = findings
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        section = try container.decode(ReportSection.self, forKey: .section)
        text = try container.decode(String.self, forKey: .text)
        findings = try container.decodeIfPresent([String].self, forKey: .findings) ?? []
    }
}

/// Which model made the reading.
public struct ModelIdentity: Codable, Hashable, Sendable {
    /// The model's name, shown to people.
    public var name: String
    /// Its version.
    public var version: String
    /// A digest over the weights, for instance `sha256:` and 64 hexadecimal digits.
    public var weightsDigest: String
    /// Who made it.
    public var manufacturer: String

    /// A model's identity.
    public init(name: String, version: String, weightsDigest: String, manufacturer: String) {
        self.name = name
        self.version = version
        self.weightsDigest = weightsDigest
        self.manufacturer = manufacturer
    }
}

/// Why there is no reading.
public struct Abstention: Codable, Hashable, Sendable {
    /// The key of an abstention reason of the ``Terminology``.
    public var reason: String
    /// What was seen in this study, for a person ("Body Part Examined is HAND").
    public var detail: String?

    /// An abstention.
    public init(reason: String, detail: String? = nil) {
        self.reason = reason
        self.detail = detail
    }
}

/// What the model says about one study: the value that becomes DICOM results.
///
/// Its JSON form is the input of `cxrgate build-results`; the target's README documents every key. Revision and
/// predecessor are not here: they belong to the gateway.
public struct Reading: Codable, Hashable, Sendable {
    /// The version of the JSON form that this code writes, and the newest that it reads.
    public static let currentSchemaVersion = 1

    /// The words under every result when the model brings none of its own.
    public static let standardDisclaimer =
        "AI-generated draft. Not verified by a physician. Not to be used for diagnosis without review."

    /// The version of the JSON form.
    public var schemaVersion: Int
    /// Study Instance UID (0020,000D).
    public var studyInstanceUID: String
    /// The images that were read.
    public var images: [SourceImage]
    /// The narrative, in reading order.
    public var sentences: [ReportSentence]
    /// The coded findings, negatives included.
    public var findings: [Finding]
    /// Which model spoke.
    public var model: ModelIdentity
    /// The language of the sentences, an RFC 5646 tag.
    public var language: String
    /// Set when there is no reading but a reason; then `sentences` and `findings` are empty.
    public var abstention: Abstention?
    /// Says that this is a draft.
    public var disclaimer: String

    /// A reading. Nothing is checked here: see ``validate(against:)``.
    public init(
        studyInstanceUID: String, images: [SourceImage], sentences: [ReportSentence] = [], findings: [Finding] = [],
        model: ModelIdentity, language: String = "en", abstention: Abstention? = nil,
        disclaimer: String = Reading.standardDisclaimer
    ) {
        schemaVersion = Self.currentSchemaVersion
        self.studyInstanceUID = studyInstanceUID
        self.images = images
        self.sentences = sentences
        self.findings = findings
        self.model = model
        self.language = language
        self.abstention = abstention
        self.disclaimer = disclaimer
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        schemaVersion = try container.decode(Int.self, forKey: .schemaVersion)
        guard (1...Self.currentSchemaVersion).contains(schemaVersion) else {
            throw ReadingFault.unsupportedSchema(schemaVersion)
        }
        studyInstanceUID = try container.decode(String.self, forKey: .studyInstanceUID)
        images = try container.decodeIfPresent([SourceImage].self, forKey: .images) ?? []
        sentences = try container.decodeIfPresent([ReportSentence].self, forKey: .sentences) ?? []
        findings = try container.decodeIfPresent([Finding].self, forKey: .findings) ?? []
        model = try container.decode(ModelIdentity.self, forKey: .model)
        language = try container.decodeIfPresent(String.self, forKey: .language) ?? "en"
        abstention = try container.decodeIfPresent(Abstention.self, forKey: .abstention)
        disclaimer = try container.decodeIfPresent(String.self, forKey: .disclaimer) ?? Self.standardDisclaimer
    }

    /// The image that a region lies on, or nil when the reading does not list it.
    public func image(of region: ImageRegion) -> SourceImage? {
        images.first { $0.sopInstanceUID == region.sopInstanceUID && $0.frame == region.frame }
    }

    /// Reads the JSON form. Throws ``ReadingFault/unsupportedSchema(_:)`` or ``ReadingFault/malformedJSON(_:)``, the
    /// latter with the place of the mistake. The value is not validated.
    public init(json: Data) throws {
        do {
            self = try JSONDecoder().decode(Reading.self, from: json)
        } catch let fault as ReadingFault {
            throw fault
        } catch let error as DecodingError {
            throw ReadingFault.malformedJSON(describe(error))
        }
    }

    /// The JSON form: keys sorted, so that equal readings give equal bytes.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self)
    }
}

/// A decoding error as "findings[2].polarity: ...".
func describe(_ error: DecodingError) -> String {
    let (context, missing): (DecodingError.Context, String?) =
        switch error {
        case .keyNotFound(let key, let context): (context, "the key \"\(key.stringValue)\" is missing")
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context): (context, nil)
        @unknown default: (.init(codingPath: [], debugDescription: "\(error)"), nil)
        }
    let path = context.codingPath.reduce("") { path, key in
        key.intValue.map { "\(path)[\($0)]" } ?? (path.isEmpty ? key.stringValue : "\(path).\(key.stringValue)")
    }
    return "\(path.isEmpty ? "top level" : path): \(missing ?? context.debugDescription)"
}
