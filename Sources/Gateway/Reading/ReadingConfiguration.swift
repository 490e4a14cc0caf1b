import Foundation
import Radiography

/// How studies are read.
public struct ReadingConfiguration: Equatable, Sendable {
    /// Where the model is.
    public var model = ModelChoice.reference
    /// What is read and where the gateway abstains.
    public var suitability = SuitabilityPolicy()
    /// From the first pixel given to the model to the last word; later, the result says that it took too long.
    public var deadline: Duration = .seconds(120)
    /// Attempts before a study that cannot be read gets "not analysed" as its result.
    public var maximumAttempts = 3
    /// Studies that share the passes over the weights when several wait.
    public var batchSize = 4
    /// Reads a frontal view as soon as its association has ended, before the quiet period is over.
    public var frontalFirst = true
    public var selfTest = SelfTestConfiguration()

    /// The defaults.
    public init() {}
}

/// Which model reads.
public enum ModelChoice: Equatable, Sendable, CustomStringConvertible {
    /// None: studies are kept and forwarded, not read.
    case none
    /// The one that comes with the gateway.
    case reference
    /// The directory of another.
    case directory(String)

    /// As the configuration writes it.
    public var description: String {
        switch self {
        case .none: "none"
        case .reference: "reference"
        case .directory(let path): path
        }
    }

    /// Reads the configuration's text; a path must be absolute, so that it means the same from every working directory.
    public init?(_ text: String) {
        switch text {
        case "none": self = .none
        case "reference": self = .reference
        default:
            guard text.hasPrefix("/") else { return nil }
            self = .directory(text)
        }
    }

    /// The model's directory; nil when none reads.
    ///
    /// - Throws: ``ModelNotInstalled`` when it is not there.
    public func directory() throws -> URL? {
        switch self {
        case .none: return nil
        case .reference:
            let places = Self.referencePlaces
            guard let found = places.first(where: Self.holdsModel) else {
                throw ModelNotInstalled(what: "the reference model", places: places)
            }
            return found
        case .directory(let path):
            let url = URL(fileURLWithPath: path)
            guard Self.holdsModel(url) else { throw ModelNotInstalled(what: "a model", places: [url]) }
            return url
        }
    }

    /// Where the reference model is looked for: installed beside the program, on the system, or in the source tree that
    /// the program was built in.
    private static var referencePlaces: [URL] {
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        var places = [program.deletingLastPathComponent().appendingPathComponent("share/cxrgate/models/reference")]
        places.append(URL(fileURLWithPath: "/usr/share/cxrgate/models/reference"))
        var folder = program
        while folder.path.count > 1 {
            folder.deleteLastPathComponent()
            if FileManager.default.fileExists(atPath: folder.appendingPathComponent("Package.swift").path) {
                places.append(folder.appendingPathComponent("Models/reference"))
                break
            }
        }
        return places
    }

    private static func holdsModel(_ url: URL) -> Bool {
        FileManager.default.fileExists(atPath: url.appendingPathComponent("config.json").path)
    }
}

/// The configured model is not there.
public struct ModelNotInstalled: Error, CustomStringConvertible {
    let what: String
    let places: [URL]

    /// What is missing, where it was looked for, and what to do.
    public var description: String {
        "\(what) is not installed: no config.json in \(places.map(\.path).joined(separator: ", "))."
            + " Set reading.model to a model's directory, or to none."
    }
}

/// The regular proof that the whole way still finds something.
public struct SelfTestConfiguration: Equatable, Sendable {
    /// Between two tests; zero for never.
    public var interval: Duration = .seconds(86400)
    /// A DICOM image with a known finding; nil lets the model draw one.
    public var image: String?
    /// The term of the finding that must be found in the image.
    public var finding: String?
}

extension ReadingConfiguration {
    mutating func read(_ node: ConfigurationNode) {
        var result = self
        node.read([
            "model": { node in
                node.set(
                    &result.model, node.scalar("reference, none or an absolute path") { ModelChoice($0) })
            },
            "deadline": { $0.set(&result.deadline, $0.duration(.milliseconds(100) ... .seconds(86400))) },
            "maximum-attempts": { $0.set(&result.maximumAttempts, $0.integer(1...100)) },
            "batch-size": { $0.set(&result.batchSize, $0.integer(1...64)) },
            "frontal-first": { $0.set(&result.frontalFirst, $0.boolean()) },
            "self-test": { result.selfTest.read($0) },
            "suitability": { result.suitability.read($0) },
        ])
        self = result
    }
}

extension SelfTestConfiguration {
    mutating func read(_ node: ConfigurationNode) {
        var result = self
        node.read([
            "interval": { $0.set(&result.interval, $0.duration(.zero ... .seconds(86400 * 365))) },
            "image": { result.image = $0.text() },
            "finding": { result.finding = $0.text() },
        ])
        if (result.image == nil) != (result.finding == nil) {
            node.mistake("image and finding belong together: give both or neither")
        }
        self = result
    }
}

extension SuitabilityPolicy {
    mutating func read(_ node: ConfigurationNode) {
        var result = self
        let share: ClosedRange<Double> = 0...1
        let likeness: ClosedRange<Double> = -1...1
        node.read([
            "modalities": { list in list.set(&result.modalities, list.list { $0.text() }.map(Set.init)) },
            "sop-classes": { list in list.set(&result.sopClasses, list.list { $0.text() }.map(Set.init)) },
            "minimum-age": { $0.set(&result.minimumAge, $0.number(0...150)) },
            "reads-unknown-age": { $0.set(&result.readsUnknownAge, $0.boolean()) },
            "minimum-side": { $0.set(&result.minimumSide, $0.integer(1...65535)) },
            "minimum-contrast": { $0.set(&result.minimumContrast, $0.number(share)) },
            "maximum-clipped": { $0.set(&result.maximumClipped, $0.number(share)) },
            "maximum-white": { $0.set(&result.maximumWhite, $0.number(share)) },
            "minimum-smoothness": { $0.set(&result.minimumSmoothness, $0.number(likeness)) },
            "minimum-gray-levels": { $0.set(&result.minimumGrayLevels, $0.integer(0...256)) },
            "maximum-dead-lines": { $0.set(&result.maximumDeadLines, $0.number(share)) },
            "minimum-likeness": { $0.set(&result.minimumLikeness, $0.number(likeness)) },
            "minimum-likeness-unnamed": { $0.set(&result.minimumLikenessUnnamed, $0.number(likeness)) },
            "inverted-likeness": { $0.set(&result.invertedLikeness, $0.number(likeness)) },
            "on-polarity-contradiction": { node in
                node.set(
                    &result.onPolarityContradiction,
                    node.scalar("abstain or correct") { PolarityAction(rawValue: $0) })
            },
            "turned-likeness": { $0.set(&result.turnedLikeness, $0.number(likeness)) },
            "turned-margin": { $0.set(&result.turnedMargin, $0.number(0...2)) },
        ])
        self = result
    }
}
