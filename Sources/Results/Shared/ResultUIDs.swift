import DICOM
import Findings

/// The UIDs of results: the same for the same reading, on every machine and after every restart.
struct ResultUIDs {
    private let study: String
    private let inputs: [String]
    private let revision: Int

    /// - Parameter softwareVersion: The gateway's, which is the version of the way from pixels to objects.
    init(reading: Reading, revision: Int, softwareVersion: String) {
        study = reading.studyInstanceUID
        let model = reading.model
        inputs =
            Array(Set(reading.images.map(\.sopInstanceUID))).sorted()
            + ["model", model.name, model.version, model.weightsDigest, "software", softwareVersion]
        self.revision = revision
    }

    /// SOP Instance UID.
    func instance(_ kind: ResultKind, sopClassUID: String, index: Int) -> String {
        UID.derived(from: ["instance", study] + inputs + [kind.rawValue, sopClassUID, "\(index)", "\(revision)"])
            .description
    }

    /// Series Instance UID: one series per kind and class in a study, which every revision joins.
    func series(_ kind: ResultKind, sopClassUID: String) -> String {
        Self.series(kind, sopClassUID: sopClassUID, study: study)
    }

    static func series(_ kind: ResultKind, sopClassUID: String, study: String) -> String {
        UID.derived(from: ["series", study, kind.rawValue, sopClassUID]).description
    }

    /// Tracking Unique Identifier of a region.
    func tracking(_ number: Int) -> String {
        UID.derived(from: ["tracking", study] + inputs + ["\(number)", "\(revision)"]).description
    }
}
