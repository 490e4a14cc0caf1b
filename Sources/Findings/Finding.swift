/// Whether the reading says that a finding is there.
public enum Polarity: String, Codable, Sendable, CaseIterable {
    case present, absent, undetermined
}

/// How sure the reading is, in words, when it gives no number.
public enum Certainty: String, Codable, Sendable, CaseIterable {
    case certain, probable, possible
}

/// The patient's side.
public enum Laterality: String, Codable, Sendable, CaseIterable {
    case right, left, bilateral
}

/// How much of a finding there is.
public enum Severity: String, Codable, Sendable, CaseIterable, Comparable {
    case minimal, mild, moderate, severe

    public static func < (one: Severity, other: Severity) -> Bool { one.rank < other.rank }

    /// 0 for minimal to 3 for severe.
    public var rank: Int {
        switch self {
        case .minimal: 0
        case .mild: 1
        case .moderate: 2
        case .severe: 3
        }
    }
}

/// A number between 0 and 1 that a model gave.
public struct Probability: Codable, Hashable, Sendable {
    /// 0...1.
    public var value: Double
    /// Whether the value was calibrated on held-out data. Only calibrated ones may become DICOM Probability items.
    public var calibrated: Bool

    /// A probability; uncalibrated unless said otherwise.
    public init(_ value: Double, calibrated: Bool = false) {
        self.value = value
        self.calibrated = calibrated
    }
}

/// What a finding is: a term of the ``Terminology`` or a code that the integrator brings.
public enum FindingConcept: Hashable, Sendable {
    /// The key of a term, for instance `pleural_effusion`.
    case term(String)
    /// A code that the terminology does not hold.
    case code(Code)
}

extension FindingConcept: Codable {
    /// A JSON string is a term's key; an object is a code.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let key = try? container.decode(String.self) {
            self = .term(key)
        } else {
            self = .code(try container.decode(Code.self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .term(let key): try container.encode(key)
        case .code(let code): try container.encode(code)
        }
    }
}

/// A box on one frame of one source image.
public struct ImageRegion: Codable, Hashable, Sendable {
    /// The image, one of the reading's ``Reading/images``.
    public var sopInstanceUID: String
    /// The frame, counted from 1 as in DICOM.
    public var frame: Int
    /// The box in that image's pixel coordinates.
    public var region: Region

    /// A region on an image's frame.
    public init(sopInstanceUID: String, frame: Int = 1, region: Region) {
        self.sopInstanceUID = sopInstanceUID
        self.frame = frame
        self.region = region
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        sopInstanceUID = try container.decode(String.self, forKey: .sopInstanceUID)
        frame = try container.decodeIfPresent(Int.self, forKey: .frame) ?? 1
        region = try container.decode(Region.self, forKey: .region)
    }
}

/// A coded abnormality (or its stated absence) with everything that the reading says of it.
public struct Finding: Codable, Hashable, Sendable, Identifiable {
    /// Unique within the reading; sentences refer to it.
    public var id: String
    /// What it is.
    public var concept: FindingConcept
    /// Present, absent or undetermined.
    public var polarity: Polarity
    /// How sure, in words.
    public var certainty: Certainty?
    /// How sure, as a number.
    public var probability: Probability?
    /// The patient's side.
    public var laterality: Laterality?
    /// The key of a site of the ``Terminology``; nil means the concept's default site.
    public var site: String?
    /// How much.
    public var severity: Severity?
    /// Where it is seen: none, one or many boxes, each on its image.
    public var regions: [ImageRegion]

    /// A finding; everything beyond id, concept and polarity is optional.
    public init(
        id: String, concept: FindingConcept, polarity: Polarity, certainty: Certainty? = nil,
        probability: Probability? = nil, laterality: Laterality? = nil, site: String? = nil,
        severity: Severity? = nil, regions: [ImageRegion] = []
    ) {
        self.id = id
        self.concept = concept
        self.polarity = polarity
        self.certainty = certainty
        self.probability = probability
        self.laterality = laterality
        self.site = site
        self.severity = severity
        self.regions = regions
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        id = try container.decode(String.self, forKey: .id)
        concept = try container.decode(FindingConcept.self, forKey: .concept)
        polarity = try container.decode(Polarity.self, forKey: .polarity)
        certainty = try container.decodeIfPresent(Certainty.self, forKey: .certainty)
        probability = try container.decodeIfPresent(Probability.self, forKey: .probability)
        laterality = try container.decodeIfPresent(Laterality.self, forKey: .laterality)
        site = try container.decodeIfPresent(String.self, forKey: .site)
        severity = try container.decodeIfPresent(Severity.self, forKey: .severity)
        regions = try container.decodeIfPresent([ImageRegion].self, forKey: .regions) ?? []
    }
}
